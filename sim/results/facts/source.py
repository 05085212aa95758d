"""What a simulation leaves behind, told by names instead of numbers."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sim.results import registry
from sim.results.columns import names, optional
from sim.results.registry import TABLES
from sim.scenario.demands import origins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.results.columns import Column
    from sim.results.registry import Table
    from sim.world.world import DrawnWorld


class Simulated(NamedTuple):
    """A world and the records of what happened in it, as the source of facts."""

    world: DrawnWorld
    records: Records

    def table(self, name: str) -> pd.DataFrame | None:
        """A fact; None for what is computed from other tables."""
        declared = TABLES.get(name)
        return declared.of(self) if declared is not None and declared.is_fact else None


def fact(*columns: Column) -> Callable[[Callable[[DrawnWorld, Records], Mapping[str, Any]]], Table]:
    """Declare the function that tells a fact as the table of its name, of a world and its records.

    It gives the columns by name, or by their `source`; numbers of what has a name (see `Column.of`) become the name.
    """

    def declare(tell: Callable[[DrawnWorld, Records], Mapping[str, Any]]) -> Table:
        @wraps(tell)
        def make(simulated: Simulated) -> dict[str, Any]:
            rows = tell(*simulated)
            return {
                column.name: _named(simulated.world, column, rows[column.source or column.name])
                for column in columns
            }

        return registry.fact(*columns)(make)

    return declare


def _named(world: DrawnWorld, column: Column, values: Any) -> Any:  # noqa: ANN401 - whatever makes a column
    if not column.of:
        return values
    if column.of == "payment":
        return payment_ids(world, values)
    if column.of == "obligation":
        return obligation_ids(world, values)
    return names(_known(world)[column.of](), values)


def _known(world: DrawnWorld) -> dict[str, Callable[[], Sequence[str]]]:
    """What has a number in the world, by what it is: the names in order of the numbers."""
    network, scenario = world.network, world.scenario
    return {
        "firm": lambda: world.firms.labels,
        "group": lambda: world.firms.groups,
        "side": lambda: list(scenario.sides),
        "bank": lambda: network.banks,
        "desk": lambda: [desk.name for desk in network.desks],
        "account": lambda: network.accounts.labels,
        "system": lambda: network.systems,
        "market": lambda: list(scenario.markets),
        "currency": lambda: world.fx.currencies,
        "money": lambda: currencies(world),
        "route": lambda: list(world.routes),
        "bearer": lambda: ("payer", "payee"),
    }


def currencies(world: DrawnWorld) -> list[str]:
    """The currencies in which accounts are kept, in alphabetical order."""
    return sorted(set(world.network.accounts.currency))


def money_of(world: DrawnWorld, account: NDArray[np.int64]) -> NDArray[np.int64]:
    """The currency of each account, by number among `currencies`."""
    known = currencies(world)
    by_account = [known.index(code) for code in world.network.accounts.currency]
    return np.array(by_account, dtype=np.int64)[account]


def system_of(world: DrawnWorld, account: NDArray[np.int64]) -> NDArray[np.int64]:
    """The system that keeps each account, by number."""
    return np.array(world.network.accounts.system_number, dtype=np.int64)[account]


def payment_ids(world: DrawnWorld, numbers: NDArray[np.int64]) -> pd.Series[int] | pd.Series[str]:
    """What payments are called: their numbers, or what the user calls them; none for −1."""
    ids = world.payments.ids
    if ids is None:
        return optional(numbers)
    return pd.Series(ids[numbers], dtype="str").mask(numbers < 0) if len(ids) else pd.Series([], dtype="str")


def obligation_ids(world: DrawnWorld, numbers: NDArray[np.int64]) -> pd.Series[str]:
    """What obligations are called; missing for −1."""
    if world not in _OBLIGATION_IDS:
        _OBLIGATION_IDS[world] = _all_obligation_ids(world)
    return pd.Series(_OBLIGATION_IDS[world].take(numbers, allow_fill=True))


#: Several facts tell them, and of a long run they take long to write.
_OBLIGATION_IDS: Final[WeakKeyDictionary[DrawnWorld, Any]] = WeakKeyDictionary()


def _all_obligation_ids(world: DrawnWorld) -> Any:  # noqa: ANN401 - an array of pandas
    rows = world.obligations
    least = int(rows.piece.min(initial=0))
    wide = int(rows.piece.max(initial=0)) - least + 1
    known, which = np.unique(rows.flow * wide + (rows.piece - least), return_inverse=True)
    # What comes from nowhere has the last name, that of number −1.
    sources, trade = [*origins(world.scenario), "none"], len(world.scenario.flows)
    pieces = [
        f"{sources[flow]}/{np.datetime64(piece + least, 'M') if flow < trade else piece + least + 1}/"
        for flow, piece in (divmod(number, wide) for number in known.tolist())
    ]
    draws = pc.cast(pa.array(rows.draw + 1), pa.string())
    return pd.array(
        pc.binary_join_element_wise(pa.array(pieces, pa.string()).take(which), draws, ""), dtype="str"
    )


def firm_sides(world: DrawnWorld) -> NDArray[np.int64]:
    """Side number by firm number."""
    return np.array([group.side for group in world.groups], dtype=np.int64)[world.firms.group]
