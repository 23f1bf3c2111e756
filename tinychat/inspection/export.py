"""The analysis of the layers as JSON, CSV and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinychat.files import to_csv, to_json
from tinychat.inspection.copying import CopiedText, Head, find_copied_text
from tinychat.inspection.copying_picture import draw_copied_text
from tinychat.inspection.heads import name_heads
from tinychat.inspection.layers import LayerRow
from tinychat.inspection.pictures import draw_attention, draw_norms
from tinychat.inspection.trace import Trace
from tinychat.inspection.words import Words
from tinychat.tokenizer import Tokenizer

DIGITS = 6
WEIGHT_DIGITS = 4


def sentence_record(prompt: str, n_prompt: int, trace: Trace, tokenizer: Tokenizer) -> dict[str, Any]:
    """One traced sentence as plain data.

    `early_predictions[l][t]` lists the likeliest next tokens after token t, by the output of the layer `states[l]`.

    `copied_text` is what the reply copies from the prompt, or null (tinychat.inspection.copying). `heads[l][h]` is what
    a head does most clearly (tinychat.inspection.heads).
    """
    copied = find_copied_text(trace, n_prompt, tokenizer)
    return {
        "prompt": prompt,
        "reply": tokenizer.decode(trace.ids[n_prompt:]),
        "n_prompt_tokens": n_prompt,
        "token_ids": list(trace.ids),
        "tokens": tokenizer.tokens(trace.ids),
        "norms": {
            name: {"before": _rounded(norm.before), "after": _rounded(norm.after)} for name, norm in trace.norms.items()
        },
        "attention": [[[_all_rounded(row) for row in head] for head in layer] for layer in trace.attention.tolist()],
        "early_predictions": [
            [
                [
                    {"token": tokenizer.tokens([token_id])[0], "probability": round(p, DIGITS)}
                    for token_id, p in trace.top_tokens(layer, position, tokenizer.size)
                ]
                for position in range(len(trace.ids))
            ]
            for layer in range(len(trace.early))
        ],
        "states": list(trace.states),
        "heads": [
            [{"role": head.role, "share": round(head.share, WEIGHT_DIGITS)} for head in heads]
            for heads in name_heads(trace, copied, tokenizer)
        ],
        "copied_text": copied and _copied_text_record(copied, trace.states[1:]),
    }


def _copied_text_record(copied: CopiedText, layers: Sequence[str]) -> dict[str, Any]:
    return {
        "text": copied.text,
        "reply_positions": list(copied.reply_positions),
        "has_copying_head": copied.has_copying_head,
        **_head_record(copied.head, layers),
        "weights_after": _all_rounded(copied.weights_after),
        "sources": [
            {
                "turn": source.turn,
                "role": source.role,
                "positions": list(source.positions),
                "weights": _all_rounded(source.weights),
            }
            for source in copied.sources
        ],
        "layers": [_head_record(head, layers) for head in copied.layers],
    }


def _head_record(head: Head, layers: Sequence[str]) -> dict[str, Any]:
    return {
        "layer": head.layer,
        "name": layers[head.layer],
        "head": head.head,
        "weight": round(head.weight, WEIGHT_DIGITS),
        "weights": _all_rounded(head.weights),
    }


def write_layer_report(
    folder: Path, layers: Sequence[LayerRow], sentences: Sequence[dict[str, Any]], words: Words
) -> None:
    """Fill an existing folder: layers.json, layers.csv, predictions.csv, and the pictures of each sentence in `words`.

    There is a picture of copied text only where some was copied.
    """
    table = [
        {
            "name": layer.name,
            "section": layer.section,
            "kind": layer.kind,
            "shape": layer.shape,
            "parameters": layer.parameters,
            "role": layer.role,
        }
        for layer in layers
    ]
    _write(folder / "layers.json", to_json({"layers": table, "sentences": list(sentences)}))
    rows = [
        (
            number,
            sentence["prompt"],
            layer.name,
            layer.section,
            layer.shape,
            layer.parameters,
            sentence["norms"][layer.name]["before"],
            sentence["norms"][layer.name]["after"],
            layer.role["en"],
            layer.role["ko"],
        )
        for number, sentence in enumerate(sentences, start=1)
        for layer in layers
    ]
    header = ("sentence", "prompt", "layer", "section", "shape", "parameters", "norm_before", "norm_after", "role")
    _write(folder / "layers.csv", to_csv((*header, "role_ko"), rows))
    predictions = [
        (number, sentence["tokens"][position], sentence["states"][after], rank, best["token"], best["probability"])
        for number, sentence in enumerate(sentences, start=1)
        for after, per_position in enumerate(sentence["early_predictions"])
        for position, bests in enumerate(per_position)
        for rank, best in enumerate(bests, start=1)
    ]
    columns = ("sentence", "token", "after_layer", "rank", "next_token", "probability")
    _write(folder / "predictions.csv", to_csv(columns, predictions))
    for number, sentence in enumerate(sentences, start=1):
        _write(folder / f"attention-{number}.svg", draw_attention(sentence, words))
        _write(folder / f"norms-{number}.svg", draw_norms(sentence, words))
        if sentence["copied_text"]:
            _write(folder / f"copied_text-{number}.svg", draw_copied_text(sentence, words))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _all_rounded(weights: Sequence[float]) -> list[float]:
    return [round(weight, WEIGHT_DIGITS) for weight in weights]
