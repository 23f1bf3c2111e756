"""Which scenes may stand between the steps of another one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tinychat.starter.reading import FillerExchanges, Scene, SceneExchange


class FillerScenes:
    """Scenes that may stand between the steps of others; each as often as its weight.

    None of them contradicts the scene around it. A scene is about its slots, and about those of a scene with a step in
    the same words (one that asks for a food which nobody told is about the food of the scenes that ask for one that was
    told). Two scenes contradict each other where a slot of one is what the other is about.

    fillers     which scenes they are
    all_scenes  these, and the others that they may stand in
    """

    def __init__(self, fillers: Sequence[Scene], all_scenes: Iterable[Scene]) -> None:
        self._slots_of_words: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        for scene in all_scenes:
            for words in _words(scene):
                self._slots_of_words[words] |= scene.slots
        self.scenes = [scene for scene in fillers for _ in range(scene.weight)]
        self._n_exchanges = [n_exchanges(scene) for scene in self.scenes]
        self._with_slot, self._about_slot = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
        for number, scene in enumerate(self.scenes):
            for slot in scene.slots:
                self._with_slot[slot].add(number)
            for slot in self._about(scene):
                self._about_slot[slot].add(number)

    def fitting(self, most: int, around: Iterable[Scene] = ()) -> list[int]:
        """The numbers of those that have at most so many exchanges and contradict none of the scenes `around` them."""
        contradicting = set[int]()
        for scene in around:
            contradicting.update(*(self._about_slot[slot] for slot in scene.slots))
            contradicting.update(*(self._with_slot[slot] for slot in self._about(scene)))
        return [n for n, size in enumerate(self._n_exchanges) if size <= most and n not in contradicting]

    def _about(self, scene: Scene) -> frozenset[str]:
        """The slots that a scene is about."""
        return scene.slots.union(*(self._slots_of_words[words] for words in _words(scene)))


def n_exchanges(scene: Scene) -> int:
    """How many exchanges a scene has besides its fillers."""
    return sum(not isinstance(step, FillerExchanges) for step in scene.steps)


def _words(scene: Scene) -> list[tuple[str, ...]]:
    """What the user may say in each step that is written out."""
    return [step.user for step in scene.steps if isinstance(step, SceneExchange)]
