"""Masking: which personal data is found, and what looks like it and is none."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.test_kakaotalk import windows
from tinychat.corpus.cleaning import clean_text
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.masker import BY_FORM, Masker
from tinychat.corpus.reader import excerpt
from tinychat.errors import InputError
from tinychat.params.limits import MASK_KINDS
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.building import build_bpe

MUST_MATCH = {
    "phone": "010-1234-5678, 01012345678, 010 1234 5678, 010.1234.5678, 011-234-5678, 번호는010-1234-5678이야, "
    "+82 10-1234-5678, +821012345678, +82 (0)10 1234 5678, 02-123-4567, (02) 1234-5678, 02)123-4567, 031-123-4567, "
    "0311234567, 021234567, 0507-1234-5678, 050712345678, 070-1234-5678, 080-123-4567, +82-2-1234-5678",
    "email": "a.b+c@example.co.kr, name_01@example.com으로, ABC@EXAMPLE.COM, a@b-c.io.",
    "rrn": "900101-1234567, 000229-3123456, 9001011234568, 900101-1******, 번호 850630-2345678이에요",
    "card": "4111-1111-1111-1111, 4111 1111 1111 1111, 4111111111111111, 3782-822463-10005",
    "account": "110-123-456789, 1002-123-456789, 123456-01-234567, 301-0123-4567-81, 3333-01-1234567, "
    "국민은행 12345601234567, 계좌번호: 1000-1234-5678, 농협 302 1234 5678 91",
    "url": "https://example.com/a?token=abc, www.example.com/?k=1, https://user:pw@example.com/, "
    "https://example.com/a에서",
    "id": "카톡 아이디 hello_123, 카톡 ID는 my.id-77, 카카오톡: tiny_chat, kakao ID: Foo2024",
    "address": "서울시 강남구 테헤란로 152, 성남시 분당구 판교역로166번길 10-3이야, 강남구 역삼동 737-1, "
    "역삼동 737번지, 행복아파트 101동 1203호야",
}
MUST_NOT_MATCH = {
    "phone": "2024-01-02, 12:34, 1,000,000원, v1.2.3, 버전 10.0.19045, 주문번호 20240102123456, 운송장 123456789012, "
    "1588-1234, 112, 0.1234567, 1010-1234-5678, 010-12-34, 192.168.0.10, 100-200-3000, 02월 14일 1234-5678, "
    "010-1234-56789, A01012345678Z",
    "email": "@하늘, a@b, 3@4.5, user@localhost, abc@.com",
    "rrn": "20240102-1234567, 900101-9234567, 901301-1234567, 900132-1234567, 1700000000000, 8801234567893, "
    "20231225153045",
    "card": "4111-1111-1111-1112, 1234-5678-9012-3456, 2024-0101-0000-0000, 1234567890123456",
    "account": "2024-01-02, 010-1234-5678, 02-123-4567, 123-45-67890, 900101-1234567, 토스 10,000원, "
    "우리 2024년 1월 2일, 우리 2024-01-02 10:30",
    "url": "http 오류, www, www..., example.com",
    "id": "카톡 PC버전, 카톡 ID 뭐야, 카톡 windows 버전, 카톡: ㅋㅋ",
    "address": "바로 3분이면 가, 앞으로 10명, 서울로 3시간, 종로 3가, 강남역 3번 출구, 3동 2호선",
}


def kinds_in(text: str, **masker: Any) -> list[str]:
    return [one.kind for one in Masker(**masker).find(text)]


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(kind, text) for kind, texts in table.items() for text in texts.split(", ")]


@pytest.mark.parametrize(("kind", "text"), cases(MUST_MATCH))
def test_personal_data_is_found_by_its_form(kind: str, text: str) -> None:
    assert kinds_in(text) == [kind]


@pytest.mark.parametrize(("kind", "text"), cases(MUST_NOT_MATCH))
def test_what_only_looks_like_it_is_not(kind: str, text: str) -> None:
    assert kind not in kinds_in(text)


def test_everyday_talk_of_11823_rows_has_none(songys: list[tuple[str, str]]) -> None:
    masker = Masker()
    texts = [clean_text(text, Counter()) for row in songys for text in row]
    assert len(texts) == 2 * 11_823
    assert [text for text in texts if masker.find(text)] == []


def test_a_find_becomes_its_placeholder_and_what_follows_stays() -> None:
    masked = Masker().masked
    assert masked("번호는010-0000-1234이야, 메일은 a@example.com.") == "번호는<phone>이야, 메일은 <email>."
    assert masked("국민은행 12345601234567로 보내") == "국민은행 <account>로 보내"
    assert masked("(https://example.com/a_(b)) 봐.") == "(<url>) 봐."
    assert masked("https://example.com/w/서울") == "<url>"  # a message that is a link and nothing else
    assert masked("카톡 아이디는 my_id예요") == "카톡 아이디는 <id>예요"


def test_full_width_signs_and_other_dashes_are_read_as_ascii_and_stay_where_nothing_is_found() -> None:
    assert Masker().masked("０１０－００００－１２３４ ！") == "<phone> ！"
    assert Masker().masked("010–0000–1234") == "<phone>"
    assert Masker().masked("１２３ – ！") == "１２３ – ！"


def test_what_one_kind_found_is_not_found_again() -> None:
    assert Masker().masked("https://example.com/?tel=010-0000-1234&mail=a@example.com") == "<url>"
    assert Masker(speakers={"phone"}).masked("010-0000-1234") == "<phone>"


def test_masked_text_is_clean_and_masking_it_again_changes_nothing() -> None:
    for text in ("010-0000-1234\u0338 보냄", "a@example.com\u0301", "민수 010-0000-1234 https://example.com"):
        masker = Masker(speakers={"민수"})
        masked = masker.masked(text)
        assert clean_text(masked, Counter()) == masked
        assert masker.masked(masked) == masked


def test_a_kind_may_be_left_as_it_is() -> None:
    text = "010-0000-1234 a@example.com 민수야"
    assert Masker(leave=["phone"], speakers={"민수"}).masked(text) == "010-0000-1234 <email> <name>야"
    assert Masker(leave=["name", "email"], speakers={"민수"}).masked(text) == "<phone> a@example.com 민수야"


def test_every_kind_has_a_rule() -> None:
    assert {kind for kind, *_ in BY_FORM} | {"blocked", "name"} == set(MASK_KINDS)


SPEAKERS = {
    "김민수",
    "이서연",
    "박하늘",
    "남궁도윤",
    "[운영] 너구리",
    "정다은 대리",
    "John Smith",
    "수진❤️",
    "길동이",
    "엄마",
    "솔",
}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("김민수가 왔어", "<name>가 왔어"),
        ("민수야 민수님 민수씨 민수랑 민수한테서도", "<name>야 <name>님 <name>씨 <name>랑 <name>한테서도"),
        ("서연아, 서연이가 서연이네로", "<name>아, <name>이가 <name>이네로"),
        ("남궁도윤입니다. 도윤이 생일", "<name>입니다. <name>이 생일"),
        ("너구리야 다은씨 @민수", "<name>야 <name>씨 @<name>"),
        ("john smith는 John이 아니다", "<name>는 John이 아니다"),
        ("수진아 김수진 수진ㅋㅋ", "<name>아 <name> <name>ㅋㅋ"),
        ("길동아 길동이는", "<name>아 <name>는"),
        ("박하늘 하늘아 하늘이가 하늘님", "<name> <name>아 <name>이가 <name>님"),
        ("하늘이 맑다. 하늘을 봐", "하늘이 맑다. 하늘을 봐"),
        ("엄마가 민수기를 읽어 주민수는", "엄마가 민수기를 읽어 주민수는"),
        ("솔직히 솔님 솔솔", "솔직히 <name>님 솔솔"),
        ("다은행 수진료비 서연한 Smithsonian", "다은행 수진료비 서연한 Smithsonian"),
    ],
)
def test_names_of_speakers_are_found_as_words_with_what_is_attached_to_them(text: str, masked: str) -> None:
    assert Masker(speakers=SPEAKERS).masked(text) == masked


def test_speakers_that_are_told_while_a_source_is_read_count_from_then_on() -> None:
    speakers: set[str] = set()
    masker = Masker(speakers=speakers)
    assert masker.masked("민수야") == "민수야"
    speakers.add("민수")
    assert masker.masked("민수야") == "<name>야"


def test_a_block_list_is_found_in_any_case_and_with_endings_but_cuts_no_latin_word() -> None:
    blocked = BlockList(["행복전자", "행복전자 본사", "ACME", "İst"])
    masked = Masker(blocked=blocked).masked
    assert masked("우리행복전자에서 행복전자 본사로") == "우리<blocked>에서 <blocked>로"
    assert masked("acme는 Acme2나 acmeist와 다르다") == "<blocked>는 Acme2나 acmeist와 다르다"
    assert masked("행복전자\n본사") == "<blocked>"
    assert masked("İSTanbul İst") == "İSTanbul <blocked>"


# In a project.


def test_a_chat_is_masked_and_counted_and_what_was_found_is_nowhere_in_the_numbers(project: Any) -> None:
    project.lay(
        "talk.txt",
        windows(
            "[김하늘] [9:05] 바다야 내 번호 010-0000-1234야",
            "[바다] [9:06] 응 하늘아 https://example.com/a?token=1 봐",
            "[김하늘] [9:07] 메일은?",
            "[바다] [9:08] a@example.com 또는 b@example.com",
        ),
    )
    metrics = project.ingest()
    assert project.texts() == [
        ["<name>야 내 번호 <phone>야", "응 <name>아 <url> 봐", "메일은?", "<email> 또는 <email>"],
    ]
    assert metrics["masked"] == {"email": 2, "name": 2, "phone": 1, "url": 1}
    written = project.metrics_file.read_text(encoding="utf-8")
    assert not re.search("하늘|바다|0000|example", written)


def test_rows_that_are_dropped_are_not_counted_as_masked(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n번호?,010-0000-1234\n번호?,010-0000-9999\n,010-0000-1111\n")
    metrics = project.ingest()
    assert (metrics["masked"], metrics["rows_dropped"]) == ({"phone": 1}, {"empty_question": 1, "repeat": 1})
    assert project.texts() == [["번호?", "<phone>"]]


def test_masking_can_be_switched_off_and_the_log_says_so(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.lay("qa.csv", "Q,A\n번호?,010-0000-1234\n메일?,a@example.com\n")
    metrics = project.ingest(mask={"enabled": False, "leave": [], "block_list": None})
    assert (metrics["masked"], project.texts()) == ({}, [["번호?", "010-0000-1234"], ["메일?", "a@example.com"]])
    assert "personal data is not masked: corpus.mask.enabled is false" in capsys.readouterr().out
    metrics = project.ingest(mask={"enabled": True, "leave": ["phone"], "block_list": None})
    assert (metrics["masked"], project.texts()) == ({"email": 1}, [["번호?", "010-0000-1234"], ["메일?", "<email>"]])
    assert "not masked: phone (corpus.mask.leave)" in capsys.readouterr().out


def with_list(name: str = "words.txt") -> dict[str, Any]:
    return {"enabled": True, "leave": [], "block_list": name}


def test_a_block_list_in_data_raw_is_no_source_and_its_words_are_masked(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lay("qa.csv", "Q,A\n어디 다녀?,행복전자에 다녀\n")
    project.lay("words.txt", "\ufeff행복전자\r\n\r\n비밀 모임\r\n")
    metrics = project.ingest(mask=with_list())
    assert (metrics["sources"], metrics["masked"]) == (1, {"blocked": 1})
    assert project.texts() == [["어디 다녀?", "<blocked>에 다녀"]]
    shown = capsys.readouterr().out
    assert "block list: 2 words" in shown and "행복전자" not in shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "words.txt: no such file"),
        ("\n\n", "words.txt: a block list without words"),
        ("행복전자\n솔\n", "words.txt:2: a word of one character"),
    ],
)
def test_a_block_list_that_cannot_be_used_is_an_error_that_quotes_none_of_it(
    project: Any, content: str | None, message: str
) -> None:
    project.lay("qa.csv", "Q,A\n안녕,응\n")
    if content is not None:
        project.lay("words.txt", content)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        project.ingest(mask=with_list())
    assert "행복" not in str(error.value) and "솔" not in str(error.value)


def test_a_block_list_must_lie_in_data_raw(project: Any) -> None:
    project.lay("qa.csv", "Q,A\n안녕,응\n")
    with pytest.raises(InputError, match=re.escape("corpus.mask.block_list: ../words.txt is outside")):
        project.ingest(mask=with_list("../words.txt"))


def test_errors_quote_a_file_without_personal_data() -> None:
    assert excerpt("번호 010-0000-1234, a@example.com") == '"번호 <phone>, <email>"'
    text = "가" * 55 + "010-0000-1234"
    assert excerpt(text) == f'"{"가" * 55}<phon…"'


@pytest.mark.slow
def test_the_starter_corpus_is_not_masked(project: Any, monkeypatch: pytest.MonkeyPatch, repo: Path) -> None:
    def fail(*_: object) -> str:
        raise AssertionError("a text of the starter corpus was masked")

    monkeypatch.setattr("tinychat.corpus.masking.source_mask.SourceMask.__call__", fail)
    (project.root / "data/starter").symlink_to(repo / "data/starter")
    metrics = project.ingest(sources=[{"corpus": "starter"}], starter={"dialogues": 100, "seed": 0})
    assert metrics["masked"] == {}


# Placeholders are plain text.


@pytest.fixture(scope="module")
def learnt() -> Tokenizer:
    texts = [f"{before}<{kind}>{after}" for kind in MASK_KINDS for before, after in (("", "이야"), ("내 번호는 ", ""))]
    return build_bpe(texts * 20, max_size=600, min_frequency=2)


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_a_placeholder_that_occurs_is_three_tokens_at_most_and_comes_back_as_it_was(
    learnt: Tokenizer, kind: str
) -> None:
    placeholder = f"<{kind}>"
    ids = learnt.encode(f"내 번호는 {placeholder}")
    assert len(ids) - len(learnt.encode("내 번호는")) <= 3
    assert learnt.decode(ids) == f"내 번호는 {placeholder}"
    assert learnt.control_ids.isdisjoint(ids)
    for text in (f"{placeholder}이에요", f"{placeholder}{placeholder}", f"친 글자 {placeholder[:-1]}"):
        assert learnt.decode(learnt.encode(text)) == text


def test_no_placeholder_is_a_control_token(learnt: Tokenizer) -> None:
    assert {f"<{kind}>" for kind in MASK_KINDS}.isdisjoint(learnt.tokens(sorted(learnt.control_ids)))


def test_the_saved_figures_are_those_of_the_rules(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import masking

    monkeypatch.chdir(repo)
    saved = json.loads((repo / "benchmarks/results/masking.json").read_text(encoding="utf-8"))["kinds"]
    for kind, figures in saved.items():
        score = masking.score_of(kind, tune=False, misses=[])
        assert (score.passages, score.finds) == (figures["passages"], figures["finds"]), kind
        assert score.recall == pytest.approx(figures["recall"], abs=1e-4)
        assert score.precision == pytest.approx(figures["precision"], abs=1e-4)
        with_data, without, _ = masking.read_list(kind)
        assert min(len(with_data), len(without)) >= 40
