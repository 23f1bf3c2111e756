"""Stage prepare_data: dialogues and vocabulary → token arrays."""

from pathlib import Path

from tinychat.batches.prepared import to_arrays, write_split
from tinychat.batches.preparing import Prepared, prepare_dialogues
from tinychat.corpus.dialogue import SPLITS, read_corpus, to_record
from tinychat.files import to_json, write_together
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.tokenizer import load_tokenizer

CORPUS = Path("data/corpus")
VOCAB = Path("artifacts/vocab")
PREPARED = Path("data/prepared")
METRICS = Path("reports/prepare/metrics.json")


def run(root: Path = Path()) -> None:
    """Encode each split in the chat template and write it as memory-mapped arrays."""
    params = load_params(root)
    tokenizer = load_tokenizer(root / VOCAB)
    splits: dict[str, Prepared] = {}
    for split in SPLITS:
        dialogues = (to_record(d)["messages"] for d in read_corpus(root / CORPUS / f"{split}.jsonl"))
        splits[split] = prepare_dialogues(
            dialogues, tokenizer, params.model.max_len, params.prepare.loss_on, params.prepare.long_answers
        )
    splits["train"].refuse_if_empty(params.model.max_len)

    def fill(folder: Path) -> None:
        for name, prepared in splits.items():
            write_split(folder, name, to_arrays(prepared.examples, tokenizer.size))

    metrics = {name: prepared.counts() for name, prepared in splits.items()}
    write_together({root / PREPARED: fill, root / METRICS: to_json(metrics)})
    for name, prepared in splits.items():
        say(f"{name}: {prepared.summary()}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
