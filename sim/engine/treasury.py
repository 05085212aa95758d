"""A bank deals for its clients out of its own position and squares it with the market once a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.core.hours import OpeningHours
    from sim.world.funding import FundingPlan


class Deal(NamedTuple):
    """Money that a treasury buys for an account (positive) or sells from it at once (negative)."""

    account: int
    amount: int


class Desk:
    """A treasury's care for its accounts in one system; money can only move while the system is open."""

    def __init__(self, plan: FundingPlan, hours: OpeningHours) -> None:
        self.accounts = plan.accounts
        self.market = plan.market
        self._plan = plan
        self._hours = hours
        self._instants = iter(sorted({hours.opens_at(at) for at in plan.instants}))
        self._ordered = dict.fromkeys(plan.accounts, 0)

    def dealt_at(self, decided_at: int) -> int:
        """Instant of the deals decided at `decided_at`: the next opening of the market, if there is one."""
        dealing = self._plan.dealing
        return decided_at if dealing is None else dealing.hours.opens_at(decided_at)

    def next_decision(self) -> int:
        """Instant of the next decision, NEVER after the last one."""
        return next(self._instants, NEVER)

    def decide(self, balance: Callable[[int], int], needed: Callable[[int], int]) -> Iterator[Deal]:
        """What to deal, given the balance of an account and what it needs: what waits in its queue, and its loans.

        What was bought and has not arrived counts; money is sold only if it is not needed.
        """
        for account, target in zip(self.accounts, self._plan.targets, strict=True):
            need = needed(account)
            missing = target + need - balance(account) - self._ordered[account]
            if missing > 0:
                self._ordered[account] += missing
                yield Deal(account, missing)
            elif missing < 0 and self._plan.sweep and not need and balance(account) + missing >= 0:
                yield Deal(account, missing)

    def delivery(self, dealt_at: int) -> int:
        """Instant at which money bought at `dealt_at` arrives."""
        return self._hours.opens_at(dealt_at + self._plan.lag)

    def receive(self, deal: Deal) -> None:
        """Take note that bought money has arrived."""
        self._ordered[deal.account] -= deal.amount
