"""Who speaks in an export of a messenger, or in dialogues between names, and who of them becomes the bot."""

from collections import Counter
from collections.abc import Sequence

from tinychat.corpus.messenger import BOTS, ChatMessage, MessengerReader, speaker_name
from tinychat.corpus.sources import as_yaml
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase, joined
from tinychat.params.sections import SourceParams

MAX_SPEAKERS = 20  # named in an error


class Speakers:
    """The speakers by their key, in the order in which they first speak: how many messages and rooms each has."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.bots: set[str] = set()  # programs: they do not become the bot unless params name them
        self._names: dict[str, Counter[str]] = {}
        self._rooms: dict[str, set[tuple[int, str]]] = {}

    def add(self, name: str) -> None:
        """Count a message of a speaker who has no number."""
        self._add(speaker_name(name), speaker_name(name), (0, ""))

    def add_message(self, message: ChatMessage, room: int) -> None:
        """Count a message of the room with this number, which may hold further rooms."""
        key, name = message.speaker_key, speaker_name(message.speaker)
        self._add(key, name, (room, message.room))
        if message.is_bot or name in BOTS:
            self.bots.add(key)

    def _add(self, key: str, name: str, room: tuple[int, str]) -> None:
        self.messages[key] += 1
        self._names.setdefault(key, Counter())[name] += 1
        self._rooms.setdefault(key, set()).add(room)

    def add_names(self, key: str, names: Sequence[str]) -> None:
        """Names of a speaker beside those in messages, which may only have the key; nothing for who does not speak."""
        if key in self.messages and names:
            known = self._names[key]
            known[speaker_name(names[0])] += known.pop(key, 0)
            known.update({speaker_name(name): 0 for name in names})

    @property
    def names(self) -> set[str]:
        """All names of all speakers; none without a letter, such as a lone question mark."""
        return {name for names in self._names.values() for name in names if any(map(str.isalnum, name))}

    @property
    def people(self) -> list[str]:
        """The keys of those that are no programs."""
        return [key for key in self.messages if key not in self.bots]

    def find(self, name: str) -> list[str]:
        """The keys of those who have this key, or had this name."""
        wanted = speaker_name(name)
        if wanted in self.messages and wanted not in (self._names[wanted]):
            return [wanted]
        return [key for key, names in self._names.items() if wanted in names]

    def labels(self) -> dict[str, str]:
        """The names to show, by key: the one used most, with the key where another speaker has it too."""
        usual = {key: names.most_common(1)[0][0] for key, names in self._names.items()}
        shared = Counter(usual.values())
        return {key: f"{name} ({key})" if shared[name] > 1 else name for key, name in usual.items()}

    def name_for_params(self, key: str) -> str:
        """What names this speaker and nobody else: the name used most, or the key."""
        name = self._names[key].most_common(1)[0][0]
        return name if self.find(name) == [key] else key

    def rooms(self, key: str) -> int:
        """In how many rooms this speaker speaks."""
        return len(self._rooms[key])

    def ranked(self) -> list[str]:
        """The keys of people: those in the most rooms first (an account's owner is in all), then by messages."""
        return sorted(self.people, key=lambda key: (-self.rooms(key), -self.messages[key]))

    def has_rooms(self) -> bool:
        """Whether there is more than one room."""
        return len(set().union(*self._rooms.values())) > 1

    def listed(self) -> Phrase:
        """The first ones with their numbers, to show."""
        labels, has_rooms = self.labels(), self.has_rooms()
        shown: list[str] = []
        for key in self.ranked()[:MAX_SPEAKERS]:
            name, count, rooms = labels[key], self.messages[key], self.rooms(key)
            if not has_rooms:
                shown.append(Phrase("{name} ({count:,})", name=name, count=count))
            elif rooms == 1:
                shown.append(Phrase("{name} ({count:,} in one chat)", name=name, count=count))
            else:
                shown.append(Phrase("{name} ({count:,} in {rooms:,} chats)", name=name, count=count, rooms=rooms))
        return joined(", ", [*shown, *["…"] * (len(self.people) > MAX_SPEAKERS)])


def speakers_of(reader: MessengerReader, rooms: Sequence[Sequence[TextFile]], source: SourceParams) -> Speakers:
    """Who speaks in these files, each room's together."""
    speakers = Speakers()
    for number, files in enumerate(rooms):
        for text in files:
            for message in reader.messages(text, source, Tally(), []):
                if isinstance(message, ChatMessage) and message.speaker and message.text:
                    speakers.add_message(message, number)
    for text in (text for files in rooms for text in files):
        for key, names in reader.people(text).items():
            speakers.add_names(key, names)
    return speakers


def assistant_of(
    reader: MessengerReader, rooms: Sequence[Sequence[TextFile]], source: SourceParams, speakers: Speakers
) -> set[str]:
    """The keys of the speaker who becomes the bot. Raises InputError as `choose_assistant` does."""
    first = rooms[0][0]
    if source.assistant is None and not speakers.people:
        raise InputError(
            "{path}: no messages in it: no line is a record with a date, or below a line with one", path=first.path
        )
    return choose_assistant(first, source, speakers, reader.partner(first.head()))


def choose_assistant(text: TextFile, source: SourceParams, speakers: Speakers, partner: str | None) -> set[str]:
    """The keys of the speaker who becomes the bot: those of `assistant`, or of two speakers the partner.

    Where the partner is not known, it is the second to speak. Raises InputError where nobody has such a name, or two
    have it, and where none is given and there are not two speakers.
    """
    if source.assistant is not None:
        return {_find_one(source, name, speakers) for name in source.assistants}
    if len(speakers.people) != 2:
        raise InputError(
            "{path}: it is not clear who is to be the bot; the speakers are: {speakers}. Name one in params.yaml: "
            "corpus.sources: [{example}]; for tinychat data it is --assistant NAME",
            path=text.path,
            speakers=speakers.listed(),
            example=as_yaml({"file": source.file, "assistant": "NAME"}),
        )
    named = [key for key in speakers.find(partner) if key in speakers.people] if partner else []
    return {named[0] if len(named) == 1 else speakers.people[1]}


def choice_of(assistant: set[str], speakers: Speakers, source: SourceParams) -> Phrase:
    """Who of two speakers was chosen, and how to choose the other one."""
    (bot,), (other,) = assistant, set(speakers.people) - assistant
    labels = speakers.labels()
    return Phrase(
        "{bot} becomes the bot and {other} the user; the other way round: corpus.sources: [{example}]",
        bot=labels[bot],
        other=labels[other],
        example=as_yaml({"file": source.file, "assistant": speakers.name_for_params(other)}),
    )


def _find_one(source: SourceParams, name: str, speakers: Speakers) -> str:
    found = speakers.find(name)
    if not found:
        raise InputError(
            "{file}: nobody is called {name!r}; the speakers are: {speakers}",
            file=source.file,
            name=name,
            speakers=speakers.listed(),
        )
    if len(found) > 1:
        raise InputError(
            "{file}: more than one speaker is called {name!r}: {speakers}; give what is in parentheses instead",
            file=source.file,
            name=name,
            speakers=", ".join(f"{name} ({key})" for key in found),
        )
    return found[0]
