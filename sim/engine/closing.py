"""At stated instants accounts go back to zero: what is left overnight is emptied, what agents owe is squared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.hours import OpeningHours
    from sim.engine.ledger import Ledger


class Closing(Protocol):
    """Brings the accounts of one system to zero at certain instants."""

    accounts: tuple[int, ...]

    def next_instant(self) -> int:
        """The next of them, NEVER after the last one."""
        ...

    def close(self, ledger: Ledger, at: int) -> list[int]:
        """Move what is left, and return the accounts that got money."""
        ...


class SquaringPayment(NamedTuple):
    """What one agent paid another outside of the clearing account, by account; in minor units of the account."""

    system: int
    at: int
    debtor: int
    creditor: int
    amount: int


class ZeroBalance:
    """Sends what is left on the accounts of one system to the market, at the end of each session."""

    def __init__(self, accounts: tuple[int, ...], market: int, hours: OpeningHours, start: int) -> None:
        self.accounts = tuple(account for account in accounts if account != market)
        self._market = market
        # An outage ends no session; who is out at the end of one is emptied at the next.
        ends = hours.scheduled.ends
        self._ends: Iterator[int] = iter(ends[(ends > start) & np.isin(ends, hours.ends)].tolist())

    def next_instant(self) -> int:
        """See `Closing`: the end of the next session."""
        return next(self._ends, NEVER)

    def close(self, ledger: Ledger, at: int) -> list[int]:
        """See `Closing`: send what is left; an overdraft stays."""
        for account in self.accounts:
            if ledger.balance[account] > 0 and account not in ledger.frozen:
                ledger.move(account, self._market, ledger.balance[account], at)
        return []


class Squaring:
    """Brings the positions in a clearing account to zero: those below it pay those above, in order of accounts."""

    def __init__(self, number: int, accounts: tuple[int, ...], instants: tuple[int, ...]) -> None:
        self._number = number
        self.accounts = accounts
        self._instants = iter(instants)
        self.payments: list[SquaringPayment] = []

    def next_instant(self) -> int:
        """See `Closing`: the end of the next period."""
        return next(self._instants, NEVER)

    def close(self, ledger: Ledger, at: int) -> list[int]:
        """See `Closing`: the positions move together; whoever owed can pay again. What is frozen stays."""
        free = [account for account in self.accounts if account not in ledger.frozen]
        owing = [account for account in free if ledger.balance[account] < 0]
        with ledger.together():
            for debtor in owing:
                for creditor in free:
                    amount = min(-ledger.balance[debtor], ledger.balance[creditor])
                    if amount > 0:
                        ledger.move(creditor, debtor, amount, at)
                        self.payments.append(SquaringPayment(self._number, at, debtor, creditor, amount))
        return owing
