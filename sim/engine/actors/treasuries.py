"""A bank deals for its clients out of its own position and squares it with the market once a day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.core.clock import NEVER
from sim.engine.agenda import Phase
from sim.engine.records import TreasuryDeal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.funding import FundingPlan


class Treasury:
    """The care of a treasury for its accounts in one system; money can only move while the system is open."""

    def __init__(
        self,
        number: int,
        plan: FundingPlan,
        floor: Floor,
        systems: Systems,
        needed: Callable[[int], int],
        away: Callable[[int], int],
    ) -> None:
        """`needed` says what an account needs beyond its target, `away` what it has on accounts that it funds."""
        self._number = number
        self._plan = plan
        self._floor = floor
        self._systems = systems
        self._needed = needed
        self._away = away
        self._hours = systems.hours[plan.system]
        self._instants = iter(sorted({self._hours.opens_at(at) for at in plan.instants}))
        #: What was bought for an account and has not arrived.
        self._ordered = dict.fromkeys(plan.accounts, 0)
        self._await_decision()

    def _await_decision(self) -> None:
        at = next(self._instants, NEVER)
        self._floor.agenda.schedule(at, Phase.TREASURY, self._decide, self._number)

    def _decide(self, at: int) -> None:
        """Deals that could only take place after the end of the run are left alone."""
        dealing = self._plan.dealing
        dealt_at = at if dealing is None else dealing.hours.opens_at(at)
        if dealt_at < self._floor.agenda.end:
            for account, target in zip(self._plan.accounts, self._plan.targets, strict=True):
                if account not in self._floor.ledger.frozen:
                    self._look(account, target, at, dealt_at)
        self._await_decision()

    def _look(self, account: int, target: int, at: int, dealt_at: int) -> None:
        """Buy what is missing on an account; what is there beyond its target is sold only if it is not needed."""
        need, balance = self._needed(account), self._floor.ledger.balance[account]
        missing = target + need - balance - self._away(account) - self._ordered[account]
        if missing > 0:
            self._buy(account, missing, at, dealt_at)
        elif missing < 0 and self._plan.sweep and not need and balance + missing >= 0:
            self._floor.ledger.move(account, self._plan.market, -missing, at)
            self._note(account, at, dealt_at, at, missing)

    def _buy(self, account: int, amount: int, at: int, dealt_at: int) -> None:
        self._ordered[account] += amount
        delivered_at = self._hours.opens_at(dealt_at + self._plan.lag)
        deliver = partial(self._deliver, account, amount)
        self._floor.agenda.schedule(delivered_at, Phase.DELIVERY, deliver, account, self._number, amount)
        self._note(account, at, dealt_at, delivered_at, amount)

    def _note(self, account: int, at: int, dealt_at: int, delivered_at: int, amount: int) -> None:
        deal = TreasuryDeal(self._number, account, at, dealt_at, delivered_at, amount)
        self._floor.deals.append(deal)

    def _deliver(self, account: int, amount: int, at: int) -> None:
        self._ordered[account] -= amount
        if account not in self._floor.ledger.frozen:
            posting = self._floor.ledger.move(self._plan.market, account, amount, at)
            self._systems.credited(account, at, [posting])
