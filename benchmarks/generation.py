"""Generation speed of tinychat beside transformers, CTranslate2 and llama.cpp, in one interleaved run on the CPU.

    python -m benchmarks.generation [--rounds 9] [--new-tokens 100] [--save benchmarks/results/generation.json]
    pip install --target FOLDER transformers ctranslate2 gguf cyllama
                                              the compared libraries, with PYTHONPATH=FOLDER; missing ones are skipped

The article's network (5000 tokens, 6 layers of 256, 8 heads, 1024) and GPT-2 of the same size, random weights, prompts
of 16 tokens, no `<eos>`, for one sequence and for 32 at once, greedy and sampled (temperature 0.8, top-k 50, top-p
0.95). Each side has a process of its own, with its default number of threads (`--threads 1`: one each, which
another busy program disturbs less), and waits while the others compute; the order rotates with each round. The main
results are the ratios to transformers in fp32, taken round by round; all figures are medians. tinychat's time includes
incremental detokenization; the others' ends at the token ids.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.rivals import ARTICLE, machine, missing_packages
from tinychat.files import to_json

Prompts = list[list[int]]
Answer = Callable[[Prompts, int, bool], int]  # prompts, how many tokens each gets, whether sampled → how many were made
Task = tuple[int, bool]  # number of sequences, whether sampled

SEQUENCES = (1, 32)
TASKS = [(n, sampled) for n in SEQUENCES for sampled in (False, True)]
TEMPERATURE, TOP_K, TOP_P = 0.8, 50, 0.95  # as in params.yaml
PROMPT_TOKENS = 16
REFERENCE = "transformers fp32"


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    load         loads it from the folder of all models; returns how to answer, and the number of threads
    needs        required packages
    environment  extra variables of its process
    """

    load: Callable[[Path], tuple[Answer, int]]
    needs: tuple[str, ...]
    environment: dict[str, str]


def load_tinychat(folder: Path) -> tuple[Answer, int]:
    """The engine as in `generate` and `chat`; TINYCHAT_* selects the decoder."""
    from tinychat.environment import usable_cores
    from tinychat.generation.loading import load_engine
    from tinychat.generation.request import Request
    from tinychat.generation.sampling import SamplingOptions
    from tinychat.runtime import requested_threads, requested_weights

    engine = load_engine(folder / "tinychat", slots=max(SEQUENCES), device="cpu")

    def answer(prompts: Prompts, new_tokens: int, sampled: bool) -> int:
        options = SamplingOptions(max_tokens=new_tokens)
        if sampled:
            options = SamplingOptions("sample", TEMPERATURE, TOP_K, TOP_P, max_tokens=new_tokens)
        requests = [Request(prompt, options, engine.tokenizer) for prompt in prompts]
        engine.admit(requests)
        while any(request.finish_reason is None for request in requests):
            engine.step()
        return sum(request.n_new for request in requests)

    kind = os.environ["TINYCHAT_DECODER"]
    if kind == "torch":
        return answer, torch_threads()
    if kind == "native" and requested_weights() != "int8":
        return answer, min(2, requested_threads() or usable_cores())
    return answer, requested_threads() or 1 if kind == "numpy" else 1


def load_transformers(dtype: str, folder: Path) -> tuple[Answer, int]:
    """`generate` of transformers."""
    import torch

    transformers: Any = importlib.import_module("transformers")
    model = transformers.GPT2LMHeadModel.from_pretrained(folder / "gpt2", dtype=dtype).eval()

    def answer(prompts: Prompts, new_tokens: int, sampled: bool) -> int:
        ids = torch.tensor(prompts)
        limits: dict[str, Any] = {"max_new_tokens": new_tokens, "do_sample": sampled, "pad_token_id": 0}
        if sampled:
            limits |= {"temperature": TEMPERATURE, "top_k": TOP_K, "top_p": TOP_P}
        made = model.generate(ids, attention_mask=torch.ones_like(ids), **limits)
        return int(made.numel() - ids.numel())

    return answer, torch_threads()


def load_ctranslate2(kind: str, folder: Path) -> tuple[Answer, int]:
    """CTranslate2's generator, on every core unless OMP_NUM_THREADS says otherwise."""
    ctranslate2: Any = importlib.import_module("ctranslate2")
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    model = folder / f"ctranslate2-{kind}"
    generator = ctranslate2.Generator(str(model), device="cpu", compute_type=kind, intra_threads=threads)
    tokens = json.loads((model / "vocabulary.json").read_text(encoding="utf-8"))

    def answer(prompts: Prompts, new_tokens: int, sampled: bool) -> int:
        limits: dict[str, Any] = {"max_length": new_tokens, "min_length": new_tokens, "include_prompt_in_result": False}
        if sampled:
            limits |= {"sampling_temperature": TEMPERATURE, "sampling_topk": TOP_K, "sampling_topp": TOP_P}
        made = generator.generate_batch([[tokens[i] for i in prompt] for prompt in prompts], **limits)
        return sum(len(result.sequences_ids[0]) for result in made)

    return answer, threads


def load_llama_cpp(kind: str, folder: Path) -> tuple[Answer, int]:
    """llama.cpp, on every core unless OMP_NUM_THREADS says otherwise."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    reply = llama_cpp_replies(folder / f"{kind}.gguf", threads)

    def answer(prompts: Prompts, new_tokens: int, sampled: bool) -> int:
        return sum(map(len, reply(prompts, new_tokens, sampled)))

    return answer, threads


def llama_cpp_replies(path: Path, threads: int) -> Callable[[Prompts, int, bool], list[list[int]]]:
    """How llama.cpp replies, by way of cyllama, all sequences in one batch: the new token ids of each sequence.

    A context for one sequence and one for all. The cache of keys and values is fp16, llama.cpp's default.
    """
    llama: Any = importlib.import_module("cyllama.llama.llama_cpp")
    llama.disable_logging()
    model = llama.LlamaModel(str(path), llama.LlamaModelParams())

    def new_context(sequences: int) -> Any:
        settings = llama.LlamaContextParams()
        settings.n_ctx, settings.n_seq_max = sequences * ARTICLE.max_len, sequences
        settings.n_threads = settings.n_threads_batch = threads
        return llama.LlamaContext(model, settings)

    contexts = {sequences: new_context(sequences) for sequences in SEQUENCES}
    batch = llama.LlamaBatch(n_tokens=max(SEQUENCES) * PROMPT_TOKENS, embd=0, n_seq_max=1)

    def reply_to(prompts: Prompts, new_tokens: int, sampled: bool) -> list[list[int]]:
        context = contexts[len(prompts)]
        context.kv_cache_clear()
        sampler = llama.LlamaSampler(llama.LlamaSamplerChainParams())
        if sampled:
            sampler.add_top_k(TOP_K)
            sampler.add_temp(TEMPERATURE)
            sampler.add_top_p(TOP_P, 1)
            sampler.add_dist(random.randrange(2**32 - 1))
        else:
            sampler.add_greedy()
        batch.clear()
        for sequence, prompt in enumerate(prompts):
            for position, token in enumerate(prompt):
                batch.add(token, position, [sequence], position == len(prompt) - 1)
        context.decode(batch)
        ends = [(sequence + 1) * PROMPT_TOKENS - 1 for sequence in range(len(prompts))]
        replies = [[sampler.sample(context, end)] for end in ends]
        for position in range(PROMPT_TOKENS, PROMPT_TOKENS + new_tokens - 1):
            batch.clear()
            for sequence, reply in enumerate(replies):
                batch.add(reply[-1], position, [sequence], True)
            context.decode(batch)
            for sequence, reply in enumerate(replies):
                reply.append(sampler.sample(context, sequence))
        return replies

    return reply_to


def torch_threads() -> int:
    import torch

    return torch.get_num_threads()


NUMPY = {"TINYCHAT_DECODER": "numpy"}
NATIVE = {"TINYCHAT_DECODER": "native"}
TORCH = {"TINYCHAT_DECODER": "torch"}
CORES = {"TINYCHAT_THREADS": str(os.cpu_count() or 1)}
ONE_OMP_THREAD = {"OMP_NUM_THREADS": "1"}
TRANSFORMERS = ("torch", "transformers")
LLAMA_CPP = ("gguf", "cyllama", *TRANSFORMERS)
SIDES = {
    "tinychat numpy fp32": Side(load_tinychat, (), NUMPY),
    "tinychat numpy fp32, every core": Side(load_tinychat, (), NUMPY | CORES),
    "tinychat native fp32, one thread": Side(load_tinychat, (), {**NATIVE, "TINYCHAT_THREADS": "1"}),
    "tinychat native fp32": Side(load_tinychat, (), NATIVE),
    "tinychat native int8": Side(load_tinychat, (), {**NATIVE, "TINYCHAT_WEIGHTS": "int8"}),
    "tinychat torch fp32": Side(load_tinychat, ("torch",), TORCH),
    "tinychat torch bf16": Side(load_tinychat, ("torch",), {**TORCH, "TINYCHAT_PRECISION": "bf16"}),
    REFERENCE: Side(partial(load_transformers, "float32"), TRANSFORMERS, {}),
    "transformers bf16": Side(partial(load_transformers, "bfloat16"), TRANSFORMERS, {}),
    "CTranslate2 float32": Side(partial(load_ctranslate2, "float32"), ("ctranslate2", *TRANSFORMERS), {}),
    "CTranslate2 int8": Side(partial(load_ctranslate2, "int8"), ("ctranslate2", *TRANSFORMERS), {}),
    "llama.cpp f32": Side(partial(load_llama_cpp, "f32"), LLAMA_CPP, {}),
    "llama.cpp f32, one thread": Side(partial(load_llama_cpp, "f32"), LLAMA_CPP, ONE_OMP_THREAD),
    "llama.cpp q8_0": Side(partial(load_llama_cpp, "q8_0"), LLAMA_CPP, {}),
    "llama.cpp q8_0, one thread": Side(partial(load_llama_cpp, "q8_0"), LLAMA_CPP, ONE_OMP_THREAD),
}
OWN_THREADS = [name for name in SIDES if name.endswith((", one thread", ", every core"))]  # no sides with --threads


def serve(name: str, folder: Path, threads: int | None, connection: Connection) -> None:
    """The process of a side: measures its speed on request; `threads` overrides its default."""
    os.environ.update(SIDES[name].environment)
    if threads is not None:
        os.environ.update(OMP_NUM_THREADS=str(threads), TINYCHAT_THREADS=str(threads))
    answer, used = SIDES[name].load(folder)
    connection.send(used)
    while (task := connection.recv()) is not None:
        prompts, new_tokens, sampled = task
        begun = time.perf_counter()
        made = answer(prompts, new_tokens, sampled)
        taken = time.perf_counter() - begun
        if made != len(prompts) * new_tokens:
            raise AssertionError(f"{name} made {made} tokens instead of {len(prompts)} times {new_tokens}")
        connection.send(made / taken)


class Process:
    """A side's process: `speed` lets it answer once."""

    def __init__(self, name: str, folder: Path, threads: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(name, folder, threads, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that recv fails if it dies
        self.threads: int = self._connection.recv()

    def speed(self, prompts: Prompts, new_tokens: int, sampled: bool) -> float:
        """Tokens per second."""
        self._connection.send((prompts, new_tokens, sampled))
        return float(self._connection.recv())

    def end(self) -> None:
        self._connection.send(None)
        self._process.join()


def random_prompts(n: int, rng: random.Random) -> Prompts:
    return [[rng.randrange(300, ARTICLE.vocab_size) for _ in range(PROMPT_TOKENS)] for _ in range(n)]


def measure(processes: dict[str, Process], rounds: int, new_tokens: int) -> dict[tuple[str, Task], list[float]]:
    """Tokens per second, by side and task, one value per round."""
    rng, names = random.Random(0), list(processes)
    speeds: dict[tuple[str, Task], list[float]] = {(name, task): [] for name in names for task in TASKS}
    for number in track(range(-1, rounds), "rounds"):  # the first one warms up
        order = names[number % len(names) :] + names[: number % len(names)]
        for n, sampled in TASKS:
            prompts = random_prompts(n, rng)
            for name in order:
                speed = processes[name].speed(prompts, new_tokens, sampled)
                if number >= 0:
                    speeds[name, (n, sampled)].append(speed)
    return speeds


def results(
    processes: dict[str, Process], speeds: dict[tuple[str, Task], list[float]], task: Task
) -> dict[str, dict[str, Any]]:
    """By side: threads, median and fastest tokens per second, median ratio to REFERENCE (None without it)."""
    found: dict[str, dict[str, Any]] = {}
    for name, process in processes.items():
        own, reference = speeds[name, task], speeds.get((REFERENCE, task), [])
        ratios = [ours / theirs for ours, theirs in zip(own, reference, strict=False)]
        found[name] = {
            "threads": process.threads,
            "tokens_per_second": round(statistics.median(own), 1),
            "fastest": round(max(own), 1),
            "ratio": round(statistics.median(ratios), 2) if ratios else None,
        }
    return found


def result_table(found: dict[str, dict[str, Any]], task: Task) -> Table:
    n, sampled = task
    title = ("one sequence" if n == 1 else f"{n} sequences at once") + (", sampled" if sampled else ", greedy")
    table = Table("", "threads", "tokens/s", "fastest", "µs/token", "ratio", title=title)
    for name, result in found.items():
        median, ratio = result["tokens_per_second"], result["ratio"]
        figures = f"{median:,.0f}", f"{result['fastest']:,.0f}", f"{1e6 / median:,.0f}"
        table.add_row(name, str(result["threads"]), *figures, "–" if ratio is None else f"{ratio:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--new-tokens", type=int, default=100)
    parser.add_argument("--only", nargs="+", metavar="SIDE", help=f"some of: {', '.join(SIDES)}", choices=SIDES)
    parser.add_argument("--threads", type=int, help="the same number for every side, instead of what its user gets")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the results as JSON, for `make docs-figures`")
    arguments = parser.parse_args()
    missing = missing_packages()
    names = [name for name in arguments.only or SIDES if not set(SIDES[name].needs) & set(missing)]
    if arguments.threads is not None:
        names = [name for name in names if name not in OWN_THREADS]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run([sys.executable, "-m", "benchmarks.rivals", temporary], check=True, capture_output=True)
        processes = {name: Process(name, folder, arguments.threads) for name in names}
        try:
            speeds = measure(processes, arguments.rounds, arguments.new_tokens)
            found = {task: results(processes, speeds, task) for task in TASKS}
        finally:
            for process in processes.values():
                process.end()
    console = Console()
    for task in TASKS:
        console.print(result_table(found[task], task))
    console.print(
        f"Medians of {arguments.rounds} interleaved rounds, {arguments.new_tokens} new tokens each; ratio to "
        f"{REFERENCE} in the same round. {machine()}.",
        highlight=False,
    )
    if arguments.save:
        tasks = {f"{n} {'sampled' if sampled else 'greedy'}": found[n, sampled] for n, sampled in TASKS}
        record = {"machine": machine(), "rounds": arguments.rounds, "new_tokens": arguments.new_tokens, "tasks": tasks}
        arguments.save.write_text(to_json(record), encoding="utf-8", newline="\n")
    if missing:
        console.print(f"Not found, so left out: {', '.join(missing)}. To compare: pip install {' '.join(missing)}")


if __name__ == "__main__":
    main()
