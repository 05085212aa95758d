"""Pure functions that choose which waiting payments settle at once; none of them changes its arguments."""

from __future__ import annotations

from sim.engine.netting.optimum import Optimum, optimal
from sim.engine.netting.queue import Limits, Queue
from sim.engine.netting.release import (
    bilateral,
    has_gridlock,
    is_deadlock,
    loss_shares,
    multilateral,
    net_positions,
    singly,
)

__all__ = [
    "Limits",
    "Optimum",
    "Queue",
    "bilateral",
    "has_gridlock",
    "is_deadlock",
    "loss_shares",
    "multilateral",
    "net_positions",
    "optimal",
    "singly",
]
