"""Talking with a model takes no torch, and `import tinychat` alone takes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generation.asking import ask
from tinychat.generation.loading import load_engine

TALK = """
import sys
import tinychat
bot = tinychat.load(sys.argv[1])
print(bot.reply("안녕").text, "".join(bot.stream("안녕")), bot.reply(["고마워"], temperature=1.0)[0].finish_reason)
"""
WITHOUT = "import sys; sys.modules['torch'] = None\n"
LOADED = "print(*(name for name in ('torch', 'numpy', 'tokenizers', 'safetensors') if name in sys.modules))"


def printed(repo: Path, code: str, *arguments: object, **environment: str) -> str:
    """What a fresh Python prints in the project's folder; it must not complain."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TINYCHAT_")}
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=repo,
        env=clean | {"PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_reply_does_not_import_torch(repo: Path, talker_folder: Path) -> None:
    said, loaded = printed(repo, TALK + LOADED, talker_folder).rsplit("\n", 2)[:2]
    reply = ask(load_engine(talker_folder), ["안녕"])[0]
    assert reply.text[:10] in said
    assert loaded == "numpy tokenizers safetensors"


def test_it_is_the_same_reply_where_there_is_no_torch(repo: Path, talker_folder: Path) -> None:
    assert printed(repo, WITHOUT + TALK, talker_folder) == printed(repo, TALK, talker_folder)


@pytest.mark.slow
def test_it_is_the_same_reply_by_torch(repo: Path, talker_folder: Path) -> None:
    assert printed(repo, TALK, talker_folder, TINYCHAT_DECODER="torch") == printed(repo, TALK, talker_folder)


def test_where_torch_is_needed_and_not_there_one_line_says_how_to_get_it(repo: Path, talker_folder: Path) -> None:
    code = f"{WITHOUT}import tinychat\ntry: tinychat.load(sys.argv[1])\nexcept tinychat.InputError as e: print(e)"
    said = printed(repo, code, talker_folder, TINYCHAT_DECODER="torch")
    assert said.startswith("this needs torch, which is not installed: pip install 'tinychat[torch]'")
    assert said.count("\n") == 1


def test_the_import_alone_takes_neither_torch_nor_numpy(repo: Path) -> None:
    assert printed(repo, f"import sys, tinychat\n{LOADED}") == "\n"


def test_what_it_promises_is_there_and_nothing_else(repo: Path) -> None:
    code = """
import tinychat
print(*(getattr(tinychat, name).__name__ for name in tinychat.__all__))
try: tinychat.lode
except AttributeError as error: print(error)
"""
    assert printed(repo, code) == "Bot InputError Reply load\nmodule 'tinychat' has no attribute 'lode'\n"
