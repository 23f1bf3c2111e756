"""Stage evaluate: how well the model answers what it saw and what it never saw, beside two baselines."""

from pathlib import Path

from tinychat.corpus.dialogue import read_corpus
from tinychat.errors import run_and_exit
from tinychat.evaluation.report import evaluate
from tinychat.files import write_json
from tinychat.generation.engine import Engine
from tinychat.model import load_model
from tinychat.params import load_params
from tinychat.runtime import choose_runtime
from tinychat.tokenizer import load_tokenizer

CORPUS = Path("data/corpus")
MODEL = Path("models/dialogue")
METRICS = Path("reports/evaluate/metrics.json")


def run(root: Path = Path()) -> None:
    """Measure the model on the training split and on the test split, which no other stage looks at."""
    params = load_params(root).evaluate
    engine = Engine(load_model(root / MODEL, choose_runtime().device), load_tokenizer(root / MODEL))
    train, test = (list(read_corpus(root / CORPUS / f"{split}.jsonl")) for split in ("train", "test"))
    report = evaluate(engine, train, test, params.max_dialogues)
    write_json(root / METRICS, report)
    for name, measures in report.items():
        if measures is None:
            print(f"{name}: no dialogues")
        else:
            replies = measures["replies"]
            exact = f", {replies['exact']:.1%} of {replies['asked']} replies exact" if replies else ""
            print(f"{name}: {measures['loss']:.3f} nats an answer token{exact}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
