"""`make environment` makes `.venv` from nothing, starts nothing where it fits, and mends what is not as it should be.

The packages of these tests are small and lie in a folder; pip, and uv after it, finds nothing else.
"""

import os
import shlex
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.tools.wheels import make_wheel, pack_again

ROOT = Path(__file__).resolve().parents[2]
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "tinychat"
version = "0.1.0"
scripts = { tinychat = "tinychat.cli:main" }

[tool.setuptools.packages.find]
include = ["tinychat*"]
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the lock of `project` pins."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in (("little_package", "1.0"), ("little_package", "2.0"), ("for_tests", "1.0"), ("torch", "0.1")):
        make_wheel(folder, name, version)
    write(folder / "pins", "".join(f"{pack_again(folder, name)}\n" for name in ("setuptools", "uv")))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and a package that says hello; its name has a space and Hangul."""
    root = tmp_path / "my 프로젝트"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copy(ROOT / "tools/uv.py", root / "tools")
    write(root / "pyproject.toml", PYPROJECT)
    write(root / "requirements.lock", "little-package==1.0\ntorch==0.1\n")
    write(root / "requirements-dev.lock", "for-tests==1.0\nlittle-package==1.0\ntorch==0.1\n")
    write(root / "tinychat/__init__.py", "")
    write(root / "tinychat/cli.py", "def main() -> None:\n    print('hello')\n")
    return root


@pytest.fixture
def installable(project: Path, wheels: Path) -> Path:
    """The same with what installs it in its locks."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        with open(project / name, "a", encoding="utf-8", newline="\n") as lock:
            lock.write((wheels / "pins").read_text(encoding="utf-8"))
    return project


def make(
    root: Path, *arguments: str, wheels: Path | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """make as a person calls it, in a process group of its own; pip finds nothing but `wheels`, uv neither."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "PIP_", "UV_"))
        and name not in ("PYTHON", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR")
    }
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels or root), **settings}
    return subprocess.run(
        ["make", *arguments],
        cwd=root,
        env={**kept, "PIP_CONFIG_FILE": os.devnull, "UV_CACHE_DIR": str(root.parent / "cache"), **settings},
        capture_output=True,
        encoding="utf-8",
        start_new_session=True,
    )


def installed(root: Path, *arguments: str, wheels: Path, **settings: str) -> str:
    """What make prints where it must succeed, after which a second call has nothing to do."""
    done = make(root, *arguments, wheels=wheels, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert make(root, "--question", *arguments).returncode == 0
    return done.stdout


def plant_venv(root: Path, *, made_for: Path | None = None) -> Path:
    """An environment that counts as installed to its end, with nothing in it that could install anything."""
    venv = root / ".venv"
    (venv / SITE).mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin/python").symlink_to(sys.executable)
    write(venv / ".installed", f"{(made_for or root).resolve()}\n")
    return venv


def packages(root: Path) -> set[str]:
    """What is installed, as name-version."""
    return {folder.name.removesuffix(".dist-info") for folder in (root / ".venv" / SITE).glob("*.dist-info")}


def say(root: Path) -> str:
    """What the installed command prints, run from elsewhere."""
    command = [root / ".venv/bin/tinychat"]
    return subprocess.run(command, cwd=root.parent, check=True, capture_output=True, encoding="utf-8").stdout.strip()


def why(root: Path, *arguments: str) -> str:
    """Why make would make `.venv`, in its own words; empty where it would not."""
    planned = make(root, "--dry-run", "environment", *arguments).stdout
    return next((line.split(": ")[1].strip('"') for line in planned.splitlines() if "Making .venv: " in line), "")


def old_python(folder: Path) -> Path:
    """A Python that says that it is 3.9."""
    command = folder / "python3.9"
    code = "import sys; sys.version_info = (3, 9, 6); sys.version = '3.9.6 (default)'; exec(sys.argv[1])"
    write(command, f'#!/bin/sh\nshift\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    command.chmod(0o755)
    return command


def test_an_environment_that_fits_is_kept_and_nothing_is_started(project: Path) -> None:
    plant_venv(project)
    assert make(project, "--question", "environment").returncode == 0
    assert make(project, "--question", "environment", f"PYTHON={sys.executable}").returncode == 0


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_description_is_installed_into_the_environment_that_is_there(
    project: Path, changed: str
) -> None:
    plant_venv(project)
    later = (project / ".venv/.installed").stat().st_mtime + 1
    os.utime(project / changed, (later, later))
    assert make(project, "--question", "environment").returncode == 1
    assert why(project) == ""


def test_an_environment_is_made_anew_for_a_reason_that_is_said(project: Path) -> None:
    assert why(project) == "there is none"
    venv = plant_venv(project)
    assert why(project) == ""
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to(project / "a Python that was removed")
    assert why(project) == "its Python is gone"
    shutil.rmtree(venv)
    plant_venv(project, made_for=project.parent)
    assert why(project) == "it was made for another folder"
    (venv / ".installed").unlink()
    assert why(project) == "it was not installed to its end"


def test_an_environment_of_another_python_is_kept_unless_this_one_was_asked_for(project: Path) -> None:
    venv = plant_venv(project)
    (venv / SITE).parent.rename(venv / "lib/python3.99")
    assert why(project) == ""
    assert why(project, f"PYTHON={sys.executable}") == f"it is not of {sys.executable}"


def test_a_python_that_is_too_old_is_an_error_that_says_what_to_do_and_touches_nothing(project: Path) -> None:
    venv = plant_venv(project)
    done = make(project, "environment", f"PYTHON={old_python(project.parent)}")
    assert done.returncode == 2
    assert "3.11" in done.stderr and "3.9.6" in done.stderr and "make repro PYTHON=python3.12" in done.stderr
    assert (venv / ".installed").exists()


def test_an_old_python_does_for_an_environment_that_was_made_with_a_newer_one(project: Path) -> None:
    plant_venv(project)
    old_python(project.parent).rename(project.parent / "python3")
    assert make(project, "environment", PATH=f"{project.parent}:{os.environ['PATH']}").returncode == 0


def test_a_python_that_is_not_there_is_an_error(project: Path) -> None:
    plant_venv(project)
    done = make(project, "environment", "PYTHON=python3.99")
    assert done.returncode == 2 and "python3.99: not found" in done.stderr
    assert (project / ".venv/.installed").exists()


def test_a_link_to_the_environment_of_another_clone_is_left_to_that_clone(project: Path) -> None:
    clone = project.parent / "clone"
    shutil.copytree(project, clone)
    plant_venv(project)
    (clone / ".venv").symlink_to(project / ".venv")
    for goal in ("environment", "environment-dev"):
        assert make(clone, "--question", goal).returncode == 0


@pytest.mark.slow
def test_from_nothing_it_is_made_and_then_follows_the_lock(installable: Path, wheels: Path) -> None:
    root = installable
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    shutil.copy(ROOT / ".gitignore", root)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    assert "Making .venv: there is none" in installed(root, "environment", wheels=wheels)
    assert say(root) == "hello"
    assert "little_package-1.0" in packages(root) and "for_tests-1.0" not in packages(root)
    # Also where PYTHONDONTWRITEBYTECODE is set, as in many containers: torch takes seconds to load without.
    assert list((root / ".venv" / SITE / "__pycache__").glob("little_package.*.pyc"))
    status = subprocess.run(["git", "status", "--short"], cwd=root, check=True, capture_output=True, encoding="utf-8")
    assert [line for line in status.stdout.splitlines() if not line.startswith("A ")] == []

    # What the tests take comes besides, and stays.
    assert "Making" not in installed(root, "environment-dev", wheels=wheels)
    assert "for_tests-1.0" in packages(root)
    assert make(root, "--question", "environment").returncode == 0

    # The command runs the code as it is now. What the lock has no more goes; pip and uv stay.
    write(root / "tinychat/cli.py", "def main() -> None:\n    print('changed')\n")
    assert say(root) == "changed"
    lock = root / "requirements-dev.lock"
    write(lock, lock.read_text(encoding="utf-8").replace("for-tests==1.0\nlittle-package==1.0", "little-package==2.0"))
    assert "Making" not in installed(root, "environment", wheels=wheels)
    assert {name.split("-")[0] for name in packages(root)} == {
        *("little_package", "pip", "setuptools", "tinychat", "torch", "uv")
    }
    assert "little_package-2.0" in packages(root)

    # A new name of the command.
    write(root / "pyproject.toml", PYPROJECT.replace("{ tinychat =", "{ tc ="))
    installed(root, "environment", wheels=wheels)
    assert (root / ".venv/bin/tc").exists() and not (root / ".venv/bin/tinychat").exists()


@pytest.mark.slow
def test_a_pin_that_cannot_be_had_is_an_error_and_leaves_the_environment_as_it_was(
    installable: Path, wheels: Path
) -> None:
    root = installable
    installed(root, "environment", wheels=wheels)
    before, lock = packages(root), root / "requirements.lock"
    good = lock.read_text(encoding="utf-8")
    write(lock, good.replace("little-package==1.0", "little-package==9.0"))
    for _ in range(2):
        done = make(root, "environment", wheels=wheels)
        assert done.returncode == 2 and "little-package==9.0" in done.stderr
        assert "Making" not in done.stdout and packages(root) == before
    write(lock, good)
    assert "Making" not in installed(root, "environment", wheels=wheels)


@pytest.mark.slow
def test_an_installation_that_was_cut_off_is_made_anew_by_the_next(installable: Path, wheels: Path) -> None:
    root = installable
    # The project's own build, which is a part of the installation, ends make and all that it started.
    write(root / "setup.py", "import os, signal\nos.killpg(0, signal.SIGKILL)\n")
    assert make(root, "environment", wheels=wheels).returncode == -9
    (root / "setup.py").unlink()
    # uv alone takes a package for whole by its folder of notes.
    write(root / ".venv" / SITE / "little_package-1.0.dist-info/METADATA", "Name: little_package\nVersion: 1.0\n")
    assert "it was not installed to its end" in installed(root, "environment", wheels=wheels)
    assert say(root) == "hello"
    assert (root / ".venv" / SITE / "little_package.py").exists()


@pytest.mark.slow
def test_in_a_folder_that_was_moved_the_commands_run_what_lies_in_it(installable: Path, wheels: Path) -> None:
    plant_venv(installable)
    moved = installable.rename(installable.parent / "moved")
    assert "it was made for another folder" in installed(moved, "environment", wheels=wheels)
    assert say(moved) == "hello"


def other_python() -> str | None:
    """A Python of another version than this that tinychat supports."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in (12, 13, 14, 11):
        found = [shutil.which(f"python3.{minor}"), *sorted(map(str, pyenv.glob(f"3.{minor}.*/bin/python")))]
        for python in filter(None, found if minor != sys.version_info.minor else []):
            if subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0:
                return python
    return None


@pytest.mark.slow
def test_another_python_that_is_asked_for_makes_it_anew_and_it_stays_with_that_one(
    installable: Path, wheels: Path
) -> None:
    if (other := other_python()) is None:
        pytest.skip("there is one Python here")
    plant_venv(installable)
    assert "it is not of" in installed(installable, "environment", f"PYTHON={other}", wheels=wheels)
    assert say(installable) == "hello"
    assert make(installable, "--question", "environment").returncode == 0


@pytest.mark.slow
def test_where_the_index_of_pytorch_does_not_answer_torch_comes_from_where_pip_finds_packages(
    installable: Path, wheels: Path, tmp_path: Path
) -> None:
    nobody = {"HTTPS_PROXY": "http://127.0.0.1:9", "PIP_INDEX_URL": tmp_path.as_uri(), "PIP_NO_INDEX": "0"}
    said = installed(installable, "environment", wheels=wheels, **nobody)
    assert "PyTorch's own index does not answer" in said
    assert "torch-0.1" in packages(installable)


@pytest.fixture
def pytorch(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A machine whose way to download.pytorch.org ends here, where there is a CPU build; gives its settings."""
    wheel = make_wheel(tmp_path / "pytorch", "torch", "0.1+cpu")
    host, pem = "download.pytorch.org", tmp_path / "pytorch.pem"
    command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout {0} -out {0}.crt"
    named = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=CA:FALSE"]
    subprocess.run([*command.format(pem).split(), *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if not self.path.startswith(f"{host}:"):
                return self.send_error(403)
            self.send_response(200)
            self.end_headers()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            return self.handle_one_request()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            kind, content = "application/zip", (tmp_path / "pytorch" / wheel).read_bytes()
            if self.path.endswith("/torch/"):
                kind, content = "text/html", f'<a href="/{wheel}">{wheel}</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.command == "GET" else b"")
            self.wfile.flush()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield {"HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}", "PIP_CERT": f"{pem}.crt"}
        server.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_where_the_index_of_pytorch_answers_torch_comes_from_there(
    installable: Path, wheels: Path, tmp_path: Path, pytorch: dict[str, str]
) -> None:
    own = {"PIP_INDEX_URL": tmp_path.as_uri(), "PIP_NO_INDEX": "0"}
    said = installed(installable, "environment", wheels=wheels, **own, **pytorch)
    assert "does not answer" not in said
    assert "torch-0.1+cpu" in packages(installable)
