"""A study as a notebook shows it: its title and a table of numbers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from sim.readable import readable
from sim.results.html import number

if TYPE_CHECKING:
    from collections.abc import Iterable


def frame_html(title: str, *frames: pd.DataFrame) -> str:
    """A title, and tables with numbers as people read them."""
    return f"<p><b>{escape(readable(title))}</b></p>" + "".join(map(_table, frames))


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in frame.columns)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in frame.itertuples(index=False))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: Iterable[object]) -> str:
    cells = []
    for value in row:
        if isinstance(value, float | int):
            told = "–" if pd.isna(value) else number(value)
            cells.append(f"<td style='text-align:right'>{told}</td>")
        else:
            cells.append(f"<td>{escape(readable(str(value)))}</td>")
    return "".join(cells)
