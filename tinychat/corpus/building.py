"""The corpus as files: three splits, and metrics, all written atomically at the end."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinychat.corpus.cleaning import STEPS
from tinychat.corpus.counts import Counts, Rows
from tinychat.corpus.dialogue import SOURCES_FILE, SPLITS
from tinychat.corpus.features import FeatureStore
from tinychat.corpus.gathering import gather_packed
from tinychat.corpus.masking.source_mask import words_to_block
from tinychat.corpus.mixing import Mixture, mix, too_small_to_hold_out
from tinychat.corpus.places import PLACES_FILE, places_of
from tinychat.corpus.prompts import PROMPTS_FILE, PromptDrawing, to_records
from tinychat.corpus.reader import excerpt
from tinychat.corpus.splitting import LEFT_OUT, Splits, split_corpus
from tinychat.corpus.tally import Tally
from tinychat.corpus.text_statistics import TextStatistics, describe_texts
from tinychat.errors import InputError, joined
from tinychat.files import add_path_to_disk_full_error, to_json, to_json_lines, write_json, write_together
from tinychat.params.sections import CorpusParams


@dataclass(frozen=True)
class Built:
    """What a run of `build_corpus` read, kept and wrote; `repeated`: the most repeated answers, and how often."""

    counts: Counts
    splits: Splits
    mixture: Mixture
    texts: TextStatistics
    repeated: list[tuple[str, int]] = field(default_factory=list)

    def metrics(self) -> dict[str, Any]:
        """Numbers and readers' names only: the file is in git, and the dialogues may be private."""
        counts, splits = self.counts, self.splits
        return {
            **_row_numbers(counts.rows),
            "readers": {name: _row_numbers(rows) for name, rows in sorted(counts.by_reader.items())},
            "files_left_out": counts.files_left_out.as_numbers(),
            "messages_dropped": counts.turns.dropped.as_numbers(),
            "messages_changed": counts.turns.changed.as_numbers(),
            "parts_dropped": counts.parts_dropped.as_numbers(),
            "masked": dict(sorted(counts.masked.items())),
            "cleaning": {
                **{step: counts.turns.cleaning[step] for step in STEPS},
                "replacement_characters": counts.turns.replacement_characters,
                "nul_characters": counts.nul_characters,
            },
            "texts": asdict(self.texts),
            "splits": {name: asdict(splits.sizes[name]) for name in SPLITS},
            "mixture": self.mixture.metrics(),
            "learnt": asdict(splits.learnt),
            "groups": asdict(splits.grouping),
            "answers": asdict(splits.answers),
            "overlap": {name: asdict(overlap) for name, overlap in splits.overlap.items()},
        }

    def left_out(self) -> dict[str, Tally]:
        """What was left out and why, by its name in the metrics."""
        return {
            "rows_dropped": self.counts.rows.dropped,
            "files_left_out": self.counts.files_left_out,
            "messages_dropped": self.counts.turns.dropped,
            "parts_dropped": self.counts.parts_dropped,
        }

    def summary(self) -> str:
        """A summary for the user, a line for each thing that occurred."""
        counts, splits = self.counts, self.splits
        rows = counts.rows
        sizes = ", ".join(f"{name} {splits.sizes[name].dialogues:,}" for name in SPLITS)
        lines = [f"corpus: {rows.read:,} rows read, {rows.kept:,} kept, {rows.dropped.total():,} dropped"]
        lines += [f"  dropped, {line}" for line in rows.dropped.lines()]
        lines += [f"  skipped, {message}" for message in counts.faults_skipped]
        tallies: dict[str, Tally] = {
            "files left out": counts.files_left_out,
            "messages left out": counts.turns.dropped,
            "parts left out": counts.parts_dropped,
            "messages": counts.turns.changed,
        }
        lines += [f"  {title}, {line}" for title, tally in tallies.items() for line in tally.lines()]
        if counts.masked:
            lines.append(f"  masked: {', '.join(f'{kind} {n:,}' for kind, n in counts.masked.most_common())}")
        groups = splits.grouping
        lines.append(f"splits: {sizes} dialogues; {groups.count:,} groups, the largest of {groups.largest:,}")
        lines += self.mixture.lines()
        lines += groups.lines()
        lines += self._answer_lines()
        for name, overlap in splits.overlap.items():
            lines += [f"  {name}: {line}" for line in overlap.lines()]
        # At the end, where a person looks.
        return "\n".join([*lines, *self.mixture.warnings(), *splits.learnt.warnings()])

    def _answer_lines(self) -> list[str]:
        """What a person is told of answers that repeat."""
        answers, lines = self.splits.answers, []
        if self.repeated:
            shown = ", ".join(f"{excerpt(text)} {n:,} ({n / answers.trained:.1%})" for text, n in self.repeated)
            lines.append(f"answers: {answers.trained:,} are trained on; the most repeated: {shown}")
        if answers.over_limit:
            lines.append(
                f"  {answers.over_limit:,} answers above corpus.max_answer_repeats carry no loss; "
                f"{answers.dialogues_left_out:,} dialogues have no other and are left out"
            )
        return lines


def build_corpus(raw: Path, params: CorpusParams, corpus: Path, overview: Path, metrics: Path) -> Built:
    """Read the sources, split them, and write the folders `corpus` and `overview` and the file `metrics`.

    What stands in `overview` is small, so that a late stage need not fetch the corpus.

    The kept dialogues go to a temporary file, not into memory, until the split of each is known. Raises InputError,
    with nothing written, where a source is wrong, or where nothing is left to train on.
    """
    counts, drawing = Counts(), PromptDrawing()
    blocked = words_to_block(raw, params.mask)
    corpus.parent.mkdir(parents=True, exist_ok=True)
    with (
        add_path_to_disk_full_error(corpus),
        TemporaryFile(dir=corpus.parent) as kept,
        closing(gather_packed(raw, params, counts, blocked, corpus.parent)) as gathered,
    ):
        store = FeatureStore(corpus.parent)
        for packed in gathered:
            drawing.add(len(store), packed.features.fixed > 0, packed.long, packed.questions, packed.question)
            kept.writelines(packed.lines)
            store.add(packed.features)
        if len(store) == 0:
            reasons = joined("; ", counts.rows.dropped.lines())
            raise InputError("no dialogue is left to train on: {reasons}", reasons=reasons)
        columns = store.columns()
        kept_whole = too_small_to_hold_out(columns, params.hold_out_from if params.shares.train < 1 else 0)
        splits = split_corpus(columns, params.shares, params.seed, params.max_answer_repeats, kept_whole)
        if splits.sizes["train"].dialogues == 0:
            raise InputError(
                "no dialogue was assigned to train: {dialogues} dialogues in {groups} groups, and corpus.shares.train "
                "is {share:g}. Raise it, take another corpus.seed, or add dialogues.",
                dialogues=len(columns),
                groups=splits.grouping.count,
                share=params.shares.train,
            )
        kept.seek(0)
        built = Built(counts, splits, mix(columns, counts.sources, splits, kept_whole), describe_texts(columns))
        prompts = drawing.draw(splits.of, splits.asked_in_train, counts.prompts)

        def fill(folder: Path) -> None:
            built.repeated.extend(_write_splits(kept, splits, columns.sources, built.mixture, folder))

        def fill_overview(folder: Path) -> None:
            write_json(folder / SOURCES_FILE, built.mixture.names())
            write_json(folder / PROMPTS_FILE, to_records(prompts))
            write_json(folder / PLACES_FILE, places_of(built.left_out(), raw))

        write_together({corpus: fill, overview: fill_overview, metrics: to_json(built.metrics())})
    return built


def _write_splits(
    lines: Iterable[bytes], splits: Splits, sources: NDArray[np.int32], mixture: Mixture, folder: Path
) -> list[tuple[str, int]]:
    """Write each line to the file of its split; to train, as often as its source is repeated.

    An empty split is an empty file. `sources`: the number of each line's source. Repetitions accumulate over the lines
    of a source: at 0.5 every second line is written, at 2.5 two and three times by turns. Held-out answers that train
    gives to the same question carry no loss, so that nothing is measured on training data. Gives the text of each
    answer of `splits.repeated`, and how often it occurs.
    """
    repetitions = {one.number: one.repetitions for one in mixture.sources}
    seen: Counter[int] = Counter()  # training dialogues by their source
    weightless = chain(splits.weightless_turns(), [(-1, [])])
    dialogue, turns = next(weightless)
    quoted: dict[int, list[Any]] = {place: [] for place, _, _ in splits.repeated}  # the messages of these dialogues
    with ExitStack() as stack:
        files = {name: stack.enter_context(open(folder / f"{name}.jsonl", "wb")) for name in SPLITS}
        for i, (line, number, source) in enumerate(zip(lines, splits.of.data, sources.data, strict=True)):
            if i in quoted:
                quoted[i] = json.loads(line)["messages"]
            if i == dialogue:
                line = _without_loss(line, turns)
                dialogue, turns = next(weightless)
            if number == LEFT_OUT:
                continue
            name = SPLITS[number]
            if name != "train":
                files[name].write(line)
                continue
            times = repetitions[source]
            before = math.floor(seen[source] * times)
            seen[source] += 1
            files[name].write(line * (math.floor(seen[source] * times) - before))
    return [(quoted[place][turn]["content"], count) for place, turn, count in splits.repeated]


def _without_loss(line: bytes, turns: Iterable[int]) -> bytes:
    """A dialogue's line in which these answers, and their questions, carry no loss."""
    record = json.loads(line)
    for turn in turns:
        for message in record["messages"][turn - 1 : turn + 1]:
            message["weight"] = 0
    return to_json_lines([record]).encode()


def _row_numbers(rows: Rows) -> dict[str, Any]:
    return {
        "sources": rows.sources,
        "rows_read": rows.read,
        "rows_kept": rows.kept,
        "rows_dropped": rows.dropped.as_numbers(),
    }
