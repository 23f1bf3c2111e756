"""Every command that the READMEs, the guides and CONTRIBUTING show is run, page by page, in a copy of the project.

A block of commands is tagged `sh`, one with `$ ` before commands and their output below `console`, Python `python`; all
others show no command. What cannot run here has `<!-- not run: WHY -->` in the line above. Output is not compared, but
where a page shows an error, the command must fail.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forkserver import fast_environment
from tests.pipeline.project import REPO, Project

READMES = ("README.md", "README.ko.md")
RECORDS = ("experiments.md", "replies.md")  # they show what was once run, and said
GUIDES = sorted(path.relative_to(REPO).as_posix() for path in (REPO / "docs").rglob("*.md") if path.name not in RECORDS)
KOREAN = {"README.md": "README.ko.md"} | {
    f"docs/{p.name}": f"docs/ko/{p.name}" for p in (REPO / "docs/ko").glob("*.md")
}
PAGES = [*READMES, "CONTRIBUTING.md", *GUIDES]
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (\S.*) -->$")
COMMAND = re.compile(
    r"^\s*(\$ |(make|dvc|git|tinychat chat|\.venv/bin/\w+|python|pip|source|cd|export|ssh|\.ci/run) )", re.M
)
WRITE = re.compile(r"(?:Write `|다음을 `)(\S+)`(?:|에 저장합니다):$")
ERROR = re.compile(r"^(error|ERROR): ", re.MULTILINE)

# What a page leaves to its reader to fill in, and what a page takes for granted, as commands before its first one.
PLACEHOLDERS = {"<this repository>": "$ORIGIN", "<이 저장소>": "$ORIGIN", "/srv/tinychat": "$STORAGE"}
FINISHED = 'git clone --quiet "$ORIGIN" tinychat; cd tinychat; cp -r "$ORIGIN/.dvc/cache" .dvc; dvc checkout --quiet'
BEFORE = {
    "README.md": ":",
    "docs/remote.md": f"{FINISHED}; cp data/raw/qa.csv data/raw/dialogues.csv",
    "docs/starter.md": f"{FINISHED}; rm data/raw/qa.csv; sed -i 's/^    dialogues: .*/    dialogues: 300/' params.yaml",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `why` it is not run, and the file that the page has its reader write it to."""

    place: str
    tag: str
    text: str
    why: str
    file: str

    def commands(self) -> list[tuple[str, bool]]:
        """Each command of a block, and whether the page shows that it fails."""
        if self.tag == "python":
            return [(f"python - <<'END'\n{self.text}END", False)]
        if self.tag == "sh":
            return [(self.text.rstrip(), False)]
        if self.tag == "console":
            pieces = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
            return [(piece.split("\n")[0], ERROR.search(piece) is not None) for piece in pieces]
        return [(f"cat > {self.file} <<'END'\n{self.text}END", False)] if self.file else []


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in their order."""
    text = (REPO / page).read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        above = text[: found.start()].rstrip("\n").rpartition("\n")[2].strip()
        why, file = NOT_RUN.match(above), WRITE.search(above)
        body = re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)
        line = text[: found.start()].count("\n") + 1
        yield Block(f"{page}:{line}", found[2], body, why[1] if why else "", file[1] if file else "")


def script(page: str) -> str:
    """All commands of a page, one after the other, in bash."""
    lines = ["set -euo pipefail", BEFORE.get(page, FINISHED)]
    for block in blocks(page):
        for command, fails in block.commands() if not block.why else []:
            for placeholder, value in PLACEHOLDERS.items():
                command = command.replace(placeholder, value)
            # Where the page has a person talk, a person talks.
            command = re.sub(r"tinychat chat$", "tinychat chat <<< 안녕", command, flags=re.MULTILINE)
            lines += [f"echo '== {block.place}'", f"if {command}\nthen exit 1; fi" if fails else command]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def origin(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project to be cloned: git has its dialogues, and a link to the environment of these tests."""
    project = finished.copy(tmp_path_factory.mktemp("origin") / "tinychat")
    (project.root / ".venv").symlink_to(fast_environment(tmp_path_factory.mktemp("environment") / "venv"))
    project.git("add", "--force", ".venv", "data/raw/qa.csv")
    project.git("commit", "--quiet", "--message=what a clone shall have")
    project.git("config", "receive.denyCurrentBranch", "ignore")
    return project


@pytest.mark.parametrize("page", PAGES)
def test_each_block_says_what_it_is_and_one_of_commands_runs_or_says_why_not(page: str) -> None:
    for block in blocks(page):
        assert block.tag in ("sh", "console", "python", "yaml", "json", "text", "mermaid"), block.place
        if block.tag not in ("sh", "console", "python") and not block.why:
            assert not COMMAND.search(block.text), block.place
        if block.tag == "console":
            assert block.commands(), block.place


@pytest.mark.parametrize("page", KOREAN)
def test_a_page_has_the_same_commands_in_both_languages(page: str) -> None:
    def commands(page: str) -> list[str]:
        found = [command for block in blocks(page) for command, _ in block.commands()]
        return [re.sub(r" +#.*$|<.*?>", "", command, flags=re.MULTILINE) for command in found]

    assert commands(page) == commands(KOREAN[page])


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_file_or_a_heading_that_is_there(page: str) -> None:
    text = (REPO / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
        file, _, heading = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (REPO / page).parent / file if file else REPO / page
        assert there.exists(), f"{page}: {target}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings], (
                f"{page}: {target}"
            )


@pytest.mark.parametrize("page", READMES)
def test_the_readme_is_read_in_two_minutes(page: str) -> None:
    assert len((REPO / page).read_text(encoding="utf-8").splitlines()) <= 170


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("make") is None, reason="needs bash and make")
@pytest.mark.parametrize("page", [page for page in PAGES if page not in KOREAN.values() and "== " in script(page)])
def test_the_commands_of_a_page_do_what_they_should(origin: Project, tmp_path: Path, page: str) -> None:
    settings = {"ORIGIN": str(origin.root), "STORAGE": str(tmp_path / "storage"), "HOME": str(tmp_path)}
    kept = {
        name: value for name, value in origin.environment().items() if not re.match("MAKE|PYTHON|VIRTUAL_ENV", name)
    }
    ended = subprocess.run(
        ["bash", "-c", script(page)],
        cwd=tmp_path,
        env=kept | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
