"""A treasury looks at its accounts once a day, buys what they lack and sells what they have too much of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.books import Books
    from oracle.sessions import Sessions
    from oracle.turns import Turns
    from sim.world.funding import FundingPlan

    Process = Iterator[simpy.Event]


class Treasury:
    """What is on its way to an account counts as if it were there."""

    def __init__(
        self,
        number: int,
        plan: FundingPlan,
        hours: Sessions,
        books: Books,
        turns: Turns,
        env: simpy.Environment,
    ) -> None:
        self._number = number
        self._plan = plan
        self._hours = hours
        self._books = books
        self._turns = turns
        self._env = env
        self._ordered: Counter[int] = Counter()
        env.process(self._decisions())

    def _decisions(self) -> Process:
        opening = self._hours.opening
        for at in sorted({opens for at in self._plan.instants if (opens := opening(at)) is not None}):
            yield self._env.timeout(at - self._env.now)
            yield self._turns.take(Turn.DECISION, self._number)
            for account, target in zip(self._plan.accounts, self._plan.targets, strict=True):
                self._restore(account, target, at)

    def _restore(self, account: int, target: int, at: int) -> None:
        waiting, balance = self._books.waiting(account), self._books.balance[account]
        missing = target + waiting - balance - self._ordered[account]
        if missing > 0:
            self._ordered[account] += missing
            arrives = self._hours.opening(at + self._plan.lag)
            if arrives is not None:
                self._env.process(self._delivery(account, missing, arrives))
        elif missing < 0 and self._plan.sweep and waiting == 0 and balance + missing >= 0:
            self._books.move(account, self._plan.market, -missing)

    def _delivery(self, account: int, amount: int, at: int) -> Process:
        yield self._env.timeout(at - self._env.now)
        yield self._turns.take(Turn.DELIVERY, account, self._number, amount)
        self._ordered[account] -= amount
        self._books.move(self._plan.market, account, amount)
        self._books.retry(account)
