"""Stage generate: the model answers the prompts of params.yaml."""

from pathlib import Path

from tinychat.corpus.prompts import SamplePrompt, read_prompts
from tinychat.corpus.turns import prompt_of
from tinychat.files import to_json_lines, write_atomically
from tinychat.generation.loading import load_engine
from tinychat.generation.sampling import SamplingOptions
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say

OVERVIEW = Path("data/overview")
MODEL = Path("models/dialogue")
REPLIES = Path("outputs/generated_dialogue.jsonl")


def run(root: Path = Path()) -> None:
    """Write a line for each prompt: prompt and reply, as text and as tokens.

    With `generate.prompts: auto` they are those that ingest drew from the corpus, without those that are too long for
    the model.
    """
    params = load_params(root).generate
    engine = load_engine(root / MODEL)
    options = SamplingOptions(**params.model_dump(exclude={"prompts"}))
    if params.prompts == "auto":
        drawn = read_prompts(root / OVERVIEW)
        prompts = [prompt for prompt in drawn if engine.fits(_dialogue(prompt), options)] or drawn
    else:
        prompts = [SamplePrompt(text) for text in params.prompts]
    replies = engine.reply([_dialogue(prompt) for prompt in prompts], options)
    rows = [
        {
            "input": prompt.text,
            "output": reply.text,
            "prompt_ids": reply.prompt_ids,
            "token_ids": reply.token_ids,
            "tokens": engine.tokenizer.tokens([*reply.prompt_ids, *reply.token_ids]),
            "n_tokens": len(reply.token_ids),
            "finish_reason": reply.finish_reason,
            "mean_logprob": round(reply.mean_logprob, 4),
        }
        | ({"seen": prompt.seen} if prompt.seen else {})
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    write_atomically(root / REPLIES, to_json_lines(rows))
    for prompt, reply in zip(prompts, replies, strict=True):
        say(f"{prompt.text} → {reply.text}" + (" …" if reply.finish_reason == "length" else ""))


def _dialogue(prompt: SamplePrompt) -> list[dict[str, str]]:
    return prompt_of([{"role": "user", "content": prompt.text}])[0]


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
