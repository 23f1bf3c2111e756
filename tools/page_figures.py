"""The table of the live page's figures, which `benchmarks/page.py` measures, for `tools/docs_figures.py`."""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from typing import Any

Text = tuple[str, str]  # English, Korean

OPENING: dict[tuple[str, str], Text] = {
    ("idle", "paint"): ("from opening to the first picture", "열고 나서 첫 화면까지"),
    ("idle", "example"): ("… the first token of the reply to its example", "… 예시에 대한 대답의 첫 토큰까지"),
    ("idle", "ready"): ("… until one can send a message", "… 말을 보낼 수 있을 때까지"),
    ("idle", "first_token"): ("… the first token of the reply to it", "… 그 말에 대한 대답의 첫 토큰까지"),
    ("busy", "example"): (
        "first token of the example, all cores busy with something else",
        "예시의 첫 토큰까지, 모든 코어가 다른 일을 할 때",
    ),
    ("busy", "first_token"): (
        "first token of the reply to a message, all cores busy",
        "보낸 말에 대한 대답의 첫 토큰까지, 모든 코어가 다른 일을 할 때",
    ),
}
SPEEDS: dict[str, Text] = {
    "plain": ("a talk, the walk not shown", "대화만 할 때(레이어 화면은 닫음)"),
    "shown": ("a talk while everything is drawn: lines, lens", "레이어 화면을 모두 그리면서 대화할 때"),
}
INTERACTION: dict[str, Text] = {
    "hover": ("pointing at a word", "단어를 가리킬 때"),
    "focus": ("going to a word by keyboard", "키보드로 단어를 옮겨 갈 때"),
    "head": ("choosing another head", "다른 헤드를 고를 때"),
    "layer": ("going to another layer", "다른 레이어로 갈 때"),
    "token": ("going to another token", "다른 토큰으로 갈 때"),
}
BROWSERS = {"chromium": "Chromium", "firefox": "Firefox"}


def page_rows(saved: dict[str, Any], korean: int) -> list[tuple[str, ...]]:
    """What was measured beside what is aimed at, from the saved results."""
    head = (("the page of the default model", "aim", "measured"), ("기본 모델의 페이지", "목표", "잰 값"))
    return [
        head[korean],
        *_file(saved, korean),
        *_browsers(saved, korean),
        *_building(saved, korean),
        _where(saved, korean),
    ]


def _file(saved: dict[str, Any], korean: int) -> Iterator[tuple[str, ...]]:
    for bits, size in saved["size_mb"].items():
        name = (f"size of the file, {bits} bits", f"파일 크기, {bits}비트")[korean]
        yield name, f"≤ {saved['aims'][f'size_mb.{bits}']:g} MB", f"{size:.2f} MB"


def _browsers(saved: dict[str, Any], korean: int) -> Iterator[tuple[str, ...]]:
    aims, second, slowest = saved["aims"], (" s", "초")[korean], ("slowest", "가장 느릴 때")[korean]
    for (load, mark), text in OPENING.items():
        aim = aims.get(f"opening.{load}.{mark}")
        times = _in_each(saved, lambda ms: f"{ms / 1000:.2f}{second}", "opening", load, mark)
        yield text[korean], "–" if aim is None else f"≤ {aim / 1000:g}{second}", times
    for kind, text in SPEEDS.items():
        name = f"{('tokens/s', '초당 토큰')[korean]}: {text[korean]}"
        speeds = _in_each(saved, lambda speed: f"{speed:,.0f}", "tokens_per_second", kind)
        yield name, f"≥ {aims[f'tokens_per_second.{kind}']:g}", speeds
    for kind, text in INTERACTION.items():
        name = text[korean] + (f", {saved['context']} tokens", f", 토큰 {saved['context']}개")[korean]
        times = _in_each(saved, lambda ms: f"{ms['median']:.0f} ms ({slowest} {ms['worst']:.0f})", "interaction", kind)
        yield name, f"≤ {aims[f'interaction.{kind}.median']:g} ms", times


def _in_each(saved: dict[str, Any], written: Callable[[Any], str], *path: str) -> str:
    """A figure of each browser, with the browser's name where there are several."""
    found = {BROWSERS[name]: written(reduce(getitem, path, one)) for name, one in saved["browsers"].items()}
    return ", ".join(f"{name} {text}" if len(found) > 1 else text for name, text in found.items())


def _building(saved: dict[str, Any], korean: int) -> Iterator[tuple[str, ...]]:
    aims, build = saved["aims"], saved["build"]
    time, memory = (("`build_page`, time", "`build_page`, memory"), ("`build_page`, 시간", "`build_page`, 메모리"))[
        korean
    ]
    second = (" s", "초")[korean]
    yield time, f"≤ {aims['build.seconds']:g}{second}", f"{build['seconds']:.1f}{second}"
    yield memory, f"≤ {aims['build.peak_mb']:g} MB", f"{build['peak_mb']:.0f} MB"


def _where(saved: dict[str, Any], korean: int) -> tuple[str, ...]:
    """Machine, browsers, and which browser could not be driven there."""
    browsers = [f"{BROWSERS[name]} {one['version']}" for name, one in saved["browsers"].items()]
    rounds = (f"{saved['rounds']} rounds", f"{saved['rounds']}번 반복")[korean]
    missing = ", ".join(BROWSERS[name] for name in saved["left_out"])
    not_there = [(f"not measured: {missing}", f"재지 않음: {missing}")[korean]] if missing else []
    return ("measured on", "잰 곳")[korean], "–", "; ".join([saved["machine"], *browsers, rounds, *not_there])
