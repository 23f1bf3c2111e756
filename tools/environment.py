"""Makes `.venv` hold every package that the lock files pin, or sees at once that it does.

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
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from urllib.request import urlopen

LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS_TO_ANSWER = 4

PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*sys_platform == \"(\w+)\")?")

ASK = (
    "import json, sys, sysconfig; print(json.dumps({'version': sys.version_info[:2],"
    " 'site': sysconfig.get_path('purelib'), 'platform': sys.platform}))"
)


class SetUpError(Exception):
    """The environment cannot be made; the text says what to do."""


@dataclass(frozen=True)
class Contents:
    """A virtual environment as it is found.

    `packages` are those installed to the end, name to version; `half` are those whose installation was cut off.
    """

    python: tuple[int, int]
    platform: str
    packages: dict[str, str]
    half: list[str]


def plain_name(name: str) -> str:
    """A package's name as all its spellings share it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def look_into(venv: Path) -> Contents | None:
    """What `venv` holds; None where its Python does not start."""
    try:
        answer = subprocess.run([python_of(venv), "-I", "-c", ASK], capture_output=True, timeout=60, check=True)
        said = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    packages, half = {}, []
    for folder in sorted(Path(said["site"]).glob("*.dist-info")):
        if folder.name.startswith("~"):  # what pip had put aside to remove
            continue
        if not (folder / "RECORD").is_file():  # pip writes it last
            half.append(folder.name.removesuffix(".dist-info"))
            continue
        package = PathDistribution(folder)
        packages[plain_name(package.metadata["Name"])] = package.version.split("+")[0]
    major, minor = said["version"]
    return Contents((major, minor), said["platform"], packages, half)


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
    made_for = re.search(r"^command = .* -m venv (.+)$", settings.read_text(encoding="utf-8"), re.MULTILINE)
    if made_for and not made_for[1].endswith(str(venv)) and Path(made_for[1]).resolve() != venv.resolve():
        return f"it was made for another folder, {made_for[1]}"
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


def prepare(venv: Path, locks: list[Path], version: tuple[int, int] | None) -> None:
    """Leave `venv` with all that `locks` pin: kept, completed or made anew, whichever is the least."""
    contents = None
    if os.path.lexists(venv):
        contents = look_into(venv)
        unfit = why_unfit(venv, contents, version)
        if contents and not unfit:
            if not lacking(contents, locks):
                return
            if "pip" not in contents.packages:
                unfit = "it has no pip"
        if unfit:
            print(f"{venv.name} is made anew: {unfit}", flush=True)
            contents = None
    if contents is None:
        contents = create(venv)
    wanted = lacking(contents, locks)
    print(f"Installing {len(wanted)} packages into {venv.name}", flush=True)
    install(venv, wanted, locks)
    contents = look_into(venv)
    still = lacking(contents, locks) if contents else wanted
    if still:
        raise SetUpError(f"pip installed without an error, yet these are not there: {', '.join(still)}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make .venv hold what the lock files pin.")
    parser.add_argument("--dev", action="store_true", help="what tests and linters need, too")
    parser.add_argument("--exactly", action="store_true", help="no other Python version than the one that runs this")
    options = parser.parse_args()
    locks = [ROOT / LOCK, *([ROOT / DEV_LOCK] if options.dev else [])]
    try:
        prepare(VENV, locks, sys.version_info[:2] if options.exactly else None)
    except SetUpError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
