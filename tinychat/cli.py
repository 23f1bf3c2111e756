"""The command `tinychat`. What a subcommand needs is imported when it runs, so that --help is there at once."""

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from tinychat.params.sections import SourceParams

from tinychat.errors import InputError
from tinychat.language.choosing import check_language
from tinychat.language.exit import run_and_exit
from tinychat.printing import say

MODEL = Path("models/dialogue")

# click's messages as patterns, and the same as templates.
CLICK_MESSAGES = {
    r"No such option:? '?(?P<option>[^\s'.]+)'?": "No such option: {option}; see {command} --help",
    r"No such option:? '?(?P<option>[^\s'.]+)'?\.? Did you mean (?P<near>.*)\?": (
        "No such option: {option}, did you mean {near}?; see {command} --help"
    ),
    r"No such command '(?P<name>[^']*)'": "No such command '{name}'; see {command} --help",
    r"No such command '(?P<name>[^']*)'\.? Did you mean (?P<near>.*)\?": (
        "No such command '{name}', did you mean {near}?; see {command} --help"
    ),
    r"Option '(?P<option>.*)' requires an argument": "Option {option} needs a value; see {command} --help",
    r"Invalid value for '(?P<option>[^']*)': '(?P<value>.*)' is not a valid integer": (
        "Invalid value for '{option}': '{value}' is not a valid integer; see {command} --help"
    ),
    r"Invalid value for '(?P<option>[^']*)': '(?P<value>.*)' is not a valid float": (
        "Invalid value for '{option}': '{value}' is not a valid float; see {command} --help"
    ),
}


def main() -> None:
    """Run the command line, and end the process as a stage does."""
    run_and_exit(_run)


def _run() -> None:
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (it lasts as long as the process)
    use_utf8_in_files()
    check_language()
    try:
        code = tinychat.main(standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        raise input_error(error) from None
    if code:
        sys.exit(code)


def input_error(error: click.ClickException) -> InputError:
    """click's message as a translatable InputError."""
    message, context = error.format_message().rstrip("."), getattr(error, "ctx", None)
    command = context.command_path if context else "tinychat"
    for pattern, template in CLICK_MESSAGES.items():
        if found := re.fullmatch(pattern, message, flags=re.DOTALL):
            return InputError(template, **found.groupdict(), command=command)
    return InputError("{message}; see {command} --help", message=message, command=command)


def use_utf8_in_files() -> None:
    """Write UTF-8 with plain line breaks where the output is not a terminal, unless PYTHONIOENCODING is set."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty() and not os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the installed version, and end."""
    if wanted and not context.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"tinychat {version('tinychat')}")
        except PackageNotFoundError:
            click.echo("tinychat, not installed: run from its folder")
        context.exit()


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  tinychat chat\n  tinychat chat 안녕\n  echo 안녕 | tinychat chat\n  tinychat chat --help",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show the version."
)
@click.pass_context
def tinychat(context: click.Context) -> None:
    """Talk with a small dialogue model of your own; `make repro` trains it."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@tinychat.command(
    short_help="Talk with a model, or ask it one thing.",
    epilog="\b\n"
    "Examples:\n"
    "  tinychat chat                   a conversation; /help there lists its commands\n"
    "  tinychat chat 안녕              one reply, nothing else\n"
    "  echo 안녕 | tinychat chat       the same: all of the pipe is one message\n"
    "  tinychat chat -- -_-            a message that begins with a dash\n"
    "  tinychat chat 안녕 --temperature 0.8 --seed 1\n"
    "  tinychat chat 안녕 --model models/dialogue --timing",
)
@click.argument("message", nargs=-1)
@click.option("--model", type=click.Path(path_type=Path), default=MODEL, show_default=True, help="Folder of the model.")
@click.option("--temperature", type=float, help="Draw tokens by chance: above 1 flatter, below 1 sharper; 0: greedy.")
@click.option("--top-k", type=int, help="Draw from the k likeliest tokens only.")
@click.option("--top-p", type=float, help="Draw from the likeliest tokens that together reach p.")
@click.option("--min-p", type=float, help="Draw from tokens at least p times as likely as the likeliest.")
@click.option("--seed", type=int, help="Of the random draw: the same seed, the same reply.  [default: 0]")
@click.option("--repetition-penalty", type=float, help="Above 1: tokens that were used already become less likely.")
@click.option("--no-repeat-ngram", type=int, metavar="N", help="Never say the same N tokens in a row twice.")
@click.option("--max-tokens", type=int, help="Longest reply, in tokens.  [default: 64]")
@click.option("--min-tokens", type=int, help="Shortest reply, in tokens.")
@click.option("--stop", multiple=True, metavar="TEXT", help="End the reply before this text; may be given repeatedly.")
@click.option("--timing", is_flag=True, help="Show on stderr where the time to the first reply goes.")
@click.option("--no-safety", is_flag=True, help="Ask the model even where a message speaks of harming oneself.")
def chat(message: tuple[str, ...], model: Path, timing: bool, no_safety: bool, **sampling: Any) -> None:
    """Talk with a model: a conversation at a terminal, or one reply to MESSAGE or to what a pipe brings.

    Replies are the likeliest ones (greedy) unless an option about chance is given. A message that speaks of harming
    oneself is answered with the lines for help instead.
    """
    from tinychat.chatting.timing import Stopwatch

    stopwatch = Stopwatch() if timing else None
    from tinychat.chatting.starting import start

    asked = " ".join(message) if message else None
    given = {name: value for name, value in sampling.items() if value not in (None, ())}
    start(asked, model, given, stopwatch, safety=not no_safety)


@tinychat.group(invoke_without_command=True, short_help="Look at files of dialogues, or convert them.")
@click.pass_context
def data(context: click.Context) -> None:
    """Look at files of dialogues before training on them, or convert them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def about_source(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how a file is read."""
    for option in (
        click.option("--sheet", multiple=True, metavar="NAME", help="Of a workbook, a sheet to read."),
        click.option(
            "--columns", nargs=2, metavar="QUESTION ANSWER", help="Of a table, the names or the numbers of its columns."
        ),
        click.option("--no-header", is_flag=True, help="The first row of the table is no header."),
        click.option(
            "--gap-minutes", type=click.IntRange(1, 100_000), help="A longer pause ends a conversation.  [default: 60]"
        ),
        click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help="Of dates such as 2/9/26."),
        click.option("--drop-links", is_flag=True, help="Leave out messages that are links and nothing else."),
        click.option("--original-form", is_flag=True, help="Of a corpus of NIKL, the spelling as typed."),
        click.option("--drop-masked", is_flag=True, help="Of a corpus of AI Hub, leave out what it masked with *."),
        click.option(
            "--assistant", multiple=True, metavar="NAME", help="Who becomes the bot; all names of one speaker."
        ),
        click.option(
            "--format", "format_name", metavar="NAME", help="The reader to take, whatever the content looks like."
        ),
    ):
        command = option(command)
    return command


@data.command(short_help="What a file or folder holds, and what params.yaml needs for it.")
@click.argument("path", type=click.Path(path_type=Path))
@about_source
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
def inspect(path: Path, as_json: bool, **options: Any) -> None:
    """Show what PATH is taken for, its speakers, what is left out, and the first dialogues as they are trained on.

    PATH is a file, a folder, or an archive (.zip, .gz, .zst).
    """
    from tinychat.dialogue_inspection import inspect as inspect_file
    from tinychat.files import to_json

    found = inspect_file(path, source_of(path, **options))
    if as_json:
        click.echo(to_json(found.record()), nl=False)
    else:
        say(found.text())


@data.command(
    short_help="Write the dialogues of files in the OpenAI chat format.",
    epilog="\b\nExample:\n  tinychat data convert KakaoTalkChats.txt --assistant 바다 -o talk.jsonl",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The file to write, JSON Lines.")
@about_source
def convert(paths: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Write the dialogues of all PATHS, files, folders or archives, to one file, a JSON object a line."""
    from tinychat.dialogue_files import convert as convert_files

    count = convert_files(paths, out, source_of(paths[0], **options), lambda line, **_: say(line, stderr=True))
    say(f"{out}: {count:,} dialogues")


@data.command(
    short_help="What masking finds in a file, and what it cannot find.",
    epilog="\b\nExamples:\n  tinychat data audit                      the files that params.yaml names\n"
    "  tinychat data audit KakaoTalkChats.txt",
)
@click.argument("path", type=click.Path(path_type=Path), required=False)
@about_source
@click.option(
    "--examples", type=click.IntRange(0, 1000), default=5, show_default=True, help="Of each kind, at most so many."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
def audit(path: Path | None, as_json: bool, examples: int, **options: Any) -> None:
    """Show personal data that is masked in PATH, by its kind and in context, and what may be some and is not masked.

    Without PATH in the files that params.yaml names. It quotes what it finds: keep it on the screen.
    """
    from tinychat.dialogue_audit import audit as audit_files
    from tinychat.files import to_json

    if path is None and any(options.values()):
        given = ", ".join(f"--{name.removesuffix('_name').replace('_', '-')}" for name in options if options[name])
        raise InputError("about a file: {options}; name it", options=given)
    found = audit_files(path, None if path is None else source_of(path, **options), examples)
    if as_json:
        click.echo(to_json(found.record()), nl=False)
    else:
        say(found.text())


def source_of(
    path: Path,
    format_name: str | None,
    assistant: tuple[str, ...],
    gap_minutes: int | None,
    date_order: Literal["dmy", "mdy"] | None,
    drop_links: bool,
    original_form: bool,
    drop_masked: bool,
    no_header: bool,
    columns: tuple[str, str] | None,
    sheet: tuple[str, ...],
) -> "SourceParams":
    """The source that the options describe. Raises InputError where there is no such file or folder."""
    from tinychat.dialogue_files import existing, named_in_params
    from tinychat.params.sections import Columns, SourceParams

    named = {"--assistant": assistant, "--format": (format_name or "x",), "--columns": columns or (), "--sheet": sheet}
    for option, names in named.items():
        if not all(name.strip() for name in names):
            raise InputError("{option} takes a name, not a blank", option=option)
    return SourceParams(
        file=named_in_params(existing(path))[1],
        format=format_name,
        assistant=list(assistant) or None,
        gap_minutes=gap_minutes,
        date_order=date_order,
        drop_links=drop_links,
        original_form=original_form,
        drop_masked=drop_masked,
        header=not no_header,
        columns=Columns(question=columns[0], answer=columns[1]) if columns else None,
        sheet=sheet[0] if len(sheet) == 1 else list(sheet) or None,
    )
