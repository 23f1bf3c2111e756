"""The page: one HTML file in which a trained model talks and shows its layers, without network."""

import csv
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

from tinychat.errors import Phrase
from tinychat.files import damaged, read_json, read_json_lines, reading
from tinychat.generation.decoder import Floats
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.generation_config import GenerationConfig, load_generation_config
from tinychat.model.weights import load_weights
from tinychat.page.calibrating import read_sequences
from tinychat.page.formats import ReplyRecord, SummaryRecord
from tinychat.page.learning import Learning, read_learning
from tinychat.page.packing import INT8_BITS, deflated, fact_tables, name_patterns, pack_weights, tokenizer_tables
from tinychat.page.quoting import MOST_SHARE, PackedQuotes, Quotes, pack_quotes, read_quotes
from tinychat.page.safety_tables import classifier_weights, safety_tables
from tinychat.schemas import HistoryRow, parse
from tinychat.tokenizer import Tokenizer, load_tokenizer

HERE = Path(__file__).parent
MODEL = Path("models/dialogue")
REPLIES = Path("outputs/generated_dialogue.jsonl")
HISTORY = Path("reports/train/history.csv")
LEARNING = Path("reports/train/learning.json")
TRAINED_ON = Path("data/corpus/train.jsonl")
SUMMARY = Path("reports/summary.json")
MAX_TOKENS = 64  # of a reply, as web/src/talk/conversation.js has it
NO_SCRIPT = {
    "ko": "이 페이지는 자바스크립트로 모델을 돌립니다. 자바스크립트를 켜 주세요.",
    "en": "This page runs a model in JavaScript. Please switch JavaScript on.",
}
# Dialogues in which a person tells their name and asks for it: the page measures on them what each head does.
NAME_EXAMPLES = {
    "ko": (
        ("내 이름은 민수야", "반가워요, 민수님!", "내 이름이 뭐야?"),
        ("나는 지우라고 해", "반가워요, 지우님!", "내 이름 기억해?"),
        ("저는 하준이에요", "반가워요, 하준님!", "내 이름이 뭐라고 했지?"),
    ),
    "en": (
        ("My name is Anna", "Nice to meet you, Anna!", "What is my name?"),
        ("I am Peter", "Hello, Peter!", "What is my name?"),
    ),
}


@dataclass(frozen=True)
class PageInputs:
    """What a page is made of.

    replies     of outputs/generated_dialogue.jsonl
    history     a row of each epoch
    summary     reports/summary.json
    prompts     dialogues that the page begins with and measures its heads on; each ends with a question
    language    ko or en: what the page opens in
    learning    reports/train/learning.json, or None
    quotes      training questions with their answers, or None
    sequences   token ids of training dialogues, for which weights of 6 bits are rounded
    """

    config: ClassicConfig
    weights: dict[str, Floats]
    tokenizer: Tokenizer
    generation: GenerationConfig
    replies: list[ReplyRecord]
    history: list[HistoryRow]
    summary: SummaryRecord
    prompts: list[list[str]]
    language: str
    learning: Learning | None = None
    quotes: Quotes | None = None
    sequences: Sequence[Sequence[int]] = ()


def build_page(inputs: PageInputs, bits: int, *, help_in_danger: bool = True) -> str:
    """The page as HTML; the same inputs give the same text. `bits` of a weight: 6 or 8.

    With `help_in_danger`, messages about self-harm are answered with the help lines, as in `tinychat chat`. Of the
    quotes there are as many as make the page at most MOST_SHARE larger.
    """
    packed = pack_weights(inputs.config, inputs.weights, bits, inputs.sequences)
    carried = {
        "config": asdict(inputs.config),
        "arrays": packed.arrays,
        "is_int8": bits == INT8_BITS,
        "generation": inputs.generation.to_dict(),
        "replies": [reply.model_dump() for reply in inputs.replies],
        "history": [epoch.model_dump() | {"valid_loss": _number(epoch.valid_loss)} for epoch in inputs.history],
        "numbers": _numbers(inputs.summary),
        "examples": [*inputs.prompts, *NAME_EXAMPLES[inputs.language]],
        "language": inputs.language,
        "learning": inputs.learning.carried() if inputs.learning else None,
        "help_in_danger": help_in_danger,
        "quotes": None,
    }
    tables = {
        "tokenizer": tokenizer_tables(inputs.tokenizer),
        "names": name_patterns(),
        "facts": fact_tables(),
        "safety": safety_tables() if help_in_danger else None,
    }
    assets = HERE / "assets"
    parts = {
        "language": inputs.language,
        "style": (assets / "page.css").read_text(encoding="utf-8"),
        "script": (assets / "page.js").read_text(encoding="utf-8"),
        "no_script": NO_SCRIPT[inputs.language].encode("ascii", "xmlcharrefreplace").decode(),
        "carried": in_script(carried),
        "kernels": deflated((HERE / "int8.wasm").read_bytes()),
        "tables": deflated(json.dumps(tables, ensure_ascii=False, separators=(",", ":")).encode()),
        "classifier": deflated(classifier_weights(), zlib.Z_HUFFMAN_ONLY) if help_in_danger else "",
        "weights": packed.text,
        "quotes": "",
    }
    if inputs.quotes:
        quoted = pack_quotes(inputs.quotes, int(MOST_SHARE * sum(len(part.encode()) for part in parts.values())))
        carried["quotes"] = _quoted(inputs.quotes, quoted)
        parts |= {"carried": in_script(carried), "quotes": quoted.text}
    return Template((HERE / "templates" / "tinychat.html").read_text(encoding="utf-8")).substitute(parts)


def in_script(value: Any) -> str:
    """JSON that may stand in a script element: no text in it can end the element or begin a comment.

    It is ASCII: a browser reads a page of megabytes in half of the time where it has no other character.
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _quoted(quotes: Quotes, packed: PackedQuotes) -> dict[str, Any]:
    """What the page says of the training questions that it carries: how many, and whether these are all."""
    is_sample = quotes.is_sample or packed.questions < len(quotes.answers)
    return {"questions": packed.questions, "is_sample": is_sample}


def _number(cell: float | str) -> float | None:
    return None if isinstance(cell, str) else cell


def _numbers(summary: SummaryRecord) -> dict[str, Any]:
    """The numbers of the summary that the page shows; None for one that was not measured."""
    evaluation = summary.evaluation
    seen, held_out, names = evaluation.seen, evaluation.held_out, evaluation.measures.name
    return {
        "layers": summary.n_layers,
        "final_loss": summary.final_loss,
        "generated_tokens": summary.generated_tokens,
        "dialogues": summary.corpus.splits.train.dialogues,
        "steps": summary.training.steps,
        "held_out_loss": held_out.loss if held_out else None,
        "seen_exact_share": seen.replies.exact if seen and seen.replies else None,
        "held_out_exact_share": held_out.replies.exact if held_out and held_out.replies else None,
        "name_share": names.accepted if names else None,
    }


def read_inputs(
    root: Path,
    config: ClassicConfig,
    *,
    prompts: Sequence[str | list[str]],
    language: str,
    quote_training: bool = False,
) -> PageInputs:
    """What the pipeline left in a project's folder, and `analyze.prompts` and `report.language` of its params.yaml.

    All of the training dialogues are read with `quote_training` alone.
    Raises InputError where a file is missing or damaged.
    """
    model = root / MODEL
    tokenizer = load_tokenizer(model)
    return PageInputs(
        config=config,
        weights=load_weights(model, config),
        tokenizer=tokenizer,
        generation=load_generation_config(model) or GenerationConfig(MAX_TOKENS),
        replies=_replies(root / REPLIES),
        history=_history(root / HISTORY),
        summary=_summary(root / SUMMARY),
        prompts=[[prompt] if isinstance(prompt, str) else prompt for prompt in prompts],
        language=language,
        learning=read_learning(root / LEARNING),
        quotes=read_quotes(root / TRAINED_ON) if quote_training else None,
        sequences=read_sequences(root / TRAINED_ON, tokenizer, config.max_len),
    )


def _replies(path: Path) -> list[ReplyRecord]:
    replies = list(read_json_lines(path, "generate", lambda reply, _: parse(reply, ReplyRecord)))
    if not replies:
        raise damaged(path, Phrase("it holds no reply"), "generate")
    return replies


def _history(path: Path) -> list[HistoryRow]:
    with reading(path, "train"), open(path, encoding="utf-8-sig", newline="") as file:
        rows = [parse(row, HistoryRow) for row in csv.DictReader(file)]
    if not rows:
        raise damaged(path, Phrase("its epochs are not 1, 2, …"), "train")
    return rows


def _summary(path: Path) -> SummaryRecord:
    with reading(path, "summarize"):
        return parse(read_json(path), SummaryRecord)
