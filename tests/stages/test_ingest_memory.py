"""ingest: the private memory of its process does not grow with the corpus."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus.conftest import unlike
from tests.stages.conftest import REPOSITORY

# RLIMIT_DATA counts private memory that can be written to, not the pages of a file that is mapped and shared. What is
# done at once takes memory, too, but does not grow: here little is.
LIMITED = """
import re, resource
from pathlib import Path

from stages import ingest
from tinychat.corpus import features, near_duplicates, scratch

scratch.SMALL = scratch.AT_ONCE = features.TURNS_AT_ONCE = 1 << 12
near_duplicates.MEMBERS_AT_ONCE = near_duplicates.PAIRS_AT_ONCE = 1 << 12
in_use = int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (in_use + {more}, in_use + {more}))
ingest.main()
"""
MORE = 20 << 20


def dialogue(n: int) -> str:
    messages = [{"role": role, "content": unlike(f"{n} {role}")} for role in ("user", "assistant")]
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


def limited(root: Path, dialogues: int) -> subprocess.CompletedProcess[str]:
    """ingest of so many dialogues, in a process that may take MORE bytes than before it began."""
    (root / "data/raw").mkdir(parents=True)
    shutil.copy(REPOSITORY / "params.yaml", root)
    with open(root / "data/raw/talk.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(dialogue, range(dialogues)))
    return subprocess.run(
        [sys.executable, "-c", LIMITED.format(more=MORE)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TINYCHAT_WORKERS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_eight_times_the_dialogues_fit_into_the_same_memory(tmp_path: Path) -> None:
    for dialogues in (20_000, 160_000):
        ended = limited(tmp_path / str(dialogues), dialogues)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"{dialogues:,} rows, {dialogues:,} kept" in ended.stdout
