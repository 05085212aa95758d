"""A treasury looks at its accounts at stated times, buys what they lack and sells what they have too much of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from oracle.sessions import Sessions
from oracle.story import Bought
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.lenders import Lenders
    from oracle.stage import Stage
    from sim.world.funding import FundingPlan

    Process = Iterator[simpy.Event]


class Treasury:
    """What is on its way to an account counts as if it were there, and what it has borrowed as if it were gone."""

    def __init__(self, number: int, plan: FundingPlan, stage: Stage, lenders: Lenders) -> None:
        self._number = number
        self._plan = plan
        self._stage = stage
        self._books = stage.books
        self._lenders = lenders
        self._hours = stage.hours[plan.system]
        self._market = None if plan.dealing is None else Sessions(plan.dealing.hours)
        self._ordered: Counter[int] = Counter()
        self.bought: list[Bought] = []
        stage.env.process(self._decisions())

    def _decisions(self) -> Process:
        opening = self._hours.opening
        for at in sorted({opens for at in self._plan.instants if (opens := opening(at)) is not None}):
            yield from self._stage.turns.at(at, Turn.DECISION, self._number)
            deals_at = at if self._market is None else self._market.opening(at)
            if deals_at is None or deals_at >= self._stage.world.window.end:
                continue
            for account, target in zip(self._plan.accounts, self._plan.targets, strict=True):
                if account not in self._books.frozen:
                    self._restore(account, target, at, deals_at)

    def _restore(self, account: int, target: int, at: int, deals_at: int) -> None:
        need = self._stage.waiting(account) + self._lenders.owes(account)
        balance = self._books.balance[account]
        missing = target + need - balance - self._stage.away(account) - self._ordered[account]
        if missing > 0:
            self._ordered[account] += missing
            arrives = self._hours.opening(deals_at + self._plan.lag)
            self.bought.append(Bought(self._number, account, at, deals_at, arrives, missing))
            self._stage.env.process(self._delivery(account, missing, arrives))
        elif missing < 0 and self._plan.sweep and need == 0 and balance + missing >= 0:
            self._books.move(account, self._plan.market, -missing)
            self.bought.append(Bought(self._number, account, at, deals_at, at, missing))

    def _delivery(self, account: int, amount: int, at: int | None) -> Process:
        yield from self._stage.turns.at(at, Turn.DELIVERY, account, self._number, amount)
        self._ordered[account] -= amount
        if account not in self._books.frozen:
            self._stage.home(account).credited(account, self._books.move(self._plan.market, account, amount))
