"""Derived tables: computed from the facts alone, when they are asked for. Each has the name of its function."""

from __future__ import annotations

from sim.core.kinds import import_all

import_all(__name__, __path__)
