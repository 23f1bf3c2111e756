"""The page: one HTML file in which a trained model talks and shows its layers, without network.

python -m tinychat.page.building [--bits 6 or 8] [--out FILE]      the page of this project's model
"""

import argparse
import base64
import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from tinychat.errors import InputError
from tinychat.files import read_json, write_atomically
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.generation_config import GenerationConfig, load_generation_config
from tinychat.model.registry import load_config
from tinychat.model.weights import load_weights
from tinychat.page.learning import Learning, read_learning
from tinychat.page.packing import INT8_BITS, Floats, name_patterns, pack_weights, tokenizer_tables
from tinychat.printing import say
from tinychat.tokenizer import Tokenizer, load_tokenizer

HERE = Path(__file__).parent
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
    history     {epoch, train_loss, valid_loss or None} of each epoch
    summary     reports/summary.json, or None
    prompts     dialogues that the page begins with and measures its heads on; each ends with a question
    language    ko or en: what the page opens in
    learning    reports/train/learning.json, or None
    """

    config: ClassicConfig
    weights: dict[str, Floats]
    tokenizer: Tokenizer
    generation: GenerationConfig
    replies: list[dict[str, Any]]
    history: list[dict[str, Any]]
    summary: dict[str, Any] | None
    prompts: list[list[str]]
    language: str
    learning: Learning | None = None


def build_page(inputs: PageInputs, bits: int = 6) -> str:
    """The page as HTML; the same inputs give the same text. `bits` of a weight: 6 or 8."""
    packed = pack_weights(inputs.config, inputs.weights, bits)
    carried = {
        "config": asdict(inputs.config),
        "arrays": packed.arrays,
        "is_int8": bits == INT8_BITS,
        "tokenizer": tokenizer_tables(inputs.tokenizer),
        "generation": inputs.generation.to_dict(),
        "names": name_patterns(),
        "replies": [
            {key: reply[key] for key in ("input", "output", "n_tokens", "mean_logprob")} for reply in inputs.replies
        ],
        "history": [{key: epoch[key] for key in ("epoch", "train_loss", "valid_loss")} for epoch in inputs.history],
        "numbers": _numbers(inputs.summary),
        "examples": [*inputs.prompts, *NAME_EXAMPLES[inputs.language]],
        "language": inputs.language,
        "learning": inputs.learning.carried() if inputs.learning else None,
    }
    assets = HERE / "assets"
    return Template((HERE / "templates" / "tinychat.html").read_text(encoding="utf-8")).substitute(
        language=inputs.language,
        style=(assets / "page.css").read_text(encoding="utf-8"),
        script=(assets / "page.js").read_text(encoding="utf-8"),
        no_script=NO_SCRIPT[inputs.language],
        carried=in_script(carried),
        kernels=base64.b64encode((HERE / "int8.wasm").read_bytes()).decode(),
        weights=packed.base64,
    )


def in_script(value: Any) -> str:
    """JSON that may stand in a script element: no text in it can end the element or begin a comment."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _numbers(summary: dict[str, Any] | None) -> dict[str, Any] | None:
    """The numbers of the summary that the page shows; None for one that was not measured."""
    if summary is None:
        return None
    evaluation = summary["evaluation"]
    seen, held_out = evaluation["seen"] or {}, evaluation["held_out"] or {}
    return {
        "layers": summary["레이어 수"],
        "final_loss": summary["최종 손실"],
        "generated_tokens": summary["생성된 토큰 수"],
        "dialogues": summary["corpus"]["splits"]["train"]["dialogues"],
        "steps": summary["training"]["steps"],
        "held_out_loss": held_out.get("loss"),
        "seen_exact_share": (seen.get("replies") or {}).get("exact"),
        "held_out_exact_share": (held_out.get("replies") or {}).get("exact"),
        "name_share": evaluation.get("measures", {}).get("name", {}).get("accepted"),
    }


def read_inputs(root: Path) -> PageInputs:
    """What the pipeline left in a project's folder. Raises InputError for an architecture that no page computes."""
    model = root / "models" / "dialogue"
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    config = load_config(model)
    if not isinstance(config, ClassicConfig):
        raise InputError(
            "{model}: a page cannot compute the architecture {architecture!r}, only 'classic'",
            model=model,
            architecture=config.architecture,
        )
    with open(root / "reports" / "train" / "history.csv", encoding="utf-8", newline="") as file:
        history = [
            {key: float(row[key]) if row[key] else None for key in ("train_loss", "valid_loss")}
            | {"epoch": int(row["epoch"])}
            for row in csv.DictReader(file)
        ]
    replies = (root / "outputs" / "generated_dialogue.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = params["analyze"]["prompts"]
    return PageInputs(
        config=config,
        weights=load_weights(model, config),
        tokenizer=load_tokenizer(model),
        generation=load_generation_config(model) or GenerationConfig(MAX_TOKENS),
        replies=[json.loads(line) for line in replies],
        history=history,
        summary=read_json(root / "reports" / "summary.json"),
        prompts=[[prompt] if isinstance(prompt, str) else prompt for prompt in prompts],
        language=params["report"]["language"],
        learning=read_learning(root / "reports" / "train" / "learning.json"),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--bits", type=int, choices=(6, 8), default=6)
    parser.add_argument("--out", type=Path, default=Path("outputs/tinychat.html"))
    arguments = parser.parse_args()
    page = build_page(read_inputs(arguments.root), arguments.bits)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(arguments.out, page)
    say(f"{arguments.out}: {len(page.encode()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
