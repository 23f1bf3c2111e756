"""What a user would otherwise take for prepare_data: `datasets.map` with the same tokenizer, in a process of its own.

    python -m benchmarks.data_rivals CORPUS.jsonl TOKENIZER.json PROCESSES CACHE

The same result for each dialogue: token ids in the chat template, and their loss mask. Prints JSON: tokens, and the
seconds of reading the file into Arrow and of `map`. Needs the package datasets (benchmarks/data.py: how to install it).
"""

import json
import os
import sys
import time
from typing import Any

USER, BOT, EOS = 1, 2, 3


class Prepare:
    """A batch of dialogues → token ids and loss masks."""

    def __init__(self, tokenizer_file: str) -> None:
        import tokenizers

        self._tokenizer = tokenizers.Tokenizer.from_file(tokenizer_file)
        self._tokenizer.encode_special_tokens = True

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts = [message["content"] for messages in batch["messages"] for message in messages]
        encodings = iter(self._tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        all_ids, all_masks = [], []
        for messages in batch["messages"]:
            ids: list[int] = []
            mask: list[bool] = []
            for message in messages:
                text = next(encodings).ids
                if message["role"] == "user":
                    ids += [USER, *text]
                    mask += [False] * (len(text) + 1)
                else:
                    ids += [BOT, *text, EOS]
                    mask += [False, *[True] * (len(text) + 1)]
            all_ids.append(ids)
            all_masks.append(mask)
        return {"ids": all_ids, "loss_mask": all_masks}


def main() -> None:
    corpus, tokenizer_file, processes, cache = sys.argv[1:]
    os.environ |= {"HF_DATASETS_CACHE": cache, "HF_HUB_OFFLINE": "1"}
    if int(processes) > 1:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # each process has a core
    import datasets
    import pyarrow.compute

    datasets.disable_progress_bars()
    begun = time.perf_counter()
    read = datasets.load_dataset("json", data_files=corpus, split="train")
    mapping = time.perf_counter()
    prepared = read.map(
        Prepare(tokenizer_file),
        batched=True,
        num_proc=int(processes) if int(processes) > 1 else None,
        remove_columns=read.column_names,
    )
    ended = time.perf_counter()
    lengths = pyarrow.compute.list_value_length(prepared.data.column("ids"))
    tokens = pyarrow.compute.sum(lengths).as_py()
    print(json.dumps({"tokens": tokens, "reading": mapping - begun, "mapping": ended - mapping}))


if __name__ == "__main__":
    main()
