"""Dialogues between speakers with names and without times: who becomes the bot.

The rules are those of messengers: the one that `assistant` names, or of two the partner, else the second to speak.
Names do not go beyond this module.
"""

from collections.abc import Iterator

from tinychat.corpus.dialogue import Dialogue, Dropped, Faulty, Role, Turn
from tinychat.corpus.json_records import segments
from tinychat.corpus.messenger import speaker_name
from tinychat.corpus.reader import Notes, SpeakerReader, SpokenDialogue
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.speakers import Speakers, choice_of, choose_assistant
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase
from tinychat.params.sections import SourceParams


def read_spoken(
    reader: SpeakerReader, text: TextFile, source: SourceParams, notes: Notes
) -> Iterator[Dialogue | Dropped | Faulty]:
    """The dialogues of a file, with roles, and its faulty rows.

    Raises InputError where `assistant` names nobody, and where it is not clear who is to be the bot of the whole file.
    """
    bots: set[str] = set()
    example = as_yaml({"file": source.file, "assistant": "NAME"})
    if reader.names_hold:
        speakers = spoken_by(reader, text, source)
        notes.speakers.update(speakers.names)
        bots = bots_of(reader, text, source, speakers)
        if source.assistant is None:
            notes.remarks.append(choice_of(bots, speakers, source))
    elif source.assistant is None:
        notes.remarks.append(
            f"in each dialogue the second to speak becomes the bot; another: corpus.sources: [{example}]"
        )
    heard = Speakers()
    for item in reader.dialogues(text, source, notes):
        if not isinstance(item, SpokenDialogue):
            yield item
            continue
        said = [(speaker_name(name), content) for name, content in item.said]
        present = Speakers()
        for name, content in said:
            if content is None or content.strip():
                present.add(name)
                heard.add(name)
        if source.assistant is not None:
            bots = named_in(source)
        elif not reader.names_hold:
            if len(present.people) > 2:
                yield Faulty(
                    item.source,
                    "more_than_two_speakers",
                    Phrase(
                        "it is not clear who is to be the bot; the speakers are: {speakers}. Name one in params.yaml: "
                        "corpus.sources: [{example}], or leave such dialogues out: corpus.on_error: skip",
                        speakers=present.listed(),
                        example=example,
                    ),
                )
                continue
            if len(present.people) < 2:
                yield Dropped(item.source, "one_speaker")
                continue
            bots = {present.people[1]}
        turns = (None if content is None else Turn(_role(name, bots), content) for name, content in said)
        for segment in segments(turns):
            yield Dialogue(item.source, segment)
    if source.assistant is not None and not reader.names_hold:
        bots_of(reader, text, source, heard)  # raises where nobody is called so


def _role(name: str, bots: set[str]) -> Role:
    return "assistant" if name in bots else "user"


def spoken_by(reader: SpeakerReader, text: TextFile, source: SourceParams) -> Speakers:
    """Who speaks in the file."""
    speakers = Speakers()
    for item in reader.dialogues(text, source, Notes()):
        if isinstance(item, SpokenDialogue):
            for name, content in item.said:
                if content is None or content.strip():
                    speakers.add(name)
    return speakers


def bots_of(reader: SpeakerReader, text: TextFile, source: SourceParams, speakers: Speakers) -> set[str]:
    """The names of the speaker who becomes the bot in the whole file. Raises InputError where that is not clear."""
    if not speakers.people:
        raise InputError("{path}: nobody speaks in it; is it of another format?", path=text.path)
    return choose_assistant(text, source, speakers, reader.partner(speakers.people))


def named_in(source: SourceParams) -> set[str]:
    """The names in `assistant`, in the form in which names are compared."""
    return set(map(speaker_name, source.assistants))
