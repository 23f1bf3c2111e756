"""A stage writes all its outs or none: what lies beside a stage that failed would pass for its result."""

import re
import sys

import pytest

from tests.pipeline.processes import forget, litter, outs_of
from tests.pipeline.project import Project


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "build_vocab", "prepare_data", "train", "summarize"])
def test_where_one_out_of_a_stage_cannot_be_written_none_is(project: Project, stage: str) -> None:
    outs = outs_of(project, stage)
    forget(project, stage)
    for refused in [out for out in outs if (project.root / out).suffix]:
        (project.root / refused / "in the way").mkdir(parents=True)
        ended = project.run(sys.executable, "-m", f"stages.{stage}", fails=True)
        assert ended.returncode == 1
        assert re.search(rf"^error: {re.escape(refused)}: Is a directory\n", ended.stderr, re.MULTILINE)
        (project.root / refused / "in the way").rmdir()
        (project.root / refused).rmdir()
        assert not [out for out in outs if (project.root / out).exists()]
        assert litter(project) == []
