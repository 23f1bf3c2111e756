import shutil
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.corpus.conftest import REPOSITORY
from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus.prompts import SamplePrompt, read_prompts
from tinychat.corpus.text_keys import text_key
from tinychat.errors import InputError
from tinychat.starter.expanding import N_NAMES
from tinychat.starter.holdout import VALID_SHARE

STARTER = [{"corpus": "starter"}]
SIZE = 400
SMALL = {"dialogues": SIZE, "seed": 0}
TABLE = "Q,A\n" + "".join(f"문항 {n},대답 {n}\n" for n in range(10))


@pytest.fixture
def with_starter(project: Any) -> Any:
    """A project with its own data/starter."""
    shutil.copytree(REPOSITORY / "data/starter", project.root / "data/starter")
    return project


def written(project: Any) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (*project.corpus.iterdir(), *project.overview.iterdir(), project.metrics_file)
    }


@pytest.mark.slow
def test_it_gives_training_validation_and_what_measures(with_starter: Any, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = with_starter.ingest(sources=STARTER, starter=SMALL)
    train, valid, test = (with_starter.dialogues(split) for split in ("train", "valid", "test"))
    assert 0.9 * SIZE < len(train) <= SIZE
    assert 300 < len(valid) < 1_000
    assert len(test) > 2_000
    assert list(metrics["readers"]) == ["starter"]
    assert metrics["rows_read"] == metrics["rows_kept"] == len(train) + len(valid) + len(test)
    assert "data/starter: starter" in (printed := capsys.readouterr().out)
    assert "intents" in printed


@pytest.mark.slow
def test_what_measures_says_what_and_what_is_right(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    measures: Counter[str] = Counter()
    for dialogue in with_starter.dialogues("test"):
        measures[dialogue.metadata["measure"]] += 1
        right = dialogue.turns[-1].content in dialogue.metadata["accept"]
        assert right == (dialogue.metadata["measure"] != "taken_for_unknown")
        if "name" in dialogue.metadata["measure"]:
            assert dialogue.metadata["slots"]["name"] in dialogue.turns[-1].content
    assert len(measures) == 24


@pytest.mark.slow
def test_what_is_trained_on_measures_nothing_and_tells_its_slots_and_the_replies_that_are_right(
    with_starter: Any,
) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    train, valid = with_starter.dialogues("train"), with_starter.dialogues("valid")
    assert {key for one in train for key in one.metadata} == {"accept", "slots"}
    assert all(one.turns[-1].content in one.metadata["accept"] for one in train)
    assert {key for one in valid for key in one.metadata or ()} == {"slots"}
    named_in_train, named_in_valid = (
        [one for one in split if one.metadata and "name" in one.metadata.get("slots", ())] for split in (train, valid)
    )
    assert len(named_in_train) > 0.15 * len(train)
    names = [one.metadata["slots"]["name"] for one in named_in_valid]
    assert len({*names}) == len(names) == round(VALID_SHARE * N_NAMES)  # each that is held out for validation, once
    named = [*named_in_train, *named_in_valid]
    for one in named:
        assert any(one.metadata["slots"]["name"] in turn.content for turn in one.turns if turn.role == "assistant")


def learnt_exchanges(dialogues: list[Any]) -> set[tuple[str, str]]:
    return {
        (text_key(asked.content), text_key(answer.content))
        for one in dialogues
        for asked, answer in pairwise(one.turns)
        if answer.role == "assistant" and answer.has_loss
    }


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.slow
def test_nothing_is_scored_that_was_trained_on(with_starter: Any, split: str) -> None:
    with_starter.ingest(sources=STARTER, starter={"dialogues": 3_000, "seed": 0})
    trained = learnt_exchanges(with_starter.dialogues("train"))
    scored = learnt_exchanges(with_starter.dialogues(split))
    assert len(scored) > 300
    assert not trained & scored


@pytest.mark.slow
def test_what_validates_asks_in_phrasings_of_its_own_or_has_a_name_of_its_own(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter={"dialogues": 3_000, "seed": 0})
    train, valid, test = (with_starter.dialogues(split) for split in ("train", "valid", "test"))

    def names(dialogues: list[Any]) -> set[str]:
        return {one.metadata["slots"]["name"] for one in dialogues if "name" in (one.metadata or {}).get("slots", ())}

    def singles(dialogues: list[Any]) -> set[str]:
        return {text_key(one.turns[0].content) for one in dialogues if len(one.turns) == 2 and not names([one])}

    assert len(names(valid)) > 80
    assert not names(valid) & (names(train) | names(test))
    assert len(singles(valid)) > 200
    asked = {text_key(turn.content) for one in (*train, *test) for turn in one.turns if turn.role == "user"}
    assert not singles(valid) & asked


@pytest.mark.slow
def test_the_same_files_size_and_seed_give_the_same_bytes(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    once = written(with_starter)
    with_starter.ingest(sources=STARTER, starter=SMALL)
    assert written(with_starter) == once
    assert len(once) == 7


@pytest.mark.slow
def test_another_seed_gives_other_bytes(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    once = written(with_starter)
    with_starter.ingest(sources=STARTER, starter=SMALL | {"seed": 1})
    assert all(written(with_starter)[name] != once[name] for name in ("train.jsonl", "test.jsonl"))


def test_a_faulty_file_stops_with_its_name_and_nothing_is_written(with_starter: Any) -> None:
    faulty = with_starter.root / "data/starter/topics/food.yaml"
    faulty.write_text(faulty.read_text(encoding="utf-8") + "  - [\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"data/starter/topics/food\.yaml: not valid YAML"):
        with_starter.ingest(sources=STARTER, starter=SMALL)
    assert not with_starter.corpus.exists()
    assert not with_starter.overview.exists()
    assert not with_starter.metrics_file.exists()


@pytest.mark.slow
def test_a_faulty_file_leaves_the_earlier_corpus_as_it_was(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    before = written(with_starter)
    (with_starter.root / "data/starter/slots.yaml").write_text("name: []\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"slots\.yaml: name\.first is missing"):
        with_starter.ingest(sources=STARTER, starter=SMALL)
    assert written(with_starter) == before


def test_a_project_without_the_folder_is_told_so(project: Any) -> None:
    with pytest.raises(InputError, match=r"data/starter: no folder topics"):
        project.ingest(sources=STARTER, starter=SMALL)


def test_the_starter_named_twice_is_refused(with_starter: Any) -> None:
    with pytest.raises(InputError, match="names corpus starter twice"):
        with_starter.ingest(sources=STARTER * 2, starter=SMALL)


@pytest.mark.slow
def test_an_added_topic_is_trained_on(with_starter: Any) -> None:
    (with_starter.root / "data/starter/topics/mine.yaml").write_text(
        "intents:\n  tea:\n    ask: [녹차 좋아해?, 홍차 좋아해?]\n    answers: [차 이야기는 향긋해서 좋아요!]\n",
        encoding="utf-8",
    )
    with_starter.ingest(sources=STARTER, starter={"dialogues": 2_000, "seed": 0})
    assert ["차 이야기는 향긋해서 좋아요!"] in [texts[1:2] for texts in with_starter.texts("train")]


@pytest.mark.slow
def test_the_shares_of_the_corpus_do_not_move_what_the_starter_holds_out(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    once = written(with_starter)
    with_starter.ingest(sources=STARTER, starter=SMALL, shares={"train": 0.5, "valid": 0.25, "test": 0.25})
    assert {name: written(with_starter)[name] for name in ("train.jsonl", "valid.jsonl", "test.jsonl")} == {
        name: once[name] for name in ("train.jsonl", "valid.jsonl", "test.jsonl")
    }


def of_table(project: Any, split: str = "train") -> list[str]:
    return [texts[0] for texts in project.texts(split) if texts[0].startswith("문항 ")]


@pytest.mark.slow
def test_beside_another_source_both_are_trained_on(with_starter: Any) -> None:
    with_starter.lay("a.csv", TABLE)
    metrics = with_starter.ingest(sources=[*STARTER, {"file": "a.csv"}], starter=SMALL)
    assert of_table(with_starter) == [f"문항 {n}" for n in range(10)]
    assert len(with_starter.texts("train")) > 0.9 * SIZE
    assert set(metrics["readers"]) == {"qa_table", "starter"}


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "times"), [(1, 1), (2, 2), (3, 3)])
def test_a_whole_weight_writes_each_line_so_many_times(with_starter: Any, weight: float, times: int) -> None:
    with_starter.lay("a.csv", TABLE)
    with_starter.ingest(sources=[*STARTER, {"file": "a.csv", "weight": weight}], starter=SMALL)
    assert Counter(of_table(with_starter)) == {f"문항 {n}": times for n in range(10)}


@pytest.mark.slow
def test_a_weight_of_a_half_writes_every_second_line(with_starter: Any) -> None:
    with_starter.lay("a.csv", TABLE)
    with_starter.ingest(sources=[*STARTER, {"file": "a.csv", "weight": 0.5}], starter=SMALL)
    assert of_table(with_starter) == [f"문항 {n}" for n in range(1, 10, 2)]


@pytest.mark.slow
def test_a_weight_of_one_and_a_half_writes_every_second_line_twice(with_starter: Any) -> None:
    with_starter.lay("a.csv", TABLE)
    with_starter.ingest(sources=[*STARTER, {"file": "a.csv", "weight": 1.5}], starter=SMALL)
    assert Counter(of_table(with_starter)) == {f"문항 {n}": 1 + n % 2 for n in range(10)}


@pytest.mark.parametrize("weight", [2, 0.5])
@pytest.mark.slow
def test_the_weight_of_the_starter_counts_for_its_training_lines_only(with_starter: Any, weight: float) -> None:
    with_starter.lay("a.csv", TABLE)
    with_starter.ingest(sources=[*STARTER, {"file": "a.csv"}], starter=SMALL)
    once = {split: len(with_starter.texts(split)) for split in SPLITS}
    with_starter.ingest(sources=[{"corpus": "starter", "weight": weight}, {"file": "a.csv"}], starter=SMALL)
    assert len(of_table(with_starter)) == 10
    weighted = {split: len(with_starter.texts(split)) for split in SPLITS}
    assert weighted == once | {"train": int((once["train"] - 10) * weight) + 10}


@pytest.mark.slow
def test_the_model_is_asked_what_the_corpus_names_and_beside_a_file_questions_of_the_file(with_starter: Any) -> None:
    with_starter.ingest(sources=STARTER, starter=SMALL)
    alone = read_prompts(with_starter.overview)
    assert (len(alone), alone[0]) == (10, SamplePrompt("안녕"))
    with_starter.lay("a.csv", TABLE)
    with_starter.ingest(sources=[*STARTER, {"file": "a.csv"}], starter=SMALL)
    assert {prompt.text for prompt in read_prompts(with_starter.overview)} == {f"문항 {n}" for n in range(10)}


@pytest.mark.slow
def test_a_share_is_of_all_answers_those_of_the_starter_included(with_starter: Any) -> None:
    with_starter.lay("a.csv", TABLE)
    metrics = with_starter.ingest(sources=[*STARTER, {"file": "a.csv", "share": 0.1}], starter=SMALL)
    answers = sum(turn.role == "assistant" for one in with_starter.dialogues("train") for turn in one.turns)
    assert len(of_table(with_starter)) / answers == pytest.approx(0.1, abs=0.001)
    assert metrics["mixture"]["source_1"]["share"] == pytest.approx(0.1)
