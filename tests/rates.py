"""Rates for tests: declared as in a scenario, drawn for a year."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from sim.core.rates import FxPaths
from sim.scenario.model.fx import Fx
from sim.world.fx import fx_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Declared = dict[str, Any]

MINSK = ZoneInfo("Europe/Minsk")
FX: TypeAdapter[Fx] = TypeAdapter(Fx)
YEAR = (date(2024, 1, 1), date(2024, 12, 31))


def declare(declared: Declared) -> Fx:
    """A declaration as pydantic reads it."""
    return FX.validate_python(declared)


def paths(
    declared: Declared | None,
    currencies: Sequence[str] = ("BYN", "CNY", "RUB"),
    days: tuple[date, date] = YEAR,
    *,
    seed: int = 1,
    replication: int = 0,
    zone: ZoneInfo = MINSK,
) -> FxPaths:
    """The rates of a run."""
    fx = None if declared is None else declare(declared)
    return fx_paths(fx, currencies, *days, zone, seed, replication)


def column(run: FxPaths, currency: str) -> NDArray[np.float64]:
    """Units per USD by day."""
    return run.per_usd[:, run.index(currency)]
