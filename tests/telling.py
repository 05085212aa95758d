"""What a world and its records tell, table by table and measure by measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.results.facts.source import Simulated
from sim.results.run import Run
from sim.results.shelves import TABLES

if TYPE_CHECKING:
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

assert TABLES  # all of them are known from here on


def run_of(world: DrawnWorld, records: Records) -> Run:
    """The run: `run_of(world, records)["exposure"]` is a table of it."""
    return Run(world.scenario, Simulated(world, records))
