"""What the model learned from, as tables and bars: sources, letters, lengths, what was left out, what to expect."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tinychat.corpus.amount import Learnt
from tinychat.report.comparison import NONE, better_copy, share
from tinychat.report.findings import FEWEST_ASKED, tell_amount
from tinychat.report.inputs import Reports
from tinychat.report.words import Words

Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Bar:
    """A bar: `length` is 0 to 1, None where there is no bar; `note` stands below."""

    name: str
    length: float | None
    figure: str
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars with a title and a sentence about them."""

    title: str
    about: str
    bars: list[Bar]


@dataclass(frozen=True)
class Outlook:
    """What this amount of data can give, in words, and what was measured of it; `bars` empty where nothing was."""

    text: str
    chart: Chart


def corpus_charts(reports: Reports, words: Words) -> list[Chart]:
    """The charts that have something to show, in their order."""
    corpus, prepared = reports.metrics["corpus"], reports.metrics["prepare"]
    charts = [_counted(key, corpus["texts"][key], words) for key in ("letters", "turns", "message_letters")]
    charts.append(_counted("splits", {words(name): one["dialogues"] for name, one in corpus["splits"].items()}, words))
    for key in ("rows_dropped", "messages_dropped", "parts_dropped", "files_left_out"):
        charts.append(_left_out(key, corpus[key], reports.places.get(key, {}), words))
    charts.append(_repeats(corpus, words))
    masked = _by_count({f"<{kind}>": count for kind, count in corpus["masked"].items()})
    charts.append(Chart(words("chart.masked"), words("chart.masked.about"), _longest_first(masked)))
    charts.append(_tokens(prepared, reports.metrics, words))
    return [chart for chart in charts if chart.bars]


def outlook(metrics: dict[str, dict[str, Any]], words: Words) -> Outlook:
    """What so much data can give, beside the share of right and of copied replies and the nearest question's."""
    learnt, held_out = Learnt(**metrics["corpus"]["learnt"]), metrics["evaluate"]["held_out"]
    key, values = tell_amount(learnt)
    bars, about = [], words("nothing_held_out")
    if held_out and held_out["replies"]:
        replies, nearest = held_out["replies"], better_copy(held_out)
        asked = f"{replies['asked']:,}"
        about = words("outlook.few_asked" if replies["asked"] < FEWEST_ASKED else "outlook.about", asked=asked)
        shares = {"exact": replies["exact"], "nearest": nearest and nearest["exact"], "copied": replies["copied"]}
        bars = [
            Bar(words(f"outlook.{name}"), value, share(value)) for name, value in shares.items() if value is not None
        ]
    return Outlook(words(key, **values), Chart(words("outlook"), about, bars))


def source_table(reports: Reports, words: Words) -> Table:
    """Name and format of each source, how much of the training it is, and how many of its questions are answered.

    A corpus of one source has no scores of it: all that is measured is its score.
    """
    mixture, scores = reports.metrics["corpus"]["mixture"], reports.metrics["evaluate"].get("sources", {})
    columns = ["source", "sources.format", "dialogues", "held_out.dialogues", "sources.repetitions", "sources.share"]
    scored = ("seen", "held_out") if scores else ()
    rows = []
    for key, part in mixture.items():
        own = [scores.get(key, {}).get(split) for split in scored]
        rows.append(
            [
                reports.sources[key]["name"],
                reports.sources[key]["format"],
                f"{part['train']:,}",
                f"{part['valid'] + part['test']:,}",
                f"{part['repetitions']:.4g}",
                share(part["share"]),
                *(
                    words("sources.score", exact=share(score["exact"]), asked=f"{score['asked']:,}") if score else NONE
                    for score in own
                ),
            ]
        )
    return [words(name) for name in (*columns, *scored)], rows


def split_table(metrics: dict[str, dict[str, Any]], words: Words) -> Table:
    """The size of each split."""
    splits, prepared = metrics["corpus"]["splits"], metrics["prepare"]
    header = ["split", "dialogues", "turns", "characters", "tokens", "tokens_with_loss"]
    rows = [
        [words(name)]
        + [f"{sizes[key]:,}" for key in ("dialogues", "turns", "characters")]
        + [f"{prepared[name][key]:,}" for key in ("tokens", "tokens_with_loss")]
        for name, sizes in splits.items()
    ]
    return [words(key) for key in header], rows


def _counted(key: str, counts: dict[str, int], words: Words) -> Chart:
    """Counts as shares of their sum; none where nothing was counted."""
    total = sum(counts.values())
    bars = [
        Bar(
            _word(f"{key}.{name}", words) or name.replace("-", "–"),
            count / total,
            f"{count:,} ({share(count / total)})",
        )
        for name, count in counts.items()
        if total
    ]
    return Chart(words(f"chart.{key}"), words(f"chart.{key}.about"), bars)


def _left_out(key: str, counts: dict[str, int], places: dict[str, list[str]], words: Words) -> Chart:
    """What was left out by reason, with its first places."""
    bars = [
        Bar(_word(f"reason.{reason}", words) or reason, None, f"{count:,}", _listed(places.get(reason, []), count))
        for reason, count in _by_count(counts).items()
    ]
    return Chart(words(f"chart.{key}"), words(f"chart.{key}.about"), _longest_first(_by_count(counts), bars))


def _repeats(corpus: dict[str, Any], words: Words) -> Chart:
    """Repeated dialogues, near-duplicates, and what held-out dialogues have nearly in common with training."""
    repeats, near = corpus["rows_dropped"].get("repeat", 0), corpus["groups"]["near_texts"]
    bars = []
    if repeats:
        bars.append(_part(words("repeats.rows"), repeats, corpus["rows_read"]))
    if near:
        bars.append(Bar(words("repeats.near_texts"), None, f"{near:,}"))
    for split, overlap in corpus["overlap"].items():
        for side in ("question", "answer"):
            if overlap["near_searched"]:
                name = words(f"repeats.near_{side}", split=words(split))
                bars.append(_part(name, overlap[f"near_{side}"], overlap["near_searched"]))
    return Chart(words("chart.repeats"), words("chart.repeats.about"), bars)


def _tokens(prepared: dict[str, Any], metrics: dict[str, dict[str, Any]], words: Words) -> Chart:
    """The vocabulary, bytes per token, and how much did not fit into the model's context."""
    vocab, held_out = metrics["vocab"], metrics["evaluate"]["held_out"]
    total = {
        key: sum(split[key] for split in prepared.values())
        for key in ("dialogues", "long_dialogues", "answers", "answers_cut", "answers_dropped_too_long")
    }
    bars = [
        Bar(
            words("tokens.vocabulary"),
            None,
            words("tokens.size", size=f"{vocab['size']:,}", most=f"{vocab['ceiling']:,}"),
        ),
        Bar(words("tokens.characters"), None, f"{vocab['characters_per_token']:.2f}"),
    ]
    if held_out and held_out["bytes_per_token"]:
        bars.append(Bar(words("tokens.bytes"), None, f"{held_out['bytes_per_token']:.2f}"))
    if vocab["unknown_share"]:
        bars.append(Bar(words("tokens.unknown"), vocab["unknown_share"], share(vocab["unknown_share"])))
    answers = total["answers"] + total["answers_dropped_too_long"]
    for key, count, whole in (
        ("long_dialogues", total["long_dialogues"], total["dialogues"]),
        ("answers_cut", total["answers_cut"], answers),
        ("answers_dropped", total["answers_dropped_too_long"], answers),
    ):
        bars.append(_part(words(f"tokens.{key}"), count, whole))
    return Chart(words("chart.tokens"), words("chart.tokens.about"), bars)


def _part(name: str, count: int, whole: int) -> Bar:
    """A count as a part of a whole."""
    part = min(count / whole, 1.0) if whole else 0.0
    return Bar(name, part, f"{count:,} ({share(part)})")


def _by_count(counts: dict[str, int]) -> dict[str, int]:
    """The largest first, equal ones by their name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _longest_first(counts: dict[str, int], bars: Iterable[Bar] | None = None) -> list[Bar]:
    """A bar for each count, the longest as long as there is room."""
    longest = max(counts.values(), default=0) or 1
    named = bars or [Bar(name, None, f"{count:,}") for name, count in counts.items()]
    return [
        Bar(bar.name, count / longest, bar.figure, bar.note) for bar, count in zip(named, counts.values(), strict=True)
    ]


def _listed(places: list[str], count: int) -> str:
    """The first places, with … where there are more."""
    return ", ".join([*places, *(["…"] if places and count > len(places) else [])])


def _word(key: str, words: Words) -> str | None:
    """The text of a key, which a reader's own reason does not have."""
    try:
        return words(key)
    except KeyError:
        return None
