"""params.yaml read and checked as a whole, before a stage or DVC writes anything."""

import re
from pathlib import Path, PurePath
from typing import Any

import yaml
from pydantic import ValidationError

from tinychat.errors import InputError, Phrase, joined
from tinychat.params.raw_folder import may_hold_dialogues, refuse_unreadable
from tinychat.params.sections import PARAMS_FILE, Params, params_for
from tinychat.runtime import check_environment
from tinychat.shards import requested_cluster, requested_workers

RAW = Path("data/raw")
EXPERIMENTS = Path(".dvc/tmp/exps")  # where DVC runs what is queued, each in a folder of its own
SHOWN = 60  # characters of a faulty value


def load_params(root: Path) -> Params:
    """Read and check `root/params.yaml`.

    Raises InputError that names the file and, a line each, every faulty key, its value and what would be right.
    """
    path = root / PARAMS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("{path}: no such file; it holds every parameter of the pipeline", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError("{path}: not UTF-8 at byte {byte}; save it as UTF-8", path=path, byte=error.start) from None
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(
            "{path}:{line}: not valid YAML: {problem}", path=path, line=line, problem=error.problem
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError("{path}: not valid YAML: {error}", path=path, error=" ".join(str(error).split())) from None
    if not isinstance(data, dict):
        raise InputError(
            "{path}: expected sections such as corpus, model, train; found {found}",
            path=path,
            found=type(data).__name__,
        )
    model = data.get("model")
    kind = params_for(model.get("architecture") if isinstance(model, dict) else None)
    try:
        params = kind.model_validate(data)
    except ValidationError as error:
        lines = [_explain(path, item) for item in error.errors()]
        raise InputError("{faults}", faults=joined("\n", list(dict.fromkeys(lines)))) from None
    _refuse_missing_raw_files(root, params)
    return params


def _refuse_missing_raw_files(root: Path, params: Params) -> None:
    """Raise InputError in a queued experiment that lacks files of data/raw: it would train on the sample or on a part.

    DVC runs it in `.dvc/tmp/exps/NAME`, with the files in git, and data/raw is not in git. Every stage checks this,
    since DVC may restore ingest's result for the sample from its cache.
    """
    parts = root.resolve().parts
    if parts[-4:-1] != EXPERIMENTS.parts:
        return
    here, project = root / RAW, Path(*parts[:-4]) / RAW
    present = sorted(entry.name for entry in project.iterdir()) if project.is_dir() else []
    named = None
    if params.corpus.sources != "auto":
        files = [*(source.file for source in params.corpus.sources), params.corpus.mask.block_list]
        # Of a file in a folder the folder: chats of chats/talk.csv.
        named = {part for file in files if file for part in PurePath(file).parts[:1]}
    for name in present:
        tracked = (here / f"{name}.dvc").exists()  # DVC brings it where a stage needs it
        if (
            (may_hold_dialogues(name) if named is None else name in named)
            and not tracked
            and not (here / name).exists()
        ):
            raise InputError(
                "{file} lies in the project, but not in the copy that DVC made for this queued experiment. "
                "Queue it with --copy-paths {file}, or track the file: dvc add {file}, and commit {file}.dvc",
                file=RAW / name,
            )


class _UniqueKeyLoader(yaml.SafeLoader):
    """In plain YAML the last of two equal keys silently wins; here the second is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, Phrase("the key {key!r} occurs twice", key=key), key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "greater_than": "greater than {bound}",
    "greater_than_equal": "greater than or equal to {bound}",
    "less_than": "less than {bound}",
    "less_than_equal": "less than or equal to {bound}",
    "too_short": "List should have at least 1 item after validation, not 0",
}


def _explain(path: Path, item: Any) -> Phrase:
    """One pydantic error as a sentence: the file, the key, the value, what would be right."""
    kind, value = item["type"], item["input"]
    found = repr(value)
    found = found if len(found) <= SHOWN else f"{found[:SHOWN]}…"
    # The tags of `sources`, of `epochs` and of a prompt are not keys of the file.
    key = ".".join(str(part) for part in item["loc"] if part not in ("auto", "list", "number", "text"))
    if kind == "extra_forbidden":
        return Phrase("{path}: unknown key {key}; remove it or correct its name", path=path, key=key)
    if kind == "missing":
        return Phrase("{path}: {key} is missing; every parameter must be in the file", path=path, key=key)
    if kind == "value_error":
        fault = item["ctx"]["error"]
        if isinstance(value, dict):
            return Phrase("{path}: {key}: {fault}", path=path, key=key, fault=fault)
        return Phrase("{path}: {key}: {fault} (found {found})", path=path, key=key, fault=fault, found=found)
    wanted = _expected(kind, re.sub(r"^Input should be ", "", item["msg"]))
    return Phrase("{path}: {key} is {found}; it must be {wanted}", path=path, key=key, found=found, wanted=wanted)


def _expected(kind: str, message: str) -> Phrase:
    """What would be right, by the kind of a pydantic error and its message without “Input should be”."""
    if kind in EXPECTED:
        return Phrase(EXPECTED[kind], bound=message.rpartition(" ")[2])
    first, either, other = message.rpartition(" or ")
    if kind == "literal_error" and either:
        return Phrase("{first} or {other}", first=first, other=other)
    return Phrase("{expected}", expected=message)


def check(root: Path) -> Params:
    """Check all that can be checked before DVC removes the outs of a stage: `params.yaml`, TINYCHAT_*, and files in
    data/raw at which DVC would stop without naming them. Raises InputError.
    """
    params = load_params(root)
    check_environment()
    requested_workers()
    requested_cluster()
    refuse_unreadable(root / RAW)
    return params
