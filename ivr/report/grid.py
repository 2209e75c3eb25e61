"""Columns that stand under their heads, for a terminal."""

from collections.abc import Iterable, Sequence

_GAP = "  "


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Return the lines of a table. The first `left` columns begin at the left, others end right.

    A row may be shorter than the head.
    """
    every = [tuple(head), *(tuple(row) for row in rows)]
    widths = [
        max(len(row[n]) for row in every if n < len(row)) for n in range(max(map(len, every)))
    ]
    return [
        _GAP.join(
            cell.ljust(width) if n < left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in every
    ]
