"""A run as tables and measures see it: its scenario, its stretch of time, and every table when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from sim.core.clock import local_instant
from sim.core.crosses import crossed
from sim.core.currency import minor_digits
from sim.core.history import Quotes
from sim.core.rates import FxPaths
from sim.errors import NoTableError
from sim.results.columns import seconds
from sim.results.registry import MEASURES, TABLES, Measure, shared, units_of
from sim.scenario.topology import books
from sim.scenario.window import Window, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.clock import Seconds
    from sim.core.history import History
    from sim.scenario.model import Scenario

T = TypeVar("T")


class Source(Protocol):
    """Where tables come from that are not computed from others: a simulation, or a folder."""

    def table(self, name: str) -> pd.DataFrame | None:
        """The table of that name, None if it is not there."""
        ...


@dataclass(frozen=True, eq=False)
class Run:
    """What one run of a scenario has told; `run["payments"]` is a table, computed when first asked for.

    `needs` are the tables that may be asked for, None for all: what a measure declares is all that it sees.
    """

    scenario: Scenario
    source: Source
    needs: frozenset[str] | None = None
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    _remembered: dict[Callable[[Run], Any], Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table; `NoTableError` if there is none of that name, or it was not declared as needed."""
        if self.needs is not None and name not in self.needs:
            raise NoTableError(name, tuple(sorted(self.needs)))
        if name not in self._tables:
            self._tables[name] = self._made(name)
        return self._tables[name]

    def _made(self, name: str) -> pd.DataFrame:
        found = self.source.table(name)
        if found is None:
            if name not in TABLES or TABLES[name].is_fact:
                raise NoTableError(name, tuple(TABLES))
            found = TABLES[name].of(self.seeing(TABLES[name].needs))
        return found

    def seeing(self, needs: tuple[str, ...]) -> Run:
        """The same run for somebody who needs these tables and no other."""
        return replace(self, needs=frozenset(needs))

    def measure(self, name: str) -> Measure:
        """A measure, computed from the tables that it needs; KeyError if there is none of that name."""
        declared = MEASURES[name]
        value = declared.compute(self.seeing(declared.needs))
        return Measure(value, units_of(declared.units, value, partial(_currency_of, self.scenario)))

    def remembered(self, compute: Callable[[Run], T]) -> T:
        """What `compute` makes of this run, computed once."""
        if compute not in self._remembered:
            self._remembered[compute] = compute(self)
        found: T = self._remembered[compute]
        return found

    @property
    def window(self) -> Window:
        """The stretches of time of the run."""
        return self.remembered(_window)

    @property
    def period(self) -> tuple[int, int]:
        """The period that is measured, `[start, end)` in seconds."""
        return self.window.period_start, self.window.period_end

    @property
    def end(self) -> pd.Timestamp:
        """The instant until which payments are followed."""
        return pd.Timestamp(self.window.end, unit="s", tz="UTC")

    @property
    def currency(self) -> str:
        """The reporting currency."""
        return self.scenario.reporting_currency

    @property
    def scale(self) -> int:
        """Minor units of one unit of the reporting currency."""
        return int(10 ** minor_digits(self.currency))

    @property
    def history(self) -> History:
        """What rates were observed to be."""
        return self.remembered(_history)

    @property
    def fx(self) -> FxPaths:
        """The mids of the run."""
        return rates(self)

    def value(
        self,
        amounts: pd.Series[int],
        currencies: pd.Series[str],
        at: pd.Series[pd.Timestamp] | Seconds | int,
        into: str | None = None,
    ) -> pd.Series[int]:
        """What amounts in minor units of their own currencies are worth at mid of their instants.

        Minor units of the reporting currency, or of `into`, halves to even. Where a run has no rates, amounts in other
        currencies are left out: they are worth 0.
        """
        fx, named = rates(self), currencies.astype("category").cat
        columns = np.array([fx.index(str(code)) for code in named.categories], dtype=np.int64)
        column = columns[named.codes.to_numpy()].astype(np.int64)
        when = seconds(at) if isinstance(at, pd.Series) else at
        target, own = fx.index(into or self.currency), np.asarray(amounts, dtype=np.int64)
        if fx.has_gaps:
            own = np.where(np.isnan(fx.mid(column, target, when)), 0, own)
            column = np.where(own, column, target)
        found = fx.convert(own, column, target, when)
        return pd.Series(found, index=amounts.index, dtype=np.int64)


def _window(run: Run) -> Window:
    return window(run.scenario)


@shared
def _history(run: Run) -> History:
    """The rates of the table `observed_rates`, all against one another."""
    table = run["observed_rates"]
    ends = [table[name].astype("str").to_numpy(dtype=np.str_) for name in ("base", "quote")]
    codes, number = np.unique(np.concatenate(ends), return_inverse=True)
    base, quote = number.reshape(2, -1)
    days = table["date"].to_numpy().astype("datetime64[D]")
    quotes = Quotes(tuple(codes.tolist()), days, base, quote, table["rate"].to_numpy(dtype=np.float64))
    return crossed("the history of the run", quotes)[0]


@shared
def rates(run: Run) -> FxPaths:
    """The mids of the table `fx`, by which everything is valued."""
    table = run["fx"]
    known = table["currency"].cat.categories
    window = run.window
    return FxPaths(
        currencies=tuple(known),
        day_starts=seconds(table["valid_from"][:: len(known)]),
        per_usd=table["per_usd"].to_numpy().reshape(-1, len(known)),
        end=local_instant(window.last_day + timedelta(days=1), 0, window.zone),
    )


def _currency_of(scenario: Scenario, key: str) -> str:
    """The currency of an account, a system or a facility by its name; the reporting one of anything else."""
    facility = scenario.facilities.get(key)
    system = key.rpartition("@")[2] if facility is None else facility.system
    kept = books(scenario)
    return kept[system].currency if system in kept else scenario.reporting_currency
