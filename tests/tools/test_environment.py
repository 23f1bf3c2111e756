"""`.venv` is kept at once where it fits, completed where something is missing, made anew where it is broken.

It has the project's command, too, which runs the code as it lies in the folder.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread

import pytest

from tools import environment

ROOT = Path(__file__).resolve().parents[2]
SITE = "Lib/site-packages" if os.name == "nt" else f"lib/python3.{sys.version_info.minor}/site-packages"
SCRIPTS, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
HERE = sys.version_info[:2]

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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the tool, a lock of one pin and a package that says hello; its name has a space and Hangul."""
    root = tmp_path / "my 프로젝트"
    for folder in ("tools", "tinychat"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools/environment.py", root / "tools")
    (root / "requirements.lock").write_text("# A lock\nlittle-package==1.0\n", encoding="utf-8", newline="\n")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8", newline="\n")
    (root / "tinychat/__init__.py").touch()
    (root / "tinychat/cli.py").write_text("def main() -> None:\n    print('hello')\n", encoding="utf-8")
    return root.resolve()


@pytest.fixture
def wheels(project: Path) -> Path:
    """A folder with the wheels that the lock pins: setuptools stands there, too, as in the real lock."""
    folder = project.parent / "wheels"
    make_wheel(folder, "little_package", "1.0")
    setuptools = distribution("setuptools")
    with zipfile.ZipFile(folder / f"setuptools-{setuptools.version}-py3-none-any.whl", "w") as wheel:
        for file in setuptools.files or []:
            if file.suffix != ".pyc" and file.parts[0] != "..":
                wheel.write(str(file.locate()), file.as_posix())
    with open(project / "requirements.lock", "a", encoding="utf-8", newline="\n") as lock:
        lock.write(f"setuptools=={setuptools.version}\n")
    return folder


def run_tool(root: Path, *options: str, wheels: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The tool as make runs it; pip, if it is called at all, finds nothing but `wheels`."""
    settings = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(wheels or root)}
    return subprocess.run(
        [sys.executable, root / "tools/environment.py", *options],
        env={**os.environ, **settings},
        capture_output=True,
        encoding="utf-8",
    )


def make_venv(root: Path) -> Path:
    """A virtual environment without pip, in which therefore nothing can be installed."""
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    settings = venv / "pyvenv.cfg"  # names the command that made it, which shall be the tool's
    settings.write_text(settings.read_text(encoding="utf-8").replace(" --without-pip", ""), encoding="utf-8")
    return venv


def plant(venv: Path, name: str, version: str, *, whole: bool = True) -> None:
    """What pip leaves of an installed package; without RECORD where it was killed on the way."""
    folder = venv / SITE / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    if whole:
        (folder / "RECORD").write_text("", encoding="utf-8")


def plant_project(venv: Path, folder: Path, version: str = "0.1.0", command: str = "tinychat.cli:main") -> Path:
    """What pip leaves of the project where it runs the code in `folder`; gives the folder of its notes."""
    plant(venv, "tinychat", version)
    notes = venv / SITE / f"tinychat-{version}.dist-info"
    origin = {"dir_info": {"editable": True}, "url": folder.as_uri()}
    (notes / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    (notes / "entry_points.txt").write_text(f"[console_scripts]\ntinychat = {command}\n", encoding="utf-8")
    script = venv / SCRIPTS / f"tinychat{EXE}"
    script.touch()
    script.chmod(0o755)
    return notes


def make_wheel(folder: Path, name: str, version: str) -> None:
    """A package of one module, to be installed without a network."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def say(venv: Path, command: str = "tinychat") -> str:
    """What the installed command prints, run from elsewhere."""
    done = subprocess.run(
        [venv / SCRIPTS / f"{command}{EXE}"], cwd=venv.parent.parent, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()


def serves(project: Path) -> bool:
    contents = environment.look_into(project / ".venv")
    assert contents is not None
    return environment.serves(project / ".venv", project, contents)


def why_unfit(venv: Path, version: tuple[int, int] | None = None) -> str | None:
    return environment.why_unfit(venv, environment.look_into(venv), version)


def test_an_environment_with_every_pin_and_the_project_is_kept_without_a_word_and_without_pip(project: Path) -> None:
    venv = make_venv(project)
    plant(venv, "little_package", "1.0")
    plant_project(venv, project)
    done = run_tool(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_dev_lock_counts_only_with_dev(project: Path) -> None:
    (project / "requirements-dev.lock").write_text("other==2.0\n", encoding="utf-8", newline="\n")
    venv = make_venv(project)
    plant(venv, "Little.Package", "1.0")
    plant_project(venv, project)
    assert run_tool(project).stdout == ""
    plant(venv, "other", "2.0")
    assert run_tool(project, "--dev").stdout == ""


def test_a_local_version_meets_its_pin(project: Path) -> None:
    venv = make_venv(project)
    plant(venv, "little_package", "1.0+cpu")
    plant_project(venv, project)
    assert run_tool(project).stdout == ""


def test_a_pin_for_another_platform_is_not_asked_for(project: Path) -> None:
    lock = project / "requirements.lock"
    lock.write_text('a==1.0 ; sys_platform == "win32"\nb==2.0 ; sys_platform == "linux"\n', encoding="utf-8")
    assert environment.pins(lock, "linux") == {"b": "2.0"}
    assert environment.pins(lock, "win32") == {"a": "1.0"}


def test_another_version_or_none_at_all_is_lacking(project: Path) -> None:
    lock = project / "requirements.lock"
    lock.write_text("a==1.0\nb==2.0\nc==3.0\n", encoding="utf-8")
    contents = environment.Contents(HERE, "linux", {"a": "1.0", "b": "1.9"}, [], [], project, project)
    assert environment.lacking(contents, [lock]) == ["b==2.0", "c==3.0"]


@pytest.mark.parametrize("line", ["a>=1.0", "a==1.0 --hash=sha256:00", "-r other.txt", "a @ file:///a.whl"])
def test_a_line_that_is_no_pin_is_named_with_its_number(project: Path, line: str) -> None:
    (project / "requirements.lock").write_text(f"# A lock\n{line}\n", encoding="utf-8")
    plant(make_venv(project), "a", "1.0")
    done = run_tool(project)
    assert done.returncode == 1
    assert "requirements.lock:2" in done.stderr and line in done.stderr and "Traceback" not in done.stderr


def test_a_package_whose_installation_was_cut_off_makes_the_environment_unfit(project: Path) -> None:
    venv = make_venv(project)
    plant(venv, "little_package", "1.0", whole=False)
    assert "little_package-1.0" in str(why_unfit(venv))


def test_what_pip_put_aside_to_remove_counts_as_nothing(project: Path) -> None:
    venv = make_venv(project)
    plant(venv, "~ittle_package", "1.0")
    contents = environment.look_into(venv)
    assert contents is not None and contents.packages == {} and contents.half == []


def test_an_environment_of_another_python_is_kept_unless_this_one_was_asked_for(project: Path) -> None:
    venv = make_venv(project)
    assert why_unfit(venv) is None
    assert why_unfit(venv, HERE) is None
    assert "Python {}.{}".format(*HERE) in str(why_unfit(venv, (3, 99)))


def test_an_environment_of_a_python_that_is_too_old_is_unfit(project: Path) -> None:
    venv = make_venv(project)
    assert "3.10" in str(
        environment.why_unfit(venv, environment.Contents((3, 10), "linux", {}, [], [], venv, venv), None)
    )


def test_an_environment_from_another_folder_is_unfit_where_a_script_cannot_name_its_place(project: Path) -> None:
    make_venv(project)  # there is a space in its path
    copied = project.parent / "copy"
    shutil.copytree(project, copied, symlinks=True)
    assert str(project / ".venv") in str(why_unfit(copied / ".venv"))


def test_an_environment_whose_python_does_not_start_is_unfit(project: Path) -> None:
    venv = make_venv(project)
    python = environment.python_of(venv)
    python.unlink()
    python.symlink_to(project / "a Python that was removed")
    assert "does not start" in str(why_unfit(venv))


def test_an_old_python_hears_what_was_found_and_what_to_do(project: Path) -> None:
    done = run_as_old_python(project)
    assert done.returncode == 1
    assert "3.9.6" in done.stderr and "3.11" in done.stderr and "make repro PYTHON=python3.12" in done.stderr
    assert not (project / ".venv").exists()


def test_an_old_python_leaves_the_work_to_an_environment_made_with_a_newer_one(project: Path) -> None:
    venv = make_venv(project)
    plant(venv, "little_package", "1.0")
    plant_project(venv, project)
    done = run_as_old_python(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_as_old_python(project, "--exactly").returncode == 1


def run_as_old_python(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The tool in a Python that says that it is 3.9 and no virtual environment."""
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 6, 'final', 0); sys.version = '3.9.6 (default)';"
        f"sys.prefix = sys.base_prefix; sys.argv = [{str(root / 'tools/environment.py')!r}, *{options!r}];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")


@pytest.mark.parametrize("other", [{"version": "0.0.9"}, {"command": "tinychat.old:main"}])
def test_a_project_that_is_installed_otherwise_than_pyproject_says_does_not_do(
    project: Path, other: dict[str, str]
) -> None:
    plant_project(make_venv(project), project, **other)
    assert not serves(project)


def test_a_project_that_is_installed_for_another_folder_does_not_do(project: Path) -> None:
    elsewhere = project.parent / "elsewhere"
    shutil.copytree(project, elsewhere)
    plant_project(make_venv(project), elsewhere)
    assert not serves(project)


def test_a_copy_of_the_project_does_not_do_since_it_grows_old(project: Path) -> None:
    notes = plant_project(make_venv(project), project)
    assert serves(project)
    (notes / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {}}), encoding="utf-8")
    assert not serves(project)
    (notes / "direct_url.json").unlink()
    assert not serves(project)


@pytest.mark.parametrize(
    "lost", ["the command", "the end of the installation", "all", "none, but two are there", "a file's content"]
)
def test_an_installation_of_the_project_that_is_not_whole_does_not_do(project: Path, lost: str) -> None:
    venv = make_venv(project)
    notes = plant_project(venv, project)
    assert serves(project)
    if lost == "the command":
        (venv / SCRIPTS / f"tinychat{EXE}").unlink()
    elif lost == "the end of the installation":
        (notes / "RECORD").unlink()
    elif lost == "a file's content":  # as after a power loss
        record = notes / "RECORD"
        (notes / "LICENSE").write_text("MIT", encoding="utf-8")
        record.write_text(f"{record.read_text()}{notes.name}/LICENSE,sha256=x,3\n", encoding="utf-8")
        assert serves(project)
        (notes / "LICENSE").write_text("", encoding="utf-8")
    elif lost == "all":
        shutil.rmtree(notes)
    else:
        plant_project(venv, project, version="0.2.0")
    assert not serves(project)


def test_a_project_that_was_cut_off_is_no_reason_to_make_the_environment_anew(project: Path) -> None:
    venv = make_venv(project)
    (plant_project(venv, project) / "RECORD").unlink()
    assert why_unfit(venv) is None


@pytest.fixture
def linked(project: Path) -> Path:
    """A second clone whose `.venv` is a link to the one of `project`, in which all is as it should be."""
    clone = project.parent / "clone"
    shutil.copytree(project, clone)
    venv = make_venv(project)
    plant(venv, "little_package", "1.0")
    plant_project(venv, project)
    (clone / ".venv").symlink_to(venv)
    return clone


def test_a_link_to_the_environment_of_another_clone_stays_with_that_clone_and_says_so(
    project: Path, linked: Path
) -> None:
    done = run_tool(linked)
    assert (done.returncode, done.stdout) == (0, "")
    assert ".venv is a link" in done.stderr and str(project) in done.stderr


def test_a_link_to_the_environment_of_a_clone_that_is_gone_does_not_do(project: Path, linked: Path) -> None:
    assert serves(linked)
    (project / "pyproject.toml").unlink()
    assert not serves(linked)


@pytest.mark.parametrize("text", [None, "[project", "[project]\nname = 'tinychat'\n", "a = 1\n"])
def test_a_pyproject_that_cannot_be_read_is_an_error_of_one_line(project: Path, text: str | None) -> None:
    plant(make_venv(project), "little_package", "1.0")
    (project / "pyproject.toml").unlink()
    if text:
        (project / "pyproject.toml").write_text(text, encoding="utf-8")
    done = run_tool(project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: pyproject.toml") and len(done.stderr.splitlines()) == 1


def test_from_nothing_it_is_made_filled_and_then_kept(project: Path, wheels: Path) -> None:
    first = run_tool(project, wheels=wheels)
    assert first.returncode == 0, first.stderr
    assert subprocess.run([environment.python_of(project / ".venv"), "-c", "import little_package"]).returncode == 0
    assert say(project / ".venv") == "hello"
    second = run_tool(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_command_runs_the_code_of_the_folder_as_it_is_now_also_after_make_clean(
    project: Path, wheels: Path
) -> None:
    assert run_tool(project, wheels=wheels).returncode == 0
    (project / "tinychat/cli.py").write_text("def main() -> None:\n    print('changed')\n", encoding="utf-8")
    subprocess.run(["make", "-f", ROOT / "Makefile", "clean"], cwd=project, check=True)
    assert say(project / ".venv") == "changed"
    assert run_tool(project).stdout == ""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the commands of Windows are programs with a path in them")
def test_a_folder_that_was_moved_keeps_its_packages_and_its_commands_run_what_lies_in_it(
    project: Path, wheels: Path
) -> None:
    before, after = (project.parent / name for name in ("프로젝트", "moved"))
    project.rename(before)
    assert run_tool(before, wheels=wheels).returncode == 0
    before.rename(after)
    (before / ".venv/bin").mkdir(parents=True)  # what a command that still named it would miss
    (after / "tinychat/cli.py").write_text("def main() -> None:\n    print('moved')\n", encoding="utf-8")
    done = run_tool(after)
    assert done.returncode == 0, done.stderr
    assert "is made anew" not in done.stdout and "packages into" not in done.stdout
    assert say(after / ".venv") == "moved"
    assert subprocess.run([after / ".venv/bin/pip", "--version"], capture_output=True).returncode == 0
    activated = subprocess.run(
        ["sh", "-c", ". .venv/bin/activate; command -v tinychat"], cwd=after, capture_output=True
    )
    assert activated.stdout.decode().strip() == str(after / ".venv/bin/tinychat")
    assert run_tool(after).stdout == ""


@pytest.mark.slow
def test_the_installation_leaves_nothing_in_the_folder_that_git_would_show(project: Path, wheels: Path) -> None:
    shutil.copy(ROOT / ".gitignore", project)
    for command in ("init --quiet", "add ."):
        subprocess.run(["git", *command.split()], cwd=project, check=True)
    assert run_tool(project, wheels=wheels).returncode == 0
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project, check=True, capture_output=True, encoding="utf-8"
    )
    assert [line for line in status.stdout.splitlines() if not line.startswith("A ")] == []


@pytest.mark.slow
def test_a_new_name_of_the_command_is_there_after_the_next_run_and_nothing_else_is_installed(
    project: Path, wheels: Path
) -> None:
    assert run_tool(project, wheels=wheels).returncode == 0
    renamed = PYPROJECT.replace("{ tinychat =", "{ tc =").replace("0.1.0", "0.2.0")
    (project / "pyproject.toml").write_text(renamed, encoding="utf-8", newline="\n")
    done = run_tool(project)
    assert (done.returncode, done.stdout) == (0, "Installing tinychat itself into .venv\n"), done.stderr
    assert say(project / ".venv", "tc") == "hello"
    assert not (project / ".venv" / SCRIPTS / f"tinychat{EXE}").exists()
    assert run_tool(project).stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut off", "cut off as a copy", "two of them"])
def test_a_broken_installation_of_the_project_is_completed_by_the_next_run(
    project: Path, wheels: Path, fault: str
) -> None:
    assert run_tool(project, wheels=wheels).returncode == 0
    venv = project / ".venv"
    notes = venv / SITE / "tinychat-0.1.0.dist-info"
    if fault == "two of them":
        plant_project(venv, project, version="0.2.0")
    else:
        (notes / "RECORD").unlink()
    if fault == "cut off":
        next((venv / SITE).glob("__editable__*.py")).write_text("def ins", encoding="utf-8")
    if fault == "cut off as a copy":
        shutil.copytree(project / "tinychat", venv / SITE / "tinychat")
    (project / "tinychat/cli.py").write_text("def main() -> None:\n    print('changed')\n", encoding="utf-8")
    done = run_tool(project)
    assert (done.returncode, done.stdout) == (0, "Installing tinychat itself into .venv\n"), done.stderr
    assert say(venv) == "changed"
    assert run_tool(project).stdout == ""


@pytest.mark.slow
def test_what_a_killed_pip_had_put_aside_does_not_stand_in_the_way_of_the_next(project: Path, wheels: Path) -> None:
    assert run_tool(project, wheels=wheels).returncode == 0
    site = project / ".venv" / SITE
    for aside in ("~inychat-0.0.8.dist-info", "~~nychat-0.0.9.dist-info"):
        shutil.copytree(site / "tinychat-0.1.0.dist-info", site / aside)
    (project / "pyproject.toml").write_text(PYPROJECT.replace("0.1.0", "0.2.0"), encoding="utf-8", newline="\n")
    done = run_tool(project)
    assert done.returncode == 0, done.stderr
    assert [folder.name for folder in site.glob("*nychat-*.dist-info")] == ["tinychat-0.2.0.dist-info"]


@pytest.mark.slow
def test_what_the_dev_lock_has_besides_is_added_and_the_rest_stays(project: Path, wheels: Path) -> None:
    make_wheel(wheels, "other", "2.0")
    assert run_tool(project, wheels=wheels).returncode == 0
    kept = project / ".venv" / "kept"
    kept.touch()
    (project / "requirements-dev.lock").write_text("other==2.0\n", encoding="utf-8", newline="\n")
    done = run_tool(project, "--dev", wheels=wheels)
    assert done.returncode == 0 and done.stdout.startswith("Installing 1 packages")
    assert "tinychat itself" not in done.stdout
    assert kept.exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["no Python", "cut off", "no pip", "a file"])
def test_a_broken_environment_is_made_anew_with_a_line_that_says_why(project: Path, wheels: Path, fault: str) -> None:
    if fault == "a file":
        (project / ".venv").write_text("", encoding="utf-8")
    else:
        venv = make_venv(project)
        if fault == "no Python":
            shutil.rmtree(environment.python_of(venv).parent)
        if fault == "cut off":
            plant(venv, "little_package", "1.0", whole=False)
    done = run_tool(project, wheels=wheels)
    assert done.returncode == 0, done.stderr
    assert ".venv is made anew: " in done.stdout
    assert run_tool(project).stdout == ""


@pytest.mark.slow
def test_a_pin_that_cannot_be_had_is_an_error_and_leaves_nothing_that_counts_as_ready(project: Path) -> None:
    for _ in range(2):
        done = run_tool(project)
        assert done.returncode == 1
        assert "pip could not install" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def local_host() -> Iterator[str]:
    """The address of a server that answers each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_package_index_is_used_only_where_its_host_answers(local_host: str) -> None:
    assert environment.answers(local_host)
    assert not environment.answers("http://127.0.0.1:9/")
