"""The table of layers, as in the article's sections 8 to 10: name, shape, parameters, role."""

from dataclasses import dataclass

from tinychat.model.base import LanguageModel

DESCRIPTIONS = {
    "word_embedding": {
        "en": "Turns each token into a vector: what the word is.",
        "ko": "토큰 하나하나를 벡터로 바꾼다. 이 단어가 무엇인지를 담는다.",
    },
    "pos_embedding": {
        "en": "Adds a vector for the place: where the word stands.",
        "ko": "자리마다 정해진 벡터를 더한다. 이 단어가 몇 번째인지를 담는다.",
    },
    "norm": {
        "en": "Brings every token's vector to the same scale before the first layer.",
        "ko": "첫 층에 들어가기 전에 모든 토큰 벡터의 크기를 고르게 맞춘다.",
    },
    "self_attn": {
        "en": "Lets each token collect from the tokens before it what matters to it.",
        "ko": "각 토큰이 앞에 있는 토큰들에서 자기에게 필요한 것을 모아 온다.",
    },
    "norm1": {
        "en": "Adds what attention collected to what was there, and brings the sum back to scale.",
        "ko": "어텐션이 모은 것을 원래 벡터에 더한 뒤 크기를 다시 맞춘다.",
    },
    "ffn": {
        "en": "Works on each token by itself: widens its vector, keeps what is positive, narrows it again.",
        "ko": "토큰마다 따로 일한다. 벡터를 넓혀 양수만 남긴 뒤 다시 좁힌다.",
    },
    "norm2": {
        "en": "Adds the feed-forward result to what was there, and brings the sum back to scale.",
        "ko": "FFN의 결과를 원래 벡터에 더한 뒤 크기를 다시 맞춘다.",
    },
    "output_layer": {
        "en": "Scores every token of the vocabulary for the next place.",
        "ko": "다음 자리에 올 토큰 후보 전부에 점수를 매긴다.",
    },
    "softmax": {
        "en": "Turns the scores into probabilities that add up to 1.",
        "ko": "점수를 모두 더해 1이 되는 확률로 바꾼다.",
    },
}
NO_DESCRIPTION = {"en": "", "ko": ""}  # of an unknown kind


@dataclass(frozen=True)
class LayerRow:
    """A row of the table of layers.

    name        of the module, or `softmax`, which is an operation without weights
    section     of the article; None where it is not in the article
    kind        such as word_embedding, self_attn, ffn or softmax
    shape       as the article writes it
    parameters  number of weights, biases included
    """

    name: str
    section: int | None
    kind: str
    shape: str
    parameters: int

    @property
    def role(self) -> dict[str, str]:
        """What it does, in a sentence, by language."""
        return DESCRIPTIONS.get(self.kind, NO_DESCRIPTION)


def list_layers(model: LanguageModel) -> list[LayerRow]:
    """All layers in the order in which a sequence passes them."""
    rows = [
        LayerRow(
            layer.name,
            layer.section,
            layer.kind,
            layer.shape,
            sum(parameter.numel() for parameter in model.get_submodule(layer.name).parameters()),
        )
        for layer in model.layers()
    ]
    return [*rows, LayerRow("softmax", 10, "softmax", f"[{model.vocab_size}]", 0)]
