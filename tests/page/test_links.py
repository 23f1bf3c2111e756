"""Where a link into the page leads: the view, the token, the step and the head that it names."""

from typing import Any

import pytest

from tests.page.node import run_in_node

CONFIG = {"n_layers": 3, "n_heads": 4}
EOS = 3
IDS = [1, *range(10, 19), EOS]
AT_FIRST = {"example": 0, "tab": "walk", "token": 6, "step": "tokens", "layer": None, "head": None}


def followed(link: str, ids: list[int] | None = IDS) -> dict[str, Any]:
    """What is shown after a link was followed, beside what was before."""
    carried = {"config": CONFIG, "examples": [["안녕"], ["잘 자"]], "language": "ko"}
    (found,) = run_in_node(
        "links.mjs", {"carried": carried, "cases": [{"hash": link, "ids": ids}]}, needs_packages=True
    )
    return {key: value for key, value in found.items() if value != AT_FIRST[key]}


@pytest.mark.parametrize("tab", ["map", "training", "replies", "file"])
def test_it_opens_a_view(tab: str) -> None:
    assert followed(f"#tab={tab}") == {"tab": tab}


def test_it_leads_to_the_head_of_a_layer_for_a_token_and_counts_from_one() -> None:
    assert followed("#example=2&token=3&step=attention&layer=2&head=4") == {
        "example": 1,
        "token": 3,
        "step": "attention",
        "layer": 1,
        "head": 3,
    }


@pytest.mark.parametrize(
    ("link", "step"),
    [
        ("#layer=3", {"step": "attention", "layer": 2}),
        ("#layer=3&head=1", {"step": "attention", "layer": 2, "head": 0}),
        ("#step=ffn&layer=2", {"step": "ffn", "layer": 1}),
        ("#step=ffn&layer=2&head=2", {"step": "ffn", "layer": 1}),
        ("#step=norm1", {"step": "norm1", "layer": 0}),
        ("#step=softmax", {"step": "softmax"}),
        ("#step=softmax&layer=2", {"step": "softmax"}),
    ],
)
def test_a_layer_alone_means_its_attention_and_a_step_alone_the_first_layers(link: str, step: dict[str, Any]) -> None:
    assert followed(link) == step


@pytest.mark.slow
@pytest.mark.parametrize(
    "link",
    [
        "",
        "#",
        "#tab=nothing",
        "#tab=",
        "#example=3",
        "#example=0",
        "#token=0",
        "#token=12",
        "#token=-1",
        "#token=1.5",
        "#token=zwei",
        "#token=",
        "#layer=4",
        "#step=nothing&layer=1",
        "#head=1",
        "#step=<script>alert(1)</script>",
        "#%00=%ff&&==",
    ],
)
def test_what_does_not_exist_is_left_out(link: str) -> None:
    assert followed(link) == {}


def test_no_word_is_made_from_the_end_of_a_reply_so_the_last_token_is_the_one_before() -> None:
    assert followed(f"#token={len(IDS)}") == {"token": len(IDS) - 1}


def test_before_anything_is_said_it_can_open_a_view_only() -> None:
    assert followed("#tab=map&token=2&step=ffn&layer=2", ids=None) == {"tab": "map"}
