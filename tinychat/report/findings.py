"""Findings: the sentences about the numbers that hold for this run."""

from dataclasses import dataclass
from typing import Any, Literal

from tinychat.corpus.amount import Learnt
from tinychat.report.comparison import better_copy, share
from tinychat.report.inputs import Epoch

HIGH = 0.5  # share of seen questions answered exactly, from which the model knows its dialogues
LOW = 0.1
NEARLY_ALL = 0.9
SAME_F1 = 0.02  # a smaller difference counts as equal
SAME_BITS = 0.02
FEWEST_ASKED = 30  # questions: of fewer, nothing good is said
MIN_RISE = 1.05  # times its lowest value, from which the validation loss has risen

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class Finding:
    """The key of a sentence, and the numbers in it."""

    key: str
    tone: Tone
    values: dict[str, str]


def find(evaluation: dict[str, Any], history: list[Epoch], learnt: Learnt) -> list[Finding]:
    """The findings that hold, the most important first. What rests on fewer than 30 questions is never called good."""
    seen, held_out = evaluation["seen"], evaluation["held_out"]
    measures = evaluation.get("measures", {})
    found = [_phrasings(measures) or _knowledge(seen, held_out), _amount(learnt)]
    found += [_names(measures), _outside(measures)]
    if held_out is None:
        found.append(Finding("nothing_held_out", "plain", {}))
    elif _is_few(held_out):
        found.append(Finding("few_held_out", "plain", {"asked": f"{_asked(held_out):,}"}))
    else:
        found += [_copies(held_out, learnt), _against_nearest(held_out), _against_unigram(held_out)]
    found.append(_validation(history))
    return [finding for finding in found if finding is not None]


def _asked(split: dict[str, Any]) -> int:
    """How many questions of a split were asked."""
    return split["replies"]["asked"] if split["replies"] else split["dialogues"]


def _is_few(split: dict[str, Any]) -> bool:
    return _asked(split) < FEWEST_ASKED


def _good_if(holds: bool, *asked: int) -> Tone:
    """`good` where it holds and enough was asked."""
    return "good" if holds and min(asked) >= FEWEST_ASKED else "plain"


def _amount(learnt: Learnt) -> Finding | None:
    """What so much data can give."""
    return None if learnt.outlook() is None else Finding(tell_amount(learnt)[0], "bad", tell_amount(learnt)[1])


def tell_amount(learnt: Learnt) -> tuple[str, dict[str, str]]:
    """The key of a sentence on what so much data can give, and the numbers in it."""
    outlook = learnt.outlook()
    if outlook == "few":
        return "amount_few", {"questions": f"{learnt.questions:,}", "answers": f"{learnt.answers:,}"}
    rephrased = share(learnt.rephrased / max(learnt.exchanges, 1))
    return f"amount_{outlook or 'rephrased'}", {"answers": f"{learnt.exchanges:,}", "rephrased": rephrased}


def _copies(held_out: dict[str, Any], learnt: Learnt) -> Finding | None:
    """How much of what it says to new questions it copies, where the data make it likely, and whether that is right."""
    replies, nearest = held_out["replies"], better_copy(held_out)
    if learnt.outlook() is None or not replies or not nearest:
        return None
    values = {
        "copied": share(replies["copied"]),
        "exact": share(replies["exact"]),
        "nearest": share(nearest["exact"]),
    }
    return Finding("copies", "bad" if replies["exact"] <= nearest["exact"] else "plain", values)


def _knowledge(seen: dict[str, Any] | None, held_out: dict[str, Any] | None) -> Finding | None:
    if not seen or not seen["replies"]:
        return None
    known = seen["replies"]["exact"]
    values = {"seen": share(known)}
    if not held_out or not held_out["replies"] or _is_few(held_out):
        return Finding("knows_seen", _good_if(known >= HIGH, _asked(seen)), values)
    new = held_out["replies"]["exact"]
    values["held_out"] = share(new)
    if known < LOW:
        return Finding("learned_little", "bad", values)
    if new < known / 2:
        return Finding("memorised" if known >= HIGH else "knows_some", "plain", values)
    return Finding("generalises", _good_if(True, _asked(seen)), values)


def _phrasings(measures: dict[str, Any]) -> Finding | None:
    """Where several answers are right, the accepted ones say more than the one reference answer."""
    if not {"seen", "near"} <= set(measures):
        return None
    known, new = measures["seen"]["accepted"], measures["near"]["accepted"]
    asked = (measures["seen"]["asked"], measures["near"]["asked"])
    tone = "bad" if known < LOW else _good_if(new >= HIGH, *asked)
    return Finding("phrasings", tone, {"seen": share(known), "near": share(new)})


def _against_nearest(held_out: dict[str, Any]) -> Finding | None:
    nearest = better_copy(held_out)
    if not held_out["replies"] or not nearest:
        return None
    gain = held_out["replies"]["char_f1"] - nearest["char_f1"]
    values = {"model": f"{held_out['replies']['char_f1']:.3f}", "baseline": f"{nearest['char_f1']:.3f}"}
    if abs(gain) < SAME_F1:
        return Finding("nearest_same", "plain", values)
    return Finding("nearest_better", "good", values) if gain > 0 else Finding("nearest_worse", "bad", values)


def _against_unigram(held_out: dict[str, Any]) -> Finding | None:
    ours, theirs = held_out["bits_per_byte"], held_out["baselines"]["unigram"]["bits_per_byte"]
    if ours is None or theirs is None:  # a word of the answers is unknown to the vocabulary
        return None
    values = {"model": f"{ours:.2f}", "baseline": f"{theirs:.2f}"}
    if abs(ours - theirs) < SAME_BITS:
        return Finding("unigram_same", "plain", values)
    return Finding("unigram_better", "good", values) if ours < theirs else Finding("unigram_worse", "bad", values)


def _names(measures: dict[str, Any]) -> Finding | None:
    if not {"name", "name_odd"} <= set(measures):
        return None
    usual, odd = measures["name"]["accepted"], measures["name_odd"]["accepted"]
    tone = "bad" if usual < HIGH else _good_if(usual >= NEARLY_ALL, measures["name"]["asked"])
    return Finding("names", tone, {"usual": share(usual), "odd": share(odd)})


def _outside(measures: dict[str, Any]) -> Finding | None:
    """Recall alone says little: answering every question as unknown has a recall of 1."""
    if not {"unknown_by_hand", "taken_for_unknown"} <= set(measures):
        return None
    recognised, wrongly = measures["unknown_by_hand"]["accepted"], measures["taken_for_unknown"]["accepted"]
    values = {"recognised": share(recognised), "wrongly": share(wrongly)}
    if recognised < HIGH or wrongly >= HIGH:
        return Finding("outside", "bad", values)
    asked = (measures["unknown_by_hand"]["asked"], measures["taken_for_unknown"]["asked"])
    return Finding("outside", _good_if(recognised >= NEARLY_ALL and wrongly < LOW, *asked), values)


def _validation(history: list[Epoch]) -> Finding | None:
    measured = [(epoch.valid_loss, epoch.number) for epoch in history if epoch.valid_loss is not None]
    if not measured:
        return None
    (lowest, at), (last, _) = min(measured), measured[-1]
    if last <= lowest * MIN_RISE:
        return None
    return Finding("validation_rose", "plain", {"epoch": str(at), "lowest": f"{lowest:.2f}", "last": f"{last:.2f}"})
