"""Runs `uv pip` with the package indexes of pip's configuration, since uv reads neither pip.conf nor PIP_* variables.

    python tools/uv.py install torch

uv's own variables take precedence. Only the standard library, since this runs before anything is installed.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

UV_OF_PIP = {
    "index-url": "UV_INDEX_URL",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
SECTIONS = ("global", "install", ":env:")  # later ones take precedence


def pip_settings(listed: str) -> dict[str, str]:
    """The settings that `pip config list` prints, by name."""
    found: dict[str, str] = {}
    for section in SECTIONS:
        for line in listed.splitlines():
            if line.startswith(f"{section}."):
                name, _, value = line.removeprefix(f"{section}.").partition("=")
                found[name] = ast.literal_eval(value)
    return found


def uv_variables(pip: dict[str, str]) -> dict[str, str]:
    """pip's settings in uv's variables."""
    found = {variable: pip[name] for name, variable in UV_OF_PIP.items() if name in pip}
    if "find-links" in pip:
        found["UV_FIND_LINKS"] = ",".join(pip["find-links"].split())
    if "extra-index-url" in pip:
        found["UV_EXTRA_INDEX_URL"] = " ".join(pip["extra-index-url"].split())
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's strategy: the best version of all indexes
    return found


def main() -> int:
    """The command line."""
    python = Path(sys.executable)
    listed = subprocess.run([python, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    pip = pip_settings(listed)
    no_index = ["--no-index"] if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else []
    uv = python.with_name("uv")
    return subprocess.run([uv, "pip", *sys.argv[1:], *no_index], env=uv_variables(pip) | os.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
