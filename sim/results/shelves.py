"""Every table and measure there is: with this module all files on the three shelves are known."""

from __future__ import annotations

from sim.results import derived as _derived
from sim.results import facts as _facts
from sim.results import measures as _measures
from sim.results.registry import MEASURES, TABLES, complete

__all__ = ["MEASURES", "SHELVES", "TABLES"]

#: The packages in whose modules tables and measures stand, in the order in which each needs those before it.
SHELVES = (_facts, _derived, _measures)

complete()
