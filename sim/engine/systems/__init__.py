"""The kinds of settlement system, chosen by the `kind` of their declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.engine.systems.deferred import DeferredNet
from sim.engine.systems.gross import Gross
from sim.engine.systems.hybrid import Hybrid
from sim.engine.systems.pvp import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.systems.base import System

KINDS: Final[dict[str, Callable[..., System]]] = {
    "rtgs": Gross,
    "correspondent": Gross,
    "clearing": Gross,
    "dns": DeferredNet,
    "hybrid": Hybrid,
    "pvp": Link,
}
