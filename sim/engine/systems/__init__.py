"""The kinds of settlement system: each file here that has one adds it to `KINDS`."""

from __future__ import annotations

from sim.core.kinds import import_all
from sim.engine.systems.base import KINDS, System
from sim.world.systems import SYSTEM_KINDS

__all__ = ["KINDS"]

import_all(__name__, __path__)
KINDS.complete(SYSTEM_KINDS)
KINDS.require(System, SYSTEM_KINDS)
