import pytest

from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.chat import first_kept_turn

TALK = [
    {"role": "user", "content": "안녕"},
    {"role": "assistant", "content": "반가워요!"},
    {"role": "user", "content": "뭐 먹을래?"},
    {"role": "assistant", "content": "김밥이 좋아"},
]


def test_a_dialogue_is_tokens_turn_after_turn(bpe: Tokenizer) -> None:
    ids, _ = bpe.encode_dialogue(TALK[:2])
    assert ids == [1, *bpe.encode("안녕"), 2, *bpe.encode("반가워요!"), 3]


def test_what_the_bot_says_and_its_end_is_learnt(bpe: Tokenizer) -> None:
    ids, mask = bpe.encode_dialogue(TALK)
    learnt = [i for i, m in zip(ids, mask, strict=True) if m]
    assert learnt == [*bpe.encode("반가워요!"), 3, *bpe.encode("김밥이 좋아"), 3]


def test_a_turn_of_weight_0_is_context_without_loss(bpe: Tokenizer) -> None:
    ids, mask = bpe.encode_dialogue([{"role": "assistant", "content": "어서 와", "weight": 0}, *TALK[:2]])
    assert ids[: len(bpe.encode("어서 와")) + 2] == [2, *bpe.encode("어서 와"), 3]
    assert sum(mask) == len(bpe.encode("반가워요!")) + 1


@pytest.mark.parametrize(
    ("roles", "lengths", "limit", "start"),
    [
        ("ubub", (3, 4, 5, 6), 18, 0),
        ("ubub", (3, 4, 5, 6), 17, 2),  # without its question, the first answer leaves too
        ("ubub", (3, 4, 5, 6), 11, 2),
        ("ubub", (3, 4, 5, 6), 10, 4),
        ("bub", (3, 4, 5), 12, 0),  # a dialogue that the bot began stays as it is
        ("bubu", (3, 4, 5, 6), 6, 3),
        ("u", (3,), 2, 1),
        ("", (), 5, 0),
    ],
)
def test_whole_oldest_turns_leave_first(roles: str, lengths: tuple[int, ...], limit: int, start: int) -> None:
    names = {"u": "user", "b": "assistant"}
    assert first_kept_turn([names[r] for r in roles], lengths, limit) == start


def test_a_prompt_ends_with_the_bots_mark(bpe: Tokenizer) -> None:
    prompt = bpe.encode_prompt(TALK[:3], max_len=100, reply_tokens=20)
    assert prompt == [*bpe.encode_dialogue(TALK[:3])[0], 2]


def test_a_long_history_loses_its_oldest_turns(bpe: Tokenizer) -> None:
    prompt = bpe.encode_prompt([*TALK * 20, TALK[0]], max_len=64, reply_tokens=16)
    assert len(prompt) <= 64 - 16
    assert prompt[0] == bpe.user_id
    assert prompt[-len(bpe.encode("안녕")) - 2 :] == [1, *bpe.encode("안녕"), 2]


def test_a_long_question_takes_the_room_of_the_reply(bpe: Tokenizer) -> None:
    question = "a1" * 20  # 40 tokens, and one for the space before them
    assert len(bpe.encode_prompt([{"role": "user", "content": question}], max_len=48, reply_tokens=40)) == 43


def test_a_question_that_leaves_no_room_is_refused_with_the_limit(bpe: Tokenizer) -> None:
    fitting, too_long = "a1" * 10, "a1" * 10 + "a"
    assert len(bpe.encode_prompt([{"role": "user", "content": fitting}], max_len=24, reply_tokens=8)) == 23
    with pytest.raises(InputError, match="22 tokens long; this model takes at most 21"):
        bpe.encode_prompt([{"role": "user", "content": too_long}], max_len=24, reply_tokens=8)


def test_a_role_that_the_template_does_not_know_is_refused(bpe: Tokenizer) -> None:
    with pytest.raises(InputError, match="role is 'system'; the chat template knows user and assistant"):
        bpe.encode_dialogue([{"role": "system", "content": "친절하게 답해"}, *TALK])
