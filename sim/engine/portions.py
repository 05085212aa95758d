"""An obligation may be exchanged in parts, and each part is worth what it adds to the parts before it.

Of an amount of which `before` has been exchanged, a part of `amount` is worth V(before + amount) − V(before) at
an instant, where V rounds to whole minor units. So the parts add up exactly to the whole at one rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.currency import Amounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Conversions
    from sim.world.fx import Floats, FxPaths


def exchanged_before(rows: Conversions) -> Amounts:
    """How much of the same obligation its bearer had exchanged before each row, in the order of the rows."""
    order = np.lexsort((rows.by_payee, rows.obligation))
    amount = rows.amount[order]
    running = np.cumsum(amount) - amount
    same = (np.diff(rows.obligation[order]) == 0) & (np.diff(rows.by_payee[order].astype(np.int64)) == 0)
    first = np.flatnonzero(np.concatenate(([True], ~same))[: len(order)])
    lengths = np.diff(np.append(first, len(order)))
    before = np.empty(len(order), dtype=np.int64)
    before[order] = running - np.repeat(running[first], lengths)
    return before


def part_value(
    fx: FxPaths,
    before: Amounts,
    amount: Amounts,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    at: Seconds,
    factor: Floats | None = None,
) -> Amounts:
    """Minor units of `target` that each part adds at `factor` times mid (1 if not given) at its instant."""
    factor = np.ones(len(amount)) if factor is None else factor
    value = fx.convert(before + amount, source, target, at, factor=factor)
    later = np.flatnonzero(before)
    if len(later):
        value[later] -= fx.convert(
            before[later], source[later], target[later], at[later], factor=factor[later]
        )
    return value
