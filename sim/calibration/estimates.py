"""An estimate is worth what its standard error says, and a note says what the error leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sim.core.history import load_history
from sim.core.kinds import Halves
from sim.errors import CalibrationError


class HistoryWindow(NamedTuple):
    """A stretch of history, both days included."""

    first: date
    last: date

    def currencies(self) -> tuple[str, ...]:
        """Those observed on two days of the window at least; CalibrationError if there are none."""
        found = tuple(code for code, seen in load_history().items() if len(seen.within(*self).days) > 1)
        if not found:
            raise CalibrationError(f"history has no rates from {self.first} to {self.last}; {_known()}")
        return found


class Estimate(NamedTuple):
    """A number estimated from history, with its standard error if that is known."""

    name: str
    value: float
    standard_error: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the window of history says about one model of rates.

    `observations` counts what each number rests on; `notes` say what is weakly identified; `fx` is the
    declaration that a scenario can take, of text, whole numbers and decimals.
    """

    model: str
    window: HistoryWindow
    observations: dict[str, int]
    estimates: list[Estimate]
    fx: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def rounded(value: float, decimals: int = 4) -> Decimal:
    """A number as a scenario states it; a zero has no sign."""
    return round(Decimal(repr(float(value))), decimals) + Decimal(0)


def origin(window: HistoryWindow) -> str:
    """Where the numbers of a calibrated scenario come from."""
    return f"sim calibrate, shipped history from {window.first} to {window.last}"


def _known() -> str:
    series = load_history().values()
    first, last = min(one.first for one in series), max(one.last for one in series)
    return f"it reaches from {first} to {last}"


#: The estimator of each model that has something to estimate.
MODELS: Final[Halves[Callable[[HistoryWindow], Calibration]]] = Halves(
    "model of exchange rates", "an estimator"
)
