"""Dialogues for the validation loss: none of their questions, or none of their names, is trained on."""

from collections.abc import Iterator, Sequence

from tinychat.starter.expanding import NAME, Expansion, StarterDialogue, exchange
from tinychat.starter.reading import Scene

FROM_TEMPLATES = 20


def validation_set(expansion: Expansion) -> Iterator[StarterDialogue]:
    """Each phrasing and each text out of scope that is held out for validation, and each such name in a scene.

    The rest of a scene may be trained on: an answer that train gives to the same question carries no loss
    (`corpus.splitting`).
    """
    rng = expansion.rng("validation")
    for intent in expansion.starter.intents.values():
        for phrasing in (*expansion.phrasings[intent.name].valid, *expansion.with_details[intent.name].valid):
            yield StarterDialogue(tuple(exchange(phrasing, rng.choice(intent.answers))))
    for split in expansion.out_of_scope.values():
        by_hand = [text for texts in split.by_hand for text in texts.valid]
        templates = split.templates.valid
        by_template = dict.fromkeys(
            split.from_template(templates, rng) for _ in range(FROM_TEMPLATES if templates else 0)
        )
        for text in (*by_hand, *by_template):
            yield StarterDialogue(tuple(exchange(text, rng.choice(split.texts.answers))))
    for number, name in enumerate(expansion.names.valid if expansion.name_scenes else ()):
        scene = expansion.name_scenes[number % len(expansion.name_scenes)]
        values = {**expansion.values_of(scene, rng), NAME: name}
        yield expansion.scene(scene, rng, values, expansion.train_phrasings)

    def new_phrasings(scene: Scene, number: int) -> Sequence[str]:
        return expansion.scene_phrasings[scene.name, number].valid or expansion.train_phrasings(scene, number)

    with_new_phrasings = {name for (name, _), split in expansion.scene_phrasings.items() if split.valid}
    for scene in expansion.other_scenes:
        if scene.name in with_new_phrasings:
            yield expansion.scene(scene, rng, expansion.values_of(scene, rng), new_phrasings)
