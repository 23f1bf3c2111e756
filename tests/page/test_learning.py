"""What the page carries of the training."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.page.test_building import HOSTILE, Parts, carried, inputs  # noqa: F401 (a fixture)
from tinychat.errors import InputError
from tinychat.files import write_json
from tinychat.page.building import PageInputs, build_page
from tinychat.page.learning import Learning, read_learning

REPLY = {"text": "네.", "tokens": ["네", ".", "<eos>"], "probabilities": [0.5, 0.9, 1.0], "ended": True}
LEARNING: dict[str, Any] = {
    "losses": [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 1}],
    "prompts": [[{"role": "user", "content": "안녕"}]],
    "answers": [{"step": 0, "replies": [REPLY]}, {"step": 2, "replies": [REPLY]}],
}


def test_the_page_carries_losses_and_answers(inputs: PageInputs, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "learning.json"
    write_json(path, LEARNING)
    found = carried(build_page(replace(inputs, learning=read_learning(path)), 6))["learning"]
    assert found == {**LEARNING, "losses": [[1, 2.5], [2, 1.0]]}


def test_a_page_without_them_is_built(inputs: PageInputs, tmp_path: Path) -> None:  # noqa: F811
    assert read_learning(tmp_path / "learning.json") is None
    assert carried(build_page(inputs, 6))["learning"] is None


def test_what_a_model_answered_cannot_end_its_element(inputs: PageInputs) -> None:  # noqa: F811
    row = {"step": 0, "replies": [REPLY | {"text": HOSTILE, "tokens": [HOSTILE] * 3}]}
    page = build_page(replace(inputs, learning=Learning.model_validate(LEARNING | {"answers": [row]})), 6)
    assert len(Parts(page).found) == len(Parts(build_page(inputs, 6)).found)
    assert carried(page)["learning"]["answers"][0]["replies"][0]["text"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"losses": [', "Expecting value"),
        ("[]", "its content is"),
        ('{"losses": [], "prompts": []}', "answers is missing"),
        (json.dumps(LEARNING | {"losses": [{"step": -1, "loss": 1}]}), r"losses\.0\.step is -1"),
        (json.dumps(LEARNING | {"prompts": [[{"role": "system", "content": ""}]]}), r"prompts\.0\.0\.role is 'system'"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "learning.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"learning\.json: damaged.*{fault}.*`dvc repro --force train`"):
        read_learning(path)
