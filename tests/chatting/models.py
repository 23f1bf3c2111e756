"""Models whose replies are known: each token is followed by the one that a chain names, whatever was asked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.model.storage import save_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import to_json_text
from tinychat.tokenizer.chat import BOT, EOS
from tinychat.tokenizer.word_level import build_words

GREETING = {BOT: "만나서", "만나서": "반가워요", "반가워요": EOS}
GREETS = "만나서 반가워요"
ENDLESS = {BOT: "정말", "정말": "좋아", "좋아": "정말"}

SENTENCES = ["안녕", "만나서 반가워요", "정말 좋아", "잘 자요"]
LIKELIEST = 0.6  # how far the named token stands out: about 70% of the probability, so that chance can say another


def write_model(folder: Path, chain: Mapping[str, str], *, max_len: int = 48) -> Path:
    """A model folder whose model says the chain. What stands before the last token is not looked at."""
    tokenizer = build_words(SENTENCES, max_size=32, min_frequency=1)
    config = ClassicConfig(vocab_size=tokenizer.size, embed_dim=32, n_layers=1, n_heads=4, ffn_dim=32, max_len=max_len)
    weights = {name: torch.zeros_like(tensor) for name, tensor in build_model(config).state_dict().items()}
    for name in weights:
        if "norm" in name and name.endswith("weight"):
            weights[name].fill_(1)
    weights["input_layer.word_embedding.weight"] = torch.eye(32)[: tokenizer.size]  # (V, D)
    for token, follower in chain.items():
        weights["output_layer.weight"][id_of(tokenizer, follower), id_of(tokenizer, token)] = LIKELIEST
    if EOS not in chain.values():
        weights["output_layer.bias"][tokenizer.eos_id] = -100
    folder.mkdir(parents=True)
    save_model(folder, config, weights)
    (folder / "tokenizer.json").write_text(to_json_text(tokenizer), encoding="utf-8", newline="\n")
    return folder


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token of the vocabulary."""
    return int(tokenizer.backend.token_to_id(token))


def saved_dialogues(path: Path) -> list[Any]:
    """What /save wrote, line by line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
