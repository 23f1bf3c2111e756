"""Stage summarize: the results of the other stages as one page."""

from pathlib import Path

from tinychat.files import to_json, write_together
from tinychat.language.exit import run_and_exit
from tinychat.params.loading import load_params
from tinychat.printing import say
from tinychat.report.inputs import read_reports
from tinychat.report.page import to_html
from tinychat.report.summary import FINAL_LOSS, N_GENERATED, N_LAYERS, summarize
from tinychat.report.view import build_view
from tinychat.report.words import words_of

REPORTS = Path("reports")
OVERVIEW = Path("data/overview")
MODEL = Path("models/dialogue")
TABLE = Path("outputs/generated_dialogue.csv")
REPLIES = Path("outputs/generated_dialogue.jsonl")
SUMMARY = Path("reports/summary")


def run(root: Path = Path()) -> None:
    """Write `reports/summary.json` and `.html` from the reports, the model's metadata and the replies."""
    language = load_params(root).report.language
    words = words_of(language)
    reports = read_reports(
        reports=root / REPORTS, overview=root / OVERVIEW, model=root / MODEL, table=root / TABLE, replies=root / REPLIES
    )
    numbers = summarize(reports)
    view = build_view(reports, words, language)
    contents = {
        ".json": to_json(numbers),
        ".html": to_html(reports, view, words, language),
    }
    write_together({(root / SUMMARY).with_suffix(suffix): content for suffix, content in contents.items()})
    say(", ".join(f"{key}: {numbers[key]}" for key in (N_LAYERS, FINAL_LOSS, N_GENERATED)))
    for tone, sentence in view.findings:
        if tone == "bad":  # at the end of the log, where a person looks
            say(f"warning: {sentence}" if language == "en" else f"주의: {sentence}")
    say(f"the summary is {root / SUMMARY}.html")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
