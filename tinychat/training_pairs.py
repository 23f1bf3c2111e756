"""The questions that a model is trained on, with their answers: for what shows what it learnt."""

from collections.abc import Iterable

from tinychat.corpus.dialogue import Dialogue


def training_pairs(dialogues: Iterable[Dialogue]) -> list[tuple[str, str]]:
    """Each message of a user with the reply to it, in the order of the corpus; a pair of many dialogues stands once."""
    pairs = (
        (turn.content, reply.content)
        for dialogue in dialogues
        for turn, reply in zip(dialogue.turns, dialogue.turns[1:], strict=False)
        if (turn.role, reply.role) == ("user", "assistant")
    )
    return list(dict.fromkeys(pairs))
