"""What a table is made of: named columns of one kind each, with a unit and a meaning, and one dtype however it comes.

A table that was just computed, one that was saved and one that was read again are equal: instants are UTC to the
second, dates are dates, names are categories, whole numbers stay whole even where some are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import is_numeric_dtype

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.core.clock import Seconds

#: Kinds of columns, and what each holds.
KINDS: Final = {
    "id": "whole number, or the text by which the user's own payments are called",
    "name": "category",
    "text": "text",
    "instant": "instant in UTC, to the second",
    "date": "local date",
    "whole": "whole number",
    "number": "floating-point number",
    "flag": "true or false",
}
_DTYPES: Final = {
    "instant": "datetime64[s, UTC]",
    "date": "datetime64[s]",
    "text": "str",
    "flag": "bool",
    "number": "float64",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its kind (of `KINDS`), what it means, in which unit, and where its values come from.

    The last two are for facts: `source` names the field of a record if it is called otherwise there, `of` says what its
    numbers are numbers of, such as firms or banks (see `facts/source.py`).
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    source: str = ""
    of: str = ""


def ident(name: str, meaning: str, source: str = "", of: str = "") -> Column:
    """What a row, or a row of another table, is called."""
    return Column(name, "id", meaning, source=source, of=of)


def label(name: str, meaning: str, of: str = "", source: str = "") -> Column:
    """A name out of few; `of` says where it stands if it is told by number."""
    return Column(name, "name", meaning, of=of, source=source)


def text(name: str, meaning: str) -> Column:
    """Any text."""
    return Column(name, "text", meaning)


def instant(name: str, meaning: str, source: str = "") -> Column:
    """An instant; missing if it has not come."""
    return Column(name, "instant", meaning, "UTC", source)


def local_date(name: str, meaning: str) -> Column:
    """A local date."""
    return Column(name, "date", meaning, "date")


def whole(name: str, meaning: str, unit: str = "", source: str = "") -> Column:
    """A whole number; missing where there is none."""
    return Column(name, "whole", meaning, unit, source)


def money(name: str, meaning: str, of: str = "currency", source: str = "") -> Column:
    """An amount in minor units of the currency that the column `of` names, or of the `reporting` one."""
    told = "the reporting currency" if of == "reporting" else f"the {of}" if " " in of else f"`{of}`"
    unit = f"minor units of {told}"
    return Column(name, "whole", meaning, unit, source)


def seconds_of(name: str, meaning: str, source: str = "") -> Column:
    """A length of time."""
    return Column(name, "whole", meaning, "seconds", source)


def real(name: str, meaning: str, unit: str) -> Column:
    """A floating-point number."""
    return Column(name, "number", meaning, unit)


def flag(name: str, meaning: str, source: str = "") -> Column:
    """True or false."""
    return Column(name, "flag", meaning, source=source)


def frame(columns: Sequence[Column], values: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """The table of such columns: each of its kind's dtype, in their order.

    KeyError if the names are not those declared. Instants may be seconds, and missing ones `NEVER`.
    """
    declared = [column.name for column in columns]
    if [*values] != declared:
        raise KeyError(f"declared are the columns {declared}, found {[*values]}")
    found = {column.name: _typed(column.kind, values[column.name]) for column in columns}
    # Bare arrays: rows are numbered, so that no index of another table lines up with these.
    return pd.DataFrame({name: _bare(column) for name, column in found.items()})


def _bare(column: pd.Series[Any]) -> Any:  # noqa: ANN401 - an array of numpy or pandas
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array


def _typed(kind: str, values: Any) -> pd.Series[Any]:  # noqa: ANN401 - whatever a column can be made of
    if kind == "instant" and not isinstance(values, (pd.Series, pd.DatetimeIndex)):
        values = instants(values)
    # The table that is made of it is a copy.
    column = pd.Series(values, copy=False)
    if kind in _DTYPES:
        return column.astype(cast("Any", _DTYPES[kind]))
    if kind == "name":
        return _as_category(column)
    return _whole(column) if kind == "whole" or is_numeric_dtype(column.dtype) else column.astype("str")


def _whole(column: pd.Series[Any]) -> pd.Series[Any]:
    """Plain integers, or such as may be missing where some are."""
    if column.dtype == np.int64:
        return column
    kept = column.astype("Int64")
    return kept if kept.hasnans else kept.astype(np.int64)


def _as_category(column: pd.Series[Any]) -> pd.Series[Any]:
    """Categories of text; of a table without rows none are known, since a file would not keep them."""
    if not len(column):
        return pd.Series(pd.Categorical([], categories=pd.Index([], dtype="str")))
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = column.cat.categories
        return column if known.dtype == "str" else column.cat.rename_categories(list(known.astype("str")))
    known = pd.Index(list(dict.fromkeys(column.dropna())), dtype="str")
    return pd.Series(pd.Categorical(column, categories=known))


def instants(seconds: Seconds) -> pd.Series[pd.Timestamp]:
    """Timestamps in UTC; NaT for NEVER."""
    seen = np.where(seconds < NEVER, seconds, np.iinfo(np.int64).min)
    found: pd.Series[pd.Timestamp] = pd.Series(seen.view("datetime64[s]"), dtype=_DTYPES["instant"])
    return found


def seconds(timestamps: pd.Series[pd.Timestamp]) -> Seconds:
    """Seconds since 1970 of a column of timestamps in UTC, of whatever resolution; NEVER for NaT."""
    found = timestamps.to_numpy("datetime64[s]")
    return np.where(np.isnat(found), NEVER, found.view(np.int64))


def names(known: Iterable[str], numbers: NDArray[np.int64]) -> pd.Categorical[str]:
    """Names by number, −1 for none; as categories, which are small in memory and on disk."""
    return pd.Categorical.from_codes(numbers, dtype=_categories(tuple(known)))


@lru_cache(maxsize=256)
def _categories(known: tuple[str, ...]) -> pd.CategoricalDtype[str]:
    """Several columns and tables tell the same names, and their index is dear."""
    return pd.CategoricalDtype(pd.Index(list(known), dtype="str"))


def codes(column: pd.Series[str]) -> NDArray[np.int64]:
    """The places of names among the categories of their column, −1 for a missing one."""
    return column.cat.codes.to_numpy().astype(np.int64)


def places(known: pd.Series[str], column: pd.Series[str]) -> NDArray[np.int64]:
    """The row in which each name of `column` stands in `known`, −1 for a missing one."""
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    of_category = pd.Index(known).get_indexer(column.cat.categories.astype("str"))
    return np.append(of_category, -1)[codes(column)].astype(np.int64)


def places_of_texts(known: pd.Series[str], column: pd.Series[str]) -> NDArray[np.int64]:
    """As `places`, for texts of which hardly two are alike."""
    # Arrow looks them up as they lie in memory, where pandas would make an object of each.
    found = pc.index_in(pa.array(column), value_set=pa.array(known))
    rows: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows


def looked_up(column: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """`column` at `numbers`, −1 where the number is."""
    found = np.full(len(numbers), -1, dtype=np.int64)
    known = numbers >= 0
    found[known] = column[numbers[known]]
    return found


def optional(numbers: NDArray[np.int64]) -> pd.Series[int]:
    """Whole numbers, with none for −1; plain integers where all are there."""
    if (numbers >= 0).all():
        return pd.Series(numbers)
    return pd.Series(pd.array(numbers, dtype="Int64")).mask(numbers < 0)
