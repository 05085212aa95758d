"""Figures and words for the results of a run; importing this room makes `results.plot` know its figures."""

from sim.show.backlog import backlog
from sim.show.calendar import calendar
from sim.show.delay import delay
from sim.show.exposure import exposure
from sim.show.fan import exposure_fan
from sim.show.fx_result import fx_result
from sim.show.liquidity import liquidity
from sim.show.maturity import maturity
from sim.show.principal import principal_risk
from sim.show.throughput import throughput

__all__ = [
    "backlog",
    "calendar",
    "delay",
    "exposure",
    "exposure_fan",
    "fx_result",
    "liquidity",
    "maturity",
    "principal_risk",
    "throughput",
]
