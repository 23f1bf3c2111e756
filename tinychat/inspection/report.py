"""What was seen of the layers, as JSON and CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinychat.files import to_csv, to_json
from tinychat.inspection.layers import ROLES, Layer
from tinychat.inspection.pictures import draw_attention, draw_early_predictions, draw_norms
from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer

DIGITS = 6


def sentence_record(prompt: str, n_prompt: int, trace: Trace, tokenizer: Tokenizer) -> dict[str, Any]:
    """One traced sentence as plain data; `early_predictions[l][t]` lists the likeliest tokens behind token t."""
    return {
        "prompt": prompt,
        "reply": tokenizer.decode(trace.ids[n_prompt:]),
        "n_prompt_tokens": n_prompt,
        "token_ids": list(trace.ids),
        "tokens": tokenizer.tokens(trace.ids),
        "norms": {
            name: {"before": _rounded(norm.before), "after": _rounded(norm.after)} for name, norm in trace.norms.items()
        },
        "attention": [
            [[[round(w, 4) for w in row] for row in head] for head in layer] for layer in trace.attention.tolist()
        ],
        "early_predictions": [
            [
                [
                    {"token": tokenizer.tokens([token_id])[0], "probability": round(p, DIGITS)}
                    for token_id, p in trace.top_tokens(layer, place)
                ]
                for place in range(len(trace.ids))
            ]
            for layer in range(len(trace.early))
        ],
    }


def write_layer_report(folder: Path, layers: Sequence[Layer], sentences: Sequence[dict[str, Any]]) -> None:
    """Fill an existing folder: layers.json, layers.csv, predictions.csv, and the pictures of each sentence."""
    table = [
        {
            "name": layer.name,
            "section": layer.section,
            "kind": layer.kind,
            "shape": layer.shape,
            "parameters": layer.parameters,
            "role": ROLES[layer.kind],
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
            ROLES[layer.kind]["en"],
            ROLES[layer.kind]["ko"],
        )
        for number, sentence in enumerate(sentences, start=1)
        for layer in layers
    ]
    header = ("sentence", "prompt", "layer", "section", "shape", "parameters", "norm_before", "norm_after", "role")
    _write(folder / "layers.csv", to_csv((*header, "role_ko"), rows))
    predictions = [
        (number, sentence["tokens"][place], after, rank, best["token"], best["probability"])
        for number, sentence in enumerate(sentences, start=1)
        for after, places in enumerate(sentence["early_predictions"])
        for place, bests in enumerate(places)
        for rank, best in enumerate(bests, start=1)
    ]
    columns = ("sentence", "behind_token", "after_decoder_layers", "rank", "next_token", "probability")
    _write(folder / "predictions.csv", to_csv(columns, predictions))
    for number, sentence in enumerate(sentences, start=1):
        _write(folder / f"attention-{number}.svg", draw_attention(sentence))
        _write(folder / f"predictions-{number}.svg", draw_early_predictions(sentence))
        _write(folder / f"norms-{number}.svg", draw_norms(sentence))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
