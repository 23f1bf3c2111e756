"""What a training notes for the page: losses, and answers to the same prompts, without any effect on its weights."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tinychat.batches.prepared import PreparedSplit, to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.errors import Interrupted
from tinychat.files import to_json
from tinychat.model.base import LanguageModel
from tinychat.tokenizer import Tokenizer
from tinychat.training.interruption import StopSignals
from tinychat.training.learning import MAX_ANSWER, LearningPrompts, answer_steps, learning_report, loss_steps
from tinychat.training.loop import Trainer

from .conftest import PAIRS, SilentDisplay
from .test_loop import StopAfter, same_weights, train

Make = Callable[..., Trainer]
SETTINGS = [{"dropout": 0.1}, {"optimizer": "muon", "keep": "best"}]


@pytest.mark.parametrize("changes", SETTINGS, ids=["dropout", "muon"])
def test_a_training_that_answers_gives_the_weights_of_one_that_does_not(
    make_trainer: Make, changes: dict[str, Any]
) -> None:
    answering = make_trainer(**changes)
    one = train(answering)
    silent = make_trainer(**changes)
    silent.prompts.prompts.clear()
    other = train(silent)
    assert any(row.ids for row in answering.progress.answers)
    assert not any(row.ids for row in silent.progress.answers)
    assert same_weights(one, other)
    assert one.history == other.history


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 6, 12])
def test_a_stopped_run_notes_the_same_losses_and_answers(make_trainer: Make, steps: int) -> None:
    expected = make_trainer(valid=[])
    train(expected)
    stop = StopSignals()
    with pytest.raises(Interrupted):
        make_trainer(valid=[]).run(StopAfter(stop, steps), stop)
    resumed = make_trainer(valid=[])
    assert resumed.resume()
    train(resumed)
    assert resumed.progress.answers == expected.progress.answers
    assert resumed.progress.losses == expected.progress.losses


def test_it_answers_before_the_first_step_more_often_at_first_and_after_the_last(make_trainer: Make) -> None:
    trainer = make_trainer()
    train(trainer)
    assert [row.step for row in trainer.progress.answers] == answer_steps(trainer.total_steps)
    assert answer_steps(3200) == [0, 100, 400, 800, 1600, 3200]
    assert answer_steps(1) == [0, 1]


def test_it_also_answers_where_a_training_ends_early(make_trainer: Make) -> None:
    unlike = [("What is your name?", "8 9 7 6 !! ?? ,,")]
    trainer = make_trainer(valid=unlike, epochs=60, patience=1, schedule="constant")
    assert train(trainer).stopped_early
    assert trainer.progress.answers[-1].step == trainer.progress.step < trainer.total_steps


def test_a_loss_is_the_mean_since_the_one_before(make_trainer: Make) -> None:
    trainer = make_trainer(epochs=40, valid=[])
    losses: list[float] = []

    class Noting(SilentDisplay):
        def step(self, tokens: int, loss: float) -> None:
            losses.append(loss)

    trainer.run(Noting(), StopSignals())
    noted = trainer.progress.losses
    assert [row["step"] for row in noted] == loss_steps(trainer.total_steps)
    assert len(noted) == 100 < trainer.total_steps
    for before, row in itertools.pairwise(noted):
        some = losses[int(before["step"]) : int(row["step"])]
        assert min(some) <= row["loss"] <= max(some)


def test_each_token_of_an_answer_is_the_likeliest_with_its_probability(make_trainer: Make, bpe: Tokenizer) -> None:
    trainer = make_trainer(epochs=20, valid=[])
    train(trainer)
    last = trainer.progress.answers[-1]
    assert any(ids[-1] == bpe.eos_id for ids in last.ids)
    trainer.model.eval()
    for prompt, ids, probabilities in zip(trainer.prompts.prompts, last.ids, last.probabilities, strict=True):
        assert (ids, probabilities) == (likeliest(trainer.model, prompt, bpe))


@torch.no_grad()
def likeliest(model: LanguageModel, prompt: list[int], tokenizer: Tokenizer) -> tuple[list[int], list[Any]]:
    """The greedy answer without a cache, with the probability of each token."""
    ids: list[int] = []
    probabilities: list[Any] = []
    while len(ids) < MAX_ANSWER and tokenizer.eos_id not in ids:
        logits = model(torch.tensor([[*prompt, *ids]]))[0, -1]
        shares = logits.softmax(-1)
        logits[[tokenizer.pad_id, tokenizer.user_id, tokenizer.bot_id]] = -torch.inf
        ids.append(int(logits.argmax()))
        probabilities.append(pytest.approx(float(shares[ids[-1]]), rel=1e-3))
    return ids, probabilities


def test_the_model_goes_on_in_the_mode_that_it_had(make_trainer: Make) -> None:
    trainer = make_trainer()
    for mode in (True, False):
        trainer.model.train(mode)
        trainer.prompts.answers(trainer.model, 0)
        assert trainer.model.training is mode


def test_a_model_whose_numbers_ran_away_still_answers(make_trainer: Make) -> None:
    trainer = make_trainer()
    with torch.no_grad():
        trainer.model.output_layer.weight.fill_(torch.nan)
    answers = trainer.prompts.answers(trainer.model, 1)
    assert answers.fits(trainer.model.vocab_size)


TOLD = [
    (f"나는 {name}라고 해", f"반가워요, {name}님!", "내 이름이 뭐야?", f"{name}님이에요!") for name in ("지우", "민수")
]


def split_of(tokenizer: Tokenizer, dialogues: list[tuple[str, ...]], max_len: int = 200) -> PreparedSplit:
    roles = ("user", "assistant")
    turns = [[{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)] for texts in dialogues]
    return to_arrays(prepare_dialogues(turns, tokenizer, max_len, "reply", "drop").examples, tokenizer.size)


def prompts_of(tokenizer: Tokenizer, dialogues: list[tuple[str, ...]]) -> list[list[str]]:
    prompts = LearningPrompts(split_of(tokenizer, dialogues), tokenizer, tokenizer.size)
    report = learning_report([], [], prompts.prompts, tokenizer)
    return [[message["content"] for message in messages] for messages in report["prompts"]]


def test_half_of_the_prompts_ask_for_what_was_said_before(bpe: Tokenizer) -> None:
    chat = [(question, answer, "고마워", "별말씀을요") for question, answer in PAIRS[:3]]
    asked = prompts_of(bpe, [*PAIRS, *chat, *TOLD])
    assert [len(turns) for turns in asked] == [1, 1, 3, 3]
    assert sorted(asked[2:]) == sorted(list(turns[:-1]) for turns in TOLD)


def test_where_dialogues_of_one_kind_are_missing_all_prompts_are_of_the_other(bpe: Tokenizer) -> None:
    assert sorted(turns for (turns,) in prompts_of(bpe, list(PAIRS))) == sorted({question for question, _ in PAIRS})
    assert [len(turns) for turns in prompts_of(bpe, TOLD)] == [3, 3]
    assert prompts_of(bpe, [PAIRS[0]] * 5) == [[PAIRS[0][0]]]


def test_a_long_prompt_is_taken_only_where_there_is_no_other(bpe: Tokenizer) -> None:
    long = ("가나다라마바사" * 5, "네")
    assert prompts_of(bpe, [long, PAIRS[0]]) == [[PAIRS[0][0]]]
    assert prompts_of(bpe, [long]) == [[long[0]]]


def test_the_report_is_json_with_a_reply_to_each_prompt_at_each_step(make_trainer: Make, bpe: Tokenizer) -> None:
    trainer = make_trainer(epochs=30, valid=[])
    train(trainer)
    progress = trainer.progress
    report = json.loads(to_json(learning_report(progress.losses, progress.answers, trainer.prompts.prompts, bpe)))
    assert set(report) == {"losses", "prompts", "answers"}
    assert [row["step"] for row in report["answers"]] == answer_steps(trainer.total_steps)
    for row in report["answers"]:
        assert len(row["replies"]) == len(report["prompts"]) > 0
        for reply in row["replies"]:
            assert len(reply["tokens"]) == len(reply["probabilities"]) > 0
            assert reply["ended"] == (reply["tokens"][-1] == "<eos>")
    first, last = ([reply["text"] for reply in report["answers"][n]["replies"]] for n in (0, -1))
    assert set(last) <= {answer for _, answer in PAIRS}
    assert not set(first) & set(last)
