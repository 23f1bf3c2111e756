import gc
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinychat.corpus import scratch as scratch_module
from tinychat.corpus.features import FeatureStore
from tinychat.corpus.merging import _Waiting
from tinychat.corpus.scratch import Growing, Scratch
from tinychat.files import temporary_file
from tinychat.tokenizer.word_counts import WordCounter


def growing(folder: Path) -> object:
    array = Growing(np.int64, Scratch(folder))
    array.extend(np.arange(100))
    return array


def word_counter(folder: Path) -> object:
    counter = WordCounter(folder, 2)
    for n in range(3):
        counter.add({f"{n}a": 1, f"{n}b": 1, f"{n}c": 1})
    assert len(list(counter)) == 9
    return counter


@pytest.mark.parametrize("make", [growing, word_counter, FeatureStore, lambda folder: _Waiting[Path](Scratch(folder))])
@pytest.mark.filterwarnings("error")  # a file that is not closed
def test_no_temporary_file_stays_open(
    make: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch_module, "SMALL", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # what earlier tests left
    cycle = [make(tmp_path)]
    cycle.append(cycle)
    del cycle
    gc.collect()


@pytest.mark.filterwarnings("error")
def test_a_file_that_cannot_be_written_any_more_is_closed_without_a_word(tmp_path: Path) -> None:
    class Owner:
        pass

    owner = Owner()
    file = temporary_file(owner, tmp_path)
    file.write(b"buffered")
    os.close(file.fileno())  # so that writing what is buffered fails, as on a full disk
    del owner
    gc.collect()
    assert file.closed
