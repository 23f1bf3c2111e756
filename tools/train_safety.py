"""Trains the classifier of messages about self-harm on data/safety, with the starter corpus as harmless texts too.

    python -m tools.train_safety            writes tinychat/safety/classifier.json

Logistic regression with an L2 penalty, fitted by L-BFGS. The threshold is the lowest at which rules and classifier
together take at most MAX_FALSE of the phrases in benchmarks/unseen/harmless_for_choosing.txt for danger, and no message
of the ordinary talks in benchmarks/unseen.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.safety.phrases import REPO, UNSEEN, phrases, read_phrases, starter_texts, training_phrases, unseen_talks
from tinychat.safety.classifier import SIZE, Classifier, features
from tinychat.safety.danger import danger_logit, matches_rule, windows
from tinychat.safety.normalising import normalised
from tinychat.starter.expanding import Expansion
from tinychat.starter.particles import fill, slots_in
from tinychat.starter.reading import SceneExchange, read_starter

CLASSIFIER = REPO / "tinychat/safety/classifier.json"
L2 = 1e-7
ITERATIONS = 250
MAX_FALSE = 0.03
REPEATS = 5
NAMES_EACH = 3  # for a phrasing that tells a name


def rows(texts: Sequence[str]) -> torch.Tensor:
    """Normalised texts as a sparse matrix (texts, SIZE) whose rows have the length one."""
    found = [features(text) for text in texts]
    row = torch.repeat_interleave(torch.tensor([len(one) for one in found]))
    column = torch.tensor([index for one in found for index in one])
    values = torch.tensor([len(one) ** -0.5 for one in found for _ in one])
    shape = (len(texts), SIZE)
    return torch.sparse_coo_tensor(torch.stack([row, column]), values, shape, check_invariants=True).coalesce()


def fit(danger: Sequence[str], harmless: Sequence[str], starter: Sequence[str]) -> Classifier:
    """The classifier, with the threshold 0. The harmless phrases that the rules were made with count REPEATS times.

    A message in danger is read as a whole, since one of its sentences may be harmless; of the others each sentence is.
    """
    known = [text for name in ("harmless_tuning", "harmless_apart") for text in phrases(name)]
    negative = [part for text in (*harmless, *known * (REPEATS - 1), *starter) for part in windows(text)]
    positive = [normalised(text).replace("\n", " ") for text in danger]
    x = rows([*positive, *negative])
    y = torch.tensor([1.0] * len(positive) + [0.0] * len(negative))
    weights, bias = torch.zeros(SIZE, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=ITERATIONS, history_size=10)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        losses = binary_cross_entropy_with_logits((x @ weights)[:, 0] + bias, y, reduction="none")
        loss = losses.sum() / len(y) + L2 * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    scale = float(weights.detach().abs().max()) / 127
    whole = (weights.detach()[:, 0] / scale).round().int().tolist()
    return Classifier(tuple(whole), scale, float(bias.detach()), 0.0)


def names_told() -> Iterator[str]:
    """Each phrasing of the starter corpus that tells a name, with some names."""
    expansion = Expansion(read_starter(REPO / "data/starter"), 0)
    rng = expansion.rng("names told")
    for scene in expansion.name_scenes:
        for step in scene.steps:
            for text in step.user if isinstance(step, SceneExchange) else ():
                for _ in range(NAMES_EACH if slots_in(text) else 0):
                    yield fill(text, {slot: rng.choice(expansion.names.train) for slot, _ in slots_in(text)})


def threshold(logits: Sequence[float], most: int) -> float:
    """The lowest threshold that at most so many logits are above."""
    return sorted(logits, reverse=True)[most]


def main() -> None:
    """Train and write."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    starter = sorted({*starter_texts(REPO / "data/starter"), *names_told()})
    trained = fit(training_phrases("danger"), training_phrases("harmless"), starter)
    choosing = read_phrases(UNSEEN / "harmless_for_choosing.txt")
    left = [text for text in choosing if not matches_rule(text)]
    logits = [danger_logit(trained, text) for text in left]
    most = int(MAX_FALSE * len(choosing)) - (len(choosing) - len(left))
    ordinary = max(danger_logit(trained, text, before) for talk in unseen_talks() for before, text in pairwise(talk))
    trained = replace(trained, threshold=math.ceil(1000 * max(threshold(logits, most), ordinary)) / 1000)
    trained.save(CLASSIFIER)
    print(f"{CLASSIFIER.relative_to(REPO)}: threshold {trained.threshold}")


if __name__ == "__main__":
    main()
