"""Are llama.cpp's greedy replies those of transformers, so that `benchmarks.generation` times the same network?

    python -m benchmarks.gguf_replies [--new-tokens 8] [--threads 1]
    pip install --target FOLDER transformers gguf cyllama      with PYTHONPATH=FOLDER

transformers computes the same weights with GELU, as llama.cpp's GPT-2 does.
"""

import argparse
import importlib
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.generation import LLAMA_CPP, PROMPT_TOKENS, SEQUENCES, Prompts, llama_cpp_replies, random_prompts
from benchmarks.rivals import GGUF_TYPES, missing_packages, save_gguf, save_gpt2, syllable_tokenizer


def transformers_replies(gpt2: Path, prompts: Prompts, new_tokens: int) -> list[list[int]]:
    """Greedy, with GELU: the new token ids of each prompt."""
    import torch

    transformers: Any = importlib.import_module("transformers")
    model = transformers.GPT2LMHeadModel.from_pretrained(gpt2, activation_function="gelu_new").eval()
    ids = torch.tensor(prompts)
    limits = {"max_new_tokens": new_tokens, "do_sample": False, "pad_token_id": 0}
    made: list[list[int]] = model.generate(ids, attention_mask=torch.ones_like(ids), **limits).tolist()
    return [sequence[PROMPT_TOKENS:] for sequence in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--new-tokens", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if missing := set(LLAMA_CPP) & set(missing_packages()):
        sys.exit(f"Not found: {', '.join(sorted(missing))}. pip install {' '.join(sorted(missing))}")
    prompts = random_prompts(max(SEQUENCES), random.Random(0))
    with tempfile.TemporaryDirectory() as temporary:
        gpt2 = Path(temporary) / "gpt2"
        save_gpt2(gpt2, syllable_tokenizer())
        theirs = transformers_replies(gpt2, prompts, arguments.new_tokens)
        for kind in GGUF_TYPES:
            path = Path(temporary) / f"{kind}.gguf"
            save_gguf(path, gpt2, kind)
            replies = llama_cpp_replies(path, arguments.threads)(prompts, arguments.new_tokens, False)
            pairs = [
                pair for ours, other in zip(replies, theirs, strict=True) for pair in zip(ours, other, strict=True)
            ]
            print(f"{kind}: {sum(a == b for a, b in pairs)} of {len(pairs)} tokens as transformers")


if __name__ == "__main__":
    main()
