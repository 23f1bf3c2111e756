"""Stage build_page: one HTML file in which the model talks and shows its layers."""

from pathlib import Path

from tinychat.files import write_atomically
from tinychat.language.exit import run_and_exit
from tinychat.model.registry import load_config
from tinychat.page.building import MODEL, build_page, read_inputs
from tinychat.page.fitting import Unfit, fit
from tinychat.page.without_model import page_without_model, remark
from tinychat.params.loading import load_params
from tinychat.printing import say

PAGE = Path("outputs/tinychat.html")


def run(root: Path = Path()) -> None:
    """Write `outputs/tinychat.html`; of a model that no browser can run it says why."""
    params = load_params(root)
    language = params.report.language
    fitting = fit(load_config(root / MODEL))
    if isinstance(fitting, Unfit):  # a pipeline with such a model must not fail because of it
        page = page_without_model(fitting, language)
        say(remark(fitting, language))
    else:
        inputs = read_inputs(
            root,
            fitting,
            prompts=params.analyze.prompts,
            language=language,
            quote_training=params.page.quote_training,
        )
        page = build_page(inputs, params.page.bits, help_in_danger=params.page.help_in_danger)
    write_atomically(root / PAGE, page)
    say(f"the page is {root / PAGE} ({len(page.encode()) / 1e6:.1f} MB)")
    if params.page.quote_training and not isinstance(fitting, Unfit):
        say("it quotes training dialogues (page.quote_training): whoever gets the file can read them")


def main() -> None:
    run_and_exit(run)


if __name__ == "__main__":
    main()
