"""The exchange rates of a run: one file for each way in which rates move, and one table of what comes out."""

from __future__ import annotations

from sim.world.fx.paths import Floats, FxPaths
from sim.world.fx.places import FxError
from sim.world.fx.table import fx_paths

__all__ = ["Floats", "FxError", "FxPaths", "fx_paths"]
