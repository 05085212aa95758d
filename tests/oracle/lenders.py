"""A bank whose payments wait for money is lent what they lack, as far as a facility goes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy
    from sim.world.facilities import Lending

    from oracle.loans import Loans
    from oracle.stage import Stage
    from oracle.story import Loan

    Process = Iterator[simpy.Event]


class Lenders:
    """All facilities: draws on them, the money that comes, and what is paid back."""

    def __init__(self, stage: Stage, loans: Loans) -> None:
        self._stage = stage
        self._loans = loans
        self._plans = stage.world.network.lendings
        #: What is lent and not paid back by facility and account, and the part of it that has not come, by account.
        self._owed = [Counter[int]() for _ in self._plans]
        self._coming: Counter[int] = Counter()
        stage.books.on_want.append(self._want)
        for facility, plan in enumerate(self._plans):
            opening = stage.hours[plan.system].opening
            for account in plan.accounts:
                for at in sorted({opens for at in plan.instants if (opens := opening(at)) is not None}):
                    stage.env.process(self._draw(facility, account, at))

    def owes(self, account: int) -> int:
        """What an account has received and not paid back."""
        return sum(owed[account] for owed in self._owed) - self._coming[account]

    def _want(self, account: int) -> None:
        """Who lends on demand is asked, once submissions and netting of the instant are over."""
        for facility, plan in enumerate(self._plans):
            if plan.on_demand and account in plan.accounts:
                self._stage.env.process(self._draw(facility, account, self._stage.env.now))

    def _draw(self, facility: int, account: int, at: int) -> Process:
        yield from self._stage.turns.at(at, Turn.DRAWING, account, facility)
        plan, owed = self._plans[facility], self._owed[facility]
        held = self._stage.home(account).held(account)
        covered = self._stage.books.left(account) + self._coming[account]
        lacking = self._stage.waiting(account) - held - covered
        left = plan.limits[account] - (owed.total() if plan.shared else owed[account])
        amount = min(max(lacking, plan.minimum), left)
        if lacking <= 0 or amount < max(plan.minimum, 1):
            return
        loan = self._loans.enter(account, plan.lender, amount, rate=plan.rate, facility=facility)
        owed[account] += amount
        self._coming[account] += amount
        comes = self._stage.hours[plan.system].opening(at + plan.lag)
        if comes != at:
            yield from self._stage.turns.at(comes, Turn.LOAN, account, self._loans.number(loan))
        self._coming[account] -= amount
        if not self._loans.stuck(loan):
            change = self._loans.receive(loan)
            self._stage.env.process(self._repayment(loan, plan))
            self._stage.home(account).credited(account, change)

    def _repayment(self, loan: Loan, plan: Lending) -> Process:
        """When it is due, and again when the rest is."""
        rest: Loan | None = loan
        while rest is not None:
            loan = rest
            yield from self._stage.turns.at(
                self._due(plan), Turn.LOAN, loan.account, self._loans.number(loan)
            )
            rest = self._loans.repay(loan, rate=plan.rate + plan.penalty_rate)
            self._owed[loan.facility][loan.account] -= loan.amount - loan.carried_over
            for account in plan.accounts:
                self._stage.books.want(account)

    def _due(self, plan: Lending) -> int | None:
        """After the term, or as the next day of the system begins, when it is open."""
        hours, now = self._stage.hours[plan.system], self._stage.env.now
        due = hours.next_day(now) if plan.term is None else now + plan.term
        return None if due is None else hours.opening(due)
