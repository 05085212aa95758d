"""A bank whose payments wait for money borrows what they lack, as far as somebody has agreed to lend."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

from sim.core.clock import NEVER
from sim.engine.agenda import Phase
from sim.engine.ledger import Loan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.core.hours import OpeningHours
    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.network import Lending


class _Facility:
    """What one facility has lent and may still lend."""

    def __init__(self, plan: Lending, hours: OpeningHours) -> None:
        self.plan = plan
        self.hours = hours
        self.owed = dict.fromkeys(plan.accounts, 0)
        self._day_starts: list[int] = hours.scheduled.days()[0].tolist()

    def left(self, account: int) -> int:
        """What an account may still draw."""
        owed = sum(self.owed.values()) if self.plan.shared else self.owed[account]
        return self.plan.limits[account] - owed

    def due(self, received_at: int) -> int:
        """When what was received has to be repaid; NEVER if the system does not open again."""
        if self.plan.term is not None:
            return self.hours.opens_at(received_at + self.plan.term)
        following = bisect_right(self._day_starts, received_at)
        if following == len(self._day_starts):
            return NEVER
        return self.hours.opens_at(self._day_starts[following])


class Lenders:
    """Draws on facilities, their receipts and repayments.

    A draw takes what the queue of an account lacks: the value that waits, less what its bank holds back, what the
    account covers, and what is drawn already and under way.
    """

    def __init__(self, plans: Sequence[Lending], floor: Floor, systems: Systems) -> None:
        """Whoever has to wait asks those who lend on demand."""
        self._floor = floor
        self._systems = systems
        self._facilities = [_Facility(plan, systems.hours[plan.system]) for plan in plans]
        self._coming: dict[int, int] = {account: 0 for plan in plans for account in plan.accounts}
        self._on_demand: dict[int, list[int]] = {}
        for number, facility in enumerate(self._facilities):
            for account in facility.plan.accounts:
                if facility.plan.on_demand:
                    self._on_demand.setdefault(account, []).append(number)
                for at in sorted({facility.hours.opens_at(at) for at in facility.plan.instants}):
                    self._ask(number, account, at)
        if self._on_demand:
            floor.on_want(self._want)

    def _want(self, account: int, at: int) -> None:
        """Payments wait on an account: whoever lends on demand is asked, once submissions and netting are over."""
        for number in self._on_demand.get(account, ()):
            self._ask(number, account, at)

    def owes(self, account: int) -> int:
        """What an account has received and not repaid."""
        owed = sum(facility.owed.get(account, 0) for facility in self._facilities)
        return owed - self._coming.get(account, 0)

    def _draw(self, number: int, account: int, at: int) -> None:
        """Have an account draw on a facility what its queue lacks by now, if it does."""
        facility = self._facilities[number]
        covered = self._floor.ledger.available(account) + self._coming[account]
        lacking = self._systems.waiting(account) - self._systems.held(account) - covered
        amount = min(max(lacking, facility.plan.minimum), facility.left(account))
        if lacking > 0 and amount >= max(facility.plan.minimum, 1):
            self._lend(number, account, amount, at)

    def _ask(self, number: int, account: int, at: int) -> None:
        draw = partial(self._draw, number, account)
        self._floor.agenda.schedule(at, Phase.DRAWING, draw, account, number)

    def _lend(self, number: int, account: int, amount: int, at: int) -> None:
        facility = self._facilities[number]
        plan = facility.plan
        loan = self._floor.loans.enter(Loan(plan.lender, account, at, amount, plan.rate, facility=number))
        facility.owed[account] += amount
        self._coming[account] += amount
        arrives = facility.hours.opens_at(at + plan.lag)
        if arrives == at:
            self._receive(loan, at)
        else:
            self._await(self._receive, loan, arrives)

    def _receive(self, number: int, at: int) -> None:
        loan = self._floor.loans[number]
        self._coming[loan.account] -= loan.amount
        if self._floor.loans.stuck(number):
            return
        posting = self._floor.loans.receive(number, at)
        self._await(self._repay, number, self._facilities[loan.facility].due(at))
        self._systems.credited(loan.account, at, [posting])

    def _repay(self, number: int, at: int) -> None:
        """What is not covered is rolled over; what is repaid can be drawn again, by whoever waits."""
        loan = self._floor.loans[number]
        facility = self._facilities[loan.facility]
        rest = self._floor.loans.repay(number, at, facility.plan.rate + facility.plan.penalty_rate)
        facility.owed[loan.account] -= loan.amount - loan.carried_over
        if rest is not None:
            self._await(self._repay, rest, facility.due(at))
        self._systems.emptied(loan.account)
        for account in facility.plan.accounts:
            self._floor.want(account, at)

    def _await(self, do: Callable[[int, int], None], number: int, at: int) -> None:
        account = self._floor.loans[number].account
        self._floor.agenda.schedule(at, Phase.LOAN, partial(do, number), account, number)
