"""Stage analyze_layers: every layer of the model, and what it does to a real sentence."""

from pathlib import Path

from tinychat.errors import run_and_exit
from tinychat.files import write_folder_atomically
from tinychat.inspection.layers import list_layers
from tinychat.inspection.report import sentence_record, write_layer_report
from tinychat.inspection.trace import continue_greedily, trace_sentence
from tinychat.model.storage import load_model
from tinychat.params import load_params
from tinychat.runtime import choose_runtime
from tinychat.tokenizer import load_tokenizer
from tinychat.tokenizer.utf8 import utf8_of

MODEL = Path("models/dialogue")
LAYERS = Path("reports/layers")
REPLY_TOKENS = 16  # so many are looked at: a longer picture cannot be read


def run(root: Path = Path()) -> None:
    """Write `reports/layers`: each prompt and the model's own reply to it, on their way through the layers."""
    params = load_params(root).analyze
    model, tokenizer = load_model(root / MODEL, choose_runtime().device), load_tokenizer(root / MODEL)
    never, utf8 = tokenizer.never_said(model.vocab_size), utf8_of(tokenizer, model.vocab_size)
    sentences = []
    for text in params.prompts:
        message = {"role": "user", "content": text}
        prompt = tokenizer.encode_prompt([message], max_len=model.max_len, reply_tokens=REPLY_TOKENS)
        ids = continue_greedily(model, prompt, end=tokenizer.eos_id, never=never, at_most=REPLY_TOKENS, utf8=utf8)
        sentences.append(sentence_record(text, len(prompt), trace_sentence(model, ids), tokenizer))
    layers = list_layers(model)
    write_folder_atomically(root / LAYERS, lambda folder: write_layer_report(folder, layers, sentences))
    print(f"{len(layers)} layers, {len(sentences)} sentences in {root / LAYERS}")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
