"""Stage export_csv: the replies as a table for pandas and spreadsheets."""

import json
from pathlib import Path

from tinychat.errors import run_and_exit
from tinychat.files import read_json_lines, to_csv, write_atomically
from tinychat.params import load_params
from tinychat.printing import say

REPLIES = Path("outputs/generated_dialogue.jsonl")
TABLE = Path("outputs/generated_dialogue.csv")
COLUMNS = ("input", "output", "token_ids", "n_tokens", "finish_reason")


def run(root: Path = Path()) -> None:
    """Write the table in UTF-8 with a BOM, so that Excel shows Hangul; no cell can run as a formula."""
    load_params(root)
    rows = []
    for reply in read_json_lines(root / REPLIES):
        cells = {**reply, "token_ids": json.dumps(reply["token_ids"])}
        rows.append([cells[column] for column in COLUMNS])
    write_atomically(root / TABLE, to_csv(COLUMNS, rows))
    say(f"{len(rows)} replies in {root / TABLE}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
