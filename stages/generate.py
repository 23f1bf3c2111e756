"""Stage generate: the model answers the prompts of params.yaml."""

from pathlib import Path

from tinychat.corpus.turns import prompt_of
from tinychat.files import to_json_lines, write_atomically
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say

MODEL = Path("models/dialogue")
REPLIES = Path("outputs/generated_dialogue.jsonl")


def run(root: Path = Path()) -> None:
    """Write a line for each prompt: prompt and reply, as text and as tokens."""
    params = load_params(root).generate
    engine = load_engine(root / MODEL)
    options = SamplingOptions(**params.model_dump(exclude={"prompts"}))
    dialogues = [prompt_of([{"role": "user", "content": prompt}])[0] for prompt in params.prompts]
    replies = engine.reply(dialogues, options)
    rows = [
        {
            "input": prompt,
            "output": reply.text,
            "prompt_ids": reply.prompt_ids,
            "token_ids": reply.token_ids,
            "tokens": engine.tokenizer.tokens([*reply.prompt_ids, *reply.token_ids]),
            "n_tokens": len(reply.token_ids),
            "finish_reason": reply.finish_reason,
            "mean_logprob": round(reply.mean_logprob, 4),
        }
        for prompt, reply in zip(params.prompts, replies, strict=True)
    ]
    write_atomically(root / REPLIES, to_json_lines(rows))
    for prompt, reply in zip(params.prompts, replies, strict=True):
        say(f"{prompt} → {reply.text}" + (" …" if reply.finish_reason == "length" else ""))


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
