"""Learns the merges of byte pair encoding from counted pieces of text (Sennrich et al., 1508.07909).

As the trainer of the library `tokenizers`, merge for merge (tests/tokenizer/test_merges.py compares), which takes texts
only: counts need neither the memory nor the time of the texts that they were counted in.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

Pair = tuple[int, int]


def learn_merges(pieces: Mapping[str, int], size: int, min_frequency: int) -> Iterator[tuple[str, str]]:
    """The pairs of tokens to merge, the most frequent first, until there are `size` tokens, characters included, or no
    pair occurs `min_frequency` times.

    Of equally frequent pairs the one of earlier tokens is first; the first tokens are the characters in their order.
    """
    tokens = sorted(set().union(*pieces))
    ids = {token: i for i, token in enumerate(tokens)}
    symbols = [[ids[char] for char in piece] for piece in pieces]
    counts = list(pieces.values())
    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    places: defaultdict[Pair, list[int]] = defaultdict(list)  # pieces that hold it
    for place, (found, count) in enumerate(zip(symbols, counts, strict=True)):
        for pair in pairwise(found):
            pair_counts[pair] += count
            places[pair].append(place)
    # A pair may stand in the queue several times, each time with other places, if it came up again later.
    queue = [(-count, pair, n, places[pair]) for n, (pair, count) in enumerate(pair_counts.items())]
    number = len(queue)  # keeps lists of places from being compared
    del places
    heapq.heapify(queue)
    while queue and len(tokens) < size:
        count, pair, entry, where = heapq.heappop(queue)
        now = pair_counts[pair]
        if now != -count:  # other merges took some
            heapq.heappush(queue, (-now, pair, entry, where))
            continue
        if now < max(1, min_frequency):
            return
        left, right = (tokens[i] for i in pair)
        yield left, right
        merged = ids.setdefault(left + right, len(tokens))
        if merged == len(tokens):
            tokens.append(left + right)
        appeared: defaultdict[Pair, list[int]] = defaultdict(list)
        for place in dict.fromkeys(where):
            symbols[place] = _merged(symbols[place], pair, merged, counts[place], pair_counts, appeared, place)
        for new, where in appeared.items():
            if pair_counts[new] > 0:
                heapq.heappush(queue, (-pair_counts[new], new, number, where))
                number += 1


def _merged(
    symbols: list[int],
    pair: Pair,
    merged: int,
    count: int,
    pair_counts: defaultdict[Pair, int],
    appeared: defaultdict[Pair, list[int]],
    place: int,
) -> list[int]:
    """The symbols of a piece that occurs `count` times, with `pair` merged; updates counts and places of its pairs."""
    left, right = pair
    result: list[int] = []
    done, at = 0, _find(symbols, left, 0)
    while at >= 0:
        if at + 1 == len(symbols) or symbols[at + 1] != right:
            at = _find(symbols, left, at + 1)
            continue
        result += symbols[done:at]
        done = at + 2
        pair_counts[pair] -= count
        if result:
            before = result[-1]
            pair_counts[before, left] -= count
            pair_counts[before, merged] += count
            appeared[before, merged].append(place)
        if done < len(symbols):
            after = symbols[done]
            pair_counts[right, after] -= count
            pair_counts[merged, after] += count
            appeared[merged, after].append(place)
        result.append(merged)
        at = _find(symbols, left, done)
    return result + symbols[done:]


def _find(symbols: list[int], symbol: int, start: int) -> int:
    """Where the symbol stands next; -1 where it does not."""
    try:
        return symbols.index(symbol, start)  # not a loop: a piece may have a thousand symbols
    except ValueError:
        return -1
