"""From a corpus to replies: the stages behind `ingest`, one after the other, on a few dialogues."""

import csv
import importlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stages import analyze_layers, evaluate, generate
from tests.forkserver import fast_python
from tinychat.files import write_json
from tinychat.model import load_model
from tinychat.model.registry import load_config
from tinychat.model.storage import save_model
from tinychat.tokenizer import load_tokenizer

CORPUS = {
    "train": [("밥 먹자", "그래 밥 먹자"), ("뭐 먹지", "밥 먹자"), ("잘 자", "너도 잘 자")],
    "valid": [("밥 먹자", "그래")],
    "test": [("잘 자", "너도 잘 자"), ("뭐 먹지", "그래 밥")],
}
PROMPTS = ["잘 자", "뭐 먹지", "안녕"]
SMALL: dict[str, dict[str, Any]] = {
    "vocab": {"max_size": 300},
    "model": {"embed_dim": 32, "n_layers": 2, "n_heads": 4, "ffn_dim": 64, "max_len": 64},
    "train": {"epochs": 2, "warmup_steps": 0},
    "generate": {"prompts": PROMPTS},
    "analyze": {"prompts": PROMPTS[:2]},
}
STAGES = ("build_vocab", "prepare_data", "train", "generate", "analyze_layers", "evaluate")


@pytest.fixture(scope="module", autouse=True)
def same_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCHAT_DEVICE", "cpu")
        patch.setenv("TINYCHAT_PRECISION", "fp32")
        patch.delenv("DVC_ROOT", raising=False)
        yield


@pytest.fixture(scope="module")
def word_project(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    return run_stages(tmp_path_factory.mktemp("word"), repo, "word")


@pytest.fixture(scope="module")
def bpe_project(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    return run_stages(tmp_path_factory.mktemp("bpe"), repo, "bpe")


@pytest.fixture(scope="module", params=["word", "bpe"])
def project(request: pytest.FixtureRequest) -> Path:
    """A folder in which the stages have run, once with each kind of vocabulary."""
    return request.getfixturevalue(f"{request.param}_project")


def run_stages(root: Path, repo: Path, kind: str) -> Path:
    params = yaml.safe_load((repo / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SMALL.items():
        params[section] |= values
    params["vocab"]["kind"] = kind
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "data/corpus").mkdir(parents=True)
    write_json(root / "data/overview/sources.json", {})
    for split, pairs in CORPUS.items():
        lines = [
            json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]})
            for q, a in pairs
        ]
        (root / f"data/corpus/{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for stage in STAGES:
        importlib.import_module(f"stages.{stage}").run(root)
    return root


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def replies_of(project: Path) -> list[dict[str, Any]]:
    text = (project / generate.REPLIES).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def shown_of(project: Path) -> list[dict[str, Any]]:
    """The sentences of the layer report."""
    return json.loads((project / analyze_layers.LAYERS / "layers.json").read_text(encoding="utf-8"))["sentences"]


def test_the_vocabulary_counts_the_words_of_the_training_dialogues(word_project: Path) -> None:
    rows = rows_of(word_project / "artifacts/vocab/vocab.csv")
    assert [(row["id"], row["token"], row["count"]) for row in rows] == [
        ("0", "<pad>", "0"),
        ("1", "<user>", "0"),
        ("2", "<bot>", "0"),
        ("3", "<eos>", "0"),
        ("4", "<unk>", "4"),  # 그래, 뭐, 먹지, 너도
        ("5", "밥", "3"),
        ("6", "먹자", "3"),
        ("7", "잘", "2"),
        ("8", "자", "2"),
    ]
    metrics = json.loads((word_project / "reports/vocab/metrics.json").read_text(encoding="utf-8"))
    assert (metrics["tokens_in_training_text"], metrics["unknown_share"]) == (14, round(4 / 14, 4))


def test_the_counts_of_a_byte_level_vocabulary_cover_every_byte_once(bpe_project: Path) -> None:
    total = 0
    for row in rows_of(bpe_project / "artifacts/vocab/vocab.csv"):
        token = row["token"]
        n_bytes = len(token) // len("<0x00>") if re.fullmatch("(<0x..>)+", token) else len(token.encode())
        total += int(row["count"]) * n_bytes
    assert total == sum(len(f" {text}".encode()) for pair in CORPUS["train"] for text in pair)


def test_a_reply_tells_what_was_read_and_said_as_text_and_tokens_and_how_sure_the_model_was(project: Path) -> None:
    tokenizer = load_tokenizer(project / "models/dialogue")
    replies = replies_of(project)
    assert [reply["input"] for reply in replies] == PROMPTS
    for reply in replies:
        assert list(reply) == [
            "input",
            "output",
            "prompt_ids",
            "token_ids",
            "tokens",
            "n_tokens",
            "finish_reason",
            "mean_logprob",
        ]
        assert reply["prompt_ids"] == [1, *tokenizer.encode(reply["input"]), 2]
        assert reply["tokens"] == tokenizer.tokens([*reply["prompt_ids"], *reply["token_ids"]])
        assert reply["tokens"][0] == "<user>"
        assert reply["n_tokens"] == len(reply["token_ids"])
        assert reply["finish_reason"] in ("stop", "length")
        assert -20 < reply["mean_logprob"] < 0


def test_every_layer_that_takes_vectors_shows_their_norm_before_and_after(project: Path) -> None:
    rows = rows_of(project / "reports/layers/layers.csv")
    layers = ["input_layer.word_embedding", "input_layer.pos_embedding", "input_layer.norm"]
    layers += [f"decoder_layers.{n}.{part}" for n in range(2) for part in ("self_attn", "norm1", "ffn", "norm2")]
    assert [row["layer"] for row in rows] == [*layers, "output_layer", "softmax"] * 2
    assert {row["layer"] for row in rows if not row["norm_before"]} == set(layers[:2])
    assert all(float(row["norm_before"]) > 0 for row in rows if row["norm_before"])
    assert all(float(row["norm_after"]) > 0 for row in rows)


def check_that_both_stages_say_the_same(project: Path) -> None:
    replies = {reply["input"]: reply for reply in replies_of(project)}
    sentences = shown_of(project)
    assert [sentence["prompt"] for sentence in sentences] == PROMPTS[:2]
    for sentence in sentences:
        reply = replies[sentence["prompt"]]
        shown = reply["token_ids"][: analyze_layers.REPLY_TOKENS]
        assert sentence["token_ids"] == [*reply["prompt_ids"], *shown]
        assert sentence["tokens"] == reply["tokens"][: len(sentence["tokens"])]
        assert reply["output"].startswith(sentence["reply"].rstrip("\ufffd"))


def test_the_layers_show_the_reply_that_generate_writes(project: Path) -> None:
    check_that_both_stages_say_the_same(project)


@pytest.mark.slow
def test_both_stages_read_a_prompt_as_training_would_have_made_it(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    typed = " \u200b잘\u3000자 \u202e"
    params["generate"]["prompts"] = params["analyze"]["prompts"] = [typed]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    generate.run(root)
    analyze_layers.run(root)
    (before, *_), (reply,), (sentence,) = replies_of(project), replies_of(root), shown_of(root)
    assert (reply["input"], sentence["prompt"]) == (typed, "잘 자")
    assert reply["prompt_ids"] == before["prompt_ids"]
    assert sentence["token_ids"] == shown_of(project)[0]["token_ids"]


@pytest.mark.slow
def test_both_say_the_same_where_the_likeliest_tokens_are_none_to_say(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    folder = root / "models/dialogue"
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.suppressed_token_ids(model.vocab_size)] = 100.0
        model.output_layer.bias[tokenizer.eos_id] = -100.0
    save_model(folder, load_config(folder), model.state_dict())
    generate.run(root)
    analyze_layers.run(root)
    assert all(reply["n_tokens"] > analyze_layers.REPLY_TOKENS for reply in replies_of(root))
    check_that_both_stages_say_the_same(root)


def test_the_evaluation_has_the_same_measures_for_seen_and_held_out_dialogues(project: Path) -> None:
    metrics = json.loads((project / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert list(metrics) == ["seen", "held_out"]
    likelihood, agreement = ["loss", "perplexity", "bits_per_byte"], ["exact", "char_f1"]
    for name, split in (("seen", "train"), ("held_out", "test")):
        measures = metrics[name]
        counts = ["dialogues", "answer_tokens"]
        assert list(measures) == [
            *counts,
            *likelihood,
            "bytes_per_token",
            "next_token_accuracy",
            "unknown_share",
            "replies",
            "baselines",
        ]
        assert measures["dialogues"] == measures["replies"]["asked"] == len(CORPUS[split])
        rest = ["copied", "distinct_1", "distinct_2", "ends_by_itself"]
        assert list(measures["replies"]) == ["asked", *agreement, *rest]
        assert list(measures["baselines"]["unigram"]) == likelihood
        assert list(measures["baselines"]["nearest_question"]) == agreement
        assert measures["baselines"]["nearest_dialogue"] == measures["baselines"]["nearest_question"]  # single turns
    assert metrics["seen"]["baselines"]["nearest_question"]["exact"] == 1


def test_what_generate_prints_is_obeyed_by_no_terminal(word_project: Path, tmp_path: Path, repo: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(word_project, root)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["generate"]["prompts"] = ["\x1b]0;title\x07\x1b[2J\x9b31m잘 자\u202e"]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    ended = subprocess.run(
        [fast_python(), "-m", "stages.generate"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(repo), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert ended.stdout.startswith("␛]0;title␇␛[2J\ufffd31m잘 자\ufffd → ")
    (reply,) = replies_of(root)
    assert reply["input"] == params["generate"]["prompts"][0]


@pytest.mark.slow
def test_a_console_of_another_encoding_ends_no_stage(word_project: Path, repo: Path) -> None:
    before = (word_project / generate.REPLIES).read_bytes()
    ended = subprocess.run(
        [fast_python(), "-m", "stages.generate"],
        cwd=word_project,
        env=os.environ | {"PYTHONPATH": str(repo), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"\\uc798 \\uc790 \\u2192 " in ended.stdout  # 잘 자 →
    assert (word_project / generate.REPLIES).read_bytes() == before


def set_params(project: Path, section: str, **values: Any) -> None:
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params[section] |= values
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")


def test_with_auto_the_questions_that_ingest_drew_are_asked_but_those_that_are_too_long(
    bpe_project: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(bpe_project, tmp_path / "project")
    set_params(project, "generate", prompts="auto")
    drawn = [{"text": "잘 자", "seen": "trained"}, {"text": "가" * 500, "seen": "trained"}]
    drawn += [{"text": "뭐 해", "seen": "held_out"}]
    (project / "data/overview/prompts.json").write_text(json.dumps(drawn), encoding="utf-8")
    generate.run(project)
    assert [(row["input"], row["seen"]) for row in replies_of(project)] == [("잘 자", "trained"), ("뭐 해", "held_out")]


def test_evaluate_says_the_name_of_each_source_beside_its_score_and_writes_its_number_only(
    bpe_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = shutil.copytree(bpe_project, tmp_path / "project")
    lines = [json.loads(line) for line in (project / "data/corpus/train.jsonl").open(encoding="utf-8")]
    numbered = [line | {"source": 1 + number % 2} for number, line in enumerate(lines)]
    (project / "data/corpus/train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in numbered))
    names = {f"source_{n}": {"name": f"비밀 {n}.csv", "format": "qa_table"} for n in (1, 2)}
    (project / "data/overview/sources.json").write_text(json.dumps(names), encoding="utf-8")
    evaluate.run(project)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1].startswith("source_2, 비밀 2.csv: trained questions: ")
    assert printed[-2].startswith("source_1, 비밀 1.csv: trained questions: ")
    metrics = (project / "reports/evaluate/metrics.json").read_text(encoding="utf-8")
    assert list(json.loads(metrics)["sources"]) == ["source_1", "source_2"]
    assert "비밀" not in metrics
