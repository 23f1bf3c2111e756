"""Stage prepare_data: dialogues and vocabulary → token arrays."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tinychat.batches.prepared import PreparedSplit
from tinychat.batches.preparing import Prepared
from tinychat.batches.preparing_shards import preparing
from tinychat.batches.writing import SplitWriter
from tinychat.corpus.dialogue import SPLITS
from tinychat.corpus_shards import corpus_shards
from tinychat.files import Content, to_json, write_in_order
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.shards import Shard, run_shards
from tinychat.tokenizer import load_tokenizer

CORPUS = Path("data/corpus")
VOCAB = Path("artifacts/vocab")
PREPARED = Path("data/prepared")
METRICS = Path("reports/prepare/metrics.json")


def run(root: Path = Path()) -> None:
    """Encode each split in the chat template and write it as memory-mapped arrays."""
    params = load_params(root)
    tokenizer = load_tokenizer(root / VOCAB)
    options = (tokenizer, params.model.max_len, params.prepare.loss_on, params.prepare.long_answers)
    shards = [shard for split in SPLITS for shard in corpus_shards(root / CORPUS / f"{split}.jsonl")]
    splits = {split: Prepared() for split in SPLITS}

    def fill(folder: Path) -> None:
        with ExitStack() as stack:
            writers = {name: stack.enter_context(SplitWriter(folder, name, tokenizer.size)) for name in splits}

            def merge(shard: Shard, part: tuple[PreparedSplit, Prepared]) -> int:
                arrays, counts = part
                writers[shard.path.stem].add(arrays)
                splits[shard.path.stem].add_counts(counts)
                return counts.read

            run_shards("prepare_data", preparing, options, shards, merge)
        splits["train"].refuse_if_empty(params.model.max_len)

    def outs() -> Iterator[tuple[Path, Content]]:
        yield root / PREPARED, fill
        yield root / METRICS, to_json({name: prepared.counts() for name, prepared in splits.items()})

    write_in_order(outs())
    for name, prepared in splits.items():
        say(f"{name}: {prepared.summary()}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
