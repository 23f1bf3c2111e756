import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tinychat.errors import InputError
from tinychat.tokenizer import Tokenizer, load_tokenizer
from tinychat.tokenizer.building import build_bpe, count_tokens, to_json_text
from tinychat.tokenizer.byte_level import QWEN2_SPLIT
from tinychat.tokenizer.word_counts import counts_of
from tinychat.tokenizer.word_level import build_words

HARD = [
    "뷁 햏 믜",
    "ㅋㅋㅋ ㅠㅠ",
    "👨‍👩‍👧 🇰🇷 👍🏽",
    "a\tb\n\nc   d ",
    " 앞 공백",
    "<eos>",
    "<user>나<bot>너<eos><pad>",
    "각낟",
    "漢字とかな",
    "\x00\x7f",
    "",
    "it's 3.14 $x_1$",
]


@pytest.fixture(params=["built", "loaded"])
def bpe_either_way(request: pytest.FixtureRequest, bpe: Tokenizer, tmp_path: Path) -> Tokenizer:
    if request.param == "built":
        return bpe
    (tmp_path / "tokenizer.json").write_text(to_json_text(bpe), encoding="utf-8")
    return load_tokenizer(tmp_path)


@pytest.mark.parametrize("text", HARD)
def test_byte_level_text_comes_back_unchanged(bpe_either_way: Tokenizer, text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    assert bpe_either_way.decode(bpe_either_way.encode(text)) == text


@pytest.mark.parametrize("text", HARD)
def test_typed_control_tokens_stay_text(bpe_either_way: Tokenizer, text: str) -> None:
    assert not set(bpe_either_way.encode(text)) & {0, 1, 2, 3}


def test_typed_control_tokens_are_unknown_words(words: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(to_json_text(words), encoding="utf-8")
    for tokenizer in (words, load_tokenizer(tmp_path)):
        assert tokenizer.encode("안녕 <eos> <user>") == [*tokenizer.encode("안녕"), tokenizer.unk_id, tokenizer.unk_id]


@pytest.mark.slow
def test_every_real_sentence_comes_back_unchanged(songys: list[tuple[str, str]]) -> None:
    texts = [text for row in songys for text in row]
    tokenizer = build_bpe(texts, max_size=5000, min_frequency=2)
    assert tokenizer.size == 5000
    assert [tokenizer.decode(ids) for ids in tokenizer.encode_batch(texts)] == texts


def test_control_tokens_have_the_articles_places(bpe: Tokenizer, words: Tokenizer) -> None:
    for tokenizer in (bpe, words):
        assert (tokenizer.pad_id, tokenizer.user_id, tokenizer.bot_id, tokenizer.eos_id) == (0, 1, 2, 3)
    assert bpe.unknown_ids == set()
    assert words.unknown_ids == {4}


def test_all_bytes_have_a_token_and_a_space_before_the_text_is_all_that_changes(bpe: Tokenizer) -> None:
    data = json.loads(to_json_text(bpe))
    assert data["normalizer"] == {"type": "Prepend", "prepend": " "}
    assert data["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] == QWEN2_SPLIT
    assert bpe.size >= 260
    # Bytes that no training text held have a token all the same.
    assert bpe.decode(bpe.encode("\U0010ffff")) == "\U0010ffff"


def test_words_stand_most_frequent_first_and_rare_ones_are_unknown() -> None:
    texts = ["나 나 나 너 너 우리"]
    tokenizer = build_words(texts, max_size=100, min_frequency=2)
    assert tokenizer.tokens(range(tokenizer.size)) == ["<pad>", "<user>", "<bot>", "<eos>", "<unk>", "나", "너"]
    assert tokenizer.decode(tokenizer.encode("너 우리")) == "너 <unk>"


def test_max_size_is_a_ceiling() -> None:
    assert build_words(["가 나 다 라 마"], max_size=8, min_frequency=1).size == 8
    assert build_bpe(["가나다라마바사"] * 9, max_size=270, min_frequency=2).size == 270
    assert build_bpe(["가"], max_size=5000, min_frequency=2).size < 5000


@pytest.mark.slow
def test_a_very_long_text_without_a_break_is_learnt_in_seconds_not_in_hours() -> None:
    code = (
        "from tinychat.tokenizer.building import build_bpe; import random; random.seed(0); "
        "words = [''.join(chr(random.randrange(0xAC00, 0xD7A4)) for _ in range(3)) for _ in range(300)]; "
        "text = ''.join(random.choice(words) for _ in range(100_000)); "
        "tokenizer = build_bpe([text], max_size=1000, min_frequency=2); "
        "print(tokenizer.size, tokenizer.decode(tokenizer.encode(text)) == text)"
    )
    # The limit is for the test to end at all.
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=600)
    assert ended.stdout == "1000 True\n"


def test_a_corpus_without_frequent_words_is_refused() -> None:
    with pytest.raises(InputError, match=r"vocab\.min_frequency"):
        build_words(["가 나 다"], max_size=100, min_frequency=2)


def test_parts_of_characters_are_shown_as_bytes(bpe: Tokenizer) -> None:
    assert bpe.tokens(bpe.encode("뷁")) == [" ", "<0xEB>", "<0xB7>", "<0x81>"]
    assert bpe.tokens([bpe.eos_id]) == ["<eos>"]


def test_what_cannot_be_seen_is_shown_as_bytes(bpe: Tokenizer) -> None:
    shown = bpe.tokens(bpe.encode("1\n2\r3"))
    assert shown == [" ", "1", "<0x0A>", "2", "<0x0D>", "3"]


def test_counts_are_of_the_text(words: Tokenizer) -> None:
    counts = count_tokens(words, counts_of(["안녕 안녕 몰라요"]).words)
    assert counts[words.encode("안녕")[0]] == 2
    assert counts[words.unk_id] == 1
    assert sum(counts) == 3


def test_another_process_builds_the_same_bytes() -> None:
    code = (
        "from tinychat.tokenizer.building import build_bpe, to_json_text; import hashlib; "
        "t = ['가나다 라마바', '가나 다라', 'abc abd'] * 5; "
        "print(hashlib.sha256(to_json_text(build_bpe(t, max_size=300, min_frequency=2)).encode()).hexdigest())"
    )
    outputs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)}
    assert len(outputs) == 1


@pytest.mark.parametrize("content", ["", "{}", '{"model": {}}', "가"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_tokenizer(tmp_path / "nowhere")


def test_no_token_holds_a_part_of_a_character_and_something_else(songys: list[tuple[str, str]]) -> None:
    tokenizer = build_bpe([text for row in songys[:3000] for text in row], max_size=3000, min_frequency=2)
    for said in tokenizer.bytes_of(tokenizer.size) or []:
        begun = said.decode(errors="ignore")  # without a character that is not whole
        assert begun.encode() == said or not begun, said


def test_a_word_is_the_same_token_wherever_it_stands() -> None:
    tokenizer = build_bpe(["오늘 날씨 좋다", "날씨 좋다 오늘"] * 3, max_size=400, min_frequency=2)
    assert sorted(tokenizer.encode("오늘 날씨")) == sorted(tokenizer.encode("날씨 오늘"))
    assert tokenizer.tokens(tokenizer.encode("오늘 날씨")) == [" 오늘", " 날씨"]


def test_what_stands_in_a_slot_is_cut_the_same_way_in_question_and_answer() -> None:
    names = ["지우", "우야", "하니", "니가", "아라", "라고"]
    texts = [text for name in names for text in (f"나는 {name}야", f"{name}라고 불러", f"{name}님, 반가워요")]
    slots = [(name,) for name in names for _ in range(3)]
    with_slots = build_bpe(texts * 5, max_size=500, min_frequency=2, slots=slots * 5)
    for name in [*names, "우하", "라지"]:
        asked, answered = with_slots.encode(f"{name}라고 불러"), with_slots.encode(f"응, {name}님")
        alone = with_slots.encode(name)
        assert asked[: len(alone)] == alone
        assert any(answered[i : i + len(alone)] == alone for i in range(len(answered)))


def test_half_of_the_room_is_left_for_pairs_where_there_are_many_characters() -> None:
    many = "".join(chr(0x4E00 + n) for n in range(2000))
    tokenizer = build_bpe([many, many, "안녕하세요 " * 50], max_size=1000, min_frequency=2)
    assert tokenizer.size == 1000
    assert len(tokenizer.encode("안녕하세요 안녕하세요")) <= 4


def changed(tokenizer: Tokenizer, folder: Path, **changes: object) -> Path:
    """A tokenizer.json in which these parts are others."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(to_json_text(tokenizer)) | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["bpe", "words"])
def test_the_padding_and_the_cutting_that_a_file_asks_for_do_not_count(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    padding = {"strategy": {"Fixed": 100_000}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0}
    padding |= {"pad_type_id": 0, "pad_token": "<pad>"}
    truncation = {"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    loaded = load_tokenizer(changed(tokenizer, tmp_path, padding=padding, truncation=truncation))
    text = "안녕 고마워 안녕"
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.encode_batch([text, "안녕"]) == tokenizer.encode_batch([text, "안녕"])


VOCABULARY = {token: place for place, token in enumerate(["<pad>", "<user>", "<bot>", "<eos>", "<unk>", "안녕"])}
MODELS = {
    "Unigram": {"type": "Unigram", "unk_id": 4, "vocab": [[token, -1.0] for token in VOCABULARY]},
    "WordPiece": {
        "type": "WordPiece",
        "unk_token": "<unk>",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": VOCABULARY,
    },
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_another_kind_is_named(words: Tokenizer, tmp_path: Path, kind: str) -> None:
    path = changed(words, tmp_path, model=MODELS[kind], added_tokens=[])
    with pytest.raises(InputError, match=rf"tokenizer\.json: its model is {kind}; tinychat reads BPE .* WordLevel"):
        load_tokenizer(path)


@pytest.mark.parametrize("known", ["<unk>", "안녕"])
def test_words_without_an_unknown_word_are_refused(words: Tokenizer, tmp_path: Path, known: str) -> None:
    """Either there is no such token, or the model does not take it for what it does not know."""
    vocabulary = VOCABULARY if known == "안녕" else {"나" if t == "<unk>" else t: i for t, i in VOCABULARY.items()}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": known}
    with pytest.raises(InputError, match=r"tokenizer\.json: it has no <unk> for unknown words"):
        load_tokenizer(changed(words, tmp_path, model=model, added_tokens=[]))


TYPED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}


def bpe_of(characters: str) -> dict[str, object]:
    tokens = [*list(VOCABULARY)[:4], *characters]
    return {"model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens)}, "merges": []}, "added_tokens": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (bpe_of("안녕하세요"), "its tokens are not made of the 256 bytes"),
        (bpe_of("abc"), "its tokens are not made of the 256 bytes"),
        ({"pre_tokenizer": None}, "does not come back unchanged"),
        ({"decoder": None}, "does not come back unchanged"),
        ({"normalizer": {"type": "Lowercase"}}, "does not come back unchanged"),
        ({"normalizer": {"type": "Replace", "pattern": {"String": "한"}, "content": "두"}}, "does not come back"),
        ({"added_tokens": [{**TYPED, "id": 3, "content": "<eos>"}]}, "does not come back unchanged"),
    ],
    ids=["no bytes", "few bytes", "no pre-tokenizer", "no decoder", "lower case", "another letter", "typed <eos>"],
)
def test_a_bpe_that_is_not_of_bytes_or_changes_the_text_is_refused(
    bpe: Tokenizer, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=rf"tokenizer\.json: .*{message}"):
        load_tokenizer(changed(bpe, tmp_path, **changes))
