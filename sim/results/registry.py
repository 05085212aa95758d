"""Every table and measure says here what it is; whoever asks for one gets it computed from what it needs.

A fact is told by a world and the records of its run, a derived table and a measure by other tables alone, so that a
run that was saved can compute each of them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

from sim.results.columns import Column, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from sim.results.run import Run

    Value = Any
    Made = Mapping[str, Any] | pd.DataFrame

T = TypeVar("T")

Way = Literal["lower", "higher", "neither"]
#: Which way is better, or ways by the last name of a number.
Better = Way | Mapping[str, Way]
#: A unit, or units by the last name of a number; `{reporting}` stands for the reporting currency, `{of}` for that of
#: the account, system or facility by which numbers are told.
Units = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a run can tell, with what it is made from."""

    name: str
    columns: tuple[Column, ...]
    needs: tuple[str, ...]
    """Tables; a fact needs none."""
    is_fact: bool
    meaning: str
    """The first line says what a row is."""
    make: Callable[[Any], Made]
    shelf: str

    def of(self, source: Any) -> pd.DataFrame:  # noqa: ANN401 - of a fact its source, of others a run
        """The table, of its declared columns."""
        return frame(self.columns, self.make(source))


@dataclass(frozen=True, slots=True)
class Declared:
    """A measure that a run can tell, with its unit and which way is better."""

    name: str
    units: Units
    better: Better
    needs: tuple[str, ...]
    meaning: str
    compute: Callable[[Run], Value]
    shelf: str


class Measure(NamedTuple):
    """A number, or numbers by name, with their unit: one for all, or by the same names."""

    value: Any
    unit: Any


#: Every table by name, facts first, and every measure.
TABLES: Final[dict[str, Table]] = {}
MEASURES: Final[dict[str, Declared]] = {}


def fact(*columns: Column) -> Callable[[Callable[[Any], Made]], Table]:
    """Declare the function that tells a fact as the table of its name."""
    return lambda make: _declare(make, columns, (), is_fact=True)


def derived(*columns: Column, needs: tuple[str, ...]) -> Callable[[Callable[[Run], Made]], Table]:
    """Declare the function that computes a table from others as the table of its name."""
    return lambda make: _declare(make, columns, needs, is_fact=False)


def _declare(
    make: Callable[[Any], Made], columns: tuple[Column, ...], needs: tuple[str, ...], *, is_fact: bool
) -> Table:
    name = make.__name__
    if name in TABLES:
        raise TypeError(f"table {name!r} is declared twice")
    TABLES[name] = Table(name, columns, needs, is_fact, _meaning("table", make), make, make.__module__)
    return TABLES[name]


def measure(
    unit: Units, better: Better, needs: tuple[str, ...]
) -> Callable[[Callable[[Run], Value]], Callable[[Run], Value]]:
    """Declare a function of a run as the measure of its name; `{}` or None is what it says where there is nothing."""

    def declare(compute: Callable[[Run], Value]) -> Callable[[Run], Value]:
        name = compute.__name__
        if name in MEASURES:
            raise TypeError(f"measure {name!r} is declared twice")
        meaning = _meaning("measure", compute)
        MEASURES[name] = Declared(name, unit, better, needs, meaning, compute, compute.__module__)
        return compute

    return declare


def complete() -> None:
    """Bring facts before derived tables; TypeError that names what a table or measure needs and nothing tells."""
    for what, declared in (("table", TABLES), ("measure", MEASURES)):
        for name, entry in declared.items():
            for needed in entry.needs:
                if needed not in TABLES:
                    raise TypeError(f"{what} {name!r} needs {needed!r}, which is no table")
    tables = sorted(TABLES.values(), key=lambda table: not table.is_fact)
    TABLES.clear()
    TABLES.update({table.name: table for table in tables})


def _meaning(what: str, of: Callable[..., Any]) -> str:
    if not of.__doc__:
        raise TypeError(f"{what} {of.__name__!r} does not say what it means")
    return cleandoc(of.__doc__)


def shared(compute: Callable[[Run], T]) -> Callable[[Run], T]:
    """What several measures or tables of a run look at, computed once for all of them."""

    @wraps(compute)
    def once(run: Run) -> T:
        found: T = run.remembered(compute)
        return found

    return once


def units_of(declared: Units, value: Value, currency_of: Callable[[str], str]) -> Any:  # noqa: ANN401 - a tree
    """The unit of a value: one text if all its numbers have the same, otherwise units by the same names."""
    return _units(declared, value, currency_of, ())


def _units(declared: Units, value: Value, currency_of: Callable[[str], str], path: tuple[str, ...]) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping) and value:
        found = {key: _units(declared, part, currency_of, (*path, key)) for key, part in value.items()}
        first = next(iter(found.values()))
        alike = isinstance(first, str) and all(unit == first for unit in found.values())
        return first if alike else found
    return by_last(declared, path).format(
        reporting=currency_of(""), of=currency_of(path[0]) if path else "its currency"
    )


def by_last(declared: str | Mapping[str, str], path: tuple[str, ...]) -> str:
    """What is declared of the number to which these names lead: one for all, or by the last of them."""
    return declared if isinstance(declared, str) else declared[path[-1]] if path else ""


def leaves(value: Value, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every number of a value with the names that lead to it."""
    if isinstance(value, Mapping):
        return [leaf for key, part in value.items() for leaf in leaves(part, (*path, str(key)))]
    return [(path, value)]


def unit_at(unit: Any, path: tuple[str, ...]) -> str:  # noqa: ANN401 - a tree
    """The unit of the number to which these names lead."""
    for key in path:
        if isinstance(unit, str):
            break
        unit = unit[key]
    return str(unit)
