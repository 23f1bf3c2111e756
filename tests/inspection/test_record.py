"""What analyze_layers writes of each prompt."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stages import analyze_layers
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.model.storage import save_model
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import to_json_text

TALK = ["나는 김밥이 좋아", "고마워 ㅋㅋ", "뭐 먹을래?"]


def analyze(
    root: Path, repo: Path, words: Tokenizer, says: str, prompts: list[Any], max_len: int = 48, unused: int = 0
) -> Path:
    """Run the stage on a model that says one word again and again; the folder it writes.

    `unused` ids of the model stand for no token.
    """
    torch.manual_seed(0)
    config = ClassicConfig(
        vocab_size=words.size + unused, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=max_len
    )
    model = build_model(config)
    with torch.no_grad():
        model.output_layer.bias[words.encode(says)] = 100.0
    folder = root / analyze_layers.MODEL
    folder.mkdir(parents=True)
    save_model(folder, config, model.state_dict())
    (folder / "tokenizer.json").write_text(to_json_text(words), encoding="utf-8")
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    params["analyze"] = {"prompts": prompts}
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    analyze_layers.run(root)
    return root / analyze_layers.LAYERS


def sentences_in(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "layers.json").read_text(encoding="utf-8"))["sentences"]


@pytest.mark.slow
def test_a_dialogue_is_read_whole_and_told_as_one_text(tmp_path: Path, repo: Path, words: Tokenizer) -> None:
    folder = analyze(tmp_path, repo, words, "안녕", [TALK, "안녕"])
    dialogue, single = sentences_in(folder)
    assert dialogue["prompt"] == "나는 김밥이 좋아 / 고마워 ㅋㅋ / 뭐 먹을래?"
    assert single["prompt"] == "안녕"
    turns = [words.encode(text) for text in TALK]
    expected = [1, *turns[0], 2, *turns[1], 3, 1, *turns[2], 2]
    assert dialogue["token_ids"][: dialogue["n_prompt_tokens"]] == expected


@pytest.mark.slow
def test_a_prompt_is_cleaned_as_the_training_dialogues_were(tmp_path: Path, repo: Path, words: Tokenizer) -> None:
    folder = analyze(tmp_path, repo, words, "안녕", ["안\u200b녕", "안녕"])
    hidden, plain = sentences_in(folder)
    assert hidden == plain


@pytest.mark.slow
def test_an_early_prediction_is_a_token_also_where_the_model_has_more_ids_than_tokens(
    tmp_path: Path, repo: Path, words: Tokenizer
) -> None:
    folder = analyze(tmp_path, repo, words, "안녕", ["안녕"], unused=200)
    (sentence,) = sentences_in(folder)
    shown = {top["token"] for layer in sentence["early_predictions"] for place in layer for top in place}
    assert shown <= set(words.tokens(range(words.size)))


def test_turns_that_the_model_has_no_room_for_are_not_shown_as_read(
    tmp_path: Path, repo: Path, words: Tokenizer
) -> None:
    folder = analyze(tmp_path, repo, words, "안녕", [TALK], max_len=16)
    assert sentences_in(folder)[0]["prompt"] == "… / 뭐 먹을래?"


@pytest.mark.slow
def test_a_word_that_the_reply_has_from_an_earlier_turn_is_told_with_its_head_and_drawn(
    tmp_path: Path, repo: Path, words: Tokenizer
) -> None:
    folder = analyze(tmp_path, repo, words, "김밥이", ["안녕", TALK])
    plain, dialogue = sentences_in(folder)
    assert plain["copied_text"] is None
    copied, tokens = dialogue["copied_text"], dialogue["tokens"]
    assert copied["text"] == "김밥이"
    assert [tokens[place] for place in copied["reply_positions"]] == ["김밥이"]
    assert [tokens[place] for place in copied["sources"][0]["positions"]] == ["김밥이"]
    row, source = copied["reply_positions"][0] - 1, copied["sources"][0]["positions"][0]
    weights = [[head[row][source] for head in layer] for layer in dialogue["attention"]]
    assert copied["weight"] == pytest.approx(max(map(max, weights)), abs=1e-4)
    assert weights[copied["layer"]][copied["head"]] == pytest.approx(copied["weight"], abs=1e-4)
    assert [best["weight"] for best in copied["layers"]] == pytest.approx([max(layer) for layer in weights], abs=1e-4)
    pictures = {path.name for path in folder.glob("*.svg")}
    kinds = ("attention", "norms")
    assert pictures == {f"{kind}-{n}.svg" for kind in kinds for n in (1, 2)} | {"copied_text-2.svg"}
