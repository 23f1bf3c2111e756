"""The content of the summary page as text, in its order; the HTML template only lays it out."""

import re
from dataclasses import dataclass
from typing import Any

from tinychat.corpus.amount import Learnt
from tinychat.inspection.words import Language, name_layer, split_layer_name, words_of_pictures
from tinychat.report.comparison import MEASURED_ON, NONE, MeasureGroup, abilities, measure_groups, share
from tinychat.report.copied_text import CopiedTextView, copied_text_view
from tinychat.report.findings import find
from tinychat.report.inputs import Reports, Sentence
from tinychat.report.layer_tables import HeadTable, PredictionTable, head_table, prediction_table
from tinychat.report.summary import FINAL_LOSS, N_GENERATED, N_LAYERS, summarize
from tinychat.report.words import Words

ARROWS = {"lower": "↓", "higher": "↑", None: ""}
# Characters that HTML and XML do not allow, and marks that would change the writing direction of the text around them.
UNPRINTABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

Pairs = list[tuple[str, str]]
Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class ReplyView:
    """A prompt and its reply."""

    prompt: str
    text: str
    n_tokens: int
    finish: str
    probability: str
    seen: str | None  # whether the prompt was trained on


@dataclass(frozen=True)
class AbilityView:
    """A measure of the corpus: the `share` of `asked` questions; `about` is None for a corpus's own measure."""

    name: str
    better: str | None
    about: str | None
    asked: str
    share: str
    well_formed: str


@dataclass(frozen=True)
class LayerView:
    """A layer: `norm` is the length of the first sentence's vectors, before → after."""

    name: str
    shape: str
    parameters: str
    role: str
    norm: str


@dataclass(frozen=True)
class Block:
    """Layers that belong together: a decoder layer (`name`), or a whole section (None)."""

    name: str | None
    parameters: str
    norm: str
    layers: list[LayerView]


@dataclass(frozen=True)
class SectionView:
    """The layers of a section of the article (8, 9, 10), or those that are not in it (None)."""

    number: int | None
    blocks: list[Block]


@dataclass(frozen=True)
class SentenceView:
    """A sentence on its way through the layers; its pictures are added by the page."""

    prompt: str
    reply: str
    copied_text: CopiedTextView | None
    heads: HeadTable
    predictions: PredictionTable


@dataclass(frozen=True)
class View:
    """Texts and formatted numbers; nothing is escaped yet."""

    lead: str
    headline: list[tuple[str, str, str]]  # name, number, what it is
    findings: list[tuple[str, str]]  # tone, sentence
    replies: list[ReplyView]
    abilities: list[AbilityView]
    corpus_notes: list[str]
    corpus_table: Table
    sources: Table | None  # None where there is one
    training: Pairs
    training_notes: list[str]
    measures: list[MeasureGroup]
    asked: dict[str, str | None]  # by split: how many dialogues; None where nothing was measured
    sections: list[SectionView]
    first_prompt: str
    sentences: list[SentenceView]
    runtime: Pairs


def build_view(reports: Reports, words: Words, language: Language) -> View:
    """The summary of `reports` in the language of `words`."""
    metrics, numbers = reports.metrics, summarize(reports)
    evaluation, trained = metrics["evaluate"], metrics["train"]
    found = find(evaluation, reports.history, Learnt(**metrics["corpus"]["learnt"]))
    return View(
        lead=words(
            "lead",
            parameters=f"{trained['parameters']:,}",
            dialogues=f"{metrics['corpus']['splits']['train']['dialogues']:,}",
        ),
        headline=[
            (words("n_layers"), str(numbers[N_LAYERS]), words("n_layers.note")),
            (words("final_loss"), _loss(numbers[FINAL_LOSS], words), words("final_loss.note")),
            (
                words("n_generated"),
                f"{numbers[N_GENERATED]:,}",
                words("n_generated.note", replies=len(reports.replies)),
            ),
        ],
        findings=[(finding.tone, words(finding.key, **finding.values)) for finding in found],
        replies=[
            ReplyView(
                prompt=reply.prompt,
                text=reply.text,
                n_tokens=reply.n_tokens,
                finish=words(f"finish.{reply.finish_reason}"),
                probability=f"{reply.probability:.0%}",
                seen=words(f"reply.{reply.seen}") if reply.seen else None,
            )
            for reply in reports.replies
        ],
        abilities=_abilities(evaluation, words),
        corpus_notes=_corpus_notes(reports, words),
        corpus_table=_corpus_table(metrics, words),
        sources=_sources(reports, words),
        training=[
            (words("epochs"), f"{trained['epochs']:,}"),
            (words("steps"), f"{trained['steps']:,}"),
            (words("train_loss"), _loss(trained["train_loss"], words)),
            (words("valid_loss"), _loss(trained["valid_loss"], words)),
        ],
        training_notes=_training_notes(trained, words),
        measures=measure_groups(evaluation),
        asked={
            split: words("n_dialogues", n=f"{evaluation[split]['dialogues']:,}") if evaluation[split] else None
            for split in MEASURED_ON
        },
        sections=_sections(reports, language),
        first_prompt=reports.sentences[0].prompt,
        sentences=[view_sentence(sentence, words, language) for sentence in reports.sentences],
        runtime=_runtime(reports.training, words),
    )


def view_sentence(sentence: Sentence, words: Words, language: Language) -> SentenceView:
    """What is said and tabulated of a sentence."""
    return SentenceView(
        sentence.prompt,
        sentence.reply,
        copied_text_view(sentence.copied_text, words, language),
        head_table(sentence.record, language),
        prediction_table(sentence.record, language),
    )


def replace_unprintable(text: str) -> str:
    """`text` with U+FFFD for each character that a page must not hold; applied to every text."""
    return UNPRINTABLE.sub("\ufffd", text)


def _loss(loss: float | None, words: Words) -> str:
    return words("none") if loss is None else f"{loss:.4f}"


def _abilities(evaluation: dict[str, Any], words: Words) -> list[AbilityView]:
    return [
        AbilityView(
            name=words(f"ability.{ability.measure.key}") if ability.known else ability.measure.key,
            better=ability.measure.better,
            about=words(f"ability.{ability.measure.key}.about") if ability.known else None,
            asked=ability.asked,
            share=ability.share,
            well_formed=ability.well_formed,
        )
        for ability in abilities(evaluation)
    ]


def _corpus_notes(reports: Reports, words: Words) -> list[str]:
    metrics, sources = reports.metrics, reports.sources
    corpus, vocab = metrics["corpus"], metrics["vocab"]
    dropped = corpus["rows_dropped"]
    read, kept, gone = corpus["rows_read"], corpus["rows_kept"], sum(dropped.values())
    readers = [
        words("corpus.reader", name=name, kept=f"{rows['rows_kept']:,}") for name, rows in corpus["readers"].items()
    ]
    notes = [
        words("corpus.rows", read=f"{read:,}", kept=f"{kept:,}", dropped=f"{gone:,}"),
        words("corpus.readers", readers=", ".join(readers)),
    ]
    if dropped:
        reasons = [
            words("corpus.reason", reason=_reason(reason, words), rows=f"{rows:,}")
            for reason, rows in sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
        ]
        notes.append(words("corpus.dropped", reasons=", ".join(reasons)))
    if masked := corpus.get("masked"):
        kinds = [f"<{kind}> {n:,}" for kind, n in sorted(masked.items(), key=lambda item: (-item[1], item[0]))]
        notes.append(words("corpus.masked", kinds=", ".join(kinds)))
    notes.append(words("corpus.groups", count=f"{corpus['groups']['count']:,}"))
    if whole := [sources[key]["name"] for key, part in corpus["mixture"].items() if part["kept_whole"]]:
        notes.append(words("corpus.kept_whole", names=", ".join(whole)))
    for split, overlap in corpus["overlap"].items():
        if overlap["any_text"]:
            notes.append(
                words(
                    "corpus.overlap",
                    split=words(split),
                    texts=f"{overlap['any_text']:,}",
                    questions=f"{overlap['last_question']:,}",
                    answers=f"{overlap['last_answer']:,}",
                    skipped=f"{overlap['answers_skipped']:,}",
                )
            )
    long = {
        key: sum(split[key] for split in metrics["prepare"].values())
        for key in ("long_dialogues", "answers", "answers_cut", "answers_dropped_too_long")
    }
    if long["long_dialogues"]:
        notes.append(words("corpus.windows", dialogues=f"{long['long_dialogues']:,}"))
    if long["answers_cut"] or long["answers_dropped_too_long"]:
        notes.append(
            words(
                "corpus.long_answers",
                answers=f"{long['answers']:,}",
                cut=f"{long['answers_cut']:,}",
                dropped=f"{long['answers_dropped_too_long']:,}",
            )
        )
    size, ceiling = f"{vocab['size']:,}", f"{vocab['ceiling']:,}"
    characters = f"{vocab['characters_per_token']:.1f}"
    notes.append(words("vocabulary", size=size, ceiling=ceiling, characters=characters))
    if vocab["unknown_share"]:
        notes.append(words("vocabulary.unknown", share=f"{vocab['unknown_share']:.1%}"))
    return notes


def _reason(reason: str, words: Words) -> str:
    """The text for a reason; a reader's own reason has none and stays as it is."""
    try:
        return words(f"reason.{reason}")
    except KeyError:
        return reason


def _corpus_table(metrics: dict[str, dict[str, Any]], words: Words) -> Table:
    splits, prepared = metrics["corpus"]["splits"], metrics["prepare"]
    header = ["split", "dialogues", "turns", "characters", "tokens", "tokens_with_loss"]
    rows = [
        [words(name)]
        + [f"{sizes[key]:,}" for key in ("dialogues", "turns", "characters")]
        + [f"{prepared[name][key]:,}" for key in ("tokens", "tokens_with_loss")]
        for name, sizes in splits.items()
    ]
    return [words(key) for key in header], rows


def _sources(reports: Reports, words: Words) -> Table | None:
    """How much of the training each source is, and how many of its questions are answered exactly."""
    mixture, scores = reports.metrics["corpus"]["mixture"], reports.metrics["evaluate"].get("sources", {})
    if len(mixture) < 2:
        return None
    header = ["source", "dialogues", "sources.repetitions", "sources.share", "seen", "held_out"]
    rows = []
    for key, part in mixture.items():
        own = scores.get(key, {})
        rows.append(
            [
                words("sources.name", **reports.sources[key]),
                f"{part['train']:,}",
                f"{part['repetitions']:.4g}",
                f"{part['share']:.1%}",
                *(
                    words("sources.score", exact=share(score["exact"]), asked=f"{score['asked']:,}") if score else NONE
                    for score in (own.get("seen"), own.get("held_out"))
                ),
            ]
        )
    return [words(name) for name in header], rows


def _training_notes(trained: dict[str, Any], words: Words) -> list[str]:
    notes = []
    if trained["epochs_reason"] != "given":
        notes.append(words(f"training.{trained['epochs_reason']}", epochs=f"{trained['epochs_planned']:,}"))
    if trained["valid_loss"] is None:
        notes.append(words("training.no_valid"))
    if trained["stopped_early"]:
        notes.append(words("training.stopped_early"))
    if trained["kept_epoch"] != trained["epochs"]:
        notes.append(words("training.kept", kept=trained["kept_epoch"]))
    return notes


def _sections(reports: Reports, language: Language) -> list[SectionView]:
    norms = reports.sentences[0].norms
    sections: dict[int | None, dict[str, list[dict[str, Any]]]] = {}
    for layer in reports.layers:
        numbered = split_layer_name(layer["name"])  # decoder_layers.0.ffn
        block = layer["name"].removesuffix(f".{numbered[2]}") if numbered else ""
        sections.setdefault(layer["section"], {}).setdefault(block, []).append(layer)
    return [
        SectionView(number, [_block(name, layers, norms, language) for name, layers in blocks.items()])
        for number, blocks in sections.items()
    ]


def _block(
    name: str, layers: list[dict[str, Any]], norms: dict[str, dict[str, float | None]], language: Language
) -> Block:
    views = [
        LayerView(
            name=layer["name"].removeprefix(f"{name}."),
            shape=layer["shape"].replace("->", "→"),
            parameters=f"{layer['parameters']:,}" if layer["parameters"] else NONE,
            role=layer["role"][language],
            norm=_before_after(norms[layer["name"]]["before"], norms[layer["name"]]["after"]),
        )
        for layer in layers
    ]
    norm = _before_after(norms[layers[0]["name"]]["before"], norms[layers[-1]["name"]]["after"])
    parameters = f"{sum(layer['parameters'] for layer in layers):,}"
    return Block(name_layer(name, words_of_pictures(language)) or None, parameters, norm, views)


def _before_after(before: float | None, after: float | None) -> str:
    ends = [f"{length:.1f}" if length >= 10 else f"{length:.2f}" for length in (before, after) if length is not None]
    return " → ".join(ends)


def _runtime(training: dict[str, Any], words: Words) -> Pairs:
    runtime = training["runtime"]
    return [
        *((words(key), str(runtime[key])) for key in ("device", "precision", "threads")),
        (words("torch"), training["torch"]),
        (words("params.model"), _listed(training["model"])),
        (words("params.train"), _listed(training["train"])),
    ]


def _listed(params: dict[str, Any]) -> str:
    return ", ".join(f"{key} {'null' if value is None else value}" for key, value in params.items())
