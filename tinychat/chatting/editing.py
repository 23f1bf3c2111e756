"""Line editing: history, wide characters, and cursor keys that move by graphemes."""

import contextlib
import sys
from bisect import bisect_left
from types import FrameType

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_selection, is_searching
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from wcwidth import iter_graphemes

from tinychat.chatting.stopping import EXIT_TERMINATED, end_on_sigterm, on_sigterm
from tinychat.chatting.terminal import echo_disabled
from tinychat.corpus.cleaning import to_nfc

JOINERS = "\u200d\ufe0f"  # zero-width joiner, and the variation selector for emoji


class _TerminatedError(Exception):
    """SIGTERM came while a line was read."""


class LineEditor:
    """Lines of a person at a terminal."""

    def __init__(self, prompt: str, *, colour: bool) -> None:
        self._session: PromptSession[str] = PromptSession(
            FormattedText([("bold ansigreen" if colour else "", prompt)]),
            history=InMemoryHistory(),
            key_bindings=key_bindings(),
            enable_suspend=True,
            input_processors=[WithoutJoiners()],
            output=_output(),
        )
        self._session.default_buffer.on_text_insert += compose

    def read(self) -> str:
        """The next line; see LineReader. SIGTERM ends the program."""
        with on_sigterm(self._leave):
            try:
                return self._session.prompt()
            except _TerminatedError:
                sys.exit(EXIT_TERMINATED)

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """End through the running prompt, which restores the terminal; an exception raised here may not."""
        app = self._session.app

        def leave() -> None:
            if app.is_running and not app.is_done:
                app.exit(exception=_TerminatedError)

        if app.loop is None:
            end_on_sigterm(number, frame)
        else:
            app.loop.call_soon_threadsafe(leave)

    def session(self) -> contextlib.AbstractContextManager[None]:
        """While this context lasts, no key is lost; see LineReader."""
        return echo_disabled(sys.stdin)


def _output() -> Output:
    output = create_output()
    if isinstance(output, Vt100_Output):
        # A terminal that answers the cursor position request late would insert its answer as text.
        output.enable_cpr = False
    return output


class WithoutJoiners(Processor):
    """Shows the parts of a joined emoji side by side while a line is edited.

    Some terminals draw the joined emoji two columns wide, others each of its parts: prompt_toolkit would assume a wrong
    cursor position, and overwrite the prompt.
    """

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """The line without joiners, and the mapping of its positions to those of the text."""
        fragments = transformation_input.fragments
        text = "".join(fragment[1] for fragment in fragments)
        kept = [i for i, char in enumerate(text) if char not in JOINERS]
        if len(kept) == len(text):
            return Transformation(fragments)
        return Transformation(
            [(style, "".join(char for char in part if char not in JOINERS)) for style, part, *_ in fragments],
            source_to_display=lambda i: bisect_left(kept, i),
            display_to_source=lambda i: [*kept, len(text)][min(i, len(kept))],
        )


def key_bindings() -> KeyBindings:
    """Keys that differ from prompt_toolkit's: graphemes, a Ctrl-C that clears the line, and pasted escape sequences."""
    keys = KeyBindings()

    @keys.add("backspace", filter=~has_selection)
    @keys.add("c-h", filter=~has_selection)
    def _(event: KeyPressEvent) -> None:
        for _ in range(event.arg):
            event.current_buffer.delete_before_cursor(length_before(event.current_buffer))

    @keys.add("delete", filter=~has_selection)
    def _(event: KeyPressEvent) -> None:
        for _ in range(event.arg):
            event.current_buffer.delete(length_after(event.current_buffer))

    @keys.add("left")
    @keys.add("c-b")
    def _(event: KeyPressEvent) -> None:
        for _ in range(event.arg):
            event.current_buffer.cursor_position -= length_before(event.current_buffer)

    @keys.add("right")
    @keys.add("c-f")
    def _(event: KeyPressEvent) -> None:
        for _ in range(event.arg):
            event.current_buffer.cursor_position += length_after(event.current_buffer)

    # What looks like a mouse or cursor report, which is never requested, was pasted: an escape sequence such as ESC
    # [31m. prompt_toolkit would parse it, and fail.
    @keys.add(Keys.Vt100MouseEvent)
    @keys.add(Keys.CPRResponse)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(event.data)

    @keys.add("c-c", filter=~is_searching)
    @keys.add("<sigint>", filter=~is_searching)
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys


def compose(buffer: Buffer) -> None:
    """Normalise to NFC, as the model will see it: terminals disagree on the width of decomposed letters."""
    text = to_nfc(buffer.text)
    if text != buffer.text:
        before = to_nfc(buffer.document.text_before_cursor)
        buffer.document = Document(text, min(len(before), len(text)))


def length_before(buffer: Buffer) -> int:
    """Code points of the grapheme before the cursor, such as a family of emoji."""
    *_, last = iter_graphemes(buffer.document.text_before_cursor) if buffer.cursor_position else [""]
    return len(last)


def length_after(buffer: Buffer) -> int:
    """Code points of the grapheme at the cursor."""
    return len(next(iter(iter_graphemes(buffer.document.text_after_cursor)), ""))
