"""A run as a notebook shows it: the headline numbers, each with its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from sim.readable import readable
from sim.results.registry import leaves, unit_at

if TYPE_CHECKING:
    from sim.results.registry import Measure

#: Small shares and rates keep four digits; large amounts are whole.
_LARGE = 1000


def results_html(title: str, measures: Mapping[str, Measure]) -> str:
    """A table of the measures; one with rows and columns of its own is only pointed to."""
    rows = "".join(row for name, measure in measures.items() for row in _rows(name, measure))
    return (
        f"<p><b>{escape(readable(title))}</b></p>"
        f"<table><thead><tr><th>measure</th><th></th><th>value</th><th>unit</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _rows(name: str, measure: Measure) -> Iterator[str]:
    value = measure.value
    if not isinstance(value, Mapping):
        yield _row(name, "", number(value), measure.unit)
    elif any(isinstance(part, Mapping) for part in value.values()):
        units = dict.fromkeys(unit_at(measure.unit, path) for path, _ in leaves(value))
        where = f"<code>measures[{escape(repr(name))}].value</code>"
        yield _row(name, f"by {len(value)} names", where, ", ".join(units))
    else:
        for key, part in value.items():
            yield _row(name, key, number(part), unit_at(measure.unit, (key,)))


def _row(name: str, key: str, value: str, unit: str) -> str:
    cells = "".join(f"<td>{escape(readable(text))}</td>" for text in (name, key))
    return f"<tr>{cells}<td style='text-align:right'>{value}</td><td>{escape(unit)}</td></tr>"


def number(value: float | None) -> str:
    """A number as people read it; a dash for one that cannot be computed."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= _LARGE else f"{value:,.4g}"
