"""Whether the page says the same in every browser, and with 8 bits the same as Python: greedy replies.

    python -m benchmarks.page_replies [--questions 500] [--bits 6]

The page is built as benchmarks/page.py builds it. The questions are what people say first in evenly spaced training
dialogues, each in a conversation of its own. Exit status 1 where a reply differs.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import tinychat
from benchmarks.page import BITS, PAGE, ROOT, build, opened, project
from tests.page.browsers import COMMANDS, NoBrowser, launch_options, launched
from tinychat.corpus.dialogue import read_corpus
from tinychat.evaluation.evaluate import evenly_spaced
from tinychat.page.building import MAX_TOKENS, MODEL, TRAINED_ON
from tinychat.page.packing import INT8_BITS

SHOWN = 10  # replies that differ
TALK = """async (texts) => {
  const replies = [];
  for (const text of texts) {
    document.querySelector(".talk-head button").click();
    while (!document.querySelector(".starters")) await new Promise((next) => setTimeout(next));
    await watch.reply(text);
    replies.push([...document.querySelectorAll(".message .bubble")].at(-1).textContent);
  }
  return replies;
}"""


def by_browser(name: str, file: Path, questions: list[str]) -> list[str]:
    """What the page says in a browser."""
    with launched(name) as browser, opened(browser, file) as page:
        page.locator(".composer button[type=submit]:not([disabled])").wait_for()
        page.locator("#tab-file").click()  # the walk is not drawn
        replies: list[str] = page.evaluate(TALK, questions)
        return replies


def by_python(questions: list[str]) -> list[str]:
    """What `tinychat chat` says with TINYCHAT_WEIGHTS=int8."""
    os.environ["TINYCHAT_WEIGHTS"] = "int8"
    bot = tinychat.load(ROOT / MODEL)
    return [bot.reply(question, max_tokens=MAX_TOKENS, method="greedy").text for question in questions]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--bits", type=int, choices=BITS, default=BITS[0])
    arguments = parser.parse_args()
    first = list(dict.fromkeys(dialogue.turns[0].content for dialogue in read_corpus(ROOT / TRAINED_ON)))
    questions = evenly_spaced(first, arguments.questions)
    replies = {}
    with tempfile.TemporaryDirectory() as folder:
        root = project(Path(folder) / "page", arguments.bits)
        build(root)
        for name in COMMANDS:
            try:
                launch_options(name)
            except NoBrowser as reason:
                print(f"{name} is left out: {reason}")
                continue
            replies[name] = by_browser(name, root / PAGE, questions)
    if arguments.bits == INT8_BITS:
        replies["Python"] = by_python(questions)
    rows = list(zip(questions, *replies.values(), strict=True))
    different = [row for row in rows if len(set(row[1:])) > 1]
    for question, *said in different[:SHOWN]:
        print(f"{question!r}: " + "; ".join(f"{name} {text!r}" for name, text in zip(replies, said, strict=True)))
    print(f"{len(rows) - len(different)} of {len(rows)} replies are equal: {', '.join(replies)}")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
