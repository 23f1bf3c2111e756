"""The rows of CSV and the like: RFC 4180, with line breaks inside of quotes."""

import csv
from collections.abc import Iterator, Sequence

from tinychat.corpus.dialogue import Faulty
from tinychat.corpus.reader import excerpt
from tinychat.corpus.text_files import TextFile
from tinychat.errors import InputError, Phrase

MAX_CELL_CHARACTERS = 10_000_000


def csv_rows(text: TextFile, delimiter: str = ",", keep_blank: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each row with its first line, without blank ones unless they are to be kept.

    Raises InputError for broken quotes, naming that line.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)  # of this process
    rows = csv.reader(text.lines(), delimiter=delimiter, strict=True)
    line = 0
    try:
        for row in rows:
            begun, line = line + 1, rows.line_num
            if keep_blank or "".join(row).strip():
                yield begun, row
    except csv.Error as error:
        raise InputError(
            "{path}:{line}: not CSV: {error}; a quotation mark may be missing",
            path=text.path,
            line=line + 1,
            error=error,
        ) from None


def misfit(where: str, cells: Sequence[str], columns: int) -> Faulty:
    """The fault of a row that has not as many cells as the header."""
    return Faulty(
        where,
        "too_few_cells" if len(cells) < columns else "too_many_cells",
        Phrase(
            "cells: {cells}, columns in the header: {columns}. Found {found}.",
            cells=len(cells),
            columns=columns,
            found=excerpt(" ".join(cells)),
        ),
    )
