"""Stage analyze_layers: every layer of the model, and what it does to a real sentence."""

from collections.abc import Sequence
from pathlib import Path

from tinychat.corpus.dialogue import ROLES
from tinychat.corpus.turns import prompt_of
from tinychat.files import write_folder_atomically
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.inspection.export import sentence_record, write_layer_report
from tinychat.inspection.layers import list_layers
from tinychat.inspection.trace import trace_sequence
from tinychat.inspection.words import words_of_pictures
from tinychat.language.exit import run_and_exit
from tinychat.model.storage import load_model
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.runtime import configure_runtime
from tinychat.tokenizer import Tokenizer

MODEL = Path("models/dialogue")
LAYERS = Path("reports/layers")
REPLY_TOKENS = 16  # with more the pictures become unreadable


def run(root: Path = Path()) -> None:
    """Write `reports/layers`: each prompt and the model's own reply, traced through the layers."""
    params = load_params(root)
    device = configure_runtime().device
    model, engine = load_model(root / MODEL, device), load_engine(root / MODEL, slots=1, device=device)
    tokenizer = engine.tokenizer
    sentences = []
    for prompt in params.analyze.prompts:
        turns = [prompt] if isinstance(prompt, str) else prompt
        messages, _ = prompt_of([{"role": ROLES[n % 2], "content": text} for n, text in enumerate(turns)])
        # The whole reply, since a rule may take back what it said first; then its beginning.
        [reply] = engine.reply([messages], SamplingOptions())
        shown = _shown([message["content"] for message in messages], reply.prompt_ids, tokenizer)
        trace = trace_sequence(model, [*reply.prompt_ids, *reply.token_ids[:REPLY_TOKENS]])
        sentences.append(sentence_record(shown, len(reply.prompt_ids), trace, tokenizer))
    layers, words = list_layers(model), words_of_pictures(params.report.language)
    write_folder_atomically(root / LAYERS, lambda folder: write_layer_report(folder, layers, sentences, words))
    say(f"{len(layers)} layers, {len(sentences)} sentences in {root / LAYERS}")


def _shown(turns: list[str], prompt: Sequence[int], tokenizer: Tokenizer) -> str:
    """A dialogue as one text, with … for turns that did not fit into the model."""
    n_read = sum(token_id in (tokenizer.user_id, tokenizer.bot_id) for token_id in prompt) - 1
    return " / ".join([*(["…"] if n_read < len(turns) else []), *turns[-n_read:]])


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
