"""The exchange rates of a run: one file for each way in which rates move, and one table of what comes out."""

from __future__ import annotations

from sim.core.kinds import import_all
from sim.scenario.model.fx import Fx
from sim.scenario.model.kinds import kinds
from sim.world.fx.models import MODELS
from sim.world.fx.places import FxError
from sim.world.fx.table import fx_paths

__all__ = ["MODELS", "FxError", "fx_paths"]

import_all(__name__, __path__)
MODELS.complete(kinds(Fx))
