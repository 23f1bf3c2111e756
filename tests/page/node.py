"""Runs a script of this folder in Node, if there is one."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def run_in_node(script: str, value: Any) -> Any:
    """What a script that reads JSON and writes JSON makes of a value; skips the test where there is no Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the page's JavaScript")
    said = json.dumps(value).encode()
    ended = subprocess.run([node, str(HERE / script)], input=said, stdout=subprocess.PIPE, check=True, timeout=600)
    return json.loads(ended.stdout)
