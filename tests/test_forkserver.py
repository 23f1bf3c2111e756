"""A forked Python does what a new one does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.forkserver import ForkedGroup, fast_python, group_folder
from tests.pipeline.processes import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every call starts sys.executable")

PROGRAMS = {
    "arguments, folder and environment": (
        "import os, sys; print(sys.argv, os.getcwd(), os.environ['NAME'], sys.path[0], __name__, sys.executable)"
    ),
    "the search path for modules": "import sys; print([p for p in sys.path if 'lib' not in p])",
    "no module of the project": "import sys; print([m for m in sys.modules if m.startswith(('tinychat', 'stages'))])",
    "stdin": "print(input()[::-1])",
    "encodings": (
        "import sys; print([(s.encoding, s.errors, s.isatty()) for s in (sys.stdin, sys.stdout, sys.stderr)], '한글')"
    ),
    "both streams": "import sys; print('out'); print('error', file=sys.stderr)",
    "an exit code": "import sys; sys.exit(3)",
    "an exit code of no byte": "import sys; sys.exit(-1)",
    "an exit text": "import sys; sys.exit('that was all')",
    "exit without a code": "import sys; sys.exit()",
    "what is to be done at the end": "import atexit; atexit.register(print, 'last')",
    "a thread that goes on": "import threading; threading.Timer(0.1, print, [1]).start()",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "a kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "signal handlers": "import signal; print(signal.getsignal(2), signal.getsignal(15), signal.getsignal(17))",
    "bytecode": "import sys; print(sys.dont_write_bytecode, sys.flags.optimize, sys.flags.utf8_mode)",
    "one file more": "print(open('new', 'w').fileno())",
    "threads of libraries": "import torch; print(torch.get_num_threads(), torch.ones(3, 3).exp().sum().item())",
    "seeded random numbers": "import torch; torch.manual_seed(1); print(torch.rand(3).tolist(), torch.initial_seed())",
}


def both(folder: Path, *arguments: str, **environment: str) -> list[tuple[int, str, str]]:
    """Exit code and streams, of a forked and of a new Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
    ended = [
        subprocess.run(
            [python, *arguments],
            cwd=folder,
            env={**os.environ, "NAME": "이름"} | environment,
            input="한 줄\n",
            capture_output=True,
            encoding="utf-8",
        )
        for python in (fast_python(), sys.executable)
    ]
    signal.signal(signal.SIGINT, before)
    return [(one.returncode, one.stdout, one.stderr) for one in ended]


@pytest.mark.slow
@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_does_the_same(tmp_path: Path, title: str) -> None:
    forked, new = both(tmp_path, "-c", PROGRAMS[title], "an argument", "또 하나")
    assert forked == new


def test_a_module_and_a_file_run_as_the_main_program(tmp_path: Path) -> None:
    program = "import sys\nprint(__name__, sys.argv, sys.modules['__main__'].__file__)\nimport neighbour\n"
    (tmp_path / "program.py").write_text(f"{program}raise SystemExit(4)\n", encoding="utf-8")
    (tmp_path / "neighbour.py").write_text("print(__file__)", encoding="utf-8")
    for arguments in (["-m", "program", "1"], [str(tmp_path / "program.py"), "2"]):
        forked, new = both(tmp_path, *arguments)
        assert forked == new
        assert forked[0] == 4


def test_pythonpath_comes_after_the_folder(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "neighbour.py").write_text("print(__file__)", encoding="utf-8")
    forked, new = both(tmp_path / "here", "-c", "import neighbour", PYTHONPATH=str(tmp_path / "there"))
    assert forked == new
    assert "here" in forked[1]


def test_an_uncaught_error_is_shown_and_ends_with_1(tmp_path: Path) -> None:
    forked, new = both(tmp_path, "-c", "1 / 0")
    assert (forked[0], forked[1]) == (new[0], new[1]) == (1, "")
    assert forked[2].endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONHASHSEED": "1"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "cp949"}, {"OMP_NUM_THREADS": "1"}],
    ids=str,
)
def test_what_a_forked_process_cannot_do_a_new_one_does(tmp_path: Path, environment: dict[str, str]) -> None:
    code = "import os, sys; print('dvc' in sys.modules, sys.stdout.encoding, hash(os.environ.get('PYTHONHASHSEED', 0)))"
    forked, new = both(tmp_path, "-c", code, **environment)
    assert forked == new


def test_options_of_the_interpreter_are_left_to_a_new_process(tmp_path: Path) -> None:
    forked, new = both(tmp_path, "-O", "-c", "import sys; print(sys.flags.optimize)")
    assert forked == new == (0, "1\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["status"], ["repro", "nowhere"], ["metrics", "show"]], ids=" ".join)
def test_dvc_tells_the_same(repo: Path, arguments: list[str]) -> None:
    forked, new = both(repo, "-m", "dvc", *arguments)
    assert forked == new


def test_where_the_command_is_killed_its_process_is_killed_too(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with subprocess.Popen([fast_python(), "-c", code], stdout=subprocess.PIPE, encoding="utf-8") as command:
        assert command.stdout is not None
        forked = int(command.stdout.readline())
        assert forked != command.pid
        command.kill()
        wait_until(lambda: not psutil.pid_exists(forked))


def start_group(cwd: Path, code: str) -> ForkedGroup:
    """A group whose leader runs this code, in which `python` is forked into the group too."""
    folder = group_folder()
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return ForkedGroup(folder, "-c", code, cwd=cwd, env={**os.environ, "PATH": path})


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


CHILD = "import os, time; print(os.getpid(), os.getpgrp(), flush=True); time.sleep(600)"
PARENT = f"import subprocess; subprocess.run(['python', '-c', {CHILD!r}])"


def test_a_group_has_its_streams_and_its_exit_code(tmp_path: Path) -> None:
    group = start_group(
        tmp_path, "import os, sys; print(os.getpid()); print(os.getpgrp(), file=sys.stderr); sys.exit(3)"
    )
    assert group.wait() == group.poll() == 3
    assert group.stdout.read() == group.stderr.read() == f"{group.pid}\n"


def test_what_a_group_starts_belongs_to_it_and_hears_its_signals(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        group = start_group(tmp_path, PARENT)
        child, its_group = map(int, group.stdout.readline().split())
        assert (child != group.pid, its_group) == (True, group.pid)
        assert group.poll() is None
        os.killpg(group.pid, number)
        assert group.wait() != 0
        wait_until(has_ended, child)
        assert group.stderr.read().count("Traceback") == (2 if number == signal.SIGINT else 0)


def test_where_the_leader_of_a_group_is_killed_the_others_go_on(tmp_path: Path) -> None:
    group = start_group(tmp_path, PARENT)
    child, _ = map(int, group.stdout.readline().split())
    group.kill()
    assert group.wait() == -signal.SIGKILL
    assert psutil.pid_exists(child)
    os.killpg(group.pid, signal.SIGKILL)
    wait_until(has_ended, child)
