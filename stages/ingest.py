"""Stage ingest: raw dialogues → a corpus of three splits."""

from pathlib import Path

from tinychat.corpus.building import build_corpus
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say


def run(root: Path = Path()) -> None:
    """Read what `params.yaml: corpus` names, write `data/corpus`, `data/overview` and `reports/corpus/metrics.json`."""
    params = load_params(root)
    built = build_corpus(
        raw=root / "data/raw",
        params=params.corpus,
        corpus=root / "data/corpus",
        overview=root / "data/overview",
        metrics=root / "reports/corpus/metrics.json",
    )
    say(built.summary())


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
