"""Figures and words for the results of a run; importing this room makes `results.plot` know its figures."""

from sim.show.calendar import calendar
from sim.show.delay import delay
from sim.show.exposure import exposure
from sim.show.liquidity import liquidity
from sim.show.throughput import throughput

__all__ = ["calendar", "delay", "exposure", "liquidity", "throughput"]
