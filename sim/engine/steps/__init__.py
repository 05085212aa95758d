"""The kinds of step that routes are made of: each file here that has one adds it to `KINDS`."""

from __future__ import annotations

from sim.core.kinds import import_all
from sim.engine.steps.base import KINDS, Contended, Step
from sim.world.steps import CONTENDED_KINDS, STEP_KINDS

__all__ = ["KINDS"]

import_all(__name__, __path__)
KINDS.complete(STEP_KINDS)
KINDS.require(Step, STEP_KINDS)
KINDS.require(Contended, CONTENDED_KINDS)
