"""The browsers of this system, each with a page that a test has opened from its file, without network."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COMMANDS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
OLDEST_FIREFOX = 143  # of which Playwright needs a command
NOWHERE = {"server": "http://127.0.0.1:9"}  # a proxy at which nobody listens
SAID = """[...document.querySelectorAll(".message .bubble")].map(
  (bubble) => bubble.querySelector("em") ? "" : bubble.textContent
)"""
PATIENCE = 60_000.0  # ms until a test gives up waiting: only a hanging page ever sees them


class NoBrowser(Exception):
    """Why a browser cannot be driven here."""


def launch_options(name: str) -> dict[str, Any]:
    """What Playwright needs to launch a browser: that of TINYCHAT_FIREFOX or TINYCHAT_CHROMIUM, else the system's.

    Raises NoBrowser where there is none that can be driven, FileNotFoundError where the one that is named is missing.
    """
    variable = f"TINYCHAT_{name.upper()}"
    named = os.environ.get(variable)
    command = next(filter(None, map(shutil.which, [named] if named else COMMANDS[name])), None)
    if command is None:
        if named:
            raise FileNotFoundError(f"{variable}={named}: no such program")
        raise NoBrowser(f"{name} is not installed")
    options: dict[str, Any] = {"executable_path": command, "proxy": NOWHERE}
    if name == "firefox":
        said = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
        version = re.search(r"(\d+)\.", said)
        if version is None or int(version[1]) < OLDEST_FIREFOX:
            raise NoBrowser(f"{said.strip()} is too old to be driven: it takes {OLDEST_FIREFOX}")
        options["channel"] = "moz-firefox"
    return options


@contextmanager
def launched(name: str) -> Iterator["Browser"]:
    """A browser without a window; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    try:
        options = launch_options(name)
    except NoBrowser as reason:
        pytest.skip(str(reason))
    with playwright.sync_playwright() as driver:
        browser = getattr(driver, name).launch(**options)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page in a browser, and what a person does there. What it asks for and complains of is kept."""

    def __init__(self, page: "Page", file: Path, talks: bool) -> None:
        self.page, self.file, self.talks = page, file, talks
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        self.open()

    def open(self) -> None:
        """Open the file, and wait until it has answered its example."""
        self.page.goto(self.file.as_uri())
        if self.talks:
            self.wait()

    def wait(self) -> None:
        """Wait until a reply has ended."""
        self.page.wait_for_selector(".composer button[type=submit]:not([disabled])")

    def tap(self, element: Any) -> None:
        """Touch something with a finger. In Firefox, where Playwright cannot, it is the click that a tap ends in."""
        if self.browser == "firefox":
            element.dispatch_event("click")
        else:
            element.tap()

    def download(self, button: Any) -> None:
        """Click on something that gives a file, and wait for that; Playwright's Firefox does not say that it came."""
        if self.browser == "firefox":
            button.click()
        else:
            with self.page.expect_download():
                button.click()

    @property
    def browser(self) -> str:
        """The name of the browser."""
        assert self.page.context.browser is not None
        return self.page.context.browser.browser_type.name

    @property
    def field(self) -> Any:
        """Where one writes."""
        return self.page.locator(".composer textarea")

    def say(self, text: str, adds: int = 2) -> str:
        """Type a text and press Enter; the reply, after which the talk has so many messages more."""
        length = len(self.talk()) + adds
        self.field.fill(text)
        self.field.press("Enter")
        self.wait_for_talk(length, text)
        return self.talk()[-1]

    def wait_for_talk(self, length: int, said: str) -> None:
        """Wait until the talk has so many messages, of which the last is the whole reply to this one."""
        self.page.locator(".message").nth(length - 1).wait_for()
        self.page.locator(".message.user .bubble").last.filter(has_text=said).wait_for()
        self.wait()
        assert len(self.talk()) == length

    def talk(self) -> list[str]:
        """What was said, by both; remarks of the page in place of a reply are left out."""
        said: list[str] = self.page.evaluate(SAID)
        return said

    def new_talk(self) -> None:
        """Begin a new conversation."""
        self.page.locator(".talk-head button").click()
        self.page.locator(".starters").wait_for()

    def show(self, tab: str) -> None:
        """Open a tab of the network's side."""
        self.page.locator(f"#tab-{tab}").click()


@contextmanager
def opened(browser: "Browser", file: Path, *, talks: bool = True, **options: Any) -> Iterator[Opened]:
    """A page from a file, in a context of its own. At the end it has asked for nothing else, nor complained."""
    context = browser.new_context(**options)
    try:
        page = Opened(context.new_page(), file, talks)
        yield page
        assert page.complaints == []
        assert {url for url in page.requests if not url.startswith("data:")} <= {file.as_uri()}
    finally:
        context.close()


def axe_script(repo: Path) -> str:
    """axe-core, which finds what bars people from a page; skips the test where `npm ci` in web/ did not bring it."""
    path = repo / "web/node_modules/axe-core/axe.min.js"
    if not path.exists():
        pytest.skip(f"{path.relative_to(repo)} is missing: run npm ci in web/")
    return path.read_text(encoding="utf-8")
