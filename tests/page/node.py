"""Runs a script of this folder in Node, if there is one."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def run_in_node(script: str, value: Any, *, needs_packages: bool = False) -> Any:
    """What a script that reads JSON and writes JSON makes of a value; skips the test where there is no Node.

    `needs_packages`: it imports what `npm ci` brings; the test is skipped where that was not run.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the page's JavaScript")
    if needs_packages and not (HERE.parents[1] / "web/node_modules/preact").is_dir():
        pytest.skip("the packages of the page are missing: run npm ci in web/")
    said = json.dumps(value).encode()
    ended = subprocess.run([node, str(HERE / script)], input=said, stdout=subprocess.PIPE, check=True, timeout=600)
    return json.loads(ended.stdout)
