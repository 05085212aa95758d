"""Money that is lent, and money that builds something, flows on dates agreed beforehand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from sim.core.calendars import months_after
from sim.scenario.model.base import (
    Amount,
    Currency,
    Day,
    Declaration,
    Number,
    Priority,
    Share,
    Whole,
    check_amounts,
    wrong,
)
from sim.scenario.model.trade import FirmGroup, Obliging


class Disbursement(Declaration):
    """A part of a loan that is paid out."""

    date: Day
    """Day on which it falls due; on a day without work of the lender, the next working day."""
    share: Share
    """Part of the principal."""


class Loan(Obliging):
    """A loan is paid out in parts, bears interest from then on, and is repaid in equal instalments after a grace."""

    section: ClassVar = "loans"
    worth: ClassVar = "principal"

    lender: FirmGroup
    """Group of firms that lends."""
    borrower: FirmGroup
    """Group of firms that borrows."""
    count: Whole = Field(default=1, ge=1, le=10_000)
    """Number of equal loans, each with a lender and a borrower of its own, drawn by size."""
    principal: Amount = Field(gt=0)
    """Amount of all of them together, in `currency`."""
    currency: Currency
    """Currency in which it is paid out, repaid and bears interest."""
    disbursements: tuple[Disbursement, ...] = Field(min_length=1)
    """When it is paid out, in order."""
    every_months: Literal[1, 3, 6, 12] = 6
    """Months between two dates of payment, counted from the first disbursement."""
    grace_months: Whole = Field(default=0, ge=0, le=600)
    """Months after the first disbursement in which interest is paid and nothing repaid."""
    instalments: Whole = Field(ge=1, le=600)
    """Number of equal instalments, on the dates of payment after the grace."""
    interest: Number = Field(ge=0, le=1)
    """Interest per year, as a share of what is owed: 0.04 is 4 %."""
    days_in_year: Literal[360, 365] = 360
    """Days by which the yearly interest is divided; days are counted by the calendar."""
    priority: Priority = 0
    """Priority of its payments in settlement systems: higher goes first, and 1 or more is urgent."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _schedule(self) -> Self:
        check_amounts(self, self.currency, "principal")
        total = sum((part.share for part in self.disbursements), Decimal(0))
        if total != 1:
            raise wrong(f"the shares add up to {total}, not to 1", field="disbursements")
        if any(other.date <= one.date for one, other in pairwise(self.disbursements)):
            raise wrong("each disbursement comes after the one before it", field="disbursements")
        if self.grace_months % self.every_months:
            raise wrong(f"{self.grace_months} is no multiple of 'every_months'", field="grace_months")
        first, last = self.disbursements[0].date, self.disbursements[-1].date
        whole = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
        if whole >= self.grace_months + self.every_months:
            raise wrong("the last disbursement is not before the first instalment", field="disbursements")
        return self

    @property
    def term_names(self) -> tuple[str, ...]:
        """See `Obliging`."""
        return ("disbursement", "principal", "interest")

    def span(self) -> tuple[date, date]:
        """The day from which on something is owed, and the last date of payment."""
        first = self.disbursements[0].date
        return first, months_after(first, self.grace_months + self.instalments * self.every_months)


class Project(Obliging):
    """A contract, such as for a building of an industrial park: an advance, monthly progress, and a retention."""

    section: ClassVar = "projects"
    worth: ClassVar = "value"

    payer: FirmGroup
    """Group of firms that builds for its own account and pays."""
    payee: FirmGroup
    """Group of firms that works and delivers."""
    count: Whole = Field(default=1, ge=1, le=10_000)
    """Number of equal contracts, each with a payer and a payee of its own, drawn by size."""
    value: Amount = Field(gt=0)
    """Value of all of them together, in `currency`."""
    currency: Currency
    """Currency of the contracts."""
    start: Day
    """Day on which the contract is signed and the advance invoiced."""
    months: Whole = Field(ge=1, le=240)
    """Months of work; at the end of each an equal part is invoiced."""
    advance: Share = Decimal(0)
    """Part of the value paid in advance."""
    retention: Share = Decimal(0)
    """Part of the value, invoiced with the last month, that is held back."""
    retained_months: Whole = Field(default=12, ge=0, le=240)
    """Months after the last one until the retention falls due."""
    due_days: Whole = Field(default=30, ge=0, le=3_650)
    """Calendar days from an invoice to its due date."""
    priority: Priority = 0
    """Priority of its payments in settlement systems: higher goes first, and 1 or more is urgent."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        check_amounts(self, self.currency, "value")
        if self.advance + self.retention > 1:
            raise wrong("advance and retention are more than the whole", field="retention")
        return self

    @property
    def term_names(self) -> tuple[str, ...]:
        """See `Obliging`."""
        return ("advance", "progress", "retention")

    def span(self) -> tuple[date, date]:
        """The day from which on something is owed, and the last date on which something falls due."""
        end = months_after(self.start, self.months)
        return self.start, max(end + timedelta(self.due_days), months_after(end, self.retained_months))
