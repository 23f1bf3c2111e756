import os
import random
from pathlib import Path

import numpy as np
import pytest

from tinychat.corpus import scratch as scratch_module
from tinychat.corpus.scratch import Growing, Scratch, are_in, count_values, distinct_in_place, parts_of


@pytest.fixture(params=[0, 1 << 20], ids=["in files", "in memory"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setattr(scratch_module, "SMALL", request.param)
    monkeypatch.setattr(scratch_module, "AT_ONCE", 7)
    return Scratch(tmp_path)


def test_an_array_begins_with_zeros_or_one_value_and_its_file_has_no_name(scratch: Scratch, tmp_path: Path) -> None:
    zeros, ones = scratch.zeros((3, 1000), np.uint32), scratch.full(1000, -1, np.int32)
    zeros[1, 5] = 2**32 - 1
    assert (zeros.sum(), ones.sum()) == (2**32 - 1, -1000)
    assert not [*tmp_path.iterdir()]


def test_an_array_grows_over_the_bound_between_memory_and_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_module, "SMALL", 1000)
    growing, expected = Growing(np.int64, Scratch(tmp_path)), list[int]()
    for n in range(60):
        growing.extend(np.arange(n))
        expected += range(n)
        if n:
            growing.array[-1] = expected[-1] = -n  # what is written to it stays
    assert growing.array.tolist() == expected
    assert len(growing) == len(expected)


def test_distinct_values_are_those_of_a_set(scratch: Scratch) -> None:
    for n in (0, 1, 6, 7, 8, 500):
        values = scratch.zeros(n, np.uint64)
        values[:] = [random.Random(n).randrange(40) << 40 for _ in range(n)]
        expected = sorted(set(values.tolist()))
        assert distinct_in_place(values).tolist() == expected


def test_values_are_counted_and_found(scratch: Scratch) -> None:
    values = np.array(random.Random(0).choices(range(0, 90, 3), k=200), np.int32)
    counts = count_values((values[part] for part in parts_of(len(values))), 100, scratch)
    assert counts.tolist() == np.bincount(values, minlength=100).tolist()
    assert are_in(np.unique(values), np.arange(100)).tolist() == (counts > 0).tolist()
    assert not are_in(values[:0], values).any()


def test_where_the_system_cannot_reserve_room_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_module, "SMALL", 0)
    monkeypatch.setattr(scratch_module, "ZEROS", 1000)
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    assert Scratch(tmp_path).zeros(12_345, np.uint8).sum() == 0
    growing = Growing(np.int32, Scratch(tmp_path))
    for n in range(3000):
        growing.extend(np.array([n, -n]))
    assert growing.array[::2].tolist() == (-growing.array[1::2]).tolist() == [*range(3000)]
