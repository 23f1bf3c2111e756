"""What runs again after a change: the table of the design, row by row."""

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipeline.project import STAGES, Project, Ran, ran

pytestmark = pytest.mark.slow

AFTER_GENERATE = ("generate", "export_csv", "summarize", "build_page")
AFTER_TRAIN = ("train", "evaluate", "generate", "export_csv", "analyze_layers", "summarize", "build_page")
WEIGHTS = "models/dialogue/model.safetensors"
MANY = "data/raw/many.csv"
MANY_ROWS = "Q,A\n" + "".join(f"{n}번 문을 열까?,{n}번 문은 닫혀 있어\n" for n in range(40))
TALK = "data/raw/short.talk"
TALK_ROWS = "%TALK\n문 열어 줘\n열려 있어\n"
TALK_READER = "tinychat/corpus/readers/talk.py"
TALK_CODE = '''"""A mark, then two lines a dialogue."""

from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.corpus.reader import FileReader


def score(head, params):
    return float(head[0].strip() == "%TALK")


def read(text, params, notes):
    lines = [line.strip() for line in text.lines()][1:]
    for question, answer in zip(lines[::2], lines[1::2]):
        yield Dialogue(f"{text.path}:1", (Turn("user", question), Turn("assistant", answer)))


READER = FileReader(score, read)
'''

Edit = Callable[[str], str]


def a_remark(text: str) -> str:
    """A comment at the end of Python or YAML, a line at the end of any other text."""
    return f"{text}# a remark\n"


def becomes(content: str) -> Edit:
    """Another content, whatever there was."""
    return lambda _: content


def param(name: str, value: object) -> Edit:
    """Another value of `SECTION.KEY` in the text of params.yaml."""
    section, key = name.split(".")

    def edit(text: str) -> str:
        above, _, below = text.partition(f"\n{section}:\n")
        below, count = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", below, count=1, flags=re.MULTILINE)
        assert count == 1, name
        return f"{above}\n{section}:\n{below}"

    return edit


def change(project: Project, file: str, edit: Edit) -> Callable[[], None]:
    """Edit a file, or make it; calling what is returned takes that back."""
    path = project.root / file
    earlier = path.read_bytes() if path.exists() else None
    path.write_text(edit((earlier or b"").decode("utf-8")), encoding="utf-8", newline="\n")
    assert path.read_bytes() != earlier, f"{file} is as it was"

    def take_back() -> None:
        if earlier is None:
            path.unlink()
        else:
            path.write_bytes(earlier)

    return take_back


def repro(project: Project) -> Ran:
    """What `dvc repro` did, in the order of STAGES: it runs stages that do not need each other in any order."""
    return in_order(project.repro())


def in_order(did: Ran) -> Ran:
    return Ran(*(sorted(stages, key=STAGES.index) for stages in (did.ran, did.restored, did.unchanged)))


def runs(*stages: str) -> Ran:
    """These ran, all others are unchanged."""
    return Ran(ran=list(stages), unchanged=others(stages))


def restores(*stages: str) -> Ran:
    """Nothing ran: the outs of these came from the cache, all others are unchanged."""
    return Ran(restored=list(stages), unchanged=others(stages))


def others(stages: Iterable[str]) -> list[str]:
    return [stage for stage in STAGES if stage not in stages]


@dataclass(frozen=True)
class Row:
    """A row of the table: an edit of a file runs these stages, and gives `new` other bytes; no out, where it is ""."""

    title: str
    file: str
    edit: Edit
    stages: tuple[str, ...]
    new: str = ""


TABLE = [
    Row(
        title="generate.temperature runs generate and what tells of it",
        file="params.yaml",
        edit=param("generate.temperature", 5.0),
        stages=AFTER_GENERATE,
        new="outputs/generated_dialogue.csv",
    ),
    Row(
        title="train.seed runs train and all after it",
        file="params.yaml",
        edit=param("train.seed", 1),
        stages=AFTER_TRAIN,
        new=WEIGHTS,
    ),
    Row(
        title="corpus.seed runs all, since other dialogues are held out",
        file="params.yaml",
        edit=param("corpus.seed", 1),
        stages=STAGES,
        new="data/corpus/train.jsonl",
    ),
    Row(
        title="a comment in the sampling runs those that import it",
        file="tinychat/generation/sampling.py",
        edit=a_remark,
        stages=("evaluate", "generate", "analyze_layers"),
    ),
    Row(
        title="a comment in the runtime runs those that import it",
        file="tinychat/runtime.py",
        edit=a_remark,
        stages=("train", "evaluate", "generate", "analyze_layers", "build_page"),
    ),
    Row(
        title="a comment in the report runs summarize",
        file="tinychat/report/view.py",
        edit=a_remark,
        stages=("summarize",),
    ),
    Row(
        title="another template of the page runs summarize",
        file="tinychat/report/templates/summary.html.j2",
        edit=a_remark,
        stages=("summarize",),
        new="reports/summary.html",
    ),
    Row(
        title="page.bits runs build_page alone",
        file="params.yaml",
        edit=param("page.bits", 8),
        stages=("build_page",),
        new="outputs/tinychat.html",
    ),
    Row(
        title="another script of the live page runs build_page alone",
        file="tinychat/page/assets/page.js",
        edit=lambda text: f"{text}/* a remark */\n",
        stages=("build_page",),
        new="outputs/tinychat.html",
    ),
    Row(
        title="a comment in stages/export_csv.py runs export_csv alone",
        file="stages/export_csv.py",
        edit=a_remark,
        stages=("export_csv",),
    ),
    Row(
        title="a new reader runs ingest alone where it reads nothing",
        file=TALK_READER,
        edit=becomes(TALK_CODE),
        stages=("ingest",),
    ),
]
WITHOUT_EFFECT: list[tuple[str, Edit]] = [
    ("params.yaml", a_remark),
    ("README.md", a_remark),
    ("README.ko.md", a_remark),
    ("data/raw/README.md", a_remark),
    ("data/raw/~$qa.csv", becomes("somebody")),  # Excel's lock file of an open table
    ("data/raw/.~lock.qa.csv#", becomes("somebody")),  # LibreOffice's
    ("dvc.yaml", lambda text: text.replace("desc: Token arrays", "desc: Arrays of tokens")),
    ("tinychat/params/sections.py", a_remark),  # the check of params.yaml: its values are what counts
    ("tinychat/language/korean.py", a_remark),  # loaded only where a stage fails
]


@pytest.fixture(scope="session")
def finished(finished_with_all_deps: Project) -> Project:
    """What runs depends on the deps as dvc.yaml has them."""
    return finished_with_all_deps


@pytest.mark.parametrize("row", TABLE, ids=[row.title for row in TABLE])
def test_a_change_runs_its_row_of_the_table_and_taken_back_it_runs_nothing(project: Project, row: Row) -> None:
    before = project.out_bytes()
    take_back = change(project, row.file, row.edit)
    assert repro(project) == runs(*row.stages)
    after = project.out_bytes()
    if row.new:
        assert after[row.new] != before[row.new]
    else:
        assert after == before
    take_back()
    assert repro(project) == restores(*row.stages)
    assert project.out_bytes() == before
    assert project.git("status", "--short") == ""


def test_nothing_runs_after_a_change_of_what_no_stage_depends_on(project: Project) -> None:
    for file, edit in WITHOUT_EFFECT:
        change(project, file, edit)
    assert repro(project) == runs()


def test_a_reader_added_with_a_file_of_its_format_is_used_and_both_can_go_again(project: Project) -> None:
    before = project.out_bytes()
    remove_reader = change(project, TALK_READER, becomes(TALK_CODE))
    repro(project)
    remove_file = change(project, TALK, becomes(TALK_ROWS))
    assert repro(project) == runs(*STAGES)
    readers = project.metric("corpus", "readers")
    assert isinstance(readers, dict)
    assert readers["talk"]["rows_kept"] == 1
    remove_file()
    assert repro(project) == restores(*STAGES)
    remove_reader()
    assert repro(project) == restores("ingest")
    assert project.out_bytes() == before


@pytest.fixture(scope="module")
def two_files(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Ran]:
    """A project to which a second raw file was added, for reading only, and what that ran."""
    project = finished.copy(tmp_path_factory.mktemp("two_files") / "tinychat")
    change(project, MANY, becomes(MANY_ROWS))
    return project, repro(project)


def test_a_new_raw_file_runs_all_and_its_dialogues_count(finished: Project, two_files: tuple[Project, Ran]) -> None:
    project, did = two_files
    assert did == runs(*STAGES)
    assert (finished.metric("corpus", "rows_kept"), project.metric("corpus", "rows_kept")) == (80, 120)


def test_a_raw_file_that_is_removed_again_runs_nothing(
    finished: Project, two_files: tuple[Project, Ran], tmp_path: Path
) -> None:
    project = two_files[0].copy(tmp_path / "tinychat")
    (project.root / MANY).unlink()
    assert repro(project) == restores(*STAGES)
    assert project.out_bytes() == finished.out_bytes()


def test_a_raw_file_that_is_removed_for_the_first_time_runs_all(two_files: tuple[Project, Ran], tmp_path: Path) -> None:
    project = two_files[0].copy(tmp_path / "tinychat")
    (project.root / "data/raw/qa.csv").unlink()
    assert repro(project) == runs(*STAGES)
    assert project.metric("corpus", "rows_kept") == 40


def test_an_experiment_with_1e_5_trains_with_that_number(project: Project) -> None:
    # Without these two, the few steps of a small corpus would all lie in the warm-up.
    flat = ("-S", "train.schedule=constant", "-S", "train.warmup_steps=0")
    printed = project.dvc("exp", "run", "-S", "train.learning_rate=1e-5", *flat).stdout
    assert in_order(ran(printed)) == runs(*AFTER_TRAIN)
    assert "learning_rate: 1e-05\n" in (project.root / "params.yaml").read_text(encoding="utf-8")
    with open(project.root / "reports/train/history.csv", encoding="utf-8", newline="") as file:
        assert {float(epoch["learning_rate"]) for epoch in csv.DictReader(file)} == {1e-5}
    used = json.loads((project.root / "models/dialogue/training.json").read_text(encoding="utf-8"))
    assert used["train"]["learning_rate"] == 1e-5
    assert repro(project) == runs()
