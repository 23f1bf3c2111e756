import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from tests.batches.arrays import write_split
from tinychat.batches.batching import (
    Batch,
    PromptIds,
    collate,
    padding_share,
    plan_batches,
    sample_prompt_targets,
    widths,
)
from tinychat.batches.prepared import (
    EncodedDialogue,
    PreparedSplit,
    Window,
    is_single_exchange,
    open_split,
    reply_tokens,
    to_arrays,
    windows,
)
from tinychat.batches.preparing import prepare_dialogues
from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import IGNORE_INDEX, EncodedTurn


def pair(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_arrays_come_back_from_the_disk_as_maps(tmp_path: Path) -> None:
    rows = [
        EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3),
        EncodedDialogue((1, 2), (False, True), 0),
    ]
    write_split(tmp_path, "train", to_arrays(rows, vocab_size=300))
    split = open_split(tmp_path, "train", vocab_size=300, max_len=5)
    assert len(split) == 2
    assert isinstance(split.tokens, np.memmap)
    assert split.tokens.dtype == np.uint16
    assert split.lengths.tolist() == [5, 2]
    assert split.tokens[split.offsets[1] :].tolist() == [1, 2]


def test_large_vocabularies_take_four_bytes_a_token() -> None:
    row = EncodedDialogue((1, 70_000), (False, True), 0)
    split = to_arrays([row], vocab_size=70_001)
    assert split.tokens.dtype == np.uint32
    assert split.tokens.tolist() == [1, 70_000]


def test_an_empty_split_can_be_written_and_read(tmp_path: Path) -> None:
    write_split(tmp_path, "valid", to_arrays([], vocab_size=300))
    assert len(open_split(tmp_path, "valid", vocab_size=300, max_len=5)) == 0


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.tokens\.npy.*prepare_data"):
        open_split(tmp_path, "train", vocab_size=300, max_len=5)


def test_a_reply_needs_the_room_of_99_in_100_training_answers(bpe: Tokenizer) -> None:
    answers = ["네"] * 98 + ["a1" * 10, "a1" * 40]
    longest = {answer: len(bpe.encode(answer)) + 1 for answer in answers}  # and <eos>
    dialogues = [[*pair("안녕", "a1" * 60), *pair("응?", answer)] for answer in answers]
    for dialogue in dialogues:
        dialogue[1]["weight"] = 0  # type: ignore[assignment]
    for loss_on in ("reply", "all"):
        kept = prepare_dialogues(dialogues, bpe, max_len=500, loss_on=loss_on, long_answers="drop").examples  # type: ignore[arg-type]
        split = to_arrays(kept, bpe.size)
        assert reply_tokens(split, bpe.bot_id, bpe.eos_id) == longest["a1" * 40]
        assert reply_tokens(to_arrays(kept[:99], bpe.size), bpe.bot_id, bpe.eos_id) == longest["a1" * 10]
        assert reply_tokens(to_arrays(kept[:98], bpe.size), bpe.bot_id, bpe.eos_id) == longest["네"]
    assert reply_tokens(to_arrays([], bpe.size), bpe.bot_id, bpe.eos_id) == 1


def test_a_split_is_of_single_exchanges_where_no_example_has_a_second_answer(bpe: Tokenizer) -> None:
    def split(*dialogues: list[Any]) -> PreparedSplit:
        prepared = prepare_dialogues(dialogues, bpe, max_len=500, loss_on="reply", long_answers="drop")
        return to_arrays(prepared.examples, bpe.size)

    one, two = pair("안녕", "네"), [*pair("안녕", "네"), *pair("뭐 해?", "쉬어")]
    assert is_single_exchange(split(one, one), bpe.bot_id)
    assert not is_single_exchange(split(one, two), bpe.bot_id)


def exchanges(n: int) -> list[dict[str, str]]:
    return [message for k in range(n) for message in pair(f"몇 번째야? {k}", f"{k}번째야. 좋아!")]


@pytest.mark.parametrize("max_len", [40, 64, 192])
def test_a_dialogue_of_200_exchanges_gives_200_learnt_answers_each_with_what_stood_before(
    bpe: Tokenizer, max_len: int
) -> None:
    dialogue = exchanges(200)
    prepared = prepare_dialogues([dialogue], bpe, max_len=max_len, loss_on="reply", long_answers="drop")
    assert (prepared.answers, prepared.answers_dropped, prepared.dialogues, prepared.long_dialogues) == (200, 0, 1, 1)
    learnt = []
    turns, ids = bpe.encode_turns(dialogue), bpe.encode_dialogue(dialogue)[0]
    for window, example in zip(windows(turns, max_len), prepared.examples, strict=True):
        assert example.ids == tuple(i for turn in turns[window.start : window.end] for i in turn.ids)
        assert len(example.ids) <= max_len
        learnt += [i for i, has_loss in zip(example.ids, example.loss_mask, strict=True) if has_loss]
        context = sum(len(turn.ids) for turn in turns[window.start : window.new])
        exchange = sum(len(turn.ids) for turn in turns[window.new : window.new + 2])
        before = sum(len(turn.ids) for turn in turns[window.start - 2 : window.start]) if window.start else max_len
        assert context + before > min(max_len // 2, max_len - exchange) >= context  # as much as there is room for
    assert learnt == [i for i, has_loss in zip(ids, bpe.encode_dialogue(dialogue)[1], strict=True) if has_loss]
    assert sum(len(example.ids) for example in prepared.examples) < 2.6 * len(ids)


def test_with_loss_on_all_each_token_of_a_long_dialogue_is_learnt_once(bpe: Tokenizer) -> None:
    dialogue = exchanges(50)
    examples = prepare_dialogues([dialogue], bpe, max_len=128, loss_on="all", long_answers="drop").examples
    learnt = [i for e in examples for i, has_loss in zip(e.ids, e.loss_mask, strict=True) if has_loss]
    assert learnt == bpe.encode_dialogue(dialogue)[0][1:]  # the first has no context
    assert sum(example.answer_bytes or 0 for example in examples) == sum(len(m["content"].encode()) for m in dialogue)


def test_a_dialogue_that_fits_is_one_window_with_all_its_turns(bpe: Tokenizer) -> None:
    for dialogue in (exchanges(3), [*exchanges(2), {"role": "user", "content": "그래"}]):
        ids, loss_mask = bpe.encode_dialogue(dialogue)
        (example,) = prepare_dialogues([dialogue], bpe, max_len=len(ids), loss_on="reply", long_answers="drop").examples
        assert (list(example.ids), list(example.loss_mask)) == (ids, loss_mask)


def test_an_exchange_that_does_not_fit_is_left_out_and_counted(bpe: Tokenizer) -> None:
    dialogue = [*pair("안녕", "반가워요"), *pair("뭐?", "a1" * 40), *pair("응", "좋아")]
    prepared = prepare_dialogues(
        [dialogue, pair("안녕", "a1" * 40)], bpe, max_len=30, loss_on="reply", long_answers="drop"
    )
    assert [list(example.ids) for example in prepared.examples] == [
        bpe.encode_dialogue(dialogue[:2])[0],
        bpe.encode_dialogue(dialogue[4:])[0],
    ]
    assert (prepared.answers, prepared.answers_dropped, prepared.dialogues_dropped) == (2, 2, 1)
    assert "2 answers dropped" in prepared.summary()


def test_an_answer_that_does_not_fit_is_cut_where_a_sentence_ends(bpe: Tokenizer) -> None:
    answer = "좋아! 그래서 갔어요. 그런데... 또 갔어요.\n끝"
    whole = len(bpe.encode_dialogue(pair("안녕", answer))[0])
    for max_len in range(8, whole + 1):
        prepared = prepare_dialogues([pair("안녕", answer)], bpe, max_len, "reply", "cut")
        ends = ["좋아!", "좋아! 그래서 갔어요.", "좋아! 그래서 갔어요. 그런데...", answer[:-2], answer]
        fitting = [end for end in ends if len(bpe.encode_dialogue(pair("안녕", end))[0]) <= max_len]
        expected = [bpe.encode_dialogue(pair("안녕", fitting[-1]))[0]] if fitting else []
        assert [list(example.ids) for example in prepared.examples] == expected
        assert (prepared.answers_cut, prepared.answers_dropped) == (bool(fitting) and max_len < whole, not fitting)
        if fitting:
            assert prepared.examples[0].answer_bytes == len(fitting[-1].encode())
    dropped = prepare_dialogues([pair("안녕", answer)], bpe, whole - 1, "reply", "drop")
    assert (dropped.examples, dropped.answers_dropped) == ([], 1)


@pytest.mark.parametrize(
    "answer", ["." * 20_000 + "a", "좋아~ " * 5_000, " " * 20_000 + "좋아요. " * 20 + "~" * 5_000 + "w"]
)
def test_an_answer_of_many_marks_takes_no_long_time_to_cut(bpe: Tokenizer, answer: str) -> None:
    prepared = prepare_dialogues([pair("안녕", answer)], bpe, 64, "reply", "cut")
    assert prepared.answers + prepared.answers_dropped == 1


def test_an_answer_that_is_only_context_takes_no_window(bpe: Tokenizer) -> None:
    dialogue: list[dict[str, Any]] = exchanges(40)
    for message in dialogue[:-2]:
        message["weight"] = 0
    prepared = prepare_dialogues([dialogue], bpe, max_len=64, loss_on="reply", long_answers="drop")
    assert (len(prepared.examples), prepared.answers, prepared.answers_dropped) == (1, 1, 0)
    assert list(prepared.examples[0].ids[-10:]) == bpe.encode_dialogue(dialogue)[0][-10:]


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("tokens", [3, 99])
def test_a_long_dialogue_takes_as_long_as_its_turns_are_many(tokens: int) -> None:
    taken = []
    for n in (500, 1000):
        long = [EncodedTurn(role, (1,) * tokens, (True,) * tokens) for role in ("user", "assistant") * n]
        assert bool(list(windows(long, 30))) == (tokens == 3)
        taken.append(lines_run(lambda long=long: list(windows(long, 30))))
    assert taken[0] > 500 and taken[1] < 2.1 * taken[0]


@pytest.mark.parametrize("limit", [1, 2, 5, 9, 40])
def test_windows_of_random_dialogues_hold_what_can_be_learnt_once(limit: int) -> None:
    rng = np.random.default_rng(limit)
    for _ in range(300):
        n = int(rng.integers(1, 30))
        roles = [("user", "assistant")[int(i)] for i in rng.integers(0, 2, n)]
        turns = [
            EncodedTurn(role, (1,) * length, (role == "assistant" and rng.random() < 0.3,) * length)
            for role, length in zip(roles, rng.integers(1, 7, n).tolist(), strict=True)
        ]
        found = list(windows(turns, limit))
        new = [n for window in found for n in range(window.new, window.end)]
        assert new == sorted({*new})
        assert all(0 <= window.start <= window.new < window.end <= n for window in found)
        assert all(window.start in (0, window.new) or roles[window.start] == "user" for window in found)
        assert all(sum(len(turn.ids) for turn in turns[window.start : window.end]) <= limit for window in found)
        if sum(len(turn.ids) for turn in turns) <= limit:
            assert found == ([Window(0, 0, n)] if any(any(turn.loss_mask) for turn in turns) else [])
        begins = 0
        for end in (k + 1 for k in range(n) if roles[k] == "assistant"):
            fits = sum(len(turn.ids) for turn in turns[begins:end]) <= limit
            assert (end - 1 in new) == fits or not any(turns[end - 1].loss_mask)
            begins = end


def test_a_training_split_without_dialogues_is_refused(bpe: Tokenizer) -> None:
    prepared = prepare_dialogues([pair("안녕", "a1" * 40)], bpe, max_len=8, loss_on="reply", long_answers="drop")
    with pytest.raises(InputError, match=r"raise model\.max_len"):
        prepared.refuse_if_empty(8)


def test_loss_on_all_learns_every_token_but_the_first(bpe: Tokenizer) -> None:
    dialogue = prepare_dialogues([pair("안녕", "좋아")], bpe, max_len=48, loss_on="all", long_answers="drop").examples[
        0
    ]
    assert dialogue.loss_mask == (False, *((True,) * (len(dialogue.ids) - 1)))
    assert dialogue.answer_bytes == len("안녕좋아".encode())


def test_a_turn_of_weight_0_carries_no_loss_even_on_all(bpe: Tokenizer) -> None:
    greeting = [{"role": "assistant", "content": "어서 와", "weight": 0}, *pair("안녕", "좋아")]
    dialogue = prepare_dialogues([greeting], bpe, max_len=48, loss_on="all", long_answers="drop").examples[0]
    silent = len(bpe.encode("어서 와")) + 2
    assert dialogue.loss_mask == (*(False,) * silent, *(True,) * (len(dialogue.ids) - silent))
    assert dialogue.answer_bytes == len("안녕좋아".encode())


def test_unknown_words_carry_no_loss_and_their_bytes_are_not_known(words: Tokenizer) -> None:
    for loss_on in ("reply", "all"):
        dialogue = prepare_dialogues(
            [pair("안녕", "나 몰라요")], words, max_len=48, loss_on=loss_on, long_answers="drop"
        ).examples[0]
        learnt = [i for i, m in zip(dialogue.ids, dialogue.loss_mask, strict=True) if m]
        assert words.unk_id not in learnt
        assert words.eos_id in learnt
        assert dialogue.answer_bytes is None


def test_a_batch_asks_for_the_next_token_and_ignores_the_rest() -> None:
    rows = [
        EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3),
        EncodedDialogue((1, 2, 3), (False, False, True), 0),
    ]
    batch = collate(to_arrays(rows, 10), [0, 1], pad_id=0)
    assert batch.inputs.tolist() == [[1, 5, 2, 6], [1, 2, 0, 0]]
    assert batch.targets.tolist() == [[IGNORE_INDEX, IGNORE_INDEX, 6, 3], [IGNORE_INDEX, 3, IGNORE_INDEX, IGNORE_INDEX]]


def test_what_follows_a_token_of_the_user_is_a_target_where_that_is_asked_for() -> None:
    user, bot, eos, unknown = 1, 2, 3, 4
    rows = [
        EncodedDialogue((user, 5, bot, 6, eos, user, 7, 8, bot, 9, eos), (*(False,) * 9, True, True), 3),
        EncodedDialogue((user, 5, bot, eos), (False, True, True, True), 0),  # loss_on: all
        EncodedDialogue((user, unknown, 5, bot, 6, eos), (*(False,) * 4, True, True), 3),
    ]
    ignored = IGNORE_INDEX
    batch = collate(to_arrays(rows, 10), [0, 1, 2], pad_id=0, prompt_ids=PromptIds(user, bot, (unknown,)))
    assert batch.targets.tolist() == [
        [5, bot, ignored, ignored, ignored, 7, 8, bot, 9, eos],
        [5, bot, eos, *[ignored] * 7],
        [ignored, 5, bot, 6, eos, *[ignored] * 5],
    ]
    assert batch.is_prompt.tolist() == [
        [True, True, False, False, False, True, True, True, False, False],
        [False] * 10,
        [False, True, True, *[False] * 7],
    ]
    assert not collate(to_arrays(rows, 10), [0, 1], pad_id=0).is_prompt.any()


def test_a_share_of_the_prompts_tokens_is_drawn_and_all_of_the_replies_stay() -> None:
    is_prompt = np.zeros((4, 25), np.bool_)
    is_prompt[:, :20] = True
    batch = Batch(np.ones((4, 25), np.int64), np.arange(100).reshape(4, 25), is_prompt)
    one, same, other = (sample_prompt_targets(batch, 0.25, np.random.default_rng(seed)) for seed in (0, 0, 1))
    for drawn in (one, other):
        assert drawn.is_prompt.sum() == 20
        assert (drawn.targets[:, 20:] == batch.targets[:, 20:]).all()
        assert (drawn.targets[:, :20] == np.where(drawn.is_prompt, batch.targets, IGNORE_INDEX)[:, :20]).all()
    assert (one.is_prompt == same.is_prompt).all()
    assert (one.is_prompt != other.is_prompt).any()
    assert batch.is_prompt.sum() == 80
    assert sample_prompt_targets(batch, 0.001, np.random.default_rng(0)).is_prompt.sum() == 1


def test_batches_hold_every_dialogue_once_within_their_limit() -> None:
    lengths = np.random.default_rng(0).integers(4, 60, size=500)
    batches = plan_batches(lengths, 512, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert all(len(rows) * lengths[rows].max() <= 512 for rows in batches)


def test_batches_of_few_widths_hold_every_dialogue_and_no_more_than_the_model_takes() -> None:
    lengths = np.random.default_rng(0).integers(4, 62, size=500)
    batches = plan_batches(lengths, 512, np.random.default_rng(1), width_step=8)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    assert set(widths(lengths, 8).tolist()) == {8, 16, 24, 32, 40, 48, 56, 60}
    assert all(len(rows) * widths(lengths, 8)[rows].max() <= 512 for rows in batches)
    assert 0 < padding_share(lengths, batches, 8) < 0.15


def test_a_batch_is_as_wide_as_was_planned() -> None:
    rows = [EncodedDialogue(tuple(range(1, n + 1)), (False,) * (n - 1) + (True,), 3) for n in (4, 11, 14)]
    split = to_arrays(rows, 20)
    assert [collate(split, [i], 0, 4).inputs.shape[1] for i in range(3)] == [4, 12, 13]
    narrow, wide = collate(split, [0, 1], 0), collate(split, [0, 1], 0, 4)
    assert wide.inputs[:, :10].tolist() == narrow.inputs.tolist()
    assert wide.targets[:, :10].tolist() == narrow.targets.tolist()
    assert (wide.inputs[:, 10:] == 0).all()
    assert (wide.targets[:, 10:] == IGNORE_INDEX).all()


def test_a_dialogue_longer_than_a_batch_goes_alone() -> None:
    assert [rows.tolist() for rows in plan_batches(np.array([100, 3, 3]), 10)] == [[1, 2], [0]]


@pytest.mark.slow
def test_batches_by_length_are_almost_without_padding(songys: list[tuple[str, str]], bpe: Tokenizer) -> None:
    prepared = prepare_dialogues(
        (pair(*row) for row in songys[:3000]), bpe, max_len=128, loss_on="reply", long_answers="drop"
    )
    lengths = np.array([len(d.ids) for d in prepared.examples])
    batches = plan_batches(lengths, 1024, np.random.default_rng(0))
    assert padding_share(lengths, batches) < 0.02


def test_the_same_seed_plans_the_same_batches() -> None:
    lengths = np.array([5, 5, 5, 6, 6, 7] * 20)
    one, two, other = (plan_batches(lengths, 64, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert [rows.tolist() for rows in one] == [rows.tolist() for rows in two]
    assert [rows.tolist() for rows in one] != [rows.tolist() for rows in other]
