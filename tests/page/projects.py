"""What the stages before build_page leave, beside the model; as small as it can be."""

from pathlib import Path
from typing import Any

from tinychat.files import to_csv, to_json_lines, write_atomically, write_json

REPLY = {"input": "안녕", "output": "반가워요!", "n_tokens": 2, "mean_logprob": -0.1, "token_ids": [1, 2]}
SUMMARY: dict[str, Any] = {
    **{"레이어 수": 2, "최종 손실": 1.0, "생성된 토큰 수": 2},
    "corpus": {"splits": {"train": {"dialogues": 3}}},
    "training": {"steps": 4},
    "evaluation": {"seen": None, "held_out": None},
}
HISTORY = (
    ("epoch", "step", "learning_rate", "train_loss", "valid_loss"),
    [(1, 10, 0.001, 3.0, 2.5), (2, 20, 0.001, 0.5, "")],
)


def write_reports(root: Path) -> None:
    """The reply, the history and the summary above as files of a project."""
    write_atomically(root / "outputs/generated_dialogue.jsonl", to_json_lines([REPLY]))
    write_atomically(root / "reports/train/history.csv", to_csv(*HISTORY, bom=False))
    write_json(root / "reports/summary.json", SUMMARY)
