"""A conversation at a terminal: reads a line and answers it or runs its command, until the user leaves."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tinychat.bot import Bot
from tinychat.chatting import explaining
from tinychat.chatting.commands import Command, help_lines, parse
from tinychat.chatting.conversation import MAX_RETRY_DRAWS, Conversation, GivenOptions
from tinychat.chatting.explaining import TrainingDialogues
from tinychat.chatting.message import cleaned
from tinychat.chatting.saving import messages_to_learn, save
from tinychat.chatting.stopping import CtrlC, ctrl_c_requests_stop
from tinychat.chatting.terminal import LineReader, Screen
from tinychat.chatting.timing import Stopwatch
from tinychat.chatting.visible import columns_of, padded, shortened
from tinychat.errors import InputError, describe
from tinychat.generation.request import Reply
from tinychat.generation.sampling import SamplingOptions
from tinychat.language.choosing import Words
from tinychat.printing import say
from tinychat.safety.help import help_in_danger

NEAR = 3  # training dialogues that /why shows

Messages = Sequence[dict[str, str]]


class _RepeatedReplyError(Exception):
    """The model repeats an earlier reply to the same question."""


class Talk:
    """One person's conversation with one bot; with `safety`, messages about self-harm get the help lines."""

    def __init__(
        self,
        bot: Bot,
        given: GivenOptions,
        screen: Screen,
        reader: LineReader,
        stopwatch: Stopwatch | None = None,
        *,
        safety: bool = True,
    ) -> None:
        self.bot, self.screen, self.reader = bot, screen, reader
        self.words = screen.words
        self.conversation = Conversation(given)
        self._training = TrainingDialogues(bot.folder)
        self._truncation_noted = False
        self._stopwatch = stopwatch
        self._safety = safety
        self._blocked: str | None = None  # the last message, if the safety rules kept it from the model
        self._actions: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "reset": self._reset,
            "undo": self._undo,
            "retry": self._retry,
            "seed": self._seed,
            "temperature": self._temperature,
            "save": self._save,
            "save!": self._save_over,
            "why": self._why,
        }

    def run(self) -> None:
        """Talk until the person leaves."""
        ctrl_c = CtrlC()
        with self.reader.session(), ctrl_c.handled():
            self._run(ctrl_c)

    def _run(self, ctrl_c: CtrlC) -> None:
        self.screen.note(self.words("welcome", folder=self.bot.folder))
        while True:
            try:
                with ctrl_c.allowed():
                    line = self.reader.read()
            except EOFError:
                return
            except KeyboardInterrupt:
                self.screen.note(self.words("how_to_leave"))
                continue
            try:
                parsed = parse(line)
                if parsed == Command("quit", ""):
                    return
                with ctrl_c.allowed():
                    self._do(parsed)
            except KeyboardInterrupt:
                self.screen.note(self.words("stopped"))
            except InputError as error:
                self.screen.error(error)

    def _do(self, parsed: Command | str) -> None:
        if isinstance(parsed, Command):
            self._actions[parsed.name](parsed.argument)
        elif question := cleaned(parsed):
            if self._safety and (lines := help_in_danger(question, self._message_before())):
                # Not added to the conversation: the model would read it in the next prompt, and /save would save it.
                self.screen.begin_reply()
                self.screen.piece(lines)
                self.screen.end_reply()
                self._blocked = question
                return
            self._blocked = None
            reply = self._answer(self.conversation.messages(question), self.conversation.given)
            if reply:
                self.conversation.add(question, reply)

    def _message_before(self) -> str:
        last = self.conversation.last
        return self._blocked or (last.question if last else "")

    def _answer(
        self, messages: Messages, given: GivenOptions, known_replies: Sequence[str] = (), note: str = ""
    ) -> Reply | None:
        """Show a reply while it is generated; None where it was stopped before it began.

        As long as it may become one of `known_replies`, nothing of it is shown; then `note` is shown before it. Raises
        _RepeatedReplyError where it became one, KeyboardInterrupt where it was stopped before that was known, and
        InputError, with nothing shown, for an invalid question.
        """
        held, shown, text = bool(known_replies), 0, ""
        if self._stopwatch:
            self._stopwatch.skip()
        with self.bot.stream(messages, **given, alternatives=explaining.OTHERS + 1) as stream:
            with ctrl_c_requests_stop() as stop_requested, contextlib.suppress(KeyboardInterrupt):
                if not held:
                    self.screen.begin_reply()
                try:
                    for piece in self._stopwatch.during(stream) if self._stopwatch else stream:
                        text += piece
                        if held and not any(known.startswith(text) for known in known_replies):
                            held = False
                            self.screen.note(note)
                            self.screen.begin_reply()
                        if not held:
                            self.screen.piece(text[shown:])
                            shown = len(text)
                        if stop_requested():
                            break
                except InputError:  # of a model with logits that are not finite
                    if not held:
                        self.screen.end_reply()
                    raise
            stream.close()
            reply = stream.reply
        if held:
            if reply.finish_reason == "cancelled":
                raise KeyboardInterrupt
            if reply.text in known_replies:
                raise _RepeatedReplyError
            self.screen.note(note)
            self.screen.begin_reply()
        stopped_before = reply.finish_reason == "cancelled" and not shown
        if not stopped_before:
            self.screen.piece(reply.text[shown:])  # text that was held back
        self.screen.end_reply(remark(reply, self.words))
        self._show_timing()
        self._note_truncation(messages, reply)
        return None if stopped_before else reply

    def _note_truncation(self, messages: Messages, reply: Reply) -> None:
        asked = sum(message["role"] == "user" for message in messages)
        read = reply.prompt_ids.count(self.bot.tokenizer.user_id)
        if read < asked and not self._truncation_noted:
            self._truncation_noted = True
            alone = self.bot.single_exchange
            self.screen.note(self.words("single_exchange" if alone else "truncated", max_len=self.bot.max_len))

    def _show_timing(self) -> None:
        if self._stopwatch:
            say(self._stopwatch.table(), stderr=True)
            self._stopwatch = None

    @property
    def _options(self) -> SamplingOptions:
        return self.bot.options(**self.conversation.given)

    def _set(self, **given: Any) -> None:
        """Set options, if they are valid."""
        self.bot.options(**self.conversation.given | given)
        self.conversation.given |= given

    def _quoted(self, question: str) -> str:
        return shortened(question, max(10, self.screen.columns // 2))

    def _help(self, _: str) -> None:
        lines = help_lines(self.words)
        widest = max(columns_of(typed) for typed, _ in lines)
        for typed, does in lines:
            self.screen.line(f"  {padded(typed, widest)}  {does}")

    def _reset(self, _: str) -> None:
        self.conversation.reset()
        self._truncation_noted, self._blocked = False, None
        self.screen.note(self.words("reset"))

    def _refuse_if_blocked(self) -> None:
        if self._blocked is not None:
            raise InputError("your last message was not sent to the model, so it has no reply")

    def _undo(self, _: str) -> None:
        if self._blocked is not None:  # it is not in the conversation anyway
            self.screen.note(self.words("undone", question=self._quoted(self._blocked)))
            self._blocked = None
            return
        exchange = self.conversation.undo()
        if exchange is None:
            raise InputError("there is no message yet to undo")
        self.screen.note(self.words("undone", question=self._quoted(exchange.question)))

    def _retry(self, _: str) -> None:
        self._refuse_if_blocked()
        last = self.conversation.last
        if last is None:
            raise InputError("there is no message yet to answer again")
        for tries in range(MAX_RETRY_DRAWS):
            given = self.conversation.retry_options(self._options, tries)
            options = described(self.bot.options(**given), self.words)
            note = self.words("again", question=self._quoted(last.question), options=options)
            with contextlib.suppress(_RepeatedReplyError):
                if reply := self._answer(self.conversation.retry_messages(), given, last.known_replies, note):
                    self.conversation.replace_last(reply)
                return
        self.screen.note(self.words("no_other", question=self._quoted(last.question), tries=MAX_RETRY_DRAWS))

    def _seed(self, argument: str) -> None:
        if argument:
            self._set(seed=number(argument, int, "/seed takes a whole number from 0 on, found {text!r}"))
        options = self._options
        if options.method == "greedy":
            self.screen.note(self.words("seed.unused", seed=options.seed))
        else:
            self.screen.note(self.words("seed.used", options=described(options, self.words)))

    def _temperature(self, argument: str) -> None:
        if argument:
            self._set(temperature=number(argument, float, "/temperature takes a number, 0 for greedy, found {text!r}"))
        self.screen.note(self.words("options", options=described(self._options, self.words)))

    def _save(self, argument: str, *, replace: bool = False) -> None:
        try:
            path = save(self.conversation.exchanges, argument, replace=replace)
        except OSError as error:
            raise InputError("{reason}; nothing was saved", reason=describe(error)) from None
        messages = messages_to_learn(self.conversation.exchanges)
        unfinished = sum(message.get("weight") == 0 for message in messages)
        key = "saved.unfinished" if unfinished else "saved"
        self.screen.note(self.words(key, path=path, exchanges=len(messages) // 2, unfinished=unfinished))

    def _save_over(self, argument: str) -> None:
        self._save(argument, replace=True)

    def _why(self, _: str) -> None:
        self._refuse_if_blocked()
        last = self.conversation.last
        if last is None:
            raise InputError("there is no reply yet to explain")
        for line in explaining.token_table(last.reply, self.bot.tokenizer, self.screen.columns, self.words):
            self.screen.line(line)
        self.screen.line()
        if not self._training.path.is_file():
            self.screen.note(self.words("why.no_dialogues", path=shown_path(self._training.path)))
            return
        # Printed before the search: the first one takes seconds.
        self.screen.line("  " + self.words("why.nearest", path=shown_path(self._training.path)))
        for line in explaining.near_lines(self._training.nearest(last.question, NEAR), self.screen.columns):
            self.screen.line(line)


def remark(reply: Reply, words: Words) -> str:
    """A remark on how the reply ended, if needed."""
    if reply.finish_reason == "cancelled":
        return words("reply.stopped")
    if reply.finish_reason == "length":
        return words("reply.length")
    return "" if reply.text else words("reply.empty")


def described(options: SamplingOptions, words: Words) -> str:
    """The sampling options in words."""
    if options.method == "greedy":
        return words("options.greedy")
    return words("options.chance", temperature=options.temperature, seed=options.seed)


def number(text: str, kind: Callable[[str], Any], wrong: str) -> Any:
    """`text` as a number. Raises InputError with the template `wrong` where it is none."""
    try:
        return kind(text)
    except ValueError:
        raise InputError(wrong, text=text) from None


def shown_path(path: Path) -> Path:
    """`path` relative to the current folder, if it is in it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
