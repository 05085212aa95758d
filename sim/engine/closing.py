"""An account that may hold nothing overnight is emptied when its system's session ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.hours import OpeningHours
    from sim.engine.ledger import Ledger


class ZeroBalance:
    """Sends what is left on the accounts of one system to the market, at the end of each session."""

    def __init__(self, accounts: tuple[int, ...], market: int, hours: OpeningHours, start: int) -> None:
        self.accounts = tuple(account for account in accounts if account != market)
        self._market = market
        # An outage ends no session; who is out at the end of one is emptied at the next.
        ends = hours.scheduled.ends
        self._ends: Iterator[int] = iter(ends[(ends > start) & np.isin(ends, hours.ends)].tolist())

    def next_end(self) -> int:
        """End of the next session, NEVER after the last one."""
        return next(self._ends, NEVER)

    def empty(self, ledger: Ledger, at: int) -> None:
        """Send what is left; an overdraft stays."""
        for account in self.accounts:
            if ledger.balance[account] > 0 and account not in ledger.frozen:
                ledger.move(account, self._market, ledger.balance[account], at)
