"""What a window of the shipped history says about the parameters of a model of exchange rates."""

from __future__ import annotations

from datetime import date

from sim.calibration.estimates import MODELS, Calibration, Estimate, HistoryWindow
from sim.core.history import load_history
from sim.core.kinds import import_all
from sim.errors import CalibrationError
from sim.scenario.model.fx import Fx
from sim.scenario.model.kinds import kinds_that

__all__ = ["MODELS", "Calibration", "CalibrationError", "Estimate", "HistoryWindow", "calibrate"]

import_all(__name__, __path__)
# Rates that stand still, and bands without fixings, have nothing to estimate.
MODELS.complete(kinds_that(Fx, "estimated"))


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
