"""Facts: what the simulation itself tells, each a table of the name of its function; nothing else sees the engine."""

from __future__ import annotations

from importlib import import_module

from sim.core.kinds import import_all

# In the order in which a reader wants them; others follow.
for _name in ("trade", "money", "lending", "times"):
    import_module(f"{__name__}.{_name}")
import_all(__name__, __path__)
