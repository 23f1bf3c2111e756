"""The command as a process: one reply, pipes, files, errors, and what it does not import."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.chatting.models import GREETING, GREETS, write_model
from tests.forkserver import fast_python

REPLY = f"{GREETS}\n".encode()
CLEAN = ("TINYCHAT_", "LC_", "LANG", "PYTHONIO", "PYTHONUTF8", "NO_COLOR")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/dialogue, which greets."""
    root = tmp_path_factory.mktemp("project")
    write_model(root / "models/dialogue", GREETING)
    return root


def run(
    folder: Path, *arguments: str | bytes, pipe: bytes | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`tinychat` in `folder`; `pipe` is what comes on stdin."""
    return subprocess.run(
        [fast_python(), "-m", "tinychat", *arguments],
        cwd=folder,
        env=environment(env),
        input=pipe,
        stdin=subprocess.DEVNULL if pipe is None else None,
        capture_output=True,
        timeout=600,
    )


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[bytes]:
    """A script of bash in which `tinychat` is the command."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    function = f'tinychat() {{ "{fast_python()}" -m tinychat "$@"; }}\n'
    return subprocess.run(
        [bash, "-c", function + script], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True
    )


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CLEAN)}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[1]), "LANG": "C.UTF-8"} | dict(changes or {})


def error_of(ended: subprocess.CompletedProcess[bytes]) -> str:
    """The one line of an error with exit status 2."""
    assert (ended.returncode, ended.stdout) == (2, b"")
    text = ended.stderr.decode()
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    return text.removeprefix("error: ").rstrip("\n")


def test_a_message_gets_one_reply_and_nothing_else(project: Path) -> None:
    ended = run(project, "chat", "안녕")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, REPLY, b"")


def test_all_of_a_pipe_is_one_message(project: Path) -> None:
    ended = run(project, "chat", pipe="안녕\n잘 자\n".encode())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, REPLY, b"")


def test_a_message_comes_before_a_pipe(project: Path) -> None:
    assert run(project, "chat", "안녕", pipe=b"\xff").stdout == REPLY


def test_a_message_may_begin_with_a_dash_behind_two_of_them(project: Path) -> None:
    assert run(project, "chat", "--", "-_-").stdout == REPLY


def test_the_model_sees_the_message_cleaned(project: Path) -> None:
    assert run(project, "chat", "\u200b안녕\u3000").stdout == REPLY


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        *(
            pytest.param(env, marks=pytest.mark.slow)
            for env in ({"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "ko_KR.EUC-KR"})
        ),
    ],
)
def test_a_file_gets_utf_8_whatever_the_locale_is(project: Path, env: dict[str, str]) -> None:
    assert run(project, "chat", pipe="안녕".encode(), env=env).stdout == REPLY


def test_an_encoding_that_was_asked_for_is_used(project: Path) -> None:
    ended = run(project, "chat", "안녕", env={"PYTHONIOENCODING": "cp949"})
    assert ended.stdout == f"{GREETS}\n".encode("cp949")


def test_options_reach_the_engine(project: Path) -> None:
    assert run(project, "chat", "안녕", "--max-tokens", "1").stdout == "만나서\n".encode()
    assert run(project, "chat", "안녕", "--stop", "반가", "--stop", "없음").stdout == "만나서 \n".encode()
    by_chance = [run(project, "chat", "안녕", "--temperature", "5", "--seed", seed).stdout for seed in ("4", "5", "4")]
    assert by_chance[0] != by_chance[1]
    assert by_chance[0] == by_chance[2]


def test_every_option_of_sampling_is_taken(project: Path) -> None:
    options = {
        "--temperature": "0.01",
        "--top-k": "1",
        "--top-p": "0.5",
        "--min-p": "0.9",
        "--repetition-penalty": "1.1",
        "--no-repeat-ngram": "3",
        "--seed": "1",
        "--max-tokens": "9",
        "--min-tokens": "1",
    }
    ended = run(project, "chat", "안녕", *[word for pair in options.items() for word in pair])
    assert (ended.stdout, ended.stderr) == (REPLY, b"")


def test_a_model_elsewhere_is_named(project: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "chat", "안녕", "--model", str(project / "models/dialogue")).stdout == REPLY


def test_timing_is_shown_aside(project: Path) -> None:
    ended = run(project, "chat", "안녕", "--timing")
    assert ended.stdout == REPLY
    assert [line.rsplit(maxsplit=2)[0] for line in ended.stderr.decode().splitlines()] == [
        "python starts",
        "imports",
        "tokenizer",
        "weights",
        "first piece of the reply",
        "rest of the reply",
        "together",
    ]


@pytest.mark.parametrize(
    "pipe", [b"", *(pytest.param(p, marks=pytest.mark.slow) for p in (b" \n\n", "\u200b".encode(), None))]
)
def test_an_empty_message_is_an_error(project: Path, pipe: bytes | None) -> None:
    assert error_of(run(project, "chat", pipe=pipe)) == "the message is empty"


def test_a_pipe_that_is_not_utf_8_is_an_error(project: Path) -> None:
    error = error_of(run(project, "chat", pipe="안녕".encode("cp949")))
    assert error == "the message from the pipe is not UTF-8: byte 1 is 0xBE"


def test_an_argument_that_is_not_utf_8_is_an_error(project: Path) -> None:
    assert "not characters" in error_of(run(project, "chat", b"\xbe\xc8"))


def test_a_message_too_long_is_an_error_that_says_how_long_it_may_be(project: Path) -> None:
    assert "takes at most 45" in error_of(run(project, "chat", "안녕 " * 100))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--temperature", "-1"], "temperature is -1.0; it must be 0 (greedy) or a number from 0.01 to 100"),
        (["--seed", "x"], "Invalid value for '--seed': 'x' is not a valid integer; see python -m tinychat chat --help"),
        (["--temprature", "1"], "No such option"),
        (["--stop", ""], "stop is ('',); it must be texts that are not empty"),
    ],
)
def test_an_option_that_will_not_do_is_an_error(project: Path, arguments: list[str], error: str) -> None:
    assert error_of(run(project, "chat", "안녕", *arguments)).startswith(error)


def test_an_unknown_command_is_an_error(project: Path) -> None:
    assert error_of(run(project, "chta")).startswith("No such command 'chta'")


KOREAN: list[tuple[list[str], str]] = [
    (["--seed", "x"], "오류: --seed의 값이 'x'입니다. 정수여야 합니다. 쓰는 법: python -m tinychat chat --help"),
    (["--top-p", "x"], "오류: --top-p의 값이 'x'입니다. 수여야 합니다."),
    (["--temprature", "1"], "오류: --temprature: 없는 옵션입니다."),
    (["--seed"], "오류: --seed 뒤에 값이 있어야 합니다."),
    (["--max-tokens", "0"], "오류: max_tokens의 값이 0입니다. 1 이상의 정수여야 합니다"),
    (["--model", "nowhere"], "오류: nowhere: 없는 폴더입니다."),
    (["안녕 " * 100], "오류: 말이 너무 깁니다: '안녕 안녕"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "error"), KOREAN, ids=[arguments[0][:9] for arguments, _ in KOREAN])
def test_errors_are_korean_where_korean_was_chosen(project: Path, arguments: list[str], error: str) -> None:
    ended = run(project, "chat", "안녕", *arguments, env={"TINYCHAT_LANGUAGE": "ko"})
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.decode().startswith(error)
    assert ended.stderr.count(b"\n") == 1


def test_the_errors_of_a_pipe_are_korean_too(project: Path) -> None:
    for env in ({"TINYCHAT_LANGUAGE": "ko"}, {"LANG": "ko_KR.UTF-8"}):
        ended = run(project, "chat", pipe="안녕".encode("cp949"), env=env)
        assert ended.stderr.decode() == "오류: 파이프로 온 말이 UTF-8이 아닙니다: 1번째 바이트가 0xBE입니다\n"


def test_the_language_of_the_page_is_the_language_of_the_chat(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("report:\n  language: ko\n", encoding="utf-8")
    assert run(tmp_path, "chat", "안녕").stderr.decode() == (
        "오류: models/dialogue: 없는 폴더입니다. `make repro`가 모델을 학습해 models/dialogue에 두고, "
        "다른 모델은 `--model FOLDER`로 고릅니다\n"
    )


def test_a_language_that_is_not_there_is_an_error(project: Path) -> None:
    error = error_of(run(project, "chat", "안녕", env={"TINYCHAT_LANGUAGE": "de"}))
    assert error == "TINYCHAT_LANGUAGE is 'de'; it must be ko or en"


def test_without_a_model_it_says_what_makes_one(tmp_path: Path) -> None:
    assert error_of(run(tmp_path, "chat", "안녕")) == (
        "models/dialogue: no such folder; `make repro` trains a model and puts it into models/dialogue, and "
        "`--model FOLDER` names another"
    )


def damaged(folder: Path, project: Path, file: str, content: bytes) -> Path:
    shutil.copytree(project / "models/dialogue", folder / "model")
    (folder / "model" / file).write_bytes(content)
    return folder / "model"


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", *(pytest.param(c, marks=pytest.mark.slow) for c in (b"\x00\xff" * 500, b"[]", b'{"a": 1}'))]
)
def test_a_damaged_model_is_one_line_that_names_the_file(
    project: Path, tmp_path: Path, file: str, content: bytes
) -> None:
    folder = damaged(tmp_path, project, file, content)
    assert file in error_of(run(project, "chat", "안녕", "--model", str(folder)))


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.slow
def test_a_model_whose_file_was_cut_is_one_line(project: Path, tmp_path: Path, file: str) -> None:
    whole = (project / "models/dialogue" / file).read_bytes()
    folder = damaged(tmp_path, project, file, whole[: len(whole) // 2])
    assert file in error_of(run(project, "chat", "안녕", "--model", str(folder)))


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.slow
def test_a_model_that_lacks_a_file_is_one_line(project: Path, tmp_path: Path, file: str) -> None:
    folder = damaged(tmp_path, project, file, b"")
    (folder / file).unlink()
    assert file in error_of(run(project, "chat", "안녕", "--model", str(folder)))


@pytest.mark.parametrize("change", [{"architecture": "modern"}, {"rope_theta": 10000}])
@pytest.mark.slow
def test_a_model_of_a_newer_version_is_one_line(project: Path, tmp_path: Path, change: dict[str, object]) -> None:
    config = json.loads((project / "models/dialogue/config.json").read_text(encoding="utf-8"))
    folder = damaged(tmp_path, project, "config.json", json.dumps(config | change).encode())
    assert "version" in error_of(run(project, "chat", "안녕", "--model", str(folder)))


@pytest.mark.parametrize("kind", ["a file", "an empty folder"])
@pytest.mark.slow
def test_what_is_no_model_at_all_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model"
    path.write_text("text", encoding="utf-8") if kind == "a file" else path.mkdir()
    assert "model" in error_of(run(tmp_path, "chat", "안녕", "--model", "model"))


def test_a_reader_that_left_early_is_no_error_to_see(project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tinychat", "chat", "안녕"]
    ended = subprocess.run(command, cwd=project, env=environment(), stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_line(project: Path) -> None:
    ended = shell(project, "tinychat chat 안녕 > /dev/full")
    assert ended.returncode == 1
    assert (
        ended.stderr.decode()
        == "error: [Errno 28] No space left on device; make room, then run the same command again\n"
    )


@pytest.mark.slow
def test_a_closed_input_or_output_is_no_traceback(project: Path) -> None:
    assert shell(project, "tinychat chat <&-").stderr == b"error: the message is empty\n"
    assert shell(project, "tinychat chat 안녕 >&-").stderr == b""


def test_ctrl_c_before_anything_has_begun_is_no_traceback(project: Path) -> None:
    code = (
        "import sys\n"
        "from tinychat.cli import main\n"
        "class CtrlC:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tinychat.chatting.starting': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, CtrlC())\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "chat", "안녕"]
    ended = subprocess.run(command, cwd=project, env=environment(), capture_output=True)
    assert (ended.returncode, ended.stderr.strip()) == (130, b"stopped")


def test_help_shows_examples(tmp_path: Path) -> None:
    for arguments in (["--help"], ["chat", "--help"], []):
        ended = run(tmp_path, *arguments)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert "  echo 안녕 | tinychat chat" in ended.stdout.decode()


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.startswith(b"tinychat")


HEAVY = ("torch", "prompt_toolkit", "rich", "pandas", "matplotlib", "pydantic")


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """The top-level modules that `tinychat` with these arguments has imported at its end."""
    code = (
        "import sys, json; from tinychat.cli import main; main(); "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment(), capture_output=True, check=True
    )
    return set(json.loads(ended.stderr))


def test_a_reply_is_made_without_torch_and_what_only_a_conversation_needs(project: Path) -> None:
    assert imported_by(project, "chat", "안녕").isdisjoint(HEAVY)


def test_help_is_shown_without_numpy(project: Path) -> None:
    assert imported_by(project, "chat", "--help").isdisjoint({*HEAVY, "numpy", "tokenizers", "safetensors"})
