from tinychat.corpus.dialogue import Dialogue, Dropped, Turn
from tinychat.corpus.turns import TurnCounts, tidy_turns
from tinychat.params.limits import MAX_CHARACTERS


def tidy(*messages: tuple[str, str] | tuple[str, str, int]) -> tuple[list[tuple[str, str, int]] | str, TurnCounts]:
    """The turns of tidied messages, or why they were dropped; and the counts."""
    counts = TurnCounts()
    result = tidy_turns(Dialogue("a.jsonl:7", tuple(Turn(*message) for message in messages)), counts)
    if isinstance(result, Dropped):
        assert result.where == "a.jsonl:7"
        return result.reason, counts
    return [(turn.role, turn.content, turn.has_loss) for turn in result.turns], counts


def test_a_question_and_its_answer_stay_as_they_are() -> None:
    dialogue = Dialogue("a.csv:1", (Turn("user", "안녕"), Turn("assistant", "반가워")))
    assert tidy_turns(dialogue, TurnCounts()) == dialogue


def test_messages_of_one_side_in_a_row_become_one_turn() -> None:
    turns, counts = tidy(("user", "안녕"), ("user", "뭐해?"), ("assistant", "쉬어"), ("assistant", "너는?"))
    assert turns == [("user", "안녕\n뭐해?", 1), ("assistant", "쉬어\n너는?", 1)]
    assert counts.changed.as_numbers() == {"joined": 2}


def test_a_joined_turn_carries_loss_only_if_all_its_messages_do() -> None:
    turns, counts = tidy(
        ("user", "안녕"),
        ("assistant", "틀린 말", 0),
        ("assistant", "맞는 말", 1),
        ("user", "응"),
        ("assistant", "그래"),
    )
    assert turns == [
        ("user", "안녕", 1),
        ("assistant", "틀린 말\n맞는 말", 0),
        ("user", "응", 1),
        ("assistant", "그래", 1),
    ]
    assert counts.changed.as_numbers() == {"joined": 1, "joined_without_loss": 1}


def test_what_the_assistant_says_first_is_context_without_loss() -> None:
    turns, counts = tidy(("assistant", "어서 와"), ("user", "안녕"), ("assistant", "반가워"))
    assert turns == [("assistant", "어서 와", 0), ("user", "안녕", 1), ("assistant", "반가워", 1)]
    assert counts.changed.as_numbers() == {"leading_assistant": 1}


def test_user_turns_behind_the_last_answer_are_dropped_and_counted() -> None:
    turns, counts = tidy(("user", "안녕"), ("assistant", "반가워"), ("user", "응"), ("user", "잘 가"))
    assert turns == [("user", "안녕", 1), ("assistant", "반가워", 1)]
    assert counts.dropped.as_numbers() == {"trailing_user": 1}


def test_a_dialogue_without_an_assistant_turn_is_dropped() -> None:
    assert tidy(("user", "안녕"), ("user", "거기 있어?"))[0] == "no_assistant_turn"


def test_a_dialogue_with_nothing_to_learn_is_dropped() -> None:
    assert tidy(("user", "안녕"), ("assistant", "반가워", 0))[0] == "no_answer_with_loss"
    assert tidy(("assistant", "아무도 없어요?"), ("user", "네"))[0] == "no_answer_with_loss"


def test_a_blank_message_is_dropped_and_counted_before_turns_are_joined() -> None:
    turns, counts = tidy(("user", "안녕"), ("assistant", " \u3164 "), ("user", "여보세요"), ("assistant", "네"))
    assert turns == [("user", "안녕\n여보세요", 1), ("assistant", "네", 1)]
    assert counts.dropped.as_numbers() == {"blank": 1}


def test_a_message_that_an_earlier_program_damaged_is_dropped_and_counted() -> None:
    turns, counts = tidy(("user", "안녕"), ("assistant", "\ufffd\ufffd"), ("assistant", "반가워"))
    assert turns == [("user", "안녕", 1), ("assistant", "반가워", 1)]
    assert (counts.dropped.as_numbers(), counts.replacement_characters) == ({"replacement_characters": 1}, 2)


def test_messages_that_are_too_long_together_drop_the_dialogue() -> None:
    half = "가" * (MAX_CHARACTERS // 2)
    assert tidy(("user", half), ("user", half), ("assistant", "네"))[0] == "too_long"
    assert tidy(("user", half), ("assistant", half))[0] != "too_long"
