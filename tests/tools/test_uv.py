"""`tools/uv.py` passes the settings of pip to uv."""

from tools.uv import pip_settings, uv_variables

LISTED = """\
:env:.find-links='/wheels'
global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'
global.find-links='/other'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
list.format='columns'
"""


def test_what_pip_is_told_for_one_run_counts_more_than_its_files_and_what_is_said_of_install_more_than_of_all() -> None:
    assert pip_settings(LISTED) == {
        "find-links": "/wheels",
        "extra-index-url": "https://a.example/simple\nhttps://b.example/simple",
        "index-url": "https://install.example/simple",
    }


def test_the_indexes_of_pip_are_those_of_uv_which_takes_the_best_version_of_all_of_them_as_pip_does() -> None:
    pip = {"index-url": "https://c.example/simple", "extra-index-url": "https://a.example\nhttps://b.example"}
    assert uv_variables(pip) == {
        "UV_INDEX_URL": "https://c.example/simple",
        "UV_EXTRA_INDEX_URL": "https://a.example https://b.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert uv_variables({"find-links": "/wheels ./more"}) == {"UV_FIND_LINKS": "/wheels,./more"}
    assert uv_variables({}) == {}
