"""The page of `dvc plots` with its scripts inlined, so that it needs no network.

    python -m tools.plots_page          writes .dvc/plots.html, which .dvc/config names; needs npm, and a network

DVC's own page loads these scripts, in these versions, from a public server.
"""

import subprocess
import tarfile
import tempfile
from pathlib import Path

from tinychat.files import write_atomically
from tinychat.language.exit import run_and_exit
from tinychat.printing import say

PAGE = Path(".dvc/plots.html")
# As in dvc_render/vega.py.
SCRIPTS = {"vega": "5.20.2", "vega-lite": "5.2.0", "vega-embed": "6.18.2"}
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{{refresh_tag}}
<title>DVC plots</title>
<!-- {credit} -->
<style>
body {{ font-family: system-ui, sans-serif; }}
table {{ border-spacing: 15px; }}
</style>
{scripts}
</head>
<body>
{{plot_divs}}
</body>
</html>
"""


def fetch(package: str, version: str, folder: Path) -> str:
    """The text of a package's script for browsers."""
    name = f"{package}-{version}.tgz"
    subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True, capture_output=True)
    with tarfile.open(folder / name) as archive:
        file = archive.extractfile(f"package/build/{package}.min.js")
        assert file is not None
        return file.read().decode("utf-8")


def page(scripts: dict[str, str]) -> str:
    """The template with these scripts, by their packages."""
    credit = (
        f"{', '.join(f'{package} {SCRIPTS[package]}' for package in scripts)}: Copyright University of Washington "
        "Interactive Data Lab, BSD-3-Clause"
    )
    lines = (f"<script>{text.split('//# sourceMappingURL')[0].strip()}</script>" for text in scripts.values())
    return TEMPLATE.format(credit=credit, scripts="\n".join(lines))


def main() -> None:
    """The command line."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_atomically(PAGE, page({name: fetch(name, v, Path(folder)) for name, v in SCRIPTS.items()}))
        say(f"{PAGE}: {PAGE.stat().st_size:,} bytes")

    run_and_exit(run)


if __name__ == "__main__":
    main()
