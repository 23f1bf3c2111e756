"""Files of dialogues as one in the OpenAI chat format: `tinychat data convert`; and what `tinychat data` shares."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tinychat.corpus.counts import Counts
from tinychat.corpus.dialogue import to_record
from tinychat.corpus.gathering import read_all
from tinychat.corpus.masking.source_mask import words_to_block
from tinychat.corpus.messenger import MessengerReader
from tinychat.corpus.opening import Opened, one_room_each, open_source
from tinychat.corpus.packed_files import Part, parts_of
from tinychat.corpus.reader import SpeakerReader, find_readers
from tinychat.corpus.speakers import Speakers, speakers_of
from tinychat.corpus.spoken import spoken_by
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, joined
from tinychat.files import to_json_lines
from tinychat.params.loading import RAW, load_params
from tinychat.params.raw_folder import refuse_name, refuse_special_file
from tinychat.params.sections import PARAMS_FILE, Columns, CorpusParams, MaskParams, Shares, SourceParams, StarterParams
from tinychat.printing import say


def convert(
    paths: Sequence[Path], out: Path, source: SourceParams | None = None, tell: Callable[..., None] = say
) -> int:
    """Write the dialogues of the files to `out`, one JSON object a line in the OpenAI chat format; gives their number.

    Of the names in `source.assistant` each is the bot in the files in which it appears. `out` is written when all are
    read, or not at all; a line about each file goes to `tell`.

    Raises InputError for the first fault, for a file of a messenger in which nobody has one of the names, and where
    `out` is one of the files or cannot be written.
    """
    inputs = [existing(path) for path in paths]
    if out.exists() and any(out.samefile(path) or path.resolve() in out.resolve().parents for path in inputs):
        raise InputError("{out}: an input; name another file to write", out=out)
    if not out.parent.is_dir():
        raise InputError("{out}: there is no folder {folder}", out=out, folder=out.parent)
    if out.exists() and not out.is_file():
        raise InputError("{out}: not a file that can be written", out=out)
    params, counts, written = corpus_params(), Counts(), 0
    known, blocked = find_readers(), words_to_block(RAW, params.mask)
    opened = [
        open_source((source or SourceParams(file="-")).model_copy(update={"file": name}), raw, params, known, tell)
        for raw, name in map(named_in_params, inputs)
    ]
    if source is not None and source.assistant is not None:
        opened = _with_own_assistants(opened, source.assistants, params)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as file:
            for dialogue in read_all(opened, params, counts, tell, blocked):
                file.write(to_json_lines([to_record(replace(dialogue, source_number=0))]))
                written += 1
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _with_own_assistants(opened: Sequence[Opened], names: list[str], params: CorpusParams) -> list[Opened]:
    """The sources, each with those of the names that a speaker in it has.

    Raises InputError where nobody in a file has one of them, and for a name that nobody has in any file.
    """
    unused = set(names)
    found: dict[int, Opened] = {}
    for sources in one_room_each(opened):
        speakers = _speakers_of_all(sources, params)
        own = [name for name in names if any(some.find(name) for some in speakers)]
        if not own:
            raise InputError(
                "{file}: nobody is called {names}; the speakers are: {speakers}",
                file=sources[0].title,
                names=" or ".join(map(repr, names)),
                speakers=joined(", ", [some.listed() for some in speakers]),
            )
        unused -= set(own)
        found |= {id(one): replace(one, source=one.source.model_copy(update={"assistant": own})) for one in sources}
    for name in names:
        if name in unused:
            raise InputError("--assistant: nobody is called {name!r} in any of the files", name=name)
    return [found[id(one)] for one in opened]


def _speakers_of_all(sources: Sequence[Opened], params: CorpusParams) -> list[Speakers]:
    """The speakers in files of one room; or in those of a folder or an archive, of each part of it."""
    first = sources[0]
    if first.reader is None:
        with parts_of(first, params, lambda _: None) as parts:
            return [
                speakers_in(part, first.source)
                for part in parts
                if isinstance(part.reader, MessengerReader | SpeakerReader)
            ]
    assert isinstance(first.reader, MessengerReader | SpeakerReader)  # `open_source` has refused others
    files = [one.file for one in sources if one.file is not None]
    return [speakers_in(Part(first.reader_name, first.reader, [files], {}), first.source)]


def speakers_in(part: Part, source: SourceParams) -> Speakers:
    """Who speaks in these files, of a reader of dialogues between names."""
    rooms = [[file for file in files if isinstance(file, TextFile)] for files in part.rooms]
    if isinstance(part.reader, SpeakerReader):
        return spoken_by(part.reader, rooms[0][0], source)
    assert isinstance(part.reader, MessengerReader)
    return speakers_of(part.reader, rooms, source)


def named_in_params(path: Path) -> tuple[Path, str]:
    """The folder of a file and what params.yaml calls it: in data/raw its path from there, else its name."""
    raw, whole = RAW.absolute(), path.absolute()
    return (RAW, whole.relative_to(raw).as_posix()) if raw in whole.parents else (path.parent, path.name)


def existing(path: Path) -> Path:
    """The path with a name, if there is a file or a folder. Raises InputError where there is none."""
    if not path.exists():
        raise InputError("{path}: no such file", path=path)
    path = path if path.name not in ("", "..") else path.resolve()
    refuse_name(path)
    refuse_special_file(path)
    return path


def corpus_params() -> CorpusParams:
    """Those of params.yaml in the current folder; defaults where there is none."""
    if Path(PARAMS_FILE).is_file():
        return load_params(Path()).corpus
    return CorpusParams(
        sources="auto",
        starter=StarterParams(dialogues=100, seed=0),
        columns=Columns(question=None, answer=None),
        mask=MaskParams(enabled=True, leave=[], block_list=None),
        on_error="stop",
        shares=Shares(train=1.0, valid=0.0, test=0.0),
        hold_out_from=0,
        seed=0,
        max_answer_repeats=None,
    )
