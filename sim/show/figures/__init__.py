"""Figures of a run; importing this makes `results.plot` know them. Each file draws one, registered by its name."""

from __future__ import annotations

from sim.core.kinds import import_all

import_all(__name__, __path__)
