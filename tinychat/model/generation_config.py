"""`generation_config.json`: what replies of a trained model need."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinychat.errors import InputError
from tinychat.files import read_regular

GENERATION_CONFIG_FILE = "generation_config.json"
MAX_BYTES = 1_000_000  # of the file, which has a few thousand


@dataclass(frozen=True)
class GenerationConfig:
    """What was measured on the answers that the model was trained on.

    reply_tokens  how many tokens of `max_len` a prompt leaves free for the reply, `<eos>` included: 99 in 100 answers
                  have no more
    titles        what stands before 님 in answers though nobody had said it (선생, 고객); other words there are names,
                  which a reply has from the dialogue
    single_exchange  whether no training example has a second exchange: then a prompt is the last message alone. Of the
                  trained questions of songys such a model answers 95% as trained, and 0.3% after another exchange
    common_replies  the replies that training gave most often (그렇군요. 이야기해 줘서 고마워요.): one of them is said
                  where the first sentence of a reply would call a name that nobody told; often there are none
    """

    reply_tokens: int
    titles: tuple[str, ...] = ()
    single_exchange: bool = False
    common_replies: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The content of the file; `single_exchange` and `common_replies` are in it where there is something to say."""
        return {name: value for name, value in asdict(self).items() if name in ("reply_tokens", "titles") or value}


def load_generation_config(folder: str | Path) -> GenerationConfig | None:
    """That of the model in `folder`; None where there is none, as in a model of an earlier version.

    Raises InputError where it is faulty.
    """
    file = Path(folder) / GENERATION_CONFIG_FILE
    try:
        data: Any = json.loads(read_regular(file, MAX_BYTES).decode("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError("{file}: cannot be read: {reason}", file=file, reason=error.strerror) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{file}: damaged, not JSON: {error}; `make repro` makes it again", file=file, error=error
        ) from None
    if not isinstance(data, dict):
        data = {}
    value, titles = data.get("reply_tokens"), data.get("titles")
    if type(value) is not int or value < 1:
        raise InputError(
            "{file}: reply_tokens is {value!r}; it must be a whole number above 0; `make repro` makes it again",
            file=file,
            value=value,
        )
    if not isinstance(titles, list) or not all(isinstance(title, str) for title in titles):
        raise InputError(
            "{file}: titles must be a list of texts, found {found:.40}; `make repro` makes it again",
            file=file,
            found=repr(titles),
        )
    single_exchange = data.get("single_exchange", False)
    if not isinstance(single_exchange, bool):
        raise InputError(
            "{file}: single_exchange is {value!r}; it must be true or false; `make repro` makes it again",
            file=file,
            value=single_exchange,
        )
    common = data.get("common_replies", [])
    if not isinstance(common, list) or not all(
        isinstance(text, str) and text and text == text.strip() for text in common
    ):
        raise InputError(
            "{file}: common_replies must be a list of trimmed texts, found {found:.40}; `make repro` makes it again",
            file=file,
            found=repr(common),
        )
    return GenerationConfig(value, tuple(titles), single_exchange, tuple(common))
