"""Reads all sources in order: yields the dialogues that are kept and counts everything else."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from tinychat.corpus.counts import Counts
from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.masking.block_list import BlockList
from tinychat.corpus.masking.source_mask import tell_of_masking
from tinychat.corpus.merging import Merging
from tinychat.corpus.opening import Opened, one_room_each, open_source
from tinychat.corpus.reader import find_readers
from tinychat.corpus.row_batches import batches
from tinychat.corpus.source_rows import SourceRows
from tinychat.corpus.sources import list_sources
from tinychat.corpus.tidying import Dialogues, Packed, Tidying, packing
from tinychat.params.sections import CorpusParams
from tinychat.printing import say
from tinychat.row_progress import RowProgress
from tinychat.shards import run_in_order


def gather(
    raw: Path,
    params: CorpusParams,
    counts: Counts,
    tell: Callable[..., None] = say,
    blocked: BlockList | None = None,
) -> Iterator[Dialogue]:
    """The dialogues of all sources, one after another: cleaned, joined, checked, without duplicates.

    A line about each source goes to `tell`. `blocked`: the person's own words to mask.

    Raises InputError for a source that cannot be read or of which nothing can be kept, and under
    `on_error: stop` for the first faulty row.
    """
    yield from read_all(_opened(raw, params, tell), params, counts, tell, blocked)


def read_all(
    opened: Sequence[Opened],
    params: CorpusParams,
    counts: Counts,
    tell: Callable[..., None],
    blocked: BlockList | None,
) -> Iterator[Dialogue]:
    """The dialogues of these sources, in their order; files of one room of a messenger are read as one source."""
    tidy = Tidying(params.mask.leave, blocked)
    sources = _sources(opened, params, counts, tell, blocked)
    results = ((batch, [tidy(rows) for rows in to_tidy]) for batch, to_tidy in batches(sources))
    for dialogues in Merging[Dialogues](counts).merge(results):
        yield from dialogues


def gather_packed(
    raw: Path, params: CorpusParams, counts: Counts, blocked: BlockList | None, folder: Path
) -> Generator[Packed, None, None]:
    """As `gather`, many dialogues at a time, tidied on all cores, with a line of progress.

    The result does not depend on the number of cores. Whoever stops before the end closes it, which ends the processes.
    In `folder` lie temporary files without a name.
    """
    sources = _sources(_opened(raw, params, say), params, counts, say, blocked)
    total = sum(source.size for source in sources)
    results = run_in_order(packing, (params.mask.leave, blocked), batches(sources), total)
    with RowProgress("ingest", total) as progress, closing(results):
        yield from Merging[Packed](counts, progress.advance, folder).merge(results)


def _opened(raw: Path, params: CorpusParams, tell: Callable[..., None]) -> list[Opened]:
    sources = list_sources(raw, params)
    if params.sources == "auto" and sources[0].file is None:
        tell(f"{raw} holds no dialogues: taking the sample, the starter corpus in data/starter")
    known = find_readers()
    return [open_source(source, raw, params, known, tell) for source in sources]


def _sources(
    opened: Sequence[Opened],
    params: CorpusParams,
    counts: Counts,
    tell: Callable[..., None],
    blocked: BlockList | None,
) -> list[SourceRows]:
    """What is read one after another."""
    if any(one.source.file is not None for one in opened):
        tell_of_masking(params.mask, blocked, tell)
    for one in opened:
        counts.nul_characters += one.text.nul_count if one.text is not None else 0
    return [SourceRows(parts, params, counts, tell) for parts in one_room_each(opened)]
