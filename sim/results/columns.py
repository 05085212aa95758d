"""Names for numbers, as columns of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.world.world import World


def names(known: Sequence[str], numbers: NDArray[np.int64]) -> pd.Categorical[str]:
    """Names by number, −1 for none; as categories, which are small in memory and on disk."""
    return pd.Categorical.from_codes(numbers, categories=pd.Index(list(known), dtype="str"))


def looked_up(column: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """`column` at `numbers`, −1 where the number is."""
    found = np.full(len(numbers), -1, dtype=np.int64)
    known = numbers >= 0
    found[known] = column[numbers[known]]
    return found


def optional(numbers: NDArray[np.int64]) -> pd.Series[int]:
    """Whole numbers, with none for −1; plain integers where all are there."""
    if (numbers >= 0).all():
        return pd.Series(numbers)
    return pd.Series(pd.array(numbers, dtype="Int64")).mask(numbers < 0)


def payment_ids(world: World, numbers: NDArray[np.int64]) -> pd.Series[int] | pd.Series[str]:
    """What payments are called: their numbers, or what the user calls them; none for −1."""
    ids = world.payments.ids
    if ids is None:
        return optional(numbers)
    return pd.Series(ids[numbers], dtype="str").mask(numbers < 0) if len(ids) else pd.Series([], dtype="str")


def firm_sides(world: World) -> NDArray[np.int64]:
    """Side number by firm number."""
    return np.array([group.side for group in world.groups], dtype=np.int64)[world.firms.group]
