"""What a window of the shipped history says about the parameters of a model of exchange rates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from sim.calibration.basket import basket
from sim.calibration.blocks import bootstrap
from sim.calibration.estimates import Calibration, Estimate, HistoryWindow
from sim.calibration.jumps import jump
from sim.calibration.moments import lognormal
from sim.calibration.regimes import regime
from sim.calibration.reversion import mean_reverting
from sim.errors import CalibrationError
from sim.world.history import load_history

__all__ = ["MODELS", "Calibration", "CalibrationError", "Estimate", "HistoryWindow", "calibrate"]

#: The models that have something to estimate; rates that stand still, and bands without fixings, have not.
MODELS: Final[dict[str, Callable[[HistoryWindow], Calibration]]] = {
    "lognormal": lognormal,
    "bootstrap": bootstrap,
    "mean_reverting": mean_reverting,
    "jump": jump,
    "regime": regime,
    "basket": basket,
}


def calibrate(model: str, first: date | None = None, last: date | None = None) -> Calibration:
    """Estimates for one of `MODELS` from the shipped observations from `first` to `last`, both included.

    Without them, from the first or to the last observation. CalibrationError if the window holds too little.
    """
    series = load_history().values()
    window = HistoryWindow(first or min(one.first for one in series), last or max(one.last for one in series))
    if window.last <= window.first:
        raise CalibrationError(f"the window from {window.first} to {window.last} ends before it starts")
    try:
        return MODELS[model](window)
    except ValueError as error:  # of an estimator that has too few observations
        raise CalibrationError(f"{model}: {error}") from None
