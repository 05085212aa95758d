"""Figures and words for the results of a run; importing this room makes `results.plot` know its figures."""

from sim.show.calendar import calendar
from sim.show.delay import delay
from sim.show.exposure import exposure

__all__ = ["calendar", "delay", "exposure"]
