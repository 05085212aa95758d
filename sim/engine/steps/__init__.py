"""The kinds of step that routes are made of: each file here that has one adds it to `KINDS`."""

from __future__ import annotations

from sim.core.kinds import import_all
from sim.engine.steps.base import KINDS
from sim.world.steps import STEP_KINDS

__all__ = ["KINDS"]

import_all(__name__, __path__)
KINDS.complete(STEP_KINDS)
