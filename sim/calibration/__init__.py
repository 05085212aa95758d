"""What a window of history says about the parameters of a model of exchange rates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sim.calibration.estimates import MODELS, Calibration, Estimate, HistoryWindow
from sim.core.kinds import import_all
from sim.errors import CalibrationError
from sim.scenario.model.fx import Fx
from sim.scenario.model.kinds import kinds_that
from sim.world.own_rates import load_history, read_rates

__all__ = ["MODELS", "Calibration", "CalibrationError", "Estimate", "HistoryWindow", "calibrate"]

import_all(__name__, __path__)
# Rates that stand still, and bands without fixings, have nothing to estimate.
MODELS.complete(kinds_that(Fx, "estimated"))


def calibrate(
    model: str, first: date | None = None, last: date | None = None, *, data: str | Path | None = None
) -> Calibration:
    """Estimates for one of `MODELS` from the observations from `first` to `last`, both included.

    Without them, from the first or to the last observation. They are those that ship or, with `data`, those of a file
    (see `read_rates`). CalibrationError if the window holds too little, ScenarioError if the file is wrong.
    """
    history = load_history() if data is None else read_rates(Path(data))
    file = None if data is None else str(data)
    window = HistoryWindow(history, first or history.first, last or history.last, file)
    if window.last <= window.first:
        raise CalibrationError(f"the window from {window.first} to {window.last} ends before it starts")
    try:
        return MODELS[model](window)
    except ValueError as error:  # of an estimator that has too few observations
        raise CalibrationError(f"{model}: {error}") from None
