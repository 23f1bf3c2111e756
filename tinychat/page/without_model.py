"""The page of a model that no browser can run: it says why, and where to talk with the model instead."""

from html import escape
from pathlib import Path
from string import Template

from tinychat.page.fitting import Unfit

TEMPLATE = Path(__file__).parent / "templates" / "without_model.html"
TEXTS = {
    "ko": {
        "title": "tinychat: 브라우저에서 돌릴 수 없는 모델",
        "heading": "이 모델은 브라우저에서 돌릴 수 없습니다",
        "architecture": "모델의 구조가 {architecture}인데, 페이지는 {known} 구조만 계산할 수 있습니다.",
        "memory": "모델이 너무 큽니다. 가중치가 {weights:,}개라서 페이지를 열려면 메모리가 약 {needed:,} MB 필요한데, "
        "{most:,} MB까지만 허용합니다.",
        "instead": "터미널에서는 이야기할 수 있습니다:",
        "summary": "결과 요약 보고서",
        "remark": "주의: 페이지에 모델을 넣지 않았습니다. {reason}",
    },
    "en": {
        "title": "tinychat: a model that no browser can run",
        "heading": "This model cannot run in a browser",
        "architecture": "Its architecture is {architecture}; a page can compute {known} only.",
        "memory": "It is too large: with {weights:,} weights, the page would need about {needed:,} MB of memory "
        "to open; at most {most:,} MB are allowed.",
        "instead": "You can talk with it in a terminal:",
        "summary": "The summary of its results",
        "remark": "warning: the page does not hold the model. {reason}",
    },
}


def page_without_model(unfit: Unfit, language: str) -> str:
    """The page as HTML, in `ko` or `en`."""
    texts = TEXTS[language]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language=language,
        title=texts["title"],
        heading=texts["heading"],
        reason=escape(reason(unfit, language)),
        instead=texts["instead"],
        summary=texts["summary"],
    )


def remark(unfit: Unfit, language: str) -> str:
    """What the log says."""
    return TEXTS[language]["remark"].format(reason=reason(unfit, language))


def reason(unfit: Unfit, language: str) -> str:
    """Why, as a sentence."""
    return TEXTS[language][unfit.key].format(**unfit.values)
