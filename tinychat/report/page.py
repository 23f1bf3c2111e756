"""The summary as one HTML page: no network, no script, light and dark, on a phone and on paper."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tinychat.report.comparison import MEASURED_ON
from tinychat.report.inline import inline
from tinychat.report.inputs import Reports
from tinychat.report.view import ARROWS, SentenceView, View, replace_unprintable
from tinychat.report.words import Words

TEMPLATES = Path(__file__).parent / "templates"


def to_html(reports: Reports, view: View, words: Words, language: str) -> str:
    """summary.html. All text of persons and models is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: (
            replace_unprintable(value) if type(value) is str else value
        ),  # not what is markup already
    )
    # matplotlib takes longer to load than all else of this stage together: errors come before that.
    from tinychat.report.charts import draw_loss_curve

    kept = reports.metrics["train"]["kept_epoch"]
    curve = draw_loss_curve(reports.history, kept, words)
    return environment.get_template("summary.html.j2").render(
        language=language,
        t=words,
        view=view,
        arrows=ARROWS,
        shown=[split for split in MEASURED_ON if view.asked[split]],
        loss_curve=Markup(inline(curve, "loss", words("loss_curve"))),
        sentences=_sentences(reports, view, words),
    )


def _sentences(reports: Reports, view: View, words: Words) -> list[tuple[SentenceView, dict[str, Markup]]]:
    """What is said of each sentence, and its pictures by name."""
    return [
        (
            said,
            {
                name: Markup(inline(picture, f"{name}-{number}", words(f"{name}.about")))
                for name, picture in sentence.pictures.items()
            },
        )
        for number, (sentence, said) in enumerate(zip(reports.sentences, view.sentences, strict=True), start=1)
    ]
