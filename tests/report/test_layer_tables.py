"""The tables of a sentence: what each layer would say for the reply, and what the heads do."""

from typing import Any

import pytest

from tinychat.report.formats import SentenceRecord
from tinychat.report.layer_tables import head_table, prediction_table
from tinychat.schemas import validate

TOKENS = ["<user>", " 누구", "<bot>", " 지", "우"]
STATES = ["input_layer", "decoder_layers.0", "decoder_layers.1"]


def sentence(**changes: Any) -> dict[str, Any]:
    """Two layers of two heads; the reply is 지우, of two tokens."""
    last = ["a", "b", " 지", "우", "<eos>"]
    early = [
        [
            [{"token": token if layer == 2 or token == "우" else "?", "probability": 0.04 * (layer + 1)}]
            for token in last
        ]
        for layer in range(3)
    ]
    role = {"role": "previous", "share": 0.618}
    record = {
        **{"prompt": "누구", "reply": "지우", "n_prompt_tokens": 3, "tokens": TOKENS, "states": STATES},
        "early_predictions": early,
        "heads": [[role, {"role": None, "share": 0.0}], [role, {"role": "copied", "share": 0.99}]],
        "norms": {},
        "copied_text": {"layer": 1, "head": 1},
    }
    return record | changes


def test_the_columns_are_the_words_of_the_reply_and_what_ends_it() -> None:
    table = prediction_table(sentence(), "en")
    assert table.words == ["␣지", "우", "<eos>"]
    assert [name for name, _ in table.rows] == ["input_layer", "layer 1", "layer 2"]
    assert [guess.token for guess in table.rows[0][1]] == ["?", "우", "?"]
    assert [guess.token for guess in table.rows[2][1]] == ["␣지", "우", "<eos>"]
    assert [guess.same for guess in table.rows[0][1]] == [False, True, False]
    assert [row[0].percent for _, row in table.rows] == ["4.0%", "8.0%", "12%"]


def test_an_empty_reply_has_the_column_of_what_ends_it() -> None:
    record = sentence(tokens=TOKENS[:3], early_predictions=[layer[:3] for layer in sentence()["early_predictions"]])
    assert prediction_table(record, "ko").words == ["␣지"]


def test_every_head_is_in_the_table_and_the_one_of_the_text_is_marked() -> None:
    table = head_table(sentence(), "ko")
    assert table.heads == ["1번", "2번"]
    assert [name for name, _ in table.rows] == ["1층", "2층"]
    cells = [(cell.role, cell.percent, cell.named) for _, row in table.rows for cell in row]
    assert cells == [
        ("바로 앞 토큰", "62%", False),
        ("여러 곳", "", False),
        ("바로 앞 토큰", "62%", False),
        ("복사할 말", "99%", True),
    ]
    assert not any(cell.named for _, row in head_table(sentence(copied_text=None), "en").rows for cell in row)


@pytest.mark.parametrize(
    "changes",
    [
        {"n_prompt_tokens": 6},
        {"n_prompt_tokens": 0},
        {"tokens": TOKENS[:4]},
        {"states": STATES[:2]},
        {"early_predictions": []},
        {"early_predictions": [[[]] * 5] * 3},
        {"heads": []},
        {"heads": [[]]},
        {"heads": [[{"role": None, "share": 0.0}], [{"role": None, "share": 0.0}] * 2]},
        {"heads": [[{"role": "odd", "share": 0.0}]] * 2},
    ],
)
def test_a_record_whose_parts_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    validate(sentence(copied_text=None), SentenceRecord)
    with pytest.raises(ValueError):
        validate(sentence(copied_text=None) | changes, SentenceRecord)
