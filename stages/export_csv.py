"""Stage export_csv: the replies as a table for pandas and spreadsheets."""

import json
from pathlib import Path
from typing import Any

from tinychat.errors import FaultError, Phrase
from tinychat.files import damaged, read_json_lines, to_csv, write_atomically
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say

REPLIES = Path("outputs/generated_dialogue.jsonl")
TABLE = Path("outputs/generated_dialogue.csv")
COLUMNS = ("input", "output", "token_ids", "n_tokens", "finish_reason")


def run(root: Path = Path()) -> None:
    """Write the table in UTF-8 with a BOM, so that Excel shows Hangul; no cell can run as a formula."""
    load_params(root)
    rows = list(read_json_lines(root / REPLIES, "generate", _row))
    if not rows:
        raise damaged(root / REPLIES, Phrase("it holds no reply"), "generate")
    write_atomically(root / TABLE, to_csv(COLUMNS, rows))
    say(f"{len(rows)} replies in {root / TABLE}")


def _row(reply: Any, _: str) -> list[str | int]:
    """A reply as a row of the table. Raises ValueError where it is none."""
    match reply:
        case {
            "input": str(said),
            "output": str(text),
            "token_ids": list(ids),
            "finish_reason": "stop" | "length" as end,
        }:
            if all(type(token_id) is int and 0 <= token_id < 2**32 for token_id in ids) and reply.get(
                "n_tokens"
            ) == len(ids):
                return [said, text, json.dumps(ids), len(ids), end]
    raise FaultError("not a reply with {columns}", columns=", ".join(COLUMNS))


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
