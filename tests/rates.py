"""Rates for tests: declared as in a scenario, drawn for a year."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import TypeAdapter

from sim.core.crosses import crossed
from sim.core.history import History, Quotes
from sim.core.rates import FxPaths
from sim.scenario.model.fx import Fx
from sim.world.fx import fx_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Declared = dict[str, Any]

MINSK = ZoneInfo("Europe/Minsk")
FX: TypeAdapter[Fx] = TypeAdapter(Fx)
YEAR = (date(2024, 1, 1), date(2024, 12, 31))


def declare(declared: Declared) -> Fx:
    """A declaration as pydantic reads it."""
    return FX.validate_python(declared)


def paths(  # noqa: PLR0913 - a run of rates has as many parts
    declared: Declared | None,
    currencies: Sequence[str] = ("BYN", "CNY", "RUB"),
    days: tuple[date, date] = YEAR,
    *,
    seed: int = 1,
    replication: int = 0,
    zone: ZoneInfo = MINSK,
    opens: date | None = None,
    run_from: date | None = None,
    history: History | None = None,
) -> FxPaths:
    """The rates of a run, whose period opens on the first day unless `opens` says otherwise."""
    fx = None if declared is None else declare(declared)
    return fx_paths(
        fx, currencies, *days, zone, seed, replication, opens=opens, run_from=run_from, history=history
    )


def observed(rows: Iterable[tuple[date, str, str, float]], name: str = "rates.csv") -> History:
    """A history of rows (date, base, quote, units of the quote per 1 base)."""
    days, base, quote, rates = zip(*rows, strict=True)
    codes = sorted({*base, *quote})
    numbers = [np.array([codes.index(code) for code in side]) for side in (base, quote)]
    quotes = Quotes(
        tuple(codes), np.array(days, dtype="datetime64[D]"), *numbers, np.array(rates, dtype=float)
    )
    return crossed(name, quotes)[0]


def column(run: FxPaths, currency: str) -> NDArray[np.float64]:
    """Units per USD by day."""
    return run.per_usd[:, run.index(currency)]
