"""Errors that end a stage, a process each, in the person's language: Korean or English."""

# ruff: noqa: E501 (a text is a line)

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forkserver import fast_python

REPO = Path(__file__).parents[2]


def run(root: Path, module: str = "stages.ingest", **environment: str) -> str:
    """What `python -m MODULE` says in `root`, where it ends with the code for a wrong input."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TINYCHAT_", "LC_", "LANG"))}
    ended = subprocess.run(
        [fast_python(), "-m", module],
        cwd=root,
        env=clean | {"PYTHONPATH": str(REPO), "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    return ended.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the repository's params, and no dialogues yet."""
    shutil.copy(REPO / "params.yaml", tmp_path)
    (tmp_path / "data/raw").mkdir(parents=True)
    return tmp_path


def change_params(root: Path, old: str, new: str) -> None:
    path = root / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def seven_heads(root: Path) -> None:
    change_params(root, "n_heads: 8", "n_heads: 7")


def unknown_key(root: Path) -> None:
    change_params(root, "\n  max_tokens:", "\n  max_token: 3\n  max_tokens:")


def a_text_for_a_number(root: Path) -> None:
    change_params(root, "n_heads: 8", "n_heads: many")


def unknown_optimizer(root: Path) -> None:
    change_params(root, "optimizer: muon", "optimizer: sgd")


def missing_file(root: Path) -> None:
    (root / "data/raw/other.csv").write_text("Q,A\n", encoding="utf-8")
    change_params(root, "sources: auto", "sources: [{file: talk.csv}]")


def office_document(root: Path) -> None:
    (root / "data/raw/talk.csv").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def array(root: Path) -> None:
    objects = '{"question": "안녕", "answer": "응"}\n'
    (root / "data/raw/talk.json").write_text(f"[{objects}{objects}]\n", encoding="utf-8")


def web_page(root: Path) -> None:
    (root / "data/raw/messages.html").write_text("<!DOCTYPE html>\n<html></html>\n", encoding="utf-8")


def open_quote(root: Path) -> None:
    (root / "data/raw/talk.csv").write_text('Q,A\n"열린,응\n', encoding="utf-8")


def faulty_rows(root: Path) -> None:
    (root / "data/raw/talk.csv").write_text("Q,A\n안녕\n", encoding="utf-8")
    change_params(root, "sources: auto", "sources: [{file: talk.csv, format: qa_table}]")
    change_params(root, "on_error: stop", "on_error: skip")


CASES: list[tuple[Callable[[Path], None], str, str]] = [
    (
        seven_heads,
        "error: params.yaml: model: n_heads is 7, which does not divide embed_dim 256; take for example 2, 4, 8\n",
        "오류: params.yaml: model: embed_dim 256이 n_heads 7로 나누어지지 않습니다. n_heads를 2, 4, 8 같은 값으로 바꾸세요\n",
    ),
    (
        unknown_key,
        "error: params.yaml: unknown key generate.max_token; remove it or correct its name\n",
        "오류: params.yaml: generate.max_token: 없는 설정입니다. 지우거나 이름을 고치세요\n",
    ),
    (
        a_text_for_a_number,
        "error: params.yaml: model.n_heads is 'many'; it must be a whole number\n",
        "오류: params.yaml: model.n_heads의 값이 'many'입니다. 맞는 값: 정수\n",
    ),
    (
        unknown_optimizer,
        "error: params.yaml: train.optimizer is 'sgd'; it must be 'adamw', 'adam' or 'muon'\n",
        "오류: params.yaml: train.optimizer의 값이 'sgd'입니다. 맞는 값: 'adamw', 'adam', 'muon' 가운데 하나\n",
    ),
    (
        missing_file,
        "error: data/raw/talk.csv: no such file. data/raw contains: other.csv.\n",
        "오류: data/raw/talk.csv: 없는 파일입니다. data/raw에 있는 것: other.csv.\n",
    ),
    (
        office_document,
        "error: data/raw/talk.csv: an older office document (xls, doc, hwp), not text. Export it as CSV (UTF-8) or as one "
        "JSON object a line.\n",
        "오류: data/raw/talk.csv: 텍스트가 아니라 예전 형식의 오피스 문서(xls, doc, hwp)입니다. CSV(UTF-8)나, 한 줄에 하나씩 적은 "
        "JSON 객체로 내보내세요.\n",
    ),
    (
        array,
        'error: data/raw/talk.json:2: not valid JSON at column 1: "{"question": "안녕", "answer": "응"}\\n]\\n". '
        "A comma or a bracket is missing before it.\n",
        '오류: data/raw/talk.json:2: 1번째 글자에서 JSON이 틀렸습니다: "{"question": "안녕", "answer": "응"}\\n]\\n". '
        "그 앞에 쉼표나 괄호가 빠져 있습니다.\n",
    ),
    (
        web_page,
        "error: data/raw/messages.html: this looks like a web page (HTML), which tinychat does not read yet. If it is "
        "the export of a messenger, export the chat again as JSON; take any other text into a table (CSV) or one JSON "
        "object a line.\n",
        "오류: data/raw/messages.html: 웹 페이지(HTML)인 것 같은데, tinychat은 아직 읽지 못합니다. 메신저에서 내보낸 파일이면 "
        "대화를 JSON으로 다시 내보내세요. 다른 글이면 표(CSV)나, 한 줄에 하나씩 적은 JSON 객체로 옮기세요.\n",
    ),
    (
        open_quote,
        "error: data/raw/talk.csv:2: a quote is opened in the row that begins here and not closed: "
        '""열린,응". Close it, or write "" for a quote.\n',
        '오류: data/raw/talk.csv:2: 여기서 시작하는 행에서 연 따옴표가 닫히지 않았습니다: ""열린,응". '
        '닫거나, 따옴표 글자라면 ""로 적으세요.\n',
    ),
    (
        faulty_rows,
        "error: data/raw/talk.csv: 1 of 1 rows are faulty as qa_table: too_few_cells: 1 (data/raw/talk.csv:2) "
        '(the first: cells: 1, columns in the header: 2. Found "안녕". Separate the cells with a comma each, and put a '
        "text that holds one in double quotes.). Is it another format?\n",
        "오류: data/raw/talk.csv: qa_table 형식으로 읽으면 1행 가운데 1행이 틀립니다: 칸이 모자람: 1 (data/raw/talk.csv:2)"
        '(그 첫째: 칸이 1개인데 머리글의 열은 2개입니다. 적힌 것: "안녕". 칸은 쉼표로 나누고, 쉼표가 든 글은 큰따옴표로 감싸세요.). '
        "다른 형식이 아닌가요?\n",
    ),
]


# A process each: the first three are enough while one works.
CASES_BY_SPEED = [pytest.param(*case, marks=pytest.mark.slow if n > 2 else ()) for n, case in enumerate(CASES)]


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "english", "korean"), CASES_BY_SPEED, ids=[case[0].__name__ for case in CASES])
def test_what_is_wrong_is_told_in_the_language_that_was_chosen(
    root: Path, spoil: Callable[[Path], None], english: str, korean: str
) -> None:
    spoil(root)
    assert run(root, TINYCHAT_LANGUAGE="en") == english
    assert run(root, TINYCHAT_LANGUAGE="ko") == korean


def test_without_the_variable_the_language_of_the_page_decides(root: Path) -> None:
    office_document(root)
    assert run(root).startswith("오류: data/raw/talk.csv: 텍스트가 아니라")
    change_params(root, "language: ko", "language: en")
    assert run(root, LANG="ko_KR.UTF-8").startswith("error: data/raw/talk.csv: an older office document")


def test_without_readable_params_the_locale_decides(root: Path) -> None:
    (root / "params.yaml").unlink()
    assert run(root, LANG="ko_KR.UTF-8").startswith("오류: params.yaml: 없는 파일입니다.")
    assert run(root).startswith("error: params.yaml: no such file;")


def test_every_fault_of_the_params_is_a_line_in_korean(root: Path) -> None:
    unknown_key(root)
    change_params(root, "n_heads: 8", "n_heads: 0")
    first, second = run(root, TINYCHAT_LANGUAGE="ko").splitlines()
    assert first == "오류: params.yaml: model.n_heads의 값이 0입니다. 맞는 값: 1 이상의 수"
    assert second == "params.yaml: generate.max_token: 없는 설정입니다. 지우거나 이름을 고치세요"


@pytest.mark.parametrize(
    ("line", "english", "korean"),
    [
        ("{}", "no messages", "messages가 없습니다"),
        ('{"messages": [3]}', "a message that is not an object", "객체가 아닌 메시지가 있습니다"),
        ("[" * 5000, "nested too deep", "너무 깊이 겹쳐 있음"),
    ],
    ids=["no messages", "a number", "nested"],
)
@pytest.mark.slow
def test_a_damaged_file_of_another_stage_is_told_so_too(root: Path, line: str, english: str, korean: str) -> None:
    (root / "data/corpus").mkdir()
    (root / "data/corpus/train.jsonl").write_text(f"{line}\n", encoding="utf-8")
    assert run(root, "stages.build_vocab", TINYCHAT_LANGUAGE="en") == (
        f"error: data/corpus/train.jsonl:1: damaged, {english}; `dvc repro --force ingest` writes it again\n"
    )
    assert run(root, "stages.build_vocab", TINYCHAT_LANGUAGE="ko") == (
        f"오류: data/corpus/train.jsonl:1: 손상되었습니다({korean}). `dvc repro --force ingest`가 다시 만듭니다\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("module", ["tools.repro", "tinychat.params"])
def test_the_check_before_dvc_runs_is_told_so_too(root: Path, module: str) -> None:
    seven_heads(root)
    assert run(root, module, TINYCHAT_LANGUAGE="ko") == CASES[0][2]
    assert run(root, module, TINYCHAT_LANGUAGE="en") == CASES[0][1]


@pytest.mark.slow
def test_what_training_takes_too_much_of_is_told_so_too(root: Path) -> None:
    change_params(root, "embed_dim: 256", "embed_dim: 1000000")
    printed = run(root, "tinychat.params", TINYCHAT_LANGUAGE="ko")
    assert printed.startswith("오류: params.yaml: model: embed_dim 1000000,")
    assert "이 컴퓨터에는 " in printed and printed.endswith("model.embed_dim의 값을 낮추세요\n")
