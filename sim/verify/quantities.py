"""What a run tells of a quantity is exact as long as the run is: whole numbers stay whole, and shares are fractions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pandas as pd

from sim.errors import RunError
from sim.results.registry import leaves
from sim.results.shelves import MEASURES
from sim.scenario.model.base import nearest
from sim.verify.computations import COMPUTATIONS
from sim.verify.model import EVERY_MEASURE, NOTHING, as_fraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.results.results import Results
    from sim.verify.model import Condition, Quantity

#: A number (exact, or a float where the run tells one), a text, a truth value; or several of them.
Value: TypeAlias = Any

_SECONDS: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d))?")


class CannotTellError(RunError):
    """A run tells nothing of what it is asked for."""


def tell(quantity: Quantity, runs: Mapping[str, Results], run: str | None) -> Value:
    """What a quantity is in a run; `CannotTellError` if that run does not tell it."""
    name = quantity.run or run
    found = _in_run(quantity, runs, name)
    if quantity.less is not None and quantity.measure != (EVERY_MEASURE,):
        found = _number(found) - _number(_in_run(quantity, runs, quantity.less))
    if quantity.over is not None:
        below = _number(_in_run(quantity, runs, quantity.over))
        if not below:
            raise CannotTellError(f"what run {quantity.over!r} tells is 0, and nothing can be divided by it")
        found = _number(found) / below
    if quantity.times == 1:
        return found
    if isinstance(found, tuple):
        return tuple(_times(one, quantity.times) for one in found)
    return _times(found, quantity.times)


def _in_run(quantity: Quantity, runs: Mapping[str, Results], name: str | None) -> Value:
    if quantity.compute is not None:
        try:
            return _plain(COMPUTATIONS[quantity.compute].of(quantity.numbers, quantity.result))
        except (ValueError, ArithmeticError, LookupError) as error:
            raise CannotTellError(f"{quantity.compute} refuses these numbers: {error}") from None
    if quantity.sum is not None:
        return sum((_number(tell(part, runs, name)) for part in quantity.sum), Fraction(0))
    results = runs[name] if name is not None else next(iter(runs.values()))
    if quantity.measure == (EVERY_MEASURE,):
        return _farthest(results, runs[str(quantity.less)], getattr(quantity, "renamed", {}))
    return _of_measure(results, quantity.measure) if quantity.measure else _of_table(results, quantity)


def _times(found: Value, factor: Fraction) -> Value:
    number = _number(found)
    return number * float(factor) if isinstance(number, float) else number * factor


def _number(found: Value) -> Fraction | float:
    """A number to count with; truth values count as 0 and 1, as in a table."""
    if isinstance(found, int | Fraction):
        return Fraction(found)
    if isinstance(found, float):
        return found
    raise CannotTellError(f"{found!r} is no number to count with")


# Measures.


def _of_measure(results: Results, path: tuple[str, ...]) -> Value:
    name, *steps = path
    value = results.measures[name].value
    for done, step in enumerate(steps, start=1):
        if not isinstance(value, Mapping):
            raise CannotTellError(f"{'.'.join(path[:done])} is a number, and has no {step!r}")
        known = {str(key): key for key in value}
        if step not in known:
            hint = nearest(step, {*known})
            told = f"did you mean {hint!r}?" if hint else f"there are {', '.join(known) or 'none'}"
            raise CannotTellError(f"{'.'.join(path[:done])} has no {step!r}; {told}")
        value = value[known[step]]
    if isinstance(value, Mapping):
        raise CannotTellError(f"{'.'.join(path)} is several numbers: {', '.join(map(str, value)) or 'none'}")
    return _plain(value)


def _farthest(results: Results, other: Results, renamed: Mapping[str, str]) -> Fraction | float:
    """The largest difference of any number of any measure; what only one of them tells is 0 in the other."""
    words = re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in renamed) or "(?!)")
    differences: list[Fraction | float] = []
    for name in MEASURES:
        ours = {
            tuple(words.sub(lambda word: renamed[word[0]], step) for step in path): value
            for path, value in leaves(results.measures[name].value)
        }
        theirs = dict(leaves(other.measures[name].value))
        for path in ours.keys() | theirs.keys():
            difference: Value = _number(ours.get(path) or 0) - _number(theirs.get(path) or 0)
            differences.append(abs(difference))
    return max(differences, key=float, default=Fraction(0))


# Tables.


def _of_table(results: Results, quantity: Quantity) -> Value:
    table = results[str(quantity.table)]
    zone = str(results.scenario.period.zone)
    chosen = np.ones(len(table), dtype=np.bool_)
    for name, condition in quantity.where.items():
        chosen &= _holds(table[name], condition, zone)
    rows = table[chosen]
    take = quantity.take or ("count" if quantity.column is None else "value")
    if quantity.column is None:
        return len(rows)
    column = rows[quantity.column]
    if quantity.minus is not None:
        column = _difference(column, rows[quantity.minus])
    if quantity.that is not None:
        if not len(column):
            raise CannotTellError("no row is chosen, of which a share could be told")
        return Fraction(int(_holds(column, quantity.that, zone).sum()), len(column))
    if take in {"value", "values", "set", "count"}:
        return _cells(column, take, zone)
    return _made(column.dropna(), take, quantity, zone)


def _difference(one: pd.Series[Any], other: pd.Series[Any]) -> pd.Series[Any]:
    try:
        found = one - other
    except TypeError:
        raise CannotTellError(f"'{other.name}' cannot be taken from '{one.name}'") from None
    if found.dtype.kind == "m":
        # Whole seconds stay whole where some are missing.
        return found.dt.total_seconds().astype("Int64")
    return found


def _cells(column: pd.Series[Any], take: str, zone: str) -> Value:
    values = tuple(_plain(value, zone) for value in column.tolist())
    if take == "count":
        return sum(value != NOTHING for value in values)
    if take == "values":
        return values
    if take == "set":
        return tuple(sorted(set(values), key=lambda value: (isinstance(value, str), value)))
    if len(values) != 1:
        raise CannotTellError(f"{len(values)} rows are chosen, and the 'value' of one is asked for")
    return values[0]


def _made(column: pd.Series[Any], take: str, quantity: Quantity, zone: str) -> Value:
    """What is made of the values there are."""
    if column.empty:
        return 0 if take == "sum" else NOTHING
    if take in {"min", "max"}:
        values = [_plain(value, zone) for value in column.tolist()]
        return min(values) if take == "min" else max(values)
    if not pd.api.types.is_numeric_dtype(column):
        raise CannotTellError(f"there is no {take} of {quantity.column!r}, which holds no numbers")
    if take in {"sum", "mean"}:
        whole = pd.api.types.is_integer_dtype(column) or pd.api.types.is_bool_dtype(column)
        # Python's integers, whose sum is exact.
        total = sum(map(int, column.tolist())) if whole else float(column.sum())
        return total if take == "sum" else _number(total) / len(column)
    at = 0.5 if take == "median" else float(quantity.quantile or 0)
    return float(column.astype("float64").quantile(at))


def _holds(column: pd.Series[Any], condition: Condition, zone: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows meet a condition; a missing value meets only those that speak of nothing."""
    values = [_plain(value, zone) for value in column.tolist()]
    chosen = np.ones(len(values), dtype=np.bool_)
    for wanted, holds in ((condition.is_, True), (condition.is_not, False)):
        if wanted is not None:
            among = wanted if isinstance(wanted, tuple) else (wanted,)
            found = [any(same(value, one) for one in among) == holds for value in values]
            chosen &= np.array(found, dtype=np.bool_)
    bounds: tuple[tuple[Any, Callable[[Any, Any], bool]], ...] = (
        (condition.above, lambda one, other: bool(one > other)),
        (condition.below, lambda one, other: bool(one < other)),
        (condition.at_least, lambda one, other: bool(one >= other)),
        (condition.at_most, lambda one, other: bool(one <= other)),
    )
    for bound, within in bounds:
        if bound is None:
            continue
        limit = key(bound)
        for row, value in enumerate(values):
            one = key(value)
            if value != NOTHING and isinstance(one, str) != isinstance(limit, str):
                raise CannotTellError(f"{column.name} is {value!r}, which cannot be compared with {bound}")
            chosen[row] &= value != NOTHING and within(one, limit)
    return chosen


def key(value: Value) -> Fraction | float | str:
    """What a value is compared by: numbers exactly, truth values apart from them, instants to the second."""
    if isinstance(value, bool):
        return str(value)
    exact = value if isinstance(value, Fraction) else as_fraction(value)
    if exact is not None:
        return exact
    if isinstance(value, float):
        return value
    text = str(value)
    if found := _SECONDS.fullmatch(text):
        return f"{found[1]} {found[2]}:{found[3] or '00'}"
    return text


def same(ours: Value, published: Value) -> bool:
    """Whether a cell is what a case writes; a text such as the name `7` of a payment may be written as a number."""
    text = str(published) if isinstance(ours, str) and not isinstance(published, bool) else published
    return key(ours) == key(text)


def _plain(value: Any, zone: str = "UTC") -> Value:  # noqa: ANN401 - a cell of a table
    """A cell as a case writes it: instants by the clock of a zone, dates without one, a missing value by its word."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return NOTHING
    if isinstance(value, pd.Timestamp):
        if value.tzinfo is None:
            return f"{value:%Y-%m-%d}"
        local = value.tz_convert(zone)
        return f"{local:%Y-%m-%d %H:%M}" + (f":{local.second:02d}" if local.second else "")
    if isinstance(value, np.generic):
        return value.item()
    return value
