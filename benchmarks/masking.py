"""How well personal data is found, by labelled lists, and what is found where there is none.

    python -m benchmarks.masking [--tune] [--misses] [--save benchmarks/results/masking.json]

`benchmarks/personal_data/KIND.txt` has 44 texts with personal data of a kind, in [[ ]], and 44 without that look alike;
all of it is invented. Every second text of each is for tuning the rules (`--tune`), the others are for the report.
Recall is the share of marked passages that are masked whole; precision the share of finds of the kind that touch
a marked passage. Then the finds in ChatbotData.csv (TINYCHAT_SHARED_DATA), without personal data: of all kinds, and
of given names that are common in Korea. `--misses` shows what was missed, and what was found wrongly.
"""

import argparse
import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tinychat.corpus.cleaning import clean_text
from tinychat.corpus.masking.masker import Found, Masker
from tinychat.files import rounded, to_json

LISTS = Path("benchmarks/personal_data")
SONGYS = Path(os.environ.get("TINYCHAT_SHARED_DATA", "../shared/data")) / "ChatbotData.csv"
KINDS = ("url", "email", "rrn", "card", "account", "phone", "id", "address", "name")
MARKED = re.compile(r"\[\[(.+?)\]\](?!\])")
# Common in Korea, of all generations.
_GIVEN_NAMES = """
건우 경수 경숙 경자 경희 광수 도윤 도현 동현 명숙 명자 미경 미숙 미영 미정 민서 민석 민수 민재
민준 민지 병철 보람 상철 상현 상호 상훈 서연 서영 서윤 서준 서현 선영 성민 성수 성진 성현 성호
성훈 수민 수빈 수진 숙자 순옥 순자 승민 승현 시우 아름 영길 영미 영수 영숙 영순 영식 영일 영자
영진 영철 영호 영환 영희 예원 예은 예준 예지 예진 옥순 옥자 우진 유진 윤서 은경 은서 은영 은정
은주 은지 재현 재호 정남 정수 정숙 정순 정식 정웅 정자 정호 정훈 정희 종수 주원 준서 준영 준혁
준호 중수 지민 지아 지연 지영 지우 지원 지은 지현 지혜 지후 지훈 진우 진호 채원 춘자 하윤 하은
현숙 현우 현정 현주 현준 현지 혜진
"""
GIVEN_NAMES = _GIVEN_NAMES.split()


@dataclass(frozen=True)
class Labelled:
    """A text, and the passages of it that are personal data."""

    text: str
    passages: tuple[tuple[int, int], ...]


@dataclass
class Score:
    """What was found of one kind."""

    passages: int = 0
    masked: int = 0  # whole
    finds: int = 0
    right: int = 0  # finds that touch a passage

    @property
    def recall(self) -> float:
        return self.masked / self.passages

    @property
    def precision(self) -> float:
        return self.right / self.finds if self.finds else 1.0


def read_list(kind: str) -> tuple[list[Labelled], list[Labelled], list[str]]:
    """The texts with personal data of a kind, the texts without, and the names of the speakers."""
    with_data: list[Labelled] = []
    without: list[Labelled] = []
    speakers: list[str] = []
    for line in (LISTS / f"{kind}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# speakers: "):
            speakers = line.removeprefix("# speakers: ").split(", ")
        else:
            (with_data if line[0] == "+" else without).append(labelled(line[2:]))
    return with_data, without, speakers


def labelled(line: str) -> Labelled:
    """A line without its marks, and where they stood."""
    passages, text, end = [], "", 0
    for mark in MARKED.finditer(line):
        text += line[end : mark.start()]
        passages.append((len(text), len(text) + len(mark[1])))
        text, end = text + mark[1], mark.end()
    return Labelled(text + line[end:], tuple(passages))


def halves(texts: Sequence[Labelled], tune: bool) -> Sequence[Labelled]:
    """Every second text: those for tuning, or those for the report."""
    return texts[0 if tune else 1 :: 2]


def score_of(kind: str, tune: bool, misses: list[str]) -> Score:
    """The score of one kind; `misses` gains a line for each passage that is not masked and each wrong find."""
    with_data, without, speakers = read_list(kind)
    masker, score = Masker(speakers=speakers), Score()
    for one in [*halves(with_data, tune), *halves(without, tune)]:
        found = masker.find(one.text)
        for start, end in one.passages:
            masked = all(any(f.start <= place < f.end for f in found) for place in range(start, end))
            score.passages, score.masked = score.passages + 1, score.masked + masked
            misses += [] if masked else [f"{kind}: missed {one.text[start:end]!r} in {one.text!r}"]
        for find in (f for f in found if f.kind == kind):
            right = any(start < find.end and find.start < end for start, end in one.passages)
            score.finds, score.right = score.finds + 1, score.right + right
            misses += [] if right else [f"{kind}: wrong {one.text[find.start : find.end]!r} in {one.text!r}"]
    return score


def finds_in_talk(masker: Masker, path: Path) -> Iterator[tuple[str, Found]]:
    """What is found in the questions and answers of ChatbotData.csv, and in which text."""
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for text in (clean_text(row["Q"], Counter()), clean_text(row["A"], Counter())):
                yield from ((text, find) for find in masker.find(text))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the texts for tuning, not those for the report")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    misses: list[str] = []
    scores = {kind: score_of(kind, arguments.tune, misses) for kind in KINDS}
    table = Table("kind", "passages", "recall", "finds", "precision")
    for kind, score in scores.items():
        table.add_row(kind, str(score.passages), f"{score.recall:.1%}", str(score.finds), f"{score.precision:.1%}")
    console = Console(width=100)
    console.print(table)
    talk: dict[str, Any] = {}
    if SONGYS.is_file():
        names = [f"김{name}" for name in GIVEN_NAMES]
        wrong = list(finds_in_talk(Masker(), SONGYS))
        wrong_names = list(finds_in_talk(Masker(speakers=names), SONGYS))
        talk = {"finds": len(wrong), "given_names": len(names), "finds_of_given_names": len(wrong_names)}
        print(f"ChatbotData.csv: {len(wrong)} finds; {len(wrong_names)} of {len(names)} common given names")
        misses += [f"in talk: {text[find.start : find.end]!r} in {text!r}" for text, find in wrong + wrong_names]
    if arguments.misses:
        print("\n".join(misses))
    if arguments.save:
        kinds = {
            kind: {
                "passages": score.passages,
                "recall": rounded(score.recall),
                "finds": score.finds,
                "precision": rounded(score.precision),
            }
            for kind, score in scores.items()
        }
        arguments.save.write_text(to_json({"kinds": kinds, "talk": talk}), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
