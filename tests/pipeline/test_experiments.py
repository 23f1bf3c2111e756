"""What docs/pipeline.md shows, with the real `dvc exp`."""

import csv
import io
import json
import re

import pytest

from tests.pipeline.project import Project

pytestmark = pytest.mark.slow

RATES = ["0.0005", "0.001", "0.002"]


def experiments(project: Project) -> list[dict[str, str]]:
    """What `dvc exp show` has of every experiment, by column."""
    rows = csv.DictReader(io.StringIO(project.dvc("exp", "show", "--csv").stdout))
    return [row for row in rows if row["typ"].startswith("branch")]


def test_a_sweep_is_queued_compared_applied_and_left_again(project: Project) -> None:
    at_first = project.out_bytes()
    sweep = f"train.learning_rate={','.join(RATES)}"
    project.dvc("exp", "run", "--queue", "--copy-paths", "data/raw/qa.csv", "-S", sweep)
    project.dvc("exp", "run", "--run-all")
    assert project.git("status", "--short") == ""
    assert project.out_bytes() == at_first

    found = experiments(project)
    assert sorted(row["train.learning_rate"] for row in found) == RATES
    assert {row["State"] for row in found} == {"Success"}
    assert len({row["held_out.perplexity"] for row in found}) == 3
    (chosen,) = [row["Experiment"] for row in found if row["train.learning_rate"] == "0.002"]

    differences = json.loads(project.dvc("exp", "diff", "--json", "HEAD", chosen).stdout)
    assert differences["params"] == {
        "params.yaml": {"train.learning_rate": {"old": 0.001, "new": 0.002, "diff": 0.001}}
    }
    assert "held_out.perplexity" in differences["metrics"]["reports/evaluate/metrics.json"]

    project.dvc("exp", "apply", chosen)
    (changed,) = re.findall(r"^\+ .*", project.git("diff", "params.yaml"), re.MULTILINE)
    assert re.match(r"\+  learning_rate: 0.002\b", changed)
    assert project.repro().ran == []
    assert b'"learning_rate": 0.002' in project.out_bytes()["models/dialogue/training.json"]

    project.git("checkout", ".")
    back = project.repro()
    assert back.ran == []
    assert project.out_bytes() == at_first


def test_a_queued_experiment_has_own_dialogues_once_dvc_tracks_them(project: Project) -> None:
    (project.root / "data/raw/more.csv").write_text("Q,A\n어디야?,집이야\n뭐 먹지?,국수 먹자\n", encoding="utf-8")
    project.dvc("exp", "run", "--queue", "-S", "train.epochs=1", "--name", "without")
    project.dvc("exp", "run", "--run-all")  # its exit code is 0 even where all experiments fail
    log = project.dvc("queue", "logs", "without").stdout
    assert "error: data/raw/more.csv lies in the project, but not in the copy" in log
    assert "dvc add data/raw/more.csv" in log

    for name in ("more.csv", "qa.csv"):
        project.dvc("add", f"data/raw/{name}")
    project.git("add", "data/raw")
    project.git("commit", "--quiet", "--message=track the dialogues")
    project.dvc("exp", "run", "--queue", "-S", "train.epochs=1", "--name", "with")
    project.dvc("exp", "run", "--run-all")
    (row,) = [row for row in experiments(project) if row["Experiment"] == "with"]
    assert row["rows_read"] == "82"


def test_an_experiment_with_a_value_that_cannot_be_is_refused_and_nothing_is_lost(project: Project) -> None:
    at_first = project.out_bytes()
    ended = project.dvc("exp", "run", "-S", "train.epochs=many", fails=True)
    assert "params.yaml: train.epochs is 'many'; it must be a whole number" in ended.stdout + ended.stderr
    project.git("checkout", ".")
    assert project.repro().ran == []
    assert project.out_bytes() == at_first


def test_plots_have_titles_and_axes_and_both_sides_of_a_change(project: Project) -> None:
    history = project.root / "reports/train/history.csv"
    history.write_text(history.read_text(encoding="utf-8").replace("\n1,", "\n9,"), encoding="utf-8")
    project.dvc("plots", "diff", "HEAD")
    page = (project.root / "dvc_plots/index.html").read_text(encoding="utf-8")
    for wanted in ("Loss in nats per token", "nats per token", "Learning rate", '"workspace"', '"HEAD"'):
        assert wanted in page, wanted
    assert '"title": "step"' in page and '"title": "epoch"' in page
    assert project.git("status", "--short").split() == ["M", "reports/train/history.csv"]


def test_the_graph_as_markdown_has_every_stage_and_one_end(project: Project) -> None:
    graph = project.dvc("dag", "--md").stdout
    names = dict(re.findall(r'(node\d+)\["(\w+)"\]', graph))
    arrows = [(names[a], names[b]) for a, b in re.findall(r"(node\d+)-->(node\d+)", graph)]
    assert len(names) == 10
    assert {to for _, to in arrows} | {"ingest"} == set(names.values())
    assert {name for name in names.values() if name not in {start for start, _ in arrows}} == {"build_page"}
