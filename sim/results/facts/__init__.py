"""Facts: what the simulation itself tells, each a table of the name of its function; nothing else sees the engine."""

from __future__ import annotations

from sim.core.kinds import import_all

import_all(__name__, __path__)
