"""What moves the rates, by the `kind` of its declaration: each file beside this one that has a model adds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.core.kinds import Halves
from sim.core.rates import Floats

#: Called with the declaration, the currencies wanted (of a layer: the rates of its base), the days and the draws; gives
#: units per USD by day of the currencies wanted, and perhaps of others that they depend on.
MODELS: Final[Halves[Callable[..., dict[str, Floats]]]] = Halves(
    "model of exchange rates", "paths in the world"
)
