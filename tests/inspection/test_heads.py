"""What a head is said to do, in attention that is made by hand."""

import pytest
import torch

from tinychat.inspection.copying import find_copied_text
from tinychat.inspection.heads import HeadRole, name_heads
from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer

LAYERS, HEADS = 2, 2


def trace_of(ids: list[int], looks: dict[tuple[int, int], list[list[float]]]) -> Trace:
    """Heads that look everywhere alike, except for `looks`, by layer and head: the weights of each token."""
    even = torch.tril(torch.ones(len(ids), len(ids)))
    attention = (even / even.sum(dim=1, keepdim=True)).expand(LAYERS, HEADS, -1, -1).clone()
    for head, rows in looks.items():
        attention[head] = torch.tensor(rows)
    names = tuple(f"layer.{number}" for number in range(LAYERS + 1))
    return Trace(tuple(ids), names, {}, attention, torch.empty(0))


def rows(ids: list[int], at: dict[int, int]) -> list[list[float]]:
    """Each token looks at one: the one in `at`, or itself."""
    return [[float(t == at.get(place, place)) for t in range(len(ids))] for place in range(len(ids))]


@pytest.fixture
def ids(words: Tokenizer) -> list[int]:
    return [words.user_id, *words.encode("안녕 나는 안녕 나는 안녕"), words.bot_id, *words.encode("나는 안녕")]


def test_a_head_is_named_by_where_it_looks_most_clearly(ids: list[int], words: Tokenizer) -> None:
    n = len(ids)
    before = rows(ids, {place: place - 1 for place in range(1, n)})
    first = rows(ids, dict.fromkeys(range(n), 0))
    same = rows(ids, {p: max((t for t in range(p) if ids[t] == ids[p]), default=0) for p in range(n)})
    heads = name_heads(trace_of(ids, {(0, 0): before, (0, 1): first, (1, 0): same}), None, words)
    assert heads[0] == [HeadRole("previous", 1.0), HeadRole("first", 1.0)]
    assert heads[1][0].role == "same"
    assert heads[1][1] == HeadRole(None, 0.0)  # it looks everywhere alike


def test_a_head_that_looks_at_the_marks_or_at_itself_is_named(words: Tokenizer) -> None:
    ids = [words.user_id, *words.encode("안녕"), words.bot_id, *words.encode("나는 김밥이 좋아 나는")]
    marks = rows(ids, {place: 2 for place in range(3, len(ids))})
    heads = name_heads(trace_of(ids, {(0, 0): marks, (0, 1): rows(ids, {})}), None, words)
    assert [head.role for head in heads[0]] == ["marks", "self"]


def test_a_sequence_of_few_tokens_names_no_head(words: Tokenizer) -> None:
    ids = [words.user_id, *words.encode("안녕"), words.bot_id]
    heads = name_heads(trace_of(ids, {(0, 0): rows(ids, {1: 0, 2: 1})}), None, words)
    assert heads == [[HeadRole(None, 0.0)] * HEADS] * LAYERS


def test_the_head_that_copies_is_named_by_that(words: Tokenizer) -> None:
    turns = [("user", "나는 김밥이 좋아"), ("assistant", "고마워 ㅋㅋ"), ("user", "뭐 먹을래?")]
    messages = [{"role": role, "content": text} for role, text in turns]
    prompt = words.encode_prompt(messages, max_len=48, reply_tokens=8)
    ids = [*prompt, *words.encode("김밥이")]
    source = ids.index(ids[-1])
    trace = trace_of(ids, {(1, 1): rows(ids, dict.fromkeys(range(len(ids)), 0) | {len(ids) - 2: source})})
    copied = find_copied_text(trace, len(prompt), words)
    assert copied is not None and (copied.head.layer, copied.head.head) == (1, 1)
    # Everywhere else it looks at the first token: both are clear, and copying needs more to be said.
    assert name_heads(trace, copied, words)[1][1].role in ("copied", "first")
    assert copied.weight_by_head[1][1] == pytest.approx(1.0)
