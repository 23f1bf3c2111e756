"""Stage evaluate: the model on training dialogues and on held-out ones, next to its baselines."""

from pathlib import Path

from tinychat.corpus.dialogue import CorpusFile, read_source_names
from tinychat.evaluation.evaluate import evaluate
from tinychat.files import write_json
from tinychat.generation.loading import load_engine
from tinychat.language.exit import run_and_exit
from tinychat.model.storage import load_model
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.runtime import configure_runtime

CORPUS = Path("data/corpus")
OVERVIEW = Path("data/overview")
MODEL = Path("models/dialogue")
METRICS = Path("reports/evaluate/metrics.json")
SLOTS = 64  # dialogues that are answered at once


def run(root: Path = Path()) -> None:
    """Measure the model on the training split and on the test split, which no other stage reads."""
    params = load_params(root)
    device = configure_runtime().device
    model, engine = load_model(root / MODEL, device), load_engine(root / MODEL, SLOTS, device)
    train, test = (CorpusFile(root / CORPUS / f"{split}.jsonl") for split in ("train", "test"))
    report = evaluate(engine, model, train, test, params.evaluate.max_dialogues, params.prepare.long_answers)
    write_json(root / METRICS, report)
    for name, one in report.pop("measures", {}).items():
        say(f"{name}: {one['accepted']:.1%} of {one['asked']} replies are as the corpus says")
    sources = report.pop("sources", {})
    names = read_source_names(root / OVERVIEW, sources)
    for name, measures in report.items():
        if measures is None:
            say(f"{name}: no dialogues")
        else:
            replies = measures["replies"]
            exact = f", {replies['exact']:.1%} of {replies['asked']} replies exact" if replies else ""
            say(f"{name}: {measures['loss']:.3f} nats per answer token{exact}")
    for key, splits in sources.items():
        told = [
            f"{of}: {score['exact']:.1%} of {score['asked']} exact" if score else f"{of}: none"
            for of, score in (("trained questions", splits["seen"]), ("held-out questions", splits["held_out"]))
        ]
        say(f"{key}, {names[key]['name']}: {', '.join(told)}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
