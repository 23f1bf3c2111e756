"""The compiled loops: made once on each machine, kept, never loaded broken; without them numpy says the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.generation.models import needs_compiler
from tests.generation.test_without_torch import TALK, printed
from tinychat.generation import compiling
from tinychat.generation.compiling import NotCompiled, find_compiler, load_compiled

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows nothing is compiled yet"),
    needs_compiler,
]

SAID = TALK + "print(type(bot.engine.decoder).__name__)"
REFUSED = """
import sys, tinychat
try: tinychat.load(sys.argv[1])
except tinychat.InputError as error: print(error)
"""


class Place:
    """A copy of the package in which nothing is compiled yet, and what its processes have for an environment."""

    def __init__(self, repo: Path, root: Path, model: Path) -> None:
        self.root, self.model = root / "project", model
        shutil.copytree(repo / "tinychat", self.root / "tinychat", ignore=shutil.ignore_patterns("__pycache__"))
        self.beside = self.root / "tinychat" / "generation" / "__pycache__"
        self.cache = root / "cache"
        self.settings = {"XDG_CACHE_HOME": str(self.cache), "HOME": str(root), "CC": "", "TMPDIR": str(root)}

    def talk(self, **settings: str) -> tuple[str, str]:
        """What is said, and by which decoder."""
        said, kind, _ = self.run(SAID, **settings).rsplit("\n", 2)
        return said, kind

    def run(self, code: str, **settings: str) -> str:
        return printed(self.root, code, self.model, **self.settings | settings)

    def refusal(self, **settings: str) -> str:
        """What is said where native is asked for and cannot be."""
        said = self.run(REFUSED, TINYCHAT_DECODER="native", **settings)
        assert said.startswith("TINYCHAT_DECODER is native, which a C compiler makes on this machine, but ")
        assert said.endswith("Without it numpy computes the replies, in fp32: unset TINYCHAT_DECODER\n")
        assert said.count("\n") == 1
        return said

    def start(self, **settings: str) -> "subprocess.Popen[str]":
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TINYCHAT_")}
        environment = clean | self.settings | {"PYTHONIOENCODING": "utf-8"} | settings
        command = [sys.executable, "-c", SAID, str(self.model)]
        return subprocess.Popen(command, cwd=self.root, env=environment, stdout=subprocess.PIPE, encoding="utf-8")

    def kept(self) -> list[Path]:
        """All that lies where libraries may lie, half files too; not what Python itself compiled."""
        folders = [self.beside, self.cache / "tinychat"]
        return [path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.suffix != ".pyc"]


@pytest.fixture
def place(repo: Path, tmp_path: Path, talker_folder: Path) -> Place:
    return Place(repo, tmp_path, talker_folder)


@pytest.fixture(scope="module")
def by_numpy(repo: Path, talker_folder: Path) -> str:
    return printed(repo, SAID, talker_folder, TINYCHAT_DECODER="numpy").rsplit("\n", 2)[0]


def compiler(folder: Path, script: str, name: str = "compiler") -> str:
    """A command of that shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def real() -> str:
    return " ".join(find_compiler())


@pytest.mark.slow
def test_it_is_compiled_once_beside_the_source(place: Place, by_numpy: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    watched = compiler(tmp_path, f'echo started >> "{trace}"; exec {real()} "$@"')
    for _ in range(2):
        assert place.talk(CC=watched) == (by_numpy, "NativeDecoder")
        assert trace.read_text(encoding="utf-8") == "started\n"
    (library,) = place.kept()
    assert library.parent == place.beside


@pytest.mark.slow
def test_a_library_is_used_though_its_compiler_has_gone(place: Place, by_numpy: str, tmp_path: Path) -> None:
    place.talk()
    assert place.talk(PATH=str(tmp_path)) == (by_numpy, "NativeDecoder")
    assert place.talk(TINYCHAT_DECODER="native", CC="no-such-compiler") == (by_numpy, "NativeDecoder")


@pytest.mark.slow
def test_where_there_is_no_compiler_it_is_numpy(place: Place, by_numpy: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    assert place.talk(PATH=str(nowhere)) == (by_numpy, "NumpyDecoder")
    assert "there is no C compiler: none of cc, gcc, clang is found" in place.refusal(PATH=str(nowhere))
    assert place.kept() == []


@pytest.mark.slow
def test_where_cc_names_none_it_is_numpy(place: Place, by_numpy: str) -> None:
    assert place.talk(CC="no-such-compiler -O1") == (by_numpy, "NumpyDecoder")
    assert "CC names no-such-compiler, which is not found" in place.refusal(CC="no-such-compiler -O1")
    assert "which is not found" in place.refusal(CC='"half')


FAILING = {
    "it says why": (
        "echo looking; echo 'kernels.c:1: error: no headers' >&2; exit 1",
        "failed: kernels.c:1: error: no",
    ),
    "it says nothing": ("exit 3", "failed: exit code 3"),
    "it makes nothing": ("exit 0", "cannot be used: [Errno 2] No such file or directory"),
    "it makes no library": (
        'while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"',
        "the compiled library cannot be loaded",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILING)
def test_where_the_compiler_fails_it_is_numpy(place: Place, by_numpy: str, tmp_path: Path, name: str) -> None:
    script, message = FAILING[name]
    failing = compiler(tmp_path, script)
    assert place.talk(CC=failing) == (by_numpy, "NumpyDecoder")
    assert message in place.refusal(CC=failing)
    assert place.talk() == (by_numpy, "NativeDecoder")


@pytest.mark.slow
def test_a_compiler_that_does_not_end_is_ended_with_all_that_it_started(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    monkeypatch.setenv("CC", compiler(tmp_path, f'sleep 600 & echo $! > "{child}"; wait'))
    for seconds in (1, 10, 100):  # until it was long enough for the compiler to begin
        monkeypatch.setattr(compiling, "TIMEOUT", float(seconds))
        with pytest.raises(NotCompiled, match=f"took longer than {seconds} s"):
            load_compiled(place.beside.parent / "kernels.c")
        if child.exists() and child.read_text(encoding="utf-8"):
            break
    assert ends(int(child.read_text(encoding="utf-8")))


def ends(pid: int) -> bool:
    """Whether a process comes to be no more, or waits only for whoever asks how it ended; asked for some minutes."""
    for _ in range(6000):
        try:
            os.kill(pid, 0)
            status = Path(f"/proc/{pid}/stat")
            if status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_options_in_cc_are_followed(place: Place, by_numpy: str) -> None:
    assert place.talk(TINYCHAT_DECODER="native", CC=f"{real()} -g -DUNUSED") == (by_numpy, "NativeDecoder")


@pytest.mark.slow
def test_a_compiler_that_knows_no_march_is_given_mcpu(place: Place, by_numpy: str, tmp_path: Path) -> None:
    script = f"""
for argument; do
  if [ "$argument" = -march=native ]; then echo "error: unknown option" >&2; exit 1; fi
  if [ "$argument" = -mcpu=native ]; then echo asked > "{tmp_path}/asked"; argument=-O2; fi
  set -- "$@" "$argument"; shift
done
exec {real()} "$@" """
    assert place.talk(TINYCHAT_DECODER="native", CC=compiler(tmp_path, script)) == (by_numpy, "NativeDecoder")
    assert (tmp_path / "asked").exists()


@pytest.mark.slow
def test_it_is_kept_in_the_users_cache_where_the_package_cannot_be_written(place: Place, by_numpy: str) -> None:
    """A folder that is a file cannot be written by root either."""
    place.beside.touch()
    for settings in ({}, {"CC": ""}, {"PATH": str(place.root)}):
        assert place.talk(**settings) == (by_numpy, "NativeDecoder")
    (library,) = place.kept()
    assert library.parent == place.cache / "tinychat"
    assert library.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@pytest.mark.parametrize("how", ["others may write it", "a link", "another user's", "a file"])
def test_a_cache_that_another_could_have_filled_is_not_used(place: Place, by_numpy: str, how: str) -> None:
    place.beside.touch()
    place.talk()
    folder = place.cache / "tinychat"
    if how == "others may write it":
        folder.chmod(0o777)
    elif how == "a link":
        folder.rename(place.cache / "theirs")
        folder.symlink_to(place.cache / "theirs")
    elif how == "a file":
        folder.rename(place.cache / "theirs")
        folder.touch()
    elif os.geteuid():
        pytest.skip("only root gives folders away")
    else:
        os.chown(folder, 12345, 12345)
    assert place.talk() == (by_numpy, "NumpyDecoder")
    assert "none of the folders to keep it in may be written" in place.refusal()


@pytest.mark.slow
def test_it_talks_where_nothing_can_be_kept(place: Place, by_numpy: str) -> None:
    place.beside.touch()
    nowhere = str(place.beside / "cache")
    assert place.talk(HOME=nowhere, XDG_CACHE_HOME=nowhere) == (by_numpy, "NumpyDecoder")
    assert "none of the folders to keep it in may be written" in place.refusal(HOME=nowhere, XDG_CACHE_HOME=nowhere)


@pytest.mark.slow
def test_it_talks_where_there_is_no_room_to_keep_anything(place: Place, by_numpy: str) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    assert place.run(limit + SAID) == f"{by_numpy}\nNumpyDecoder\n"
    assert place.kept() == []


@pytest.mark.slow
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.999])
def test_a_library_that_was_cut_is_not_loaded_but_made_again(place: Place, by_numpy: str, share: float) -> None:
    place.talk()
    (library,) = place.kept()
    whole = library.read_bytes()
    library.write_bytes(whole[: int(len(whole) * share)])
    assert place.talk(PATH=str(place.root)) == (by_numpy, "NumpyDecoder")
    assert place.talk(TINYCHAT_DECODER="native") == (by_numpy, "NativeDecoder")
    assert [path.read_bytes() for path in place.kept()] == [whole]


@pytest.mark.slow
def test_processes_that_compile_at_once_leave_one_library(place: Place, by_numpy: str, tmp_path: Path) -> None:
    slow = compiler(tmp_path, f'sleep 1; exec {real()} "$@"')
    processes = [place.start(CC=slow, TINYCHAT_DECODER="native") for _ in range(3)]
    for process in processes:
        said, _ = process.communicate(timeout=600)
        assert (process.returncode, said) == (0, f"{by_numpy}\nNativeDecoder\n")
    assert [path.suffix for path in place.kept()] == [".so"]


def kill_while_compiling(place: Place, folder: Path) -> str:
    """The slow compiler of a process that was killed and whose compiler has ended."""
    begun, go_on = folder / "begun", folder / "go on"
    wait = f'while [ ! -e "{go_on}" ]; do sleep 0.05; done'
    slow = compiler(folder, f'echo $$ > "{begun}.new"; mv "{begun}.new" "{begun}"; {wait}; exec {real()} "$@"')
    process = place.start(CC=slow)
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    go_on.touch()
    assert ends(int(begun.read_text(encoding="utf-8")))
    return slow


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_compiles_leaves_nothing_to_load(
    place: Place, by_numpy: str, tmp_path: Path
) -> None:
    slow = kill_while_compiling(place, tmp_path)
    assert place.kept() == []
    assert place.talk(CC=slow) == (by_numpy, "NativeDecoder")


@pytest.mark.slow
def test_what_a_killed_process_left_is_removed_by_the_next_that_compiles(place: Place, tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("tinychat-notes", f"tinychat-{os.getpid()}-abcdefgh")]
    for other in others:  # of somebody else, and of a process that lives
        other.mkdir()
    kill_while_compiling(place, tmp_path)
    (left,) = set(tmp_path.glob("tinychat-*")) - set(others)
    place.talk()
    assert not left.exists()
    assert set(tmp_path.glob("tinychat-*")) == set(others)


PLANTED = """
#include <stdio.h>
__attribute__((constructor)) static void run(void) { fclose(fopen("%s", "w")); }
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["others may write it", "a link", "another user's", "another user's file"])
@pytest.mark.slow
def test_what_another_planted_beside_the_source_does_not_run(
    place: Place, by_numpy: str, tmp_path: Path, how: str
) -> None:
    if "user" in how and os.geteuid():
        pytest.skip("only root gives files away")
    place.talk()
    (library,) = place.kept()
    library.unlink()
    marker, source, made = tmp_path / "it ran", tmp_path / "planted.c", tmp_path / "planted.so"
    source.write_text(PLANTED % marker, encoding="utf-8")
    subprocess.run([*find_compiler(), "-shared", "-fPIC", "-o", made, source], check=True)
    planted = library.with_name(f"{library.stem.rpartition('-')[0]}-{compiling._digest(made.read_bytes())}.so")
    shutil.copy(made, planted)
    if how == "others may write it":
        place.beside.chmod(0o777)
    elif how == "a link":
        place.beside.rename(place.root / "theirs")
        place.beside.symlink_to(place.root / "theirs")
    else:
        os.chown(planted if how.endswith("file") else place.beside, 12345, 12345)
    assert place.talk() == (by_numpy, "NativeDecoder")
    assert not marker.exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_with_a_librarys_name_is_not_waited_for(place: Place, by_numpy: str) -> None:
    place.talk()
    (library,) = place.kept()
    library.unlink()
    os.mkfifo(library)
    process = place.start()
    try:
        said, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    assert said == f"{by_numpy}\nNativeDecoder\n"


@pytest.mark.slow
def test_another_processor_and_another_compiler_have_libraries_of_their_own(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = place.beside.parent / "kernels.c"
    monkeypatch.setenv("CC", compiler(tmp_path, f'exec {real()} "$@"'))
    for n, change in enumerate(
        (
            lambda: None,
            lambda: monkeypatch.setattr(compiling, "_processor", lambda: b"another"),
            lambda: os.utime(os.environ["CC"], (0, 0)),
            lambda: source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8"),
        ),
        start=1,
    ):
        change()
        for _ in range(2):
            load_compiled(source)
            assert len(place.kept()) == n


def test_the_help_looks_for_no_compiler(repo: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "tinychat", "--help"]
    imported = subprocess.run(command, cwd=repo, capture_output=True, encoding="utf-8", check=True).stderr
    assert "tinychat.cli" in imported
    assert "tinychat.generation" not in imported
