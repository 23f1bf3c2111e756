import json
from pathlib import Path

import pytest
import torch

from tinychat.errors import InputError
from tinychat.model import load_model
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.generation_config import GenerationConfig, load_generation_config
from tinychat.model.registry import build_model, load_config
from tinychat.model.storage import save_model

CONFIG = ClassicConfig(vocab_size=300, embed_dim=16, n_layers=1, n_heads=2, ffn_dim=32, max_len=24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path, CONFIG, build_model(CONFIG).state_dict())
    return tmp_path


def test_a_model_comes_back_with_the_same_logits(folder: Path) -> None:
    torch.manual_seed(0)
    expected = build_model(CONFIG).eval()
    model = load_model(folder)
    assert not model.training
    assert load_config(folder) == CONFIG
    ids = torch.tensor([[1, 5, 2]])
    assert torch.equal(model(ids), expected(ids))


def test_the_same_weights_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = (folder / "model.safetensors").read_bytes()
    save_model(tmp_path, CONFIG, load_model(folder).state_dict())
    assert (tmp_path / "model.safetensors").read_bytes() == first


def test_what_replies_need_is_kept_and_a_model_of_an_earlier_version_has_none(folder: Path) -> None:
    assert load_generation_config(folder) is None
    save_model(folder, CONFIG, build_model(CONFIG).state_dict(), generation=GenerationConfig(18, ("선생",)))
    assert load_generation_config(folder) == GenerationConfig(18, ("선생",))
    assert "single_exchange" not in (folder / "generation_config.json").read_text(encoding="utf-8")
    for generation in (GenerationConfig(18, (), True), GenerationConfig(18, common_replies=("네, 그렇군요.",))):
        save_model(folder, CONFIG, build_model(CONFIG).state_dict(), generation=generation)
        assert load_generation_config(folder) == generation


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged, not JSON"),
        ("[]", "reply_tokens is None; it must be a whole number above 0"),
        ('{"reply_tokens": 0}', "reply_tokens is 0; it must be"),
        ('{"reply_tokens": true}', "reply_tokens is True; it must be"),
        ('{"reply_tokens": 1.5}', "reply_tokens is 1.5; it must be"),
        ('{"reply_tokens": 9}', "titles must be a list of texts, found None"),
        ('{"reply_tokens": 9, "titles": [1]}', r"titles must be a list of texts, found \[1\]"),
        ('{"reply_tokens": 9, "titles": [], "single_exchange": 1}', "single_exchange is 1; it must be true or false"),
        (
            '{"reply_tokens": 9, "titles": [], "common_replies": "네"}',
            "common_replies must be a list of trimmed texts, found '네'",
        ),
        (
            '{"reply_tokens": 9, "titles": [], "common_replies": ["네", ""]}',
            r"common_replies must be a list of trimmed texts, found \['네', ''\]",
        ),
        (
            '{"reply_tokens": 9, "titles": [], "common_replies": [" 네"]}',
            r"common_replies must be a list of trimmed texts, found \[' 네'\]",
        ),
    ],
)
def test_a_faulty_generation_config_is_named(folder: Path, content: str, message: str) -> None:
    (folder / "generation_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=rf"generation_config\.json: {message}"):
        load_generation_config(folder)


def test_missing_and_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: no such file"):
        load_model(tmp_path / "nowhere")
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"model\.safetensors: damaged, not safetensors"):
        load_model(folder)
    weights.unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: no such file"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layers": 2}, r"does not fit config\.json"),
        ({"architecture": "other"}, "this version knows classic"),
        ({"width": 3}, "'width' unknown to this version of tinychat; a newer one"),
        ({"n_heads": 3}, "n_heads is 3, which does not divide embed_dim 16; take for example 1, 2, 4"),
        ({"n_heads": 0}, "n_heads is 0; it must be a whole number above 0"),
        ({"n_heads": "a"}, "n_heads is 'a'; it must be"),
        ({"vocab_size": -1}, "vocab_size is -1; it must be"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_model(folder)
