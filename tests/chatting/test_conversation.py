from tinychat.chatting.conversation import RETRY_TEMPERATURE, Conversation, Exchange
from tinychat.generation.request import FinishReason, Reply
from tinychat.generation.sampling import SamplingOptions


def reply(text: str, finish_reason: FinishReason = "stop") -> Reply:
    return Reply(text, (), finish_reason, (), ())


def test_the_model_reads_all_that_was_said_and_the_question() -> None:
    conversation = Conversation()
    conversation.add("안녕", reply("반가워요"))
    assert conversation.messages("잘 자") == [
        {"role": "user", "content": "안녕"},
        {"role": "assistant", "content": "반가워요"},
        {"role": "user", "content": "잘 자"},
    ]


def test_where_the_bot_said_nothing_the_question_goes_on_as_in_training() -> None:
    conversation = Conversation()
    conversation.add("안녕", reply(""))
    assert conversation.messages("잘 자") == [{"role": "user", "content": "안녕\n잘 자"}]


def test_asking_does_not_by_itself_change_what_was_said() -> None:
    conversation = Conversation()
    conversation.messages("안녕")
    assert conversation.exchanges == []


def test_undo_takes_the_last_exchange_away_and_gives_it() -> None:
    conversation = Conversation()
    conversation.add("안녕", reply("반가워요"))
    conversation.add("잘 자", reply("잘 자요"))
    assert conversation.undo() == Exchange("잘 자", reply("잘 자요"))
    assert conversation.last == Exchange("안녕", reply("반가워요"))


def test_undo_of_nothing_gives_nothing() -> None:
    assert Conversation().undo() is None


def test_reset_forgets_what_was_said_and_keeps_the_options() -> None:
    conversation = Conversation({"temperature": 0.5})
    conversation.add("안녕", reply("반가워요"))
    conversation.reset()
    assert (conversation.last, conversation.given) == (None, {"temperature": 0.5})


def test_a_retry_reads_what_stood_before_the_last_question_and_replaces_the_last_reply() -> None:
    conversation = Conversation()
    conversation.add("안녕", reply("반가워요"))
    conversation.add("잘 자", reply("싫어요"))
    assert conversation.retry_messages()[1:] == [
        {"role": "assistant", "content": "반가워요"},
        {"role": "user", "content": "잘 자"},
    ]
    conversation.replace_last(reply("잘 자요"))
    assert [exchange.reply.text for exchange in conversation.exchanges] == ["반가워요", "잘 자요"]


def test_a_greedy_retry_is_drawn_by_chance_with_another_seed_each_time() -> None:
    conversation = Conversation({"max_tokens": 9})
    tries = [conversation.retry_options(SamplingOptions(max_tokens=9)) for _ in range(3)]
    assert tries == [{"max_tokens": 9, "temperature": RETRY_TEMPERATURE, "seed": seed} for seed in (1, 2, 3)]


def test_a_retry_where_greedy_was_asked_for_is_drawn_by_chance_too() -> None:
    conversation = Conversation({"temperature": 0})
    assert conversation.retry_options(SamplingOptions())["temperature"] == RETRY_TEMPERATURE


def test_a_retry_by_chance_keeps_the_temperature_and_counts_on_from_the_seed() -> None:
    given = {"temperature": 0.5, "seed": 10}
    conversation = Conversation(given)
    options = SamplingOptions(method="sample", **given)
    assert conversation.retry_options(options) == {"temperature": 0.5, "seed": 11}
    assert conversation.retry_options(options) == {"temperature": 0.5, "seed": 12}


def test_a_retry_changes_no_option_for_the_next_question() -> None:
    conversation = Conversation()
    conversation.retry_options(SamplingOptions())
    assert conversation.given == {}
