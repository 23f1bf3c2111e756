"""The masking of one source while it is read: what params.yaml says of it, and what was found."""

from collections.abc import Callable, Collection
from pathlib import Path

from tinychat.corpus.masking.block_list import BlockList, read_block_list
from tinychat.corpus.masking.masker import Found, Masker, replaced
from tinychat.corpus.sources import find_file
from tinychat.params.sections import MaskParams

FoundIn = tuple[str, str, list[Found]]  # where a text is, the text, what was found in it
SeeFound = Callable[[FoundIn], None]


class SourceMask:
    """Masks the texts of one source, and keeps what it found until it is taken."""

    def __init__(self, leave: Collection[str], blocked: BlockList | None, speakers: Collection[str]) -> None:
        self._masker = Masker(leave, blocked, speakers)
        self._found: list[FoundIn] = []

    def __call__(self, text: str, where: str) -> str:
        """The text with placeholders."""
        found = self._masker.find(text)
        if not found:
            return text
        self._found.append((where, text, found))
        return replaced(text, found)

    def take_found(self) -> list[FoundIn]:
        """What was found since the last call."""
        found, self._found = self._found, []
        return found


def words_to_block(raw: Path, params: MaskParams) -> BlockList | None:
    """The person's own list, if params.yaml names one. Raises InputError where it cannot be read."""
    if params.block_list is None or not params.enabled:
        return None
    return read_block_list(find_file(raw, params.block_list, "corpus.mask.block_list"))


def tell_of_masking(params: MaskParams, blocked: BlockList | None, tell: Callable[..., None]) -> None:
    """Tell the person what is not masked, and that their list was read."""
    if not params.enabled:
        tell("personal data is not masked: corpus.mask.enabled is false")
    elif params.leave:
        tell(f"not masked: {', '.join(params.leave)} (corpus.mask.leave)")
    if blocked is not None:
        tell(f"block list: {len(blocked):,} words")
