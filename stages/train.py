"""Stage train: token arrays → a trained model."""

from pathlib import Path

from tinychat.batches.batching import largest_batch
from tinychat.batches.prepared import open_split, split_files
from tinychat.errors import Phrase
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.params.memory import BatchSize, refuse_too_large
from tinychat.runtime import configure_runtime, device_memory, keep_freed_memory, out_of_memory_as_input_error
from tinychat.tokenizer import load_tokenizer
from tinychat.training.loop import PROMPT_TARGETS_SHARE
from tinychat.training.run import TrainingResult, inputs_changed, train_model
from tinychat.training.snapshots import work_folder

PREPARED = Path("data/prepared")
VOCAB = Path("artifacts/vocab")
MODEL = Path("models/dialogue")
REPORTS = Path("reports/train")


def run(root: Path = Path()) -> None:
    """Train a model on the prepared data; resumes from a snapshot of an interrupted run with the same inputs."""
    params = load_params(root)
    runtime = configure_runtime()
    tokenizer = load_tokenizer(root / VOCAB)
    sizes = {"vocab_size": tokenizer.size, "max_len": params.model.max_len}
    train, valid = (open_split(root / PREPARED, split, **sizes) for split in ("train", "valid"))
    arrays = [file for split in ("train", "valid") for file in split_files(root / PREPARED, split).values()]
    prompts_share = PROMPT_TARGETS_SHARE if params.train.prompt_loss_weight else 0.0
    largest = largest_batch(train, params.train.batch_tokens, prompts_share)
    batch = BatchSize(*largest, 2 if runtime.precision == "bf16" else 4)
    refuse_too_large(params, device_memory(runtime.device), runtime.device, tokenizer.size, batch)
    keep_freed_memory()

    def write(result: TrainingResult) -> None:
        now = load_params(root)
        if (now.model, now.train) != (params.model, params.train):
            raise inputs_changed(Phrase("params.yaml: model or train"))
        result.save(root / MODEL, root / REPORTS, tokenizer_file=root / VOCAB / "tokenizer.json")

    with out_of_memory_as_input_error(
        "params.yaml: the memory of this machine is used up; lower train.batch_tokens, or sizes of the model"
    ):
        train_model(
            model_params=params.model,
            train_params=params.train,
            train=train,
            valid=valid,
            files=[*arrays, root / VOCAB / "tokenizer.json", Path(__file__), Path(__file__).with_name("__init__.py")],
            tokenizer=tokenizer,
            runtime=runtime,
            work_folder=work_folder(root),
            write=write,
        )


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
