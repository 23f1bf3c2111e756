"""The content of the summary page as text, in its order; the HTML template only lays it out."""

import re
from dataclasses import dataclass
from typing import Any

from tinychat.corpus.amount import Learnt
from tinychat.inspection.words import Language, name_layer, split_layer_name, words_of_pictures
from tinychat.report.comparison import MEASURED_ON, NONE, MeasureGroup, abilities, measure_groups
from tinychat.report.copied_text import CopiedTextView, copied_text_view
from tinychat.report.corpus_charts import Chart, Outlook, Table, corpus_charts, outlook, source_table, split_table
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
    sources: Table
    charts: list[Chart]
    outlook: Outlook
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
        corpus_table=split_table(metrics, words),
        sources=source_table(reports, words),
        charts=corpus_charts(reports, words),
        outlook=outlook(metrics, words),
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
    corpus, sources = reports.metrics["corpus"], reports.sources
    read, kept, gone = corpus["rows_read"], corpus["rows_kept"], sum(corpus["rows_dropped"].values())
    readers = [
        words("corpus.reader", name=name, kept=f"{rows['rows_kept']:,}") for name, rows in corpus["readers"].items()
    ]
    notes = [
        words("corpus.rows", read=f"{read:,}", kept=f"{kept:,}", dropped=f"{gone:,}"),
        words("corpus.readers", readers=", ".join(readers)),
    ]
    notes.append(words("corpus.groups", count=f"{corpus['groups']['count']:,}"))
    if apart := corpus["groups"]["dialogues_taken_apart"]:
        notes.append(words("corpus.apart", dialogues=f"{apart:,}"))
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
                    of=f"{overlap['answers']:,}",
                )
            )
    return notes


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
