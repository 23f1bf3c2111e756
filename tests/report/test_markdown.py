import pytest

from tinychat.report.markdown import escape


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("<script>alert(1)</script>", r"\<script>alert(1)\</script>"),
        ("`rm`", r"\`rm\`"),
        ("두\n줄", "두 ⏎ 줄"),
        ("![x](http://y)", r"!\[x\](http://y)"),
        ("**굵게** _기울게_", r"\*\*굵게\*\* \_기울게\_"),
        ("$x$ ~~y~~ \\", r"\$x\$ \~\~y\~\~ \\"),
        ("&lt; R&D", r"\&lt; R&D"),
        ("input_layer.norm", "input_layer.norm"),
    ],
)
def test_what_was_said_means_nothing_to_markdown(text: str, written: str) -> None:
    assert escape(text) == written
