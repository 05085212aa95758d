"""Measures: the headline numbers of a run, each a function of its tables that is computed when it is asked for."""

from __future__ import annotations

from sim.core.kinds import import_all

import_all(__name__, __path__)
