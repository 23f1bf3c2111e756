import pytest
import torch

from tinychat.inspection.copying import MIN_COPYING_WEIGHT, find_copied_text
from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe
from tinychat.tokenizer.word_level import build_words

LAYERS, HEADS = 3, 4
NAME = ["내 이름은 지우야", "반가워요, 지우님!", "내 이름이 뭐라고 했지?"]
ANSWER = "지우님이에요!"
TEXTS = [
    "내 이름은",
    "반가워요, 님!",
    "이름이 뭐라고 했지?",
    "님이에요",
    "지 우 민 준 별",
    "내 이름 기억하고 있어?",
    "기억하고 있어요.",
    "잘 했어요",
    "나는 잘 갔어요",
]

Edge = tuple[int, int, float]  # attention from a position to a position, and its weight


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Whole syllables; no name is a token."""
    return build_bpe(TEXTS, max_size=900, min_frequency=1)


def dialogue(tokenizer: Tokenizer, turns: list[str], reply: str) -> tuple[list[int], int]:
    """Token ids of a dialogue with its reply, and how many of them are the prompt."""
    messages = [{"role": "user" if n % 2 == 0 else "assistant", "content": text} for n, text in enumerate(turns)]
    prompt = tokenizer.encode_prompt(messages, max_len=500, reply_tokens=16)
    return [*prompt, *tokenizer.encode(reply)], len(prompt)


def trace_of(ids: list[int], edges: dict[tuple[int, int], list[Edge]] | None = None) -> Trace:
    """Heads that attend to the first token, except for `edges`, by layer and head."""
    attention = torch.zeros(LAYERS, HEADS, len(ids), len(ids))
    attention[..., 0] = 1
    for head, lines in (edges or {}).items():
        for start, end, weight in lines:
            attention[(*head, start, end)] += weight
            attention[(*head, start, 0)] -= weight
    names = tuple(f"layer.{number}" for number in range(LAYERS + 1))
    return Trace(tuple(ids), names, {}, attention, torch.empty(0))


def occurrences(tokenizer: Tokenizer, ids: list[int], text: str) -> list[list[int]]:
    """The positions of the tokens of each occurrence of `text`."""

    def decoded(part: list[int]) -> str:
        return tokenizer.decode(part).strip()

    spans = [range(first, end) for first in range(len(ids)) for end in range(first + 1, len(ids) + 1)]
    return [
        list(span)
        for span in spans
        if decoded([ids[i] for i in span]) == text and decoded([ids[span[0]]]) and decoded([ids[span[-1]]])
    ]


def test_the_head_that_attends_to_each_token_of_the_name_before_it_is_written_is_found(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, NAME, ANSWER)
    source, _, written = occurrences(tokenizer, ids, "지우")
    assert len(source) == len(written) == 2
    lines = [(written[0] - 1, source[0], 0.9), (written[1] - 1, source[1], 0.7)]
    copied = find_copied_text(trace_of(ids, {(1, 2): lines, (2, 0): [(*lines[0][:2], 0.5)]}), n_prompt, tokenizer)
    assert copied is not None and copied.has_copying_head
    assert (copied.text, copied.reply_positions) == ("지우", tuple(written))
    assert (copied.head.layer, copied.head.head) == (1, 2)
    assert copied.head.weights == pytest.approx((0.9, 0.7)) and copied.head.weight == pytest.approx(0.8)
    assert [head.layer for head in copied.layers] == [0, 1, 2]
    assert [head.weight for head in copied.layers] == pytest.approx([0, 0.8, 0.25])
    assert copied.layers[2].head == 0


def test_a_head_that_attends_to_another_token_of_the_name_or_too_late_copies_nothing(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, NAME, ANSWER)
    source, _, written = occurrences(tokenizer, ids, "지우")
    late = [(position, earlier, 0.9) for position, earlier in zip(written, source, strict=True)]
    crossed = [(written[0] - 1, source[1], 0.9), (written[1] - 1, source[0], 0.9)]
    copied = find_copied_text(trace_of(ids, {(0, 0): late, (1, 1): crossed}), n_prompt, tokenizer)
    assert copied is not None and not copied.has_copying_head
    assert copied.head.weight == 0


def test_a_name_that_occurs_twice_has_the_weights_of_both_occurrences_and_each_of_its_own(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, NAME, ANSWER)
    source, repeated, written = occurrences(tokenizer, ids, "지우")
    lines = [(row - 1, a, 0.5) for row, a in zip(written, source, strict=True)]
    lines += [(row - 1, b, 0.25) for row, b in zip(written, repeated, strict=True)]
    copied = find_copied_text(trace_of(ids, {(0, 3): lines}), n_prompt, tokenizer)
    assert copied is not None
    assert copied.head.weights == pytest.approx((0.75, 0.75))
    assert [(s.turn, s.role, s.positions) for s in copied.sources] == [
        (0, "user", tuple(source)),
        (1, "bot", tuple(repeated)),
    ]
    assert [s.weights for s in copied.sources] == [pytest.approx((0.5, 0.5)), pytest.approx((0.25, 0.25))]


def test_attention_to_the_token_after_the_source_is_separate(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, NAME, ANSWER)
    source, _, written = occurrences(tokenizer, ids, "지우")
    lines = [(written[0] - 1, source[0], 0.4), (written[1] - 1, source[1], 0.6), (written[1] - 1, source[1] + 1, 0.3)]
    copied = find_copied_text(trace_of(ids, {(2, 1): lines}), n_prompt, tokenizer)
    assert copied is not None
    assert copied.head.weights == pytest.approx((0.4, 0.6))
    assert copied.weights_after == pytest.approx((0, 0.3))


def test_a_name_that_no_head_attends_to_is_found_without_a_copying_head(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, NAME, ANSWER)
    source, _, written = occurrences(tokenizer, ids, "지우")
    for weight, expected in ((MIN_COPYING_WEIGHT - 0.01, False), (MIN_COPYING_WEIGHT + 0.01, True)):
        lines = [(row - 1, earlier, weight) for row, earlier in zip(written, source, strict=True)]
        copied = find_copied_text(trace_of(ids, {(0, 0): lines}), n_prompt, tokenizer)
        assert copied is not None and (copied.text, copied.has_copying_head) == ("지우", expected)


@pytest.mark.parametrize(
    ("turns", "reply"),
    [
        (["나는 잘 있어"], "반가워요!"),  # nothing in common
        (["내 이름은 지우야! ?", "네", "뭐?"], "! ?"),  # punctuation
        (["나는 잘 갔어요", "네", "뭐?"], "했어요"),  # the end of a word
        (["나는 지우야", "민준님!", "뭐?"], "민준님이에요"),  # only the bot said it
        (["내 민준", "네", "내 별", "네", "뭐?"], "내!"),  # one token, again and again
        (["내 이름 기억하고 있어?"], "내 이름 기억하고 있어?"),  # as the question is worded, and no head attends to it
    ],
)
def test_what_is_not_copied_is_not_found(tokenizer: Tokenizer, turns: list[str], reply: str) -> None:
    ids, n_prompt = dialogue(tokenizer, turns, reply)
    assert find_copied_text(trace_of(ids), n_prompt, tokenizer) is None


def test_words_of_the_question_are_copied_text_only_where_a_head_attends_to_several_tokens(
    tokenizer: Tokenizer,
) -> None:
    ids, n_prompt = dialogue(tokenizer, ["나는 지우야"], "지우님!")
    source, written = occurrences(tokenizer, ids, "지우")
    lines = [(row - 1, earlier, 0.9) for row, earlier in zip(written, source, strict=True)]
    found = find_copied_text(trace_of(ids, {(0, 0): lines}), n_prompt, tokenizer)
    assert found is not None and found.text == "지우"
    ids, n_prompt = dialogue(tokenizer, ["나는 별이야"], "별님!")
    (source, written) = occurrences(tokenizer, ids, "별")
    lines = [(written[0] - 1, source[0], 0.9)]
    assert find_copied_text(trace_of(ids, {(0, 0): lines}), n_prompt, tokenizer) is None


def test_what_an_earlier_turn_says_is_preferred_to_more_words_of_the_question(tokenizer: Tokenizer) -> None:
    turns = [*NAME[:2], "내 이름 기억하고 있어?"]
    ids, n_prompt = dialogue(tokenizer, turns, "지우님이에요! 내 이름 기억하고 있어?")
    asked, repeated = occurrences(tokenizer, ids, "내 이름 기억하고 있어")
    assert len(asked) > 2
    lines = [(row - 1, source, 0.9) for row, source in zip(repeated, asked, strict=True)]
    found = find_copied_text(trace_of(ids, {(0, 0): lines}), n_prompt, tokenizer)
    assert found is not None and found.text == "지우"


def test_of_what_earlier_turns_say_the_most_tokens_and_then_the_larger_weight_are_taken(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, ["별 민준 준", "네", "뭐?"], "별, 준, 민준!")
    found = find_copied_text(trace_of(ids), n_prompt, tokenizer)
    assert found is not None and found.text == "민준"
    ids, n_prompt = dialogue(tokenizer, ["별 준", "네", "뭐?"], "별! 준!")
    for name in ("별", "준"):
        source, written = occurrences(tokenizer, ids, name)
        found = find_copied_text(trace_of(ids, {(0, 0): [(written[0] - 1, source[0], 0.2)]}), n_prompt, tokenizer)
        assert found is not None and found.text == name


def test_punctuation_around_a_name_is_no_part_of_it(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, ["나는 지우, 잘 있어?", "네", "뭐?"], "지우, 반가워요!")
    found = find_copied_text(trace_of(ids), n_prompt, tokenizer)
    assert found is not None
    assert (
        found.text == "지우"
        and tokenizer.decode([ids[position] for position in found.reply_positions]).strip() == "지우"
    )


def test_a_name_of_rare_syllables_is_found_by_its_bytes(tokenizer: Tokenizer) -> None:
    ids, n_prompt = dialogue(tokenizer, ["내 이름은 숲뫼야", "네", "뭐?"], "숲뫼님!")
    found = find_copied_text(trace_of(ids), n_prompt, tokenizer)
    assert found is not None
    assert found.text == "숲뫼" and len(found.reply_positions) > 2
    assert tokenizer.decode([ids[position] for position in found.reply_positions]).strip() == "숲뫼"


def test_words_are_found_where_the_vocabulary_is_of_words_but_never_unknown_ones() -> None:
    words = build_words(["이름은 지우 입니다", "지우 님 이에요"], max_size=50, min_frequency=1)
    ids, n_prompt = dialogue(words, ["이름은 지우 입니다", "님", "이름은"], "지우 님")
    found = find_copied_text(trace_of(ids), n_prompt, words)
    assert found is not None and (found.text, len(found.reply_positions)) == ("지우", 1)
    assert [words.tokens([ids[position] for position in source.positions]) for source in found.sources] == [["지우"]]
    for reply, expected in (("하늘", None), ("지우 하늘 님", "지우")):
        ids, n_prompt = dialogue(words, ["지우 민준 님", "네", "님"], reply)
        assert words.unk_id in ids[:n_prompt] and words.unk_id in ids[n_prompt:]
        found = find_copied_text(trace_of(ids), n_prompt, words)
        assert (found and found.text) == expected
