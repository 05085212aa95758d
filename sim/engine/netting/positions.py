"""Netting replaces what banks owe each other by what each owes to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting.queue import check_banks
from sim.engine.netting.release import multilateral

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.netting.queue import Queue


def net_positions(queue: Queue, n: int) -> Amounts:
    """Received − sent by each of `n` banks if everything settles; the positions add up to zero."""
    check_banks(queue, n)
    return queue.received(n) - queue.sent(n)


def unwind(queue: Queue, limits: Amounts) -> NDArray[np.bool_]:
    """Payments that stay in a netting cycle once every net debit is within its bank's limit.

    The newest payment (the last row) of a bank that cannot cover its net debit leaves, and again, until all
    banks can cover theirs. A removal takes a receipt from the payee, who may then be short in turn. No
    smaller removal keeps each bank's payments in order, and the turn of the banks does not matter: what stays
    is the same unique set that multilateral netting would settle.
    """
    return multilateral(queue, limits)


def loss_shares(shortfall: int, weights: NDArray[np.int64]) -> Amounts:
    """Split a loss in proportion to `weights`, in whole minor units that add up to it exactly.

    Each share is rounded down; the units left over go to the largest remainders, the first of equal ones
    (Hamilton's method). ValueError for a negative loss or weight, and for a loss that nobody can bear.
    """
    if shortfall < 0 or (len(weights) and weights.min() < 0):
        raise ValueError("neither a loss nor a weight can be negative")
    # Python's integers: a product of a loss and a weight may pass int64.
    parts = [shortfall * weight for weight in weights.tolist()]
    total = sum(weights.tolist())
    if total == 0:
        if shortfall:
            raise ValueError(f"a loss of {shortfall} needs at least one survivor with a positive weight")
        return np.zeros(len(weights), dtype=np.int64)
    shares = [part // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -(parts[place] % total))
    for place in by_remainder[: shortfall - sum(shares)]:
        shares[place] += 1
    return np.array(shares, dtype=np.int64)
