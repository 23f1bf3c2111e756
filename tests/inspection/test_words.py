import pytest

from tinychat.inspection.words import TEXTS, name_head, name_layer, words_of_pictures

ENGLISH, KOREAN = words_of_pictures("en"), words_of_pictures("ko")


@pytest.mark.parametrize(
    ("module", "korean", "english"),
    [
        ("decoder_layers.0", "1층", "layer 1"),
        ("decoder_layers.11.self_attn", "12층 self_attn", "layer 12 self_attn"),
        ("input_layer.word_embedding", "input_layer.word_embedding", "input_layer.word_embedding"),
        ("softmax", "softmax", "softmax"),
        ("blocks.0.mix", "blocks 1 mix", "blocks 1 mix"),
    ],
)
def test_layers_are_counted_from_one_whatever_their_module_is_called(module: str, korean: str, english: str) -> None:
    assert (name_layer(module, KOREAN), name_layer(module, ENGLISH)) == (korean, english)


def test_heads_are_counted_from_one() -> None:
    assert name_head("decoder_layers.5", 0, KOREAN) == "6층의 1번 헤드"
    assert name_head("decoder_layers.5", 0, ENGLISH) == "layer 6, head 1"


def test_every_text_is_in_both_languages() -> None:
    for text in TEXTS.values():
        assert any("가" <= char <= "힣" for char in text["ko"])
        assert text["en"].strip() and not any("가" <= char <= "힣" for char in text["en"])
