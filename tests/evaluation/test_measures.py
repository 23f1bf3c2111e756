import math
from dataclasses import replace

import pytest
import torch

from tinychat.batches.prepared import EncodedDialogue, PreparedSplit, to_arrays
from tinychat.corpus.dialogue import Dialogue, Turn
from tinychat.evaluation.caching_engine import GREEDY, CachingEngine
from tinychat.evaluation.evaluate import evaluate, evenly_spaced, questions_of
from tinychat.evaluation.likelihood import Likelihood, measure_likelihood, unigram_likelihood
from tinychat.evaluation.measures import is_well_formed, measure_by_name, repeats_a_phrase
from tinychat.evaluation.reply_metrics import char_f1, copied_share, distinct, exact_share, mean_char_f1
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.generation.engine import Engine
from tinychat.generation.request import FinishReason, Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.generation.torch_decoder import TorchDecoder
from tinychat.model import DialogueModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer


def pair(question: str, answer: str) -> Dialogue:
    return Dialogue("test:1", (Turn("user", question), Turn("assistant", answer)))


@pytest.fixture
def split(model: DialogueModel) -> PreparedSplit:
    rows = [
        EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3),
        EncodedDialogue((1, 5, 9, 2, 7, 8, 6, 3), (False, False, False, False, True, True, True, True), 9),
    ]
    return to_arrays(rows, model.vocab_size)


@torch.inference_mode()
def test_likelihood_is_the_sum_over_each_answer_token_alone(model: DialogueModel, split: PreparedSplit) -> None:
    measured, accuracy = measure_likelihood(model, split, n_bytes=12, pad_id=0)
    total, tokens, correct = 0.0, 0, 0
    for begin, end in zip(split.offsets[:-1], split.offsets[1:], strict=True):
        ids = torch.tensor(split.tokens[begin:end].astype(int))
        logprobs = model(ids[None, :-1])[0].log_softmax(-1)
        for place in range(1, len(ids)):
            if split.loss_mask[begin + place]:
                total -= float(logprobs[place - 1, ids[place]])
                correct += int(logprobs[place - 1].argmax() == ids[place])
                tokens += 1
    assert (measured.tokens, measured.bytes) == (tokens, 12)
    assert measured.loss_sum == pytest.approx(total, abs=1e-4)
    assert measured.loss == pytest.approx(total / 6, abs=1e-5)
    assert measured.perplexity == pytest.approx(math.exp(total / 6), rel=1e-5)
    assert measured.bits_per_byte == pytest.approx(total / math.log(2) / 12, abs=1e-5)
    assert accuracy == correct / tokens


def test_unigram_knows_how_frequent_the_training_answers_tokens_are(split: PreparedSplit) -> None:
    measured = unigram_likelihood(split, split, n_bytes=12, vocab_size=10)
    # answers: 6 3 | 7 8 6 3, add one, ten tokens in the vocabulary
    assert measured.loss_sum == pytest.approx(-(4 * math.log(3 / 16) + 2 * math.log(2 / 16)))


def test_the_nearest_question_answers() -> None:
    nearest = NearestQuestion(["뭐 먹을래?", "안녕하세요", "잘 자"], ["김밥", "반가워요", "내일 봐요"])
    assert nearest.answer("안녕") == "반가워요"
    assert nearest.answer("뭐 먹지") == "김밥"


def test_reply_measures() -> None:
    references = [{"가나다", "라"}, {"마바사"}]
    assert exact_share(["라", "마바"], references) == 0.5
    assert char_f1("가나다", "가나다") == 1
    assert char_f1("가나", "라마") == 0
    # pairs: ^가 가나 나$ and ^가 가다 다$
    assert char_f1("가나", "가다") == pytest.approx(2 * 1 / 6)
    assert mean_char_f1(["라", "마바사"], references) == 1
    assert char_f1("", "") == 1
    assert copied_share(["가", "나"], {"나", "다"}) == 0.5
    assert distinct(["a b a", "b a"], 1) == pytest.approx(2 / 5)
    assert distinct(["a b a", "b a"], 2) == pytest.approx(2 / 3)
    assert distinct(["", "a"], 2) == 0


def test_questions_are_the_last_exchange_with_its_history(bpe: Tokenizer) -> None:
    turns = (Turn("user", "가"), Turn("assistant", "나"), Turn("user", "다 ?"), Turn("assistant", "라"))
    context_only = (*turns, Turn("user", "마"), Turn("assistant", "나빠", has_loss=False))
    question = questions_of([Dialogue("x:2", turns[1:2]), Dialogue("x:1", context_only)], bpe, 48)[0]
    assert (question.text, question.answer, len(question.messages)) == ("다 ?", "라", 3)
    assert question.key == ("가", "나", "다")


def test_a_long_dialogue_is_asked_for_the_last_exchange_of_each_window(bpe: Tokenizer) -> None:
    turns = tuple(Turn(role, f"{role[0]}{n}") for n in range(60) for role in ("user", "assistant"))
    questions = questions_of([Dialogue("x:1", turns, {"accept": ["다"]})], bpe, 64)
    assert len(questions) > 3
    assert all(question.answer == f"a{question.text[1:]}" for question in questions)
    assert all(question.messages[0]["role"] == "user" for question in questions)
    assert sum(len(question.messages) for question in questions) < 3 * len(turns)  # of the window, not of the whole
    assert (questions[-1].text, questions[-1].accept) == ("u59", {"다"})
    assert not any(question.accept for question in questions[:-1])


def test_a_spread_sample_reaches_from_the_first_to_the_last() -> None:
    dialogues = [pair(str(n), "a") for n in range(100)]
    assert [int(d.turns[0].content) for d in evenly_spaced(dialogues, 4)] == [0, 33, 66, 99]
    assert evenly_spaced(dialogues, 200) == dialogues


def test_the_report_has_both_halves_and_null_where_nothing_is_held_out(model: DialogueModel, bpe: Tokenizer) -> None:
    train = [pair("안녕", "반가워요"), pair("안녕?", "어서 와"), pair("잘 자", "내일 봐요")]
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe), model, train, [], max_dialogues=10, long_answers="drop"
    )
    assert report["held_out"] is None
    assert report["seen"]["replies"]["asked"] == 3
    # 안녕 and 안녕? are one question with two right answers.
    assert report["seen"]["baselines"]["nearest_question"]["exact"] == 1
    both = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe),
        model,
        train,
        [pair("잘 자라", "내일 봐요")],
        max_dialogues=10,
        long_answers="drop",
    )
    assert both["held_out"]["baselines"]["nearest_question"]["exact"] == 1
    assert both["held_out"]["answer_tokens"] == len(bpe.encode("내일 봐요")) + 1


def test_what_is_accepted_is_accepted_of_the_last_question_only(bpe: Tokenizer) -> None:
    turns = (Turn("user", "가"), Turn("assistant", "나"), Turn("user", "다"), Turn("assistant", "라"))
    context = (*turns[:3], Turn("assistant", "라", has_loss=False))
    dialogues = [Dialogue("x:1", each, {"accept": ["라", "마"]}) for each in (turns, context)]
    last, earlier = questions_of(dialogues, bpe, 48)
    assert (last.text, last.accept) == ("다", {"라", "마"})
    assert (earlier.text, earlier.accept) == ("가", frozenset())


def test_a_trained_reply_that_the_corpus_accepts_is_exact_whichever_was_given(
    model: DialogueModel, bpe: Tokenizer
) -> None:
    engine = Engine(TorchDecoder(model, slots=4), bpe)
    said = engine.reply([[{"role": "user", "content": "안녕"}]], GREEDY)[0].text
    for accept, exact in ((["아무 말", said], 1), (["아무 말"], 0)):
        train = [Dialogue("test:1", pair("안녕", "아무 말").turns, {"accept": accept})]
        report = evaluate(engine, model, train, [], max_dialogues=10, long_answers="drop")
        assert report["seen"]["replies"]["exact"] == exact


def test_a_baseline_knows_what_was_said_before_the_question(model: DialogueModel, bpe: Tokenizer) -> None:
    def talk(name: str, first: str, answer: str) -> Dialogue:
        texts = (first, "반가워요", "나 누구게?", answer)
        return Dialogue("test:1", tuple(Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)))

    train = [talk("서연", "나는 서연이야", "서연님"), talk("민준", "나는 민준이야", "민준님")]
    held_out = [talk("민준", "나는 민준이야!", "민준님")]
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe), model, train, held_out, max_dialogues=10, long_answers="drop"
    )
    baselines = report["held_out"]["baselines"]
    assert baselines["nearest_question"]["exact"] == 0  # the first of two equal questions
    assert baselines["nearest_dialogue"]["exact"] == 1


def test_questions_too_long_for_the_model_are_left_out(model: DialogueModel, bpe: Tokenizer) -> None:
    train = [pair("안녕", "반가워요"), pair("a1" * 60, "길어요")]
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe), model, train, [], max_dialogues=10, long_answers="drop"
    )
    assert report["seen"]["dialogues"] == report["seen"]["replies"]["asked"] == 1


def test_unknown_words_leave_bits_per_byte_empty_and_their_share_is_told(words: Tokenizer) -> None:
    config = ClassicConfig(vocab_size=words.size, embed_dim=16, n_layers=1, n_heads=2, ffn_dim=16, max_len=24)
    model = build_model(config)
    known, unknown = [pair("안녕", "나 기분 좋아")], [pair("안녕", "나 몰라요")]
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), words), model, known, unknown, max_dialogues=10, long_answers="drop"
    )
    assert report["seen"]["bits_per_byte"] > 0
    assert report["seen"]["unknown_share"] == 0
    assert report["held_out"]["bits_per_byte"] is None
    assert report["held_out"]["baselines"]["unigram"]["bits_per_byte"] is None
    assert report["held_out"]["unknown_share"] == 0.5
    assert report["held_out"]["answer_tokens"] == 2  # 나 and <eos>


def test_a_loss_too_large_for_a_perplexity_leaves_it_empty() -> None:
    assert Likelihood(loss_sum=2000.0, tokens=2, bytes=3).perplexity is None


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("나는 너 참 좋아 그래 나는 너 참 좋아", True),  # four words
        ("나는 너 참 좋아 그래 나는 너 참 싫어", False),
        ("나 너 나 너 나 너 나 너", True),  # one right behind the other
        ("나 너 나 너 나 너 나", False),  # the second begins before the first has ended
        ("가나다라마바사아자차카타! 가나다라마바사아자차카타?", True),  # twelve characters
        ("가나다라마바사아자차카! 가나다라마바사아자차카?", False),
        ("가나다라 마바사 아자차!\n가나다라  마바사 아자차?", True),  # any space between words is one
        ("하" * 24, True),
        ("하" * 23, False),
        ("", False),
    ],
)
def test_a_phrase_said_twice_is_four_words_or_twelve_characters_that_come_again(text: str, twice: bool) -> None:
    assert repeats_a_phrase(text) is twice


@pytest.mark.parametrize(
    ("text", "finish", "well_formed"),
    [
        ("반가워요!", "stop", True),
        ("반가워요!", "length", False),
        ("반가\ufffd", "stop", False),
        ("하" * 24, "stop", False),
    ],
)
def test_a_well_formed_reply_ends_by_itself_and_has_no_broken_character_and_no_phrase_twice(
    text: str, finish: FinishReason, well_formed: bool
) -> None:
    assert is_well_formed(Reply(text, (5,), finish, (), (1, 2))) is well_formed


def test_each_measure_of_the_corpus_counts_right_ended_and_well_formed_replies(
    model: DialogueModel, bpe: Tokenizer
) -> None:
    letter = bpe.encode("a")[-1]
    with torch.no_grad():
        model.output_layer.bias[letter], model.output_layer.bias[bpe.eos_id] = 100, 200

    def asked(measure: str, question: str, *accept: str) -> Dialogue:
        return Dialogue("test:1", pair(question, "아무 말").turns, {"measure": measure, "accept": accept})

    dialogues = [
        asked("x", "안녕", "a", "b"),
        asked("x", "고마워", "b"),
        asked("y", "가" * 99, "a"),  # too long for the model
        asked("y", "잘 자", "a"),
        pair("안녕", "네"),
    ]
    engine = Engine(TorchDecoder(model, slots=4), bpe)

    def measures(n: int) -> dict[str, dict[str, float]]:
        """The model says the letter `n` times and ends, or is cut where `n` is 30."""
        options = SamplingOptions(method="greedy", min_tokens=n, max_tokens=30)
        return measure_by_name(CachingEngine(engine, options), dialogues)

    assert measures(1) == {
        "x": {"asked": 2, "accepted": 0.5, "ends_by_itself": 1, "well_formed": 1},
        "y": {"asked": 2, "accepted": 0.5, "ends_by_itself": 0.5, "well_formed": 0.5},
    }
    assert measures(29)["x"] == {"asked": 2, "accepted": 0, "ends_by_itself": 1, "well_formed": 0}
    assert measures(30)["x"] == {"asked": 2, "accepted": 0, "ends_by_itself": 0, "well_formed": 0}


def test_what_is_asked_twice_is_answered_once_and_as_the_engine_does(
    model: DialogueModel, bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(TorchDecoder(model, slots=4), bpe)
    asked = [[{"role": "user", "content": text}] for text in ("안녕", "고마워", "안녕", "가" * 99)]
    expected = engine.reply(asked[:3], GREEDY)
    entered: list[int] = []
    reply = Engine.reply

    def counted(self: Engine, dialogues: list[object], options: SamplingOptions) -> list[Reply]:
        entered.append(len(dialogues))
        return reply(self, dialogues, options)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "reply", counted)
    cached_engine = CachingEngine(engine)
    for begin in (0, 1):
        replies = cached_engine.reply(asked[begin:])
        assert replies[-1] is None
        assert [one and one.token_ids for one in replies[:-1]] == [one.token_ids for one in expected[begin:]]
    assert entered == [2, 0]


def numbered(number: int, question: str, answer: str) -> Dialogue:
    return replace(pair(question, answer), source_number=number)


def test_each_source_has_its_own_score_by_its_number(model: DialogueModel, bpe: Tokenizer) -> None:
    engine = Engine(TorchDecoder(model, slots=4), bpe)
    said = engine.reply([[{"role": "user", "content": "안녕"}]], GREEDY)[0].text
    right = replace(numbered(1, "안녕", "아무 말"), metadata={"accept": [said]})
    train = [right, right, numbered(1, "잘 자", "다른 답"), numbered(2, "뭐해", "또 다른 답")]
    report = evaluate(engine, model, train, [numbered(2, "뭐 해?", "쉬어")], max_dialogues=10, long_answers="drop")
    assert report["sources"] == {
        "source_1": {"seen": {"asked": 2, "exact": 0.5}, "held_out": None},
        "source_2": {"seen": {"asked": 1, "exact": 0.0}, "held_out": {"asked": 1, "exact": 0.0}},
    }


def test_the_questions_that_are_asked_are_divided_among_the_sources(model: DialogueModel, bpe: Tokenizer) -> None:
    train = [numbered(number, f"{number}의 {n}", "응") for number in (1, 2) for n in range(9)]
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe), model, train, [], max_dialogues=10, long_answers="drop"
    )
    assert [scores["seen"]["asked"] for scores in report["sources"].values()] == [5, 5]


def test_a_corpus_of_one_source_has_no_score_beside_that_of_the_whole(model: DialogueModel, bpe: Tokenizer) -> None:
    report = evaluate(
        Engine(TorchDecoder(model, slots=4), bpe), model, [pair("안녕", "응")], [], max_dialogues=1, long_answers="drop"
    )
    assert "sources" not in report
