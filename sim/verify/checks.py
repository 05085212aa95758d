"""Whatever an expectation names has to exist, and is looked for before anything is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sim.results.shelves import MEASURES, TABLES
from sim.scenario.model.base import nearest
from sim.scenario.tree import Finding
from sim.verify.computations import COMPUTATIONS
from sim.verify.model import EVERY_MEASURE, Expectation, Quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sim.scenario.tree import KeyPath

_SORTS: Final = ("measure", "table", "compute", "sum")
#: The keys that mean something beside one of these alone.
_BELONG: Final = {
    "table": ("column", "minus", "where", "take", "quantile", "that"),
    "compute": ("numbers", "result"),
}
_WRITTEN: Final = {"numbers": "with"}
#: What is made of rows without a column.
_OF_ROWS: Final = "count"


class Around(NamedTuple):
    """What a case says beside its expectations."""

    has_scenario: bool
    runs: Collection[str]
    """Names of its runs; none if there is only one, without a name."""


def findings(one: Expectation, around: Around) -> Iterator[Finding]:
    """What is wrong with an expectation that no field can see, with paths from there."""
    yield from _of_quantity(one, around, (), placed=one.lowest_of is not None)
    if one.lowest_of is not None:
        for key in ("run", "renamed"):
            if key in one.model_fields_set:
                yield Finding((key,), "'lowest_of' names the runs")
        for number, name in enumerate(one.lowest_of):
            yield from _unknown(name, around.runs, "run", ("lowest_of", number))
    elif one.renamed and one.measure != (EVERY_MEASURE,):
        yield Finding(("renamed",), f"only measure {EVERY_MEASURE!r} looks at names")


def _of_quantity(one: Quantity, around: Around, at: KeyPath, *, placed: bool) -> Iterator[Finding]:
    """`placed`: the run is known from what it is a part of."""
    placed = placed or one.run is not None or len(around.runs) < 2  # noqa: PLR2004 - several
    sorts = [key for key in _SORTS if getattr(one, key) is not None]
    if len(sorts) != 1:
        among = ", ".join(map(repr, _SORTS))
        yield Finding(at, f"one of {among} is needed" + (f", not {' and '.join(sorts)}" if sorts else ""))
        return
    (sort,) = sorts
    for owner, keys in _BELONG.items():
        for key in keys:
            if owner != sort and key in one.model_fields_set:
                yield Finding((*at, _WRITTEN.get(key, key)), f"only a {owner!r} has this")
    if one.measure is not None:
        yield from _of_measure(one, at)
    if one.table is not None:
        yield from _of_table(one, one.table, at)
    if one.compute is not None:
        yield from _of_computation(one, one.compute, at)
    yield from _of_runs(one, around, at, placed=placed)
    for number, part in enumerate(one.sum or ()):
        yield from _of_quantity(part, around, (*at, "sum", number), placed=placed)


def _of_measure(one: Quantity, at: KeyPath) -> Iterator[Finding]:
    name = one.measure[0] if one.measure else ""
    if one.measure != (EVERY_MEASURE,):
        yield from _unknown(name, MEASURES, "measure", (*at, "measure"))
    elif one.less is None:
        yield Finding((*at, "measure"), "every measure can only be compared with another run's, 'less'")


def _of_table(one: Quantity, table: str, at: KeyPath) -> Iterator[Finding]:
    if table not in TABLES:
        yield from _unknown(table, TABLES, "table", (*at, "table"))
        return
    columns = {column.name: column.kind for column in TABLES[table].columns}
    for key in ("column", "minus"):
        if (name := getattr(one, key)) is not None:
            yield from _unknown(name, columns, f"column of {table!r}", (*at, key))
    for name in one.where:
        yield from _unknown(name, columns, f"column of {table!r}", (*at, "where", name))
    if one.column is None and one.take not in {None, _OF_ROWS}:
        yield Finding((*at, "take"), f"the key 'column' is needed for {one.take!r}")
    if one.minus is not None and one.column is None:
        yield Finding((*at, "minus"), "the key 'column' is needed, from which it is taken")
    for take, key, stated in (("quantile", "quantile", one.quantile), ("share", "that", one.that)):
        if one.take == take and stated is None:
            yield Finding((*at, "take"), f"the key {key!r} is needed for {take!r}")
        elif one.take != take and stated is not None:
            yield Finding((*at, key), f"only 'take: {take}' has this")


def _of_computation(one: Quantity, name: str, at: KeyPath) -> Iterator[Finding]:
    if name not in COMPUTATIONS:
        yield from _unknown(name, COMPUTATIONS, "computation", (*at, "compute"))
        return
    computation = COMPUTATIONS[name]
    for path, message, suggestion in computation.wrong(one.numbers):
        yield Finding((*at, "with", *path), message, suggestion)
    if computation.results and one.result is None:
        yield Finding(at, f"the key 'result' is needed here; one of {', '.join(computation.results)}")
    elif one.result is not None:
        yield from _unknown(one.result, computation.results, f"result of {name!r}", (*at, "result"))


def _of_runs(one: Quantity, around: Around, at: KeyPath, *, placed: bool) -> Iterator[Finding]:
    """Runs are named where there are several, and only there."""
    named = {key: name for key in ("run", "less", "over") if (name := getattr(one, key)) is not None}
    if one.compute is not None:
        for key in named:
            yield Finding((*at, key), "what is computed from numbers has no run")
        return
    for key, name in named.items():
        yield from _unknown(name, around.runs, "run", (*at, key))
    if len({"less", "over"} & named.keys()) > 1:
        yield Finding((*at, "over"), "state one of 'less' and 'over'")
    if one.sum is not None:
        return
    if not around.has_scenario:
        yield Finding(at, "a run has to tell it: the case needs a 'scenario'")
    elif not placed:
        names = ", ".join(around.runs)
        yield Finding(at, f"the case has several runs, so the key 'run' is needed here; one of {names}")


def _unknown(name: str, known: Collection[str], what: str, at: KeyPath) -> Iterator[Finding]:
    if name not in known:
        hint = nearest(name, {*known})
        among = f"; there are {', '.join(known)}" if hint is None and 0 < len(known) <= 16 else ""  # noqa: PLR2004
        yield Finding(at, f"{name!r} is no {what}{among}", hint)
