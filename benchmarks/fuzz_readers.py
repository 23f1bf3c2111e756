"""Damaged files of every format, through the reading of the stage ingest: dialogues or one InputError, nothing else.

    python -m benchmarks.fuzz_readers [--cases 100000] [--seed 0] [--seconds 10] [--mib 1024] [--only N]

Each case is a valid file of a format (tests/corpus/samples.py) that was cut, changed, joined with another, put into an
archive, or given another name; some are read with options of a source. A worker process reads it; one that takes more
than `--seconds` is ended and counted as a hang. A case is made from the seed and its number alone, so `--only` repeats
one and prints what came of it. The exit code is 1 if there was a traceback, a hang, an error that does not name the
file, more than `--mib` of memory, or an output that was half-written.
"""

import argparse
import contextlib
import gzip
import io
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import zstandard

from tests.corpus.samples import packed, samples
from tinychat.corpus.building import build_corpus
from tinychat.dialogue_files import corpus_params
from tinychat.errors import InputError
from tinychat.params.sections import SourceParams

GOOD = ("dialogues", "error")
BAD = ("traceback", "hang", "file not named", "memory", "half-written")
SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".yml", ".xlsx", ".parquet", ".zip", ".gz", ".zst", "")
LONG = 200_000  # characters in a message
DEEP = 10_000  # brackets in a document
# Of the source that names the file, as params.yaml has them.
OPTIONS: tuple[dict[str, Any], ...] = (
    {"header": False},
    {"header": False, "columns": {"question": 2, "answer": 1}},
    {"columns": {"question": "답변", "answer": "질문"}},
    {"sheet": "대화"},
    {"sheet": ["표지", "대화"], "header": False},
    {"format": "qa_table", "header": False},
    {"format": "lines"},
    {"assistant": "바다"},
    {"drop_links": True},
    {"original_form": True},
    {"drop_masked": True},
)
SHOWN = 10  # bad cases that are printed

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Case:
    """A file to be read, what was done to make it, and the options of its source."""

    number: int
    name: str
    data: bytes
    made: str
    options: dict[str, Any] = field(default_factory=dict)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def cut_at_the_beginning(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randrange(len(data) + 1) :]


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 30))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def leave_out(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * rng.choice((1, 2, 20)) + data[end:]


def join_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 2, len(lines)))):
        if len(lines) > 1:
            n = rng.randrange(len(lines) - 1)
            lines[n : n + 2] = [lines[n] + rng.choice((b"", b" ", b"\t", b",")) + lines[n + 1]]
    return b"\n".join(lines)


def mix_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def other_line_ends(data: bytes, rng: random.Random) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", "\u2028".encode(), b"\x0b", b"\\n")))


def insert(piece: Callable[[random.Random], bytes]) -> Change:
    """Puts something into the file, anywhere."""

    def change(data: bytes, rng: random.Random) -> bytes:
        for _ in range(rng.choice((1, 1, 2))):
            place = rng.randrange(len(data) + 1)
            data = data[:place] + piece(rng) + data[place:]
        return data

    return change


def other_number(data: bytes, rng: random.Random) -> bytes:
    places = [n for n, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if not places:
        return data
    place = rng.choice(places)
    number = rng.choice((b"-1", b"9" * 400, b"1e999", b"NaN", b"Infinity", b"null", b"0", b"99", "٣".encode(), b'"1"'))
    return data[:place] + number + data[place + 1 :]


def other_value(data: bytes, rng: random.Random) -> bytes:
    """Another value of JSON, or another cell, behind a colon or a comma."""
    places = [n for n, byte in enumerate(data) if byte in b":,"]
    if not places:
        return data
    place = rng.choice(places) + 1
    value = rng.choice((b"null", b"[]", b"{}", b"true", b"1.5", b'""', b'"\\ud800"', b"[[]]", b'{"a":1}', b"-"))
    return data[:place] + value + data[place + rng.choice((0, 1, 5)) :]


def other_encoding(data: bytes, rng: random.Random) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data[::-1]
    return text.encode(
        rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949", "utf-8-sig", "utf-7")), "replace"
    )


def change_member(data: bytes, rng: random.Random) -> bytes:
    """Changes a member of an archive, which stays a valid one; a file that is none is changed itself."""
    change = rng.choice(PLAIN)
    if not data.startswith(b"PK\x03\x04"):
        return change(data, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # it was damaged before
        return change(data, rng)
    chosen = rng.choice(list(members))
    members[chosen] = change(members[chosen], rng)
    return zipped(members)


PLAIN: tuple[Change, ...] = (
    cut,
    cut_at_the_beginning,
    change_bytes,
    leave_out,
    repeat,
    join_lines,
    mix_lines,
    other_line_ends,
    other_number,
    other_value,
    other_encoding,
    insert(lambda rng: b"\0" * rng.choice((1, 1, 100))),
    insert(lambda rng: rng.randbytes(rng.choice((1, 4, 1000)))),
    insert(
        lambda rng: rng.choice(('"', "'", "“", "\\", "\ufeff", "\u202e", "\ud7ff", "\U0010ffff", "﷽", "=1+1")).encode()
    ),
    insert(lambda rng: "가나다 ".encode() * (LONG // 4)),
    insert(lambda rng: rng.choice((b"[", b"{", b'{"a":', b"[{", b"- ", b"<")) * DEEP),
    insert(lambda rng: b"\n" * rng.choice((1, 2, 5000))),
)
CHANGES: tuple[Change, ...] = (*PLAIN, change_member)


def make(number: int, seed: int, valid: dict[str, bytes]) -> Case:
    """The case of this number."""
    rng = random.Random(f"{seed} {number}")
    fixed = FIXED[number] if number < len(FIXED) else None
    if fixed:
        return Case(number, *fixed())
    name = rng.choice(list(valid))
    data = valid[name]
    made = [name]
    if rng.random() < 0.1:
        other = rng.choice(list(valid))
        data = cut(data, rng) + cut_at_the_beginning(valid[other], rng)
        made.append(f"and the end of {other}")
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        change = rng.choice(CHANGES)
        data = change(data, rng)
        made.append(change.__qualname__.split(".")[0])
    name = Path(name).name
    if rng.random() < 0.15:
        name = f"{Path(name).stem}{rng.choice(SUFFIXES)}"
        made.append(f"named {name}")
    if rng.random() < 0.1:
        name, data = pack(name, data, rng)
        made.append(f"packed as {name}")
        if rng.random() < 0.5:
            data = rng.choice((cut, change_bytes))(data, rng)
            made.append("and damaged")
    options = rng.choice(OPTIONS) if rng.random() < 0.2 else {}
    if options:
        made.append(f"with {options}")
    return Case(number, name, data, ", ".join(made), options)


def pack(name: str, data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """The file in an archive."""
    kind = rng.choice((".gz", ".zst", ".zip"))
    if kind == ".gz":
        return name + kind, gzip.compress(data, 1, mtime=0)
    if kind == ".zst":
        return name + kind, zstandard.compress(data, 1)
    return name + kind, zipped({rng.choice((name, f"chat/{name}", f"../{name}", f"/{name}", "대화/" + name)): data})


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def zip_bomb() -> tuple[str, bytes, str]:
    return "bomb.zip", zipped({"talk.txt": b"a" * (1 << 27)}), "a zip bomb"


def gzip_bomb() -> tuple[str, bytes, str]:
    return "bomb.txt.gz", gzip.compress(b"\n" * (1 << 27), mtime=0), "a gzip bomb"


def zstd_bomb() -> tuple[str, bytes, str]:
    return "bomb.txt.zst", zstandard.compress(b"{" * (1 << 27)), "a zstd bomb"


def link_in_zip() -> tuple[str, bytes, str]:
    link = zipfile.ZipInfo("talk.csv")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return "link.zip", packed.getvalue(), "a symbolic link in a zip archive"


def zip_in_zip() -> tuple[str, bytes, str]:
    return "outer.zip", zipped({"inner.zip": zipped({"talk.csv": b"Q,A\na,b\n"})}), "an archive in an archive"


def empty() -> tuple[str, bytes, str]:
    return "empty.csv", b"", "an empty file"


def deep_json() -> tuple[str, bytes, str]:
    return "deep.json", b"[" * DEEP + b"]" * DEEP, "brackets 10,000 deep"


def open_quote() -> tuple[str, bytes, str]:
    return "open.csv", 'Q,A\n"안녕,네\n'.encode() + "가,나\n".encode() * 50_000, "a table with an open quote"


FIXED = (zip_bomb, gzip_bomb, zstd_bomb, link_in_zip, zip_in_zip, empty, deep_json, open_quote)


def read(case: Case, folder: Path, mib: int) -> tuple[str, str]:
    """What came of it, one of GOOD or BAD, and the error."""
    raw, corpus, overview = (folder / "data" / name for name in ("raw", "corpus", "overview"))
    metrics = folder / "reports/metrics.json"
    for made in (folder / "data", folder / "reports"):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
    raw.mkdir()
    (raw / case.name).write_bytes(case.data)
    params = corpus_params()
    if case.options:
        params = params.model_copy(update={"sources": [SourceParams(file=case.name, **case.options)]})
    outcome, said = "dialogues", ""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        try:
            build_corpus(raw, params, corpus, overview, metrics)
        except InputError as error:
            outcome, said = "error", str(error)
        except BaseException:
            return "traceback", traceback.format_exc()
    if outcome == "error" and case.name not in said:
        return "file not named", said
    if outcome == "error" and (sorted(folder.glob("data/*")) != [raw] or metrics.exists()):
        return "half-written", said
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > mib * 1024:
        return "memory", said
    return outcome, said


def all_samples(folder: Path) -> dict[str, bytes]:
    """The valid files."""
    files = samples(folder)
    return files | packed(files)


def work(connection: Connection, seed: int, mib: int) -> None:
    """Reads the cases whose numbers come, until None does."""
    resource.setrlimit(resource.RLIMIT_AS, ((mib + 4096) << 20,) * 2)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        valid = all_samples(Path(folder) / "samples")
        while (number := connection.recv()) is not None:
            connection.send(read(make(number, seed, valid), Path(folder) / "project", mib))


class Worker:
    """A process that reads cases, one at a time; a new one where it hangs, dies, or has taken too much memory."""

    def __init__(self, seed: int, mib: int) -> None:
        self._args = (seed, mib)
        self.number: int | None = None
        self._start()

    def _start(self) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=work, args=(theirs, *self._args), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, number: int | None) -> None:
        self.number, self.since = number, time.monotonic()
        self.connection.send(number)

    def taken(self) -> tuple[str, str]:
        try:
            outcome: tuple[str, str] = self.connection.recv()
        except EOFError:
            self._restart()
            return "traceback", "the process died"
        if outcome[0] == "memory":
            self._restart()
        return outcome

    def hangs(self, seconds: float) -> bool:
        if self.number is None or time.monotonic() - self.since < seconds:
            return False
        self._restart()
        return True

    def _restart(self) -> None:
        self._process.kill()
        self._process.join()
        self._start()


def outcomes(
    numbers: Sequence[int], seed: int, seconds: float, mib: int, processes: int
) -> Iterator[tuple[int, str, str]]:
    """The number of each case, what came of it, and the error."""
    waiting = iter(numbers)
    workers = [Worker(seed, mib) for _ in range(processes)]
    for worker in workers:
        worker.give(next(waiting, None))
    while busy := [worker for worker in workers if worker.number is not None]:
        ready = wait([worker.connection for worker in busy], timeout=seconds)
        for worker in busy:
            number = worker.number
            assert number is not None
            if worker.connection in ready:
                outcome, said = worker.taken()
            elif worker.hangs(seconds):
                outcome, said = "hang", f"more than {seconds:g} s"
            else:
                continue
            yield number, outcome, said
            worker.give(next(waiting, None))


def main(argv: Sequence[str] | None = None) -> int:
    """Read the cases and print the counts; 1 if one of them is bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0, help="until a case counts as a hang")
    parser.add_argument("--mib", type=int, default=1024, help="memory of the process that reads")
    parser.add_argument("--only", type=int, help="the number of one case, to be repeated")
    args: Any = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        valid = all_samples(Path(folder))
        if args.only is not None:
            case = make(args.only, args.seed, valid)
            print(f"{case.name}: {case.made}\n{case.data[:2000]!r}")
            print(*read(case, Path(folder) / "project", args.mib))
            return 0
        counts: Counter[str] = Counter()
        bad = []
        cases = range(args.cases)
        for number, outcome, said in outcomes(cases, args.seed, args.seconds, args.mib, os.cpu_count() or 1):
            counts[outcome] += 1
            if outcome in BAD:
                bad.append((number, outcome, said))
        print(f"{sum(counts.values()):,} cases of {len(valid)} files")
        for name in (*GOOD, *BAD):
            print(f"  {name:<15} {counts[name]:>8,}")
        for number, outcome, said in sorted(bad)[:SHOWN]:
            print(f"\n--only {number}: {outcome}: {make(number, args.seed, valid).made}\n{said}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
