"""What waits in a system at an instant is a problem for netting, which knows banks, amounts and money only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting import Queue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.engine.systems.base import Movements, Setup
    from sim.engine.systems.bounds import Bounded


class Snapshot:
    """Waiting transfers of a system as the netting functions take them: banks numbered from 0."""

    def __init__(
        self, floor: Movements, setup: Setup, numbers: Iterable[int], bounded: Bounded | None = None
    ) -> None:
        self.numbers = list(numbers)
        index = {account: k for k, account in enumerate(setup.accounts)}
        self.queue = Queue(
            payer=np.array([index[floor.debit[k]] for k in self.numbers], dtype=np.int64),
            payee=np.array([index[floor.credit[k]] for k in self.numbers], dtype=np.int64),
            amount=np.array([floor.amount[k] for k in self.numbers], dtype=np.int64),
        )
        self.limits = None if bounded is None else bounded.limits(self.numbers, index)
        self.available = np.array([floor.ledger.available(k) for k in setup.accounts], dtype=np.int64)

    def chosen(self, mask: NDArray[np.bool_]) -> list[int]:
        """Numbers of the transfers that a mask chooses, in their order."""
        return [self.numbers[k] for k in np.flatnonzero(mask)]
