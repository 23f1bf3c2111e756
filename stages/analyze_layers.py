"""Stage analyze_layers: every layer of the model, and what it does to a real sentence."""

from pathlib import Path

from tinychat.corpus.turns import prompt_of
from tinychat.errors import run_and_exit
from tinychat.files import write_folder_atomically
from tinychat.inspection.export import sentence_record, write_layer_report
from tinychat.inspection.layers import list_layers
from tinychat.inspection.trace import continue_greedily, trace_sentence
from tinychat.model.storage import load_model
from tinychat.params import load_params
from tinychat.printing import say
from tinychat.runtime import choose_runtime
from tinychat.tokenizer import Tokenizer, load_tokenizer
from tinychat.tokenizer.utf8 import utf8_of

MODEL = Path("models/dialogue")
LAYERS = Path("reports/layers")
ROLES = ("user", "assistant")  # in turn
REPLY_TOKENS = 16  # so many are looked at: a longer picture cannot be read


def run(root: Path = Path()) -> None:
    """Write `reports/layers`: each prompt and the model's own reply to it, on their way through the layers."""
    params = load_params(root).analyze
    model = load_model(root / MODEL, choose_runtime().device)
    tokenizer = load_tokenizer(root / MODEL, at_most=model.vocab_size)
    never, utf8 = tokenizer.never_said(model.vocab_size), utf8_of(tokenizer, model.vocab_size)
    sentences = []
    for said in params.prompts:
        turns = [said] if isinstance(said, str) else said
        messages, _ = prompt_of([{"role": ROLES[n % 2], "content": text} for n, text in enumerate(turns)])
        prompt = tokenizer.encode_prompt(messages, max_len=model.max_len, reply_tokens=REPLY_TOKENS)
        ids = continue_greedily(model, prompt, end=tokenizer.eos_id, never=never, at_most=REPLY_TOKENS, utf8=utf8)
        shown = _shown([message["content"] for message in messages], prompt, tokenizer)
        sentences.append(sentence_record(shown, len(prompt), trace_sentence(model, ids), tokenizer))
    layers = list_layers(model)
    write_folder_atomically(root / LAYERS, lambda folder: write_layer_report(folder, layers, sentences))
    say(f"{len(layers)} layers, {len(sentences)} sentences in {root / LAYERS}")


def _shown(turns: list[str], prompt: list[int], tokenizer: Tokenizer) -> str:
    """A dialogue as one text, without the oldest turns where the model has no room for them."""
    n_read = sum(token_id in (tokenizer.user_id, tokenizer.bot_id) for token_id in prompt) - 1
    return " / ".join([*(["…"] if n_read < len(turns) else []), *turns[-n_read:]])


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
