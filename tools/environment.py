"""Makes `.venv` hold every package that the lock files pin and the command `tinychat`, or sees at once that it does.

    python3 tools/environment.py            what `make repro` needs (requirements.lock)
    python3 tools/environment.py --dev      what `make test` and `make lint` need besides

Only the standard library, since it runs before anything is installed.
"""

# ruff: noqa: E402 - the check of the Python version comes before the imports that an old one lacks

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
NEEDED = (3, 11)


def python_of(venv: Path) -> Path:
    """The Python of a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


if sys.version_info < NEEDED:
    # A `.venv` that was made with a newer Python does the work, unless this very Python was asked for.
    if sys.prefix == sys.base_prefix and "--exactly" not in sys.argv and python_of(VENV).exists():
        sys.exit(subprocess.call([str(python_of(VENV)), *sys.argv]))
    sys.exit(
        f"error: tinychat needs Python {NEEDED[0]}.{NEEDED[1]}+, and {sys.executable} is {sys.version.split()[0]}\n"
        "Name a newer one, for example: make repro PYTHON=python3.12"
    )

import argparse
import json
import re
import shutil
import threading
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from urllib.parse import urlsplit
from urllib.request import url2pathname, urlopen

LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
OWN_NAME = "tinychat"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS_TO_ANSWER = 4

# A path that can stand in a script's first line and, unquoted, in one of a shell.
IN_SCRIPTS = re.compile(r"[\w@%+=:,./-]{1,100}")

PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*sys_platform == \"(\w+)\")?")

ASK = (
    "import json, sys, sysconfig; print(json.dumps({'version': sys.version_info[:2],"
    " 'site': sysconfig.get_path('purelib'), 'scripts': sysconfig.get_path('scripts'), 'platform': sys.platform}))"
)


class SetUpError(Exception):
    """The environment cannot be made; the text says what to do."""


@dataclass(frozen=True)
class Project:
    """This project as pyproject.toml has it, or as an environment does: `commands` are name to entry point.

    `folder` is where its code runs from; None where the environment has a copy of the code.
    """

    folder: Path | None
    version: str
    commands: dict[str, str]


@dataclass(frozen=True)
class Contents:
    """A virtual environment as it is found.

    `packages` are those installed to the end, name to version; `half` are those whose installation was cut off.
    This project is in neither: `own` are the .dist-info folders that it has, whole or not.
    """

    python: tuple[int, int]
    platform: str
    packages: dict[str, str]
    half: list[str]
    own: list[Path]
    site: Path
    scripts: Path


def plain_name(name: str) -> str:
    """A package's name as all its spellings share it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_whole(info: Path) -> bool:
    """Whether the package of a .dist-info folder was installed to the end."""
    return (info / "RECORD").is_file()  # pip writes it last


def made_for(venv: Path) -> Path | None:
    """The folder that a virtual environment's scripts name, where that is another one: it was moved, or copied."""
    settings = venv / "pyvenv.cfg"
    if not settings.is_file():
        return None
    named = re.search(r"^command = .* -m venv (?:--\S+ )*(.+)$", settings.read_text(encoding="utf-8"), re.MULTILINE)
    if named is None or Path(named[1]).resolve() == venv.resolve():
        return None
    return Path(named[1])


def can_move_in(venv: Path, before: Path) -> bool:
    """Whether the scripts of an environment can be given the folder in which it lies in the place of `before`."""
    paths = (str(before), str(venv))
    return os.name == "posix" and not venv.is_symlink() and all(IN_SCRIPTS.fullmatch(path) for path in paths)


def move_in(venv: Path, before: Path) -> None:
    """Let the scripts of an environment that was made for `before` name the folder in which it lies now."""
    # pyvenv.cfg comes last: until then the environment counts as not moved in, and this is done again.
    for path in [*sorted(python_of(venv).parent.iterdir()), venv / "pyvenv.cfg"]:
        content = b"" if path.is_symlink() or not path.is_file() else path.read_bytes()
        if os.fsencode(before) in content and b"\0" not in content:
            aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            aside.write_bytes(content.replace(os.fsencode(before), os.fsencode(venv)))
            shutil.copymode(path, aside)
            aside.replace(path)


def look_into(venv: Path) -> Contents | None:
    """What `venv` holds; None where its Python does not start."""
    try:
        answer = subprocess.run([python_of(venv), "-I", "-c", ASK], capture_output=True, timeout=60, check=True)
        said = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    site, scripts = Path(said["site"]), Path(said["scripts"])
    packages, half, own = {}, [], []
    for folder in sorted(site.glob("*.dist-info")):
        if folder.name.startswith("~"):  # what pip had put aside to remove
            continue
        if plain_name(folder.name.split("-")[0]) == OWN_NAME:
            own.append(folder)
        elif not is_whole(folder):
            half.append(folder.name.removesuffix(".dist-info"))
        else:
            package = PathDistribution(folder)
            packages[plain_name(package.metadata["Name"])] = package.version.split("+")[0]
    major, minor = said["version"]
    return Contents((major, minor), said["platform"], packages, half, own, site, scripts)


def described(root: Path) -> Project:
    """The project as its pyproject.toml describes it; raises SetUpError where that cannot be read."""
    try:
        with open(root / "pyproject.toml", "rb") as file:
            project = tomllib.load(file)["project"]
        return Project(root.resolve(), project["version"], project.get("scripts", {}))
    except (OSError, ValueError, KeyError) as error:
        raise SetUpError(f"pyproject.toml does not say what to install: {error!r}") from None


def installed(contents: Contents) -> Project | None:
    """The project as an environment has it; None where its installation or a command of it is not whole."""
    if len(contents.own) != 1 or not is_whole(contents.own[0]):
        return None
    package = PathDistribution(contents.own[0])
    commands = {entry.name: entry.value for entry in package.entry_points if entry.group == "console_scripts"}
    # A machine that lost its power leaves files empty or away. What pip made of others (.pyc) has no hash, and may go.
    recorded = [(Path(str(package.locate_file(file))), file.size) for file in package.files or () if file.hash]
    if any(not path.is_file() or path.stat().st_size != size for path, size in recorded):
        return None
    if any(shutil.which(name, path=contents.scripts) is None for name in commands):
        return None
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    folder = Path(url2pathname(urlsplit(origin["url"]).path)).resolve() if editable else None
    return Project(folder, package.version, commands)


def serves(venv: Path, root: Path, contents: Contents) -> bool:
    """Whether the commands of `venv` are those of the project in `root`.

    One that is a link to the environment of the project in another folder goes on serving that one.
    """
    found = installed(contents)
    if found and found.folder and found.folder != root.resolve() and venv.resolve().parent != root.resolve():
        return (found.folder / "pyproject.toml").is_file()
    return found == described(root)


def why_unfit(venv: Path, contents: Contents | None, version: tuple[int, int] | None) -> str | None:
    """Why an existing environment must be made anew; None where it can be used.

    `version`: the only Python version that will do; None: any that tinychat supports.
    """
    settings = venv / "pyvenv.cfg"
    if contents is None:
        return "its Python does not start"
    if not settings.is_file():
        return "it has no pyvenv.cfg"
    if contents.python < NEEDED or version not in (None, contents.python):
        return "it is of Python {}.{}".format(*contents.python)
    # Its scripts name the folder that they were made for, and would run what lies there.
    if (before := made_for(venv)) and not can_move_in(venv, before):
        return f"it was made for another folder, {before}"
    if contents.half:
        return f"the installation of {', '.join(contents.half)} was cut off"
    return None


def pins(lock: Path, platform: str) -> dict[str, str]:
    """Name and version of each line of a lock file that holds on `platform` (as in `sys.platform`).

    Raises SetUpError where the file or a line is not as `make lock` writes it.
    """
    if not lock.is_file():
        raise SetUpError(f"{lock.name} is missing: `git checkout {lock.name}` brings it back")
    found = {}
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        pin = PIN.fullmatch(line.strip())
        if pin is None:
            raise SetUpError(f"{lock.name}:{number}: expected name==version, found {line!r}")
        name, pinned, only_on = pin.groups()
        if only_on in (None, platform):
            found[plain_name(name)] = pinned
    return found


def lacking(contents: Contents, locks: list[Path]) -> list[str]:
    """The pins, as name==version, that the environment does not meet; 2.13.0+cpu meets 2.13.0."""
    wanted = {name: version for lock in locks for name, version in pins(lock, contents.platform).items()}
    return [f"{name}=={version}" for name, version in wanted.items() if contents.packages.get(name) != version]


def create(venv: Path) -> Contents:
    """Make an empty virtual environment in the place of `venv`, whatever is there."""
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)
    # Where this runs inside a virtual environment, perhaps the one just removed, take the Python beneath it.
    python = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([python, "-m", "venv", venv]).returncode == 0
    contents = look_into(venv)
    if not made or contents is None:
        raise SetUpError(
            f"{python} could not make {venv}. On Debian and Ubuntu, `apt install python3-venv` may be what it lacks"
        )
    return contents


def answers(address: str) -> bool:
    """Whether a host answers within a few seconds, the look-up of its name included."""
    answered = threading.Event()

    def call() -> None:
        with suppress(OSError), urlopen(address, timeout=SECONDS_TO_ANSWER):
            answered.set()

    # A thread, since looking up a name has no time limit of its own.
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SECONDS_TO_ANSWER)
    return answered.is_set()


def torch_source() -> list[str]:
    """pip's options for the build of torch that suits this machine; a line says which where there is a choice."""
    if sys.platform != "linux" or Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return []
    if answers(f"{CPU_INDEX}/torch/"):
        print(f"No NVIDIA driver here: torch comes from PyTorch's CPU index, {CPU_INDEX}", flush=True)
        return ["--extra-index-url", CPU_INDEX]
    print(f"No NVIDIA driver here, but {CPU_INDEX} does not answer: torch comes from PyPI, maybe with CUDA", flush=True)
    return []


def install(venv: Path, wanted: list[str], locks: list[Path]) -> None:
    """Install the pins `wanted`, and whatever else they need as the lock files have it."""
    source = torch_source() if any(pin.startswith("torch==") for pin in wanted) else []
    held = [option for lock in locks for option in ("-c", str(lock))]
    # Without PEP 517 an older pip installs a package that has no wheel such that it leaves no RECORD.
    settings = {**os.environ, "PIP_USE_PEP517": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(python_of(venv)), "-m", "pip", "install", *source, *held, *wanted]
    if subprocess.run(command, env=settings).returncode != 0:
        raise SetUpError("pip could not install all packages (its reason stands above)")


def install_project(venv: Path, root: Path, contents: Contents) -> None:
    """Install the project such that its commands run the code in `root` as it is there; needs no network."""
    if len(contents.own) != 1 or not is_whole(contents.own[0]):
        # pip removes nothing of what was cut off, since RECORD would say what that is.
        for folder in [*contents.own, contents.site / OWN_NAME]:
            shutil.rmtree(folder, ignore_errors=True)
        for file in contents.site.glob(f"__editable__*{OWN_NAME}*"):
            file.unlink()
    command = [str(python_of(venv)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "--no-deps", "--no-build-isolation", "--editable", root]).returncode != 0:
        raise SetUpError(f"pip could not install {OWN_NAME} itself (its reason stands above)")


def prepare(root: Path, venv: Path, locks: list[Path], version: tuple[int, int] | None) -> Contents:
    """Leave `venv` with all that `locks` pin and the project: kept, completed or made anew, whichever is the least."""
    contents = None
    if os.path.lexists(venv):
        contents = look_into(venv)
        unfit = why_unfit(venv, contents, version)
        if contents and not unfit:
            if before := made_for(venv):
                print(f"{venv.name} was made for {before}: its scripts get the new place", flush=True)
                move_in(venv, before)
            if not lacking(contents, locks) and serves(venv, root, contents):
                return contents
            if "pip" not in contents.packages:
                unfit = "it has no pip"
        if unfit:
            print(f"{venv.name} is made anew: {unfit}", flush=True)
            contents = None
    if contents is None:
        contents = create(venv)
    # What a killed pip had put aside: another pip takes it for the package itself, and leaves that beside the new one.
    for remains in contents.site.glob("~*.dist-info"):
        shutil.rmtree(remains)
    if wanted := lacking(contents, locks):
        print(f"Installing {len(wanted)} packages into {venv.name}", flush=True)
        install(venv, wanted, locks)
        contents = look_into(venv) or contents
        if still := lacking(contents, locks):
            raise SetUpError(f"pip installed without an error, yet these are not there: {', '.join(still)}")
    if not serves(venv, root, contents):
        print(f"Installing {OWN_NAME} itself into {venv.name}", flush=True)
        install_project(venv, root, contents)
        contents = look_into(venv) or contents
        if not serves(venv, root, contents):
            raise SetUpError(f"pip installed {OWN_NAME}, yet {installed(contents)} is not {described(root)}")
    return contents


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make .venv hold what the lock files pin.")
    parser.add_argument("--dev", action="store_true", help="what tests and linters need, too")
    parser.add_argument("--exactly", action="store_true", help="no other Python version than the one that runs this")
    options = parser.parse_args()
    locks = [ROOT / LOCK, *([ROOT / DEV_LOCK] if options.dev else [])]
    try:
        contents = prepare(ROOT, VENV, locks, sys.version_info[:2] if options.exactly else None)
    except SetUpError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    found = installed(contents)
    if found and found.folder != ROOT:
        print(f"{VENV.name} is a link: its command {OWN_NAME} runs what lies in {found.folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
