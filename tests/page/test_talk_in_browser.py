"""What a person sees who speaks of self-harm in the page, opened from a file in Chromium."""

import html
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.page import test_building
from tinychat.model.classic_config import OUTPUT
from tinychat.page.building import PageInputs, build_page
from tinychat.safety.help import HELP, HELP_IN_ENGLISH

inputs = test_building.inputs  # a fixture
DANGER = "더는 못 살겠어ㅋㅋㅋ"
UNCLEAR = ("요즘 사는 게 너무 힘들어", "이제 그만하고 싶어")
EOS = 3


@pytest.fixture
def silent(inputs: PageInputs) -> PageInputs:
    """Of a model that ends each reply at once, so that the whole talk stays in its prompt."""
    config = replace(inputs.config, max_len=128)
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in config.weight_shapes().items()}
    _, bias = OUTPUT
    weights[bias][EOS] = 1
    return replace(inputs, config=config, weights=weights)


# Says each text when the reply to the one before is there; the title tells when all is done.
DRIVER = """<script>
(async () => {
  const until = async (found) => { while (!found()) await new Promise((next) => setTimeout(next, 20)); };
  const button = () => document.querySelector(".field .strong:not([disabled])");
  await until(button);
  for (const text of %s) {
    const n = document.querySelectorAll(".message").length, field = document.querySelector("textarea");
    field.value = text;
    document.querySelector(".composer").requestSubmit();
    await until(() => document.querySelectorAll(".message").length > n + 1 && button());
  }
  document.title = "done";
})();
</script></body>"""


def talk(page: str, texts: list[str], folder: Path) -> str:
    """The page's document after these texts were said; skips where there is no Chromium."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium to open the page in")
    path = folder / "tinychat.html"
    path.write_text(page.replace("</body>", DRIVER % texts), encoding="utf-8")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}")
    command = [browser, *options, "--virtual-time-budget=60000", "--dump-dom", path.as_uri()]
    found = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=True).stdout
    assert "<title>done</title>" in found
    return found


def messages(document: str) -> list[tuple[str, str]]:
    """Who said what, in the order of the talk."""
    found = re.findall(r'<article class="message (\w+).*?<div class="bubble">(.*?)</div>', document, re.DOTALL)
    return [(who, html.unescape(re.sub("<[^>]*>", "", text))) for who, text in found]


def tokens(document: str) -> list[str]:
    """The sequence that the walk shows: prompt and reply."""
    return re.findall(r'<span class="text">([^<]*)</span><small>\d+</small>', document)


@pytest.mark.slow
def test_the_help_lines_stand_in_the_talk_and_the_model_reads_none_of_it(silent: PageInputs, tmp_path: Path) -> None:
    page = build_page(replace(silent, prompts=[["안녕"]]), 6)
    document = talk(page, [DANGER, "I want to die", "잘 자"], tmp_path)
    shown = messages(document)
    assert [who for who, _ in shown] == ["user", "assistant", "user", "help", "user", "help", "user", "assistant"]
    assert shown[3] == ("help", HELP)
    assert shown[5] == ("help", f"{HELP}\n{HELP_IN_ENGLISH}")
    # The model's own replies are empty, so the messages around them are joined to one turn.
    assert tokens(document).count("&lt;user&gt;") == 1
    assert "안녕" in tokens(document)
    assert tokens(document) == tokens(talk(page, ["잘 자"], tmp_path))


@pytest.mark.slow
def test_two_messages_are_read_as_one_there_too(inputs: PageInputs, tmp_path: Path) -> None:
    shown = messages(
        talk(build_page(replace(inputs, prompts=[[*UNCLEAR[:1], "그랬군요.", "안녕"]]), 6), list(UNCLEAR), tmp_path)
    )
    assert [who for who, _ in shown[4:]] == ["user", "assistant", "user", "help"]


@pytest.mark.slow
def test_switched_off_the_model_answers(inputs: PageInputs, tmp_path: Path) -> None:
    shown = messages(talk(build_page(inputs, 6, help_in_danger=False), [DANGER], tmp_path))
    assert [who for who, _ in shown] == ["user", "assistant"] * 2
