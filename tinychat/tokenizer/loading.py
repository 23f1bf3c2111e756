"""A vocabulary from its `tokenizer.json`."""

from pathlib import Path

import tokenizers
from tokenizers import models

from tinychat.errors import InputError
from tinychat.files import read_regular
from tinychat.tokenizer.byte_level import ByteLevelTokenizer
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import MAX_TOKENIZER_BYTES, TOKENIZER_FILE, Tokenizer
from tinychat.tokenizer.word_level import WordLevelTokenizer

KINDS: dict[type, type[Tokenizer]] = {models.BPE: ByteLevelTokenizer, models.WordLevel: WordLevelTokenizer}


def load_tokenizer(path: str | Path, vocab_size: int | None = None) -> Tokenizer:
    """The vocabulary in `path`, a `tokenizer.json` or a folder with one; `vocab_size` is its model's.

    Raises InputError where there is none, it has more tokens, or is neither word level with an unknown word nor
    byte-level BPE, with the chat template's tokens.
    """
    file = Path(path)
    file = file / TOKENIZER_FILE if file.is_dir() else file
    try:
        backend = tokenizers.Tokenizer.from_str(read_regular(file, MAX_TOKENIZER_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise InputError("{file}: no such file; `make repro` builds the vocabulary", file=file) from None
    except InputError:
        raise
    except Exception as error:  # the backend raises bare Exception
        raise InputError("{file}: not a tokenizer.json: {error}", file=file, error=error) from None
    kind = type(backend.model)
    if kind not in KINDS:
        raise InputError(
            "{file}: its model is {kind}; tinychat reads BPE (of bytes) and WordLevel", file=file, kind=kind.__name__
        )
    missing = [t for i, t in enumerate(CONTROL_TOKENS) if backend.token_to_id(t) != i]
    if missing:
        raise InputError(
            "{file}: {names} missing or misplaced; not a vocabulary of tinychat", file=file, names=", ".join(missing)
        )
    tokenizer = KINDS[kind](backend)
    if vocab_size is not None and tokenizer.size > vocab_size:
        raise InputError(
            "{folder}: {name} has {tokens} tokens, but config.json says {vocab_size}; they are not of one model",
            folder=file.parent,
            name=file.name,
            tokens=tokenizer.size,
            vocab_size=vocab_size,
        )
    if fault := tokenizer.fault():
        raise InputError("{file}: {fault}", file=file, fault=fault)
    return tokenizer
