"""The live page of the default model: size, time to open, tokens per second, time to answer a hand, and its stage.

    python -m benchmarks.page [--rounds 5] [--save benchmarks/results/page.json]

The page is built anew from data/corpus, models/, outputs/ and reports/ (`make repro`) in copies of the project, with
6 and with 8 bits. That of 6 bits is opened from its file, without network, in each browser of this system that
Playwright can drive.

opening       always in a browser that has just started, with an empty profile, so that nothing is in its cache; by
              turns with nothing beside it (idle) and with a busy program for each core (busy). From the start of
              navigation to the first paint; to the first token of the example that the page opens with; until that
              is answered and a message can be sent (ready); to the first token of the reply to one sent then
tokens/s      of the replies to 20 messages, from the key that sends one until all of its reply is painted, so reading
              the message is in it. plain: while the walk is not shown; shown: while it is, with lines and lens
interaction   from the event until the frame that shows its effect is painted, with 128 tokens of context: the median,
              and the slowest of all rounds. At 60 frames a second, up to 17 ms are spent waiting for the frame
build         `python -m stages.build_page` as DVC starts it: seconds, and the largest memory of its process

Figures are medians of the rounds.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.data import machine
from tests.page.browsers import COMMANDS, NoBrowser, launch_options, launched
from tinychat.environment import usable_cores
from tinychat.files import read_json_lines, to_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ("data/corpus", "models/dialogue", "reports", "outputs/generated_dialogue.jsonl")
PAGE = "outputs/tinychat.html"
WATCH = Path(__file__).with_name("page_watch.js")
VIEWPORT = {"width": 1280, "height": 800}
BITS = (6, 8)
MESSAGE = "안녕"
N_MESSAGES = 20
CONTEXT = 128  # tokens
PATIENCE = 300_000  # ms: only a page that hangs ever sees them
N_EVENTS = 8  # of each kind in a round
SETTLED = 3000  # ms in which the page has measured the roles of its heads
AIMS: dict[str, float] = {  # at most, but of tokens_per_second at least
    "size_mb.6": 8.5,
    "size_mb.8": 11.5,
    **{f"opening.idle.{mark}": 700 for mark in ("example", "first_token")},
    **{f"opening.busy.{mark}": 1200 for mark in ("example", "first_token")},
    "tokens_per_second.plain": 300,
    "tokens_per_second.shown": 100,
    **{f"interaction.{kind}.median": 50 for kind in ("hover", "focus", "head", "layer", "token")},
    "build.seconds": 5,
    "build.peak_mb": 300,
}
Figures = dict[str, float]


def project(folder: Path, bits: int) -> Path:
    """What the stage reads, in a folder of its own."""
    for name in INPUTS:
        source = ROOT / name
        if not source.exists():
            sys.exit(f"error: {name} is missing: run `make repro` first")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["page"]["bits"] = bits
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return folder


def build(folder: Path) -> Figures:
    """Run the stage: seconds, and the largest memory in MB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.build_page"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    kilobytes = usage.ru_maxrss / (1024 if platform.system() == "Darwin" else 1)
    return {"seconds": time.perf_counter() - begun, "peak_mb": kilobytes * 1024 / 1e6}


@contextmanager
def busy_programs(number: int) -> Iterator[None]:
    """As many programs that each keep a core busy.

    Each has a session of its own, as Playwright's browsers have: Linux shares the cores among sessions first, so that
    in the session of the shell they would have that one's priority (its `autogroup`).
    """
    programs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(number)
    ]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


@contextmanager
def opened(browser: "Browser", file: Path) -> Iterator["Page"]:
    """The page, which is being loaded and is watched."""
    context = browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(path=WATCH)
    page.goto(file.as_uri(), wait_until="commit")
    yield page
    context.close()


def measure_opening(name: str, file: Path) -> Figures:
    """Milliseconds from the start of navigation in a new browser."""
    with launched(name) as browser, opened(browser, file) as page:
        times: Figures = page.evaluate("text => watch.opening(text)", MESSAGE)
        return times


def begin_talk(page: "Page") -> None:
    """A new conversation."""
    page.locator(".talk-head button").click()
    page.locator(".starters").wait_for()


def measure_talk(page: "Page", messages: list[str]) -> float:
    """Tokens per second of the replies to these messages, each the first of a conversation."""
    tokens, seconds = 0, 0.0
    for message in messages:
        begin_talk(page)
        seconds += page.evaluate("text => watch.reply(text)", message) / 1000
        if page.locator(".message.help").count():  # no reply of the model's
            continue
        page.locator(".message.assistant .actions button").first.click()
        tokens += page.locator(".why tbody tr").count()
    return tokens / seconds


def fill_context(page: "Page", messages: list[str]) -> None:
    """Talk until the shown sequence has enough tokens, and go to the token with so many of context."""
    begin_talk(page)
    for message in messages:
        page.evaluate("text => watch.reply(text)", message)
        if int(page.locator(".token-at .muted").inner_text().split("/")[1]) > CONTEXT:
            break
    else:
        sys.exit(f"error: the talk did not reach {CONTEXT} tokens")
    page.evaluate(f"location.hash = 'token={CONTEXT}&step=attention&layer=1&head=1'")
    page.locator(".ribbon .layer .box[aria-current=step]").wait_for()


def measure_interaction(page: "Page", n_layers: int, n_heads: int) -> dict[str, list[float]]:
    """Milliseconds of each event until its effect is painted, by kind."""
    found = defaultdict(list)

    def expect(type_: str, selector: str, n: int, state: str) -> None:
        page.evaluate(
            "([type, selector, n, state]) => watch.expect(type, selector, n, state)", [type_, selector, n, state]
        )

    def keep(kind: str) -> None:
        found[kind].append(page.evaluate("watch.arrived"))

    chips, heads = page.locator(".flow .chip"), page.locator(".head")
    attention = page.locator(".ribbon .layer .box:first-child")
    for n in range(N_EVENTS):
        at = CONTEXT - 1 - 9 * n  # words near the end, which look at most others, and ones before them
        chips.nth(at).scroll_into_view_if_needed()
        x, y = middle(chips.nth(at))
        page.mouse.move(1, 1)
        expect("pointerover", ".flow .chip", at, ".from")
        page.mouse.move(x, y)
        keep("hover")
    page.mouse.move(1, 1)
    page.locator(".scrub input").focus()
    page.keyboard.press("Shift+Tab")
    chips.nth(CONTEXT - 1).focus()
    for n in range(1, N_EVENTS + 1):
        expect("keydown", ".flow .chip", CONTEXT - 1 - n, ".from")
        page.keyboard.press("ArrowLeft")
        keep("focus")
    for n in range(1, N_EVENTS + 1):
        expect("click", ".head", n % n_heads, "[aria-pressed=true]")
        heads.nth(n % n_heads).click()
        keep("head")
    for n in range(1, N_EVENTS + 1):
        layer = n % n_layers
        expect("click", ".ribbon .layer .box:first-child", layer, "[aria-current=step]")
        attention.nth(layer).click()
        keep("layer")
    for n in range(1, N_EVENTS + 1):
        expect("keydown", ".flow .chip", CONTEXT - 1 - n, "[aria-current=step]")
        page.keyboard.press("Shift+ArrowLeft")
        keep("token")
    return found


def middle(element: "Locator") -> tuple[float, float]:
    """Where an element is on the screen."""
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def measure_browser(name: str, file: Path, messages: list[str], rounds: int) -> dict[str, Any]:
    """All that is measured in a browser."""
    opening: dict[str, dict[str, list[float]]] = {"idle": defaultdict(list), "busy": defaultdict(list)}
    speeds: dict[str, list[float]] = defaultdict(list)
    events: dict[str, list[float]] = defaultdict(list)
    for _ in track(range(rounds), name):
        for load, number in (("idle", 0), ("busy", usable_cores())):
            with busy_programs(number):
                for mark, time_ in measure_opening(name, file).items():
                    opening[load][mark].append(time_)
        with launched(name) as browser, opened(browser, file) as page:
            version = browser.version
            page.locator(".composer button[type=submit]:not([disabled])").wait_for()
            page.wait_for_timeout(SETTLED)
            sizes = page.evaluate("JSON.parse(document.getElementById('carried').textContent).config")
            for kind, tab in (("plain", "file"), ("shown", "walk")):
                page.locator(f"#tab-{tab}").click()
                speeds[kind].append(measure_talk(page, messages[:N_MESSAGES]))
            fill_context(page, messages)
            for kind, times in measure_interaction(page, sizes["n_layers"], sizes["n_heads"]).items():
                events[kind] += times
    medians = {
        load: {mark: statistics.median(times) for mark, times in marks.items()} for load, marks in opening.items()
    }
    return {
        "version": version,
        "opening": medians,
        "tokens_per_second": {kind: statistics.median(values) for kind, values in speeds.items()},
        "interaction": {kind: {"median": statistics.median(v), "worst": max(v)} for kind, v in events.items()},
    }


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """All figures, as they are saved."""
    pages = {bits: project(folder / str(bits), bits) for bits in BITS}
    builds = [build(pages[BITS[0]]) for _ in track(range(rounds), "build_page")]
    build(pages[BITS[1]])
    messages = [reply["input"] for reply in read_json_lines(ROOT / INPUTS[-1], "generate", lambda row, _: row)]
    browsers, left_out = {}, {}
    for name in COMMANDS:
        try:
            launch_options(name)
        except NoBrowser as reason:
            left_out[name] = str(reason)
            continue
        browsers[name] = measure_browser(name, pages[BITS[0]] / PAGE, messages, rounds)
    return {
        "machine": machine(),
        "rounds": rounds,
        "context": CONTEXT,
        "aims": AIMS,
        "size_mb": {str(bits): (root / PAGE).stat().st_size / 1e6 for bits, root in pages.items()},
        "build": {key: statistics.median(run[key] for run in builds) for key in builds[0]},
        "browsers": browsers,
        "left_out": left_out,
    }


def flat(figures: dict[str, Any], before: str = "") -> Figures:
    """The numbers by their path: `opening.idle.paint`."""
    found: Figures = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        elif isinstance(value, int | float):
            found[before + key] = value
    return found


def shown(found: dict[str, Any]) -> Table:
    """The figures as a table, beside what is aimed at."""
    parts = {"file": {key: found[key] for key in ("size_mb", "build")}, **found["browsers"]}
    table = Table("measure", "aim", "measured", "where", title="the live page; opening and interaction in ms")
    for where, part in parts.items():
        for path, value in flat(part).items():
            aim = AIMS.get(path)
            sign = "≥" if path.startswith("tokens") else "≤"
            table.add_row(path, "" if aim is None else f"{sign} {aim:g}", number(value), where)
    return table


def number(value: float) -> str:
    """One decimal where it matters."""
    return f"{value:.1f}" if value < 20 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the results as JSON, for `make docs-figures`")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.rounds)
    console = Console()
    console.print(shown(found))
    console.print(f"{found['machine']}; medians of {arguments.rounds} rounds", highlight=False)
    for name, browser in found["browsers"].items():
        console.print(f"{name} {browser['version']}", highlight=False)
    for name, reason in found["left_out"].items():
        console.print(f"{name} is left out: {reason}", highlight=False)
    if arguments.save:
        arguments.save.write_text(to_json(found), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
