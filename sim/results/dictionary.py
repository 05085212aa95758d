"""The dictionary of results: every table, column and measure as it declares itself, as two pages of `docs/`.

`python -m sim.results.dictionary` writes them anew.
"""

from __future__ import annotations

from importlib import import_module
from inspect import cleandoc
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.results import measures
from sim.results.columns import KINDS
from sim.results.shelves import MEASURES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sim.results.columns import Column
    from sim.results.registry import Declared, Table

_GENERATED: Final = (
    "<!-- Written by `make docs` from what the tables and measures declare; do not edit by hand. -->"
)
_UNITS: Final = {"reporting": "reporting currency", "of": "its own currency"}


def tables_page() -> str:
    """The page of all tables."""
    lines = [
        "# Tables",
        "",
        _GENERATED,
        "",
        "A run tells **facts**, which are always saved, and **derived** tables, which are computed from them",
        "when they are asked for, also in a folder that lacks them. In Python, `results.payments` or",
        "`results['payments']` is a data frame with these columns, whether the run was just made or reopened;",
        "in a run folder it is `payments.parquet`.",
        "",
        "| kind of column | what it holds |",
        "| --- | --- |",
        *(f"| {kind} | {what} |" for kind, what in KINDS.items()),
        "",
        "Amounts are whole minor units (kopecks, fen, cents) of the currency that the unit names.",
    ]
    for is_fact, tables in groupby(TABLES.values(), attrgetter("is_fact")):
        lines += ["", "## Facts" if is_fact else "## Derived tables"]
        for table in tables:
            lines += _table(table)
    return "\n".join(lines) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### `{table.name}`", "", *table.meaning.splitlines())
    if table.needs:
        yield from ("", f"Computed from {_listed(table.needs)}.")
    yield from ("", "| column | kind | unit | meaning |", "| --- | --- | --- | --- |")
    yield from (_column(column) for column in table.columns)


def _column(column: Column) -> str:
    return f"| `{column.name}` | {column.kind} | {column.unit} | {_cell(column.meaning)} |"


def measures_page() -> str:
    """The page of all measures."""
    title, _, prose = cleandoc(measures.__doc__ or "").partition("\n")
    lines = ["# Measures", "", _GENERATED, "", title, *prose.splitlines()]
    for shelf, declared in groupby(MEASURES.values(), attrgetter("shelf")):
        about = cleandoc(import_module(shelf).__doc__ or "")
        title, _, prose = about.partition("\n")
        # What goes deeper stands below the measures.
        first, more, deeper = prose.partition("\n### ")
        lines += ["", f"## {title.rstrip('.')}", *first.rstrip().splitlines()]
        lines += ["", "| measure | what it tells | unit | better | from |", "| --- | --- | --- | --- | --- |"]
        lines += [_measure(one) for one in declared]
        lines += (more + deeper).splitlines()
    return "\n".join(lines) + "\n"


def _measure(one: Declared) -> str:
    told = _cell(one.meaning)
    return f"| `{one.name}` | {told} | {_said(one.units)} | {_said(one.better)} | {_listed(one.needs)} |"


def _said(declared: str | Mapping[str, str]) -> str:
    """A unit or a direction of all numbers, or several with the numbers that they are of."""
    if isinstance(declared, str):
        return declared.format(**_UNITS)
    found: dict[str, list[str]] = {}
    for name, said in declared.items():
        found.setdefault(said.format(**_UNITS), []).append(name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{_listed(names)}: {said}" for said, names in found.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    """Text in a table, where a bar would begin another cell."""
    return " ".join(text.split()).replace("|", "\\|")


def write(folder: Path) -> None:
    """Write both pages into a folder."""
    for name, page in (("tables.md", tables_page()), ("measures.md", measures_page())):
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "docs")
