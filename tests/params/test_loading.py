import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc_data.hashfile.meta import Meta

from tinychat.corpus.cleaning import clean_text
from tinychat.errors import InputError
from tinychat.params.limits import MAX_CHARACTERS
from tinychat.params.loading import load_params


@pytest.fixture
def project(tmp_path: Path, repo: Path) -> Path:
    shutil.copy(repo / "params.yaml", tmp_path)
    return tmp_path


def change(project: Path, old: str, new: str) -> None:
    """Put `new` in the place of the one line that matches `old`."""
    path = project / "params.yaml"
    text, count = re.subn(old, lambda _: new, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def test_both_params_files_of_the_project_are_right(repo: Path) -> None:
    assert load_params(repo).model == load_params(repo / "examples" / "article").model.model_copy(
        update={"vocab_size": None, "max_len": 192}
    )


def test_no_key_is_one_that_dvcs_run_cache_passes_over(repo: Path) -> None:
    """It leaves out keys of these names wherever they stand, and would take another value's output from the cache."""
    passed_over = {Meta.PARAM_SIZE, Meta.PARAM_NFILES}

    def keys(section: object) -> Iterator[str]:
        if isinstance(section, dict):
            for key, value in section.items():
                yield key
                yield from keys(value)

    for path in (repo / "params.yaml", repo / "examples/article/params.yaml"):
        assert not passed_over & set(keys(yaml.safe_load(path.read_text(encoding="utf-8"))))


@cache
def cleaned_away() -> list[str]:
    """The characters of which cleaning leaves nothing."""
    characters = (chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF)
    return [character for character in characters if not clean_text(character, Counter())]


@pytest.mark.slow
@pytest.mark.parametrize("section", ["generate", "analyze"])
def test_a_prompt_of_which_cleaning_leaves_nothing_is_refused(project: Path, section: str) -> None:
    """Whatever cleaning takes away, alone or all together."""
    gone = cleaned_away()
    assert {"\u200b", "\u3164", "\u00ad", "\x1b", "\u3000"} <= set(gone)
    data = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    data[section]["prompts"] = ["안녕", *gone, "".join(gone)]
    (project / "params.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_params(project)
    refused = re.findall(rf"{section}\.prompts\.(\d+): must not be blank", str(raised.value))
    assert refused == [str(n) for n in range(1, len(gone) + 2)]


@pytest.mark.parametrize("prompt", ["\U0001fae8", "\U000e0100", "\ue000", "\U0001f9d1\u200d\U0001f9d1"])
def test_a_character_that_this_python_does_not_know_is_a_prompt(project: Path, prompt: str) -> None:
    data = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    data["generate"]["prompts"] = [prompt]
    (project / "params.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    assert load_params(project).generate.prompts == [prompt]


@pytest.mark.parametrize("section", ["generate", "analyze"])
def test_a_prompt_that_an_earlier_program_damaged_is_refused_by_its_key(project: Path, section: str) -> None:
    data = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    data[section]["prompts"] = ["안녕", "\ufffd안녕"]
    (project / "params.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(InputError, match=rf"{section}\.prompts\.1: holds \ufffd"):
        load_params(project)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            r"^  optimizer: muon",
            "  optimizer: adam",
            r"train: weight_decay is 0\.3, which adam adds .*; take 0 .* adamw",
        ),
        (r"^  n_heads: 8", "  n_heads: 7", r"model: n_heads is 7, which does not divide embed_dim 256; .* 4, 8"),
        (r"^  learning_rate: \S+", "  learning_rate: -0.1", r"train\.learning_rate is -0\.1; .* greater than 0"),
        (r"^  learning_rate: \S+", "  learning_rate: .nan", r"train\.learning_rate: must be a finite number"),
        (r"^  learning_rate: \S+", "  learning_rate: .inf", r"train\.learning_rate: must be a finite number"),
        (r"^  learning_rate: \S+", "  learning_rate: yes", r"train\.learning_rate is True; it must be a number"),
        (
            r"^  learning_rate: \S+",
            "  learning_rate: fast",
            r"train\.learning_rate is 'fast'; it must be a number",
        ),
        (r"^  epochs: \S+", "  epochs: 1.5", r"train\.epochs is 1\.5; it must be a whole number"),
        (r"^  epochs: \S+", "  epochs: '3'", r"train\.epochs is '3'; it must be a whole number"),
        (r"^  epochs: \S+", "  epochs: 3\n  epoch: 3", r"unknown key train\.epoch;"),
        (r"^  epochs: \S+", "  epochs: 3\n  epochs: 4", r"params\.yaml:\d+: .*'epochs' occurs twice"),
        (r"^  epochs: .*\n", "", r"train\.epochs is missing"),
        (r"^  kind: \S+", "  kind: wordpiece", r"vocab\.kind is 'wordpiece'; it must be 'bpe' or 'word'"),
        (r"^  max_size: \S+", "  max_size: 200", r"bpe needs at least 264"),
        (r"^    test: \S+", "    test: 0.5", r"corpus\.shares: train \+ valid \+ test must be 1, not 1\.45"),
        (r"^  sources: auto", "  sources: all", r"corpus\.sources is 'all'; it must be 'auto'"),
        (r"^  sources: auto", "  sources: [{fil: a}]", r"unknown key corpus\.sources\.0\.fil"),
        (
            r"^  sources: auto",
            "  sources: [{file: a, corpus: starter}]",
            r"either \{file: NAME\} or \{corpus: starter\}",
        ),
        (r"^  sources: auto", "  sources: [{format: qa_table}]", r"either \{file: NAME\} or \{corpus: starter\}"),
        (
            r"^  sources: auto",
            "  sources: [{corpus: starter, sheet: a}]",
            r"corpus\.sources\.0: header, columns and sheet go with file only",
        ),
        (r"^vocab:", "vocabulary:", r"vocab is missing"),
        (r"^vocab:", "vocab: [", r"params\.yaml:\d+: not valid YAML"),
        (r"^  prompts: auto", '  prompts: ["\\uD83D"]', r"generate\.prompts\.0: holds half of a character"),
        (r"^  prompts: auto", "  prompts: some", r"generate\.prompts is 'some'; it must be 'auto'"),
        (r"^  temperature: \S+", "  temperature: 1e-40", r"generate\.temperature is '1e-40'; .* 0\.01"),
    ],
)
def test_a_faulty_value_is_named_with_what_would_be_right(project: Path, old: str, new: str, message: str) -> None:
    change(project, old, new)
    with pytest.raises(InputError, match=message) as error:
        load_params(project)
    assert str(error.value).startswith(str(project / "params.yaml"))


ODD = r"an odd number of texts, the user's first and last"


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ("[[가, 나]]", rf"analyze\.prompts\.0: a dialogue is {ODD}; this has 2 \(found \['가', '나'\]\)"),
        ("[가, []]", rf"analyze\.prompts\.1: a dialogue is {ODD}; this has 0"),
        ("[가, [가, 나, ' ']]", r"analyze\.prompts\.1\.2: must not be blank"),
        ("[[가, 3, 다]]", r"analyze\.prompts\.0\.1 is 3; it must be text"),
        ("[3]", r"analyze\.prompts\.0 is 3; it must be text"),
        ("[]", r"analyze\.prompts is \[\]"),
    ],
)
def test_a_prompt_to_analyze_that_is_no_text_and_no_dialogue_is_named(
    project: Path, prompts: str, message: str
) -> None:
    change(project, r"^analyze:\n(  .*\n?)+", f"analyze:\n  prompts: {prompts}\n")
    with pytest.raises(InputError, match=message):
        load_params(project)


def test_a_prompt_to_analyze_is_a_text_or_a_dialogue_that_ends_with_the_user(project: Path) -> None:
    change(
        project, r"^analyze:\n(  .*\n?)+", "analyze:\n  prompts:\n  - 안녕\n  - - 난 지우\n    - 네\n    - 내 이름은?\n"
    )
    assert load_params(project).analyze.prompts == ["안녕", ["난 지우", "네", "내 이름은?"]]


def test_all_faults_are_told_at_once(project: Path) -> None:
    change(project, r"^  epochs: \S+", "  epochs: 0")
    change(project, r"^  max_tokens: \S+", "  max_tokens: none")
    with pytest.raises(InputError) as error:
        load_params(project)
    assert [line.split(": ")[1].split(" ")[0] for line in str(error.value).splitlines()] == [
        "train.epochs",
        "generate.max_tokens",
    ]


def test_the_text_that_dvc_writes_for_a_small_number_is_a_number(project: Path) -> None:
    change(project, r"^  learning_rate: \S+", "  learning_rate: 1e-05")
    assert load_params(project).train.learning_rate == 1e-5


@pytest.mark.parametrize(
    "content",
    [b"", b"- a\n", b"\xff\xfe", b"a: b: c\n", b"a: \x01\n", b"a: 2024-13-45\n", b"[1]: 2\n", b"? [a]\n: 1\n"],
)
def test_a_file_without_sections_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"params\.yaml"):
        load_params(tmp_path)


@pytest.mark.slow
def test_make_can_check_the_file_before_dvc_removes_anything(project: Path, repo: Path) -> None:
    command = [sys.executable, "-m", "tools.repro"]
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    change(project, r"^  n_heads: 8", "  n_heads: 7")
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: params.yaml: model: n_heads is 7")
    assert "python -m tools.repro" in (repo / "Makefile").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_prompt_that_no_model_could_read_is_refused_without_quoting_it(project: Path) -> None:
    change(project, r"^  - 안녕$", f"  - {'가' * (MAX_CHARACTERS + 1)}")
    with pytest.raises(InputError, match=r"analyze\.prompts\.1: has 1,000,001 characters; at most 1,000,000 ") as error:
        load_params(project)
    assert len(str(error.value)) < 400


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml: no such file"):
        load_params(tmp_path)


def test_an_experiment_changes_its_own_line_of_params_yaml_and_no_other(project: Path) -> None:
    """DVC writes the file anew for `dvc exp run -S`; ours is written just so."""
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    apply_overrides(path, ["train.epochs=7"])
    after = path.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new.split("#")[0].strip() for _, new in changed] == ["epochs: 7"]


@pytest.mark.parametrize("sources", ["auto", "[{file: b.csv}]"])
def test_a_queued_experiment_lacks_no_dialogues_of_the_project_in_silence(
    project: Path, tmp_path: Path, sources: str
) -> None:
    change(project, r"^  sources: auto", f"  sources: {sources}")
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    for root in (tmp_path, copy):
        (root / "data/raw").mkdir(parents=True)
        (root / "data/raw/README.md").write_text("what may lie here", encoding="utf-8")
    shutil.copy(project / "params.yaml", copy)
    load_params(copy)
    (tmp_path / "data/raw/b.csv").write_text("Q,A", encoding="utf-8")
    load_params(project)
    with pytest.raises(InputError, match=r"^data/raw/b\.csv lies in the project, but .* --copy-paths data/raw/b\.csv"):
        load_params(copy)
    (copy / "data/raw/b.csv").write_text("Q,A", encoding="utf-8")
    load_params(copy)


def test_a_queued_experiment_lacks_no_block_list_in_silence(project: Path, tmp_path: Path) -> None:
    change(project, r"^  sources: auto", "  sources: [{corpus: starter}]")
    change(project, r"^    block_list: *", "    block_list: words.txt  ")
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/words.txt").write_text("행복전자", encoding="utf-8")
    copy.mkdir(parents=True)
    shutil.copy(project / "params.yaml", copy)
    with pytest.raises(InputError, match=r"^data/raw/words\.txt lies in the project, but "):
        load_params(copy)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("leave: [telephone]", "corpus.mask.leave.0: must be one of: url, email, .* (found 'telephone')"),
        ("leave: phone", "corpus.mask.leave is 'phone'; it must be a list"),
        ("enabled: 1", "corpus.mask.enabled is 1; it must be true or false"),
        ("words: [하늘]", "unknown key corpus.mask.words; remove it or correct its name"),
    ],
)
def test_a_wrong_value_of_masking_is_named(project: Path, line: str, message: str) -> None:
    key = line.partition(":")[0]
    change(project, rf"^    {key if key != 'words' else 'enabled'}: .*", f"    {line}")
    with pytest.raises(InputError) as error:
        load_params(project)
    assert any(part in str(error.value) for part in message.split(" .* "))


@pytest.mark.parametrize("sources", ["auto", "[{file: chats/b.csv}]"])
def test_a_queued_experiment_lacks_no_folder_of_dialogues_in_silence(
    project: Path, tmp_path: Path, sources: str
) -> None:
    change(project, r"^  sources: auto", f"  sources: {sources}")
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    shutil.copy(project / "params.yaml", copy)
    (tmp_path / "data/raw/chats").mkdir(parents=True)
    with pytest.raises(InputError, match=r"^data/raw/chats lies in the project, but .* --copy-paths data/raw/chats,"):
        load_params(copy)


@pytest.mark.parametrize("name", ["README.md", "desktop.ini", "Thumbs.db", ".hidden", "b.csv.dvc", "~$b.xlsx"])
def test_a_queued_experiment_may_lack_what_holds_no_dialogues(project: Path, tmp_path: Path, name: str) -> None:
    """What ingest overlooks in data/raw stops no experiment."""
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    shutil.copy(project / "params.yaml", copy)
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw" / name).write_text("x", encoding="utf-8")
    load_params(copy)


def check(project: Path, repo: Path) -> subprocess.CompletedProcess[str]:
    """What `make repro` runs before DVC."""
    command = [sys.executable, "-m", "tinychat.params"]
    environment = {**os.environ, "PYTHONPATH": str(repo)}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("folder", ["data/raw", "data/raw/chats"])
def test_a_file_name_that_is_not_utf_8_is_named_in_print_before_dvc_stumbles_over_it(
    project: Path, repo: Path, folder: str
) -> None:
    (project / folder).mkdir(parents=True)
    (project / folder / os.fsdecode("대화.csv".encode("cp949"))).touch()
    ended = check(project, repo)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"error: {folder}/\\xb4\\xeb\\xc8\\xad.csv: the file's name is not UTF-8 "
        "(in CP949, as a ZIP from Windows has it: 대화.csv); rename the file\n"
    )


def test_a_blank_file_name_is_refused_before_ingest_runs(project: Path, repo: Path) -> None:
    (project / "data/raw").mkdir(parents=True)
    (project / "data/raw/ ").touch()
    ended = check(project, repo)
    assert ended.returncode == 2
    assert ended.stderr == "error: data/raw: the name of a file in it is blank (' '); rename that file\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
def test_a_pipe_is_refused_before_dvc_waits_for_it_for_ever(project: Path, repo: Path) -> None:
    (project / "data/raw").mkdir(parents=True)
    os.mkfifo(project / "data/raw/pipe")
    ended = check(project, repo)
    assert ended.returncode == 2
    assert ended.stderr == "error: data/raw/pipe: a pipe, a socket or a device, not a file; remove it\n"
