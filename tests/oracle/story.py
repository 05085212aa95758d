"""What happened, one row per fact; instants are None where it did not come to that before the end of the run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from oracle.books import Posting, Transfer
    from sim.scenario.model.network import Route


class Deal(NamedTuple):
    """A part of what a firm exchanged; places are −1 where there is none, the payment where none is due in time."""

    at: int
    payment: int
    obligation: int
    by_payee: bool
    matched: bool
    market: int
    vehicle: int
    vehicle_market: int
    amount: int
    counter_amount: int
    mid_amount: int


class Charge(NamedTuple):
    """A fee."""

    at: int
    payment: int
    attempt: int
    step: int
    firm: int
    amount: int


class Run(NamedTuple):
    """A run of offsetting that settled something."""

    system: int
    at: int
    kind: str
    queued_payments: int
    queued_value: int
    settled_payments: int = 0
    settled_value: int = 0


class FundingMove(NamedTuple):
    """What an account got from its source, or gave back to it (negative)."""

    account: int
    source: int
    at: int
    amount: int


class SquaringPayment(NamedTuple):
    """What one agent paid another to bring positions in a clearing account back to zero, by account."""

    system: int
    at: int
    debtor: int
    creditor: int
    amount: int


class Shift(NamedTuple):
    """Money granted from outside, or withdrawn: `amount` was wanted, `moved` was done."""

    at: int
    account: int
    amount: int
    moved: int


class Bought(NamedTuple):
    """What a treasury bought (positive) or sold, by number of its plan."""

    plan: int
    account: int
    decided_at: int
    dealt_at: int
    delivered_at: int | None
    amount: int


@dataclass(slots=True)
class Loan:
    """Money lent by a facility, or by the pool of a system; `carried_over` of it went on into another loan."""

    facility: int
    pool: int
    lender: int
    account: int
    drawn_at: int
    received_at: int | None
    amount: int
    rate: float
    repaid_at: int | None = None
    carried_over: int = 0
    rolled: int = 0


@dataclass(slots=True)
class Review:
    """A person looks at a payment; `work` in seconds."""

    payment: int
    attempt: int
    step: int
    bank: str
    arrived_at: int
    work: int
    began_at: int | None = None
    ended_at: int | None = None
    sent_back: bool = False


@dataclass(slots=True)
class Return:
    """An attempt, instructed at `instructed_at`, that a review at a step sent back."""

    payment: int
    attempt: int
    step: int
    bank: str
    instructed_at: int
    sent_back_at: int
    returned_at: int | None = None
    instructed_again_at: int | None = None


@dataclass(slots=True)
class Stay:
    """A payment is at a place of a step (−1 where there is none), from one instant to another, for some reasons."""

    attempt: int
    step: int
    place: str
    system: int
    began_at: int
    ended_at: int
    reasons: Counter[str]


@dataclass(slots=True)
class Payment:
    """What a payment is, and what became of its last attempt."""

    number: int
    obligation: int
    route: Route
    payer: int
    payee: int
    payer_bank: str
    payee_bank: str
    currency: str
    amount: int
    priority: int
    first_instructed_at: int
    instructed_at: int
    attempt: int = 1
    settled: dict[int, int] = field(default_factory=dict)
    """When it settled, by step; also where it had nothing to move."""
    credited_at: int | None = None
    sent_back: bool = False
    cancelled_at: int | None = None
    accepted_at: int | None = None
    value_date: date | None = None
    same_day: bool = False
    value_missed: bool = False
    automatic: bool = False
    stays: list[Stay] = field(default_factory=list)
    """Where it has been: what came back as one stay each, and the last attempt step by step."""
    here: Stay | None = None
    """Where it is; on its way back that is nowhere."""
    waits: list[Transfer] = field(default_factory=list)
    """What it has asked of a system, until that has settled."""
    desk: str | None = None
    """The bank of whose desk it waits for an analyst, and since when."""
    laid_at: int | None = None

    @property
    def reasons(self) -> Counter[str]:
        """Why it took so long, wherever it was."""
        return sum((stay.reasons for stay in self.stays), Counter())

    @property
    def settled_at(self) -> int | None:
        """When it settled at its last settling step."""
        last = max(place for place, step in enumerate(self.route.steps) if step.kind == "settle")
        return self.settled.get(last)

    def come(self, step: int, place: str, at: int, system: int = -1) -> None:
        """It is somewhere from now on, if it is not there already."""
        here = self.here
        if here is not None and (here.attempt, here.step, here.place) == (self.attempt, step, place):
            return
        self.leave(at)
        self.here = Stay(self.attempt, step, place, system, at, at, Counter())
        self.stays.append(self.here)

    def leave(self, at: int) -> None:
        """It is nowhere any more."""
        if self.here is not None:
            self.here.ended_at = at
        self.here = None

    def count(self, reason: str, seconds: int) -> None:
        """Time passes where it is."""
        if self.here is not None and seconds:
            self.here.reasons[reason] += seconds

    def lose(self, until: int) -> None:
        """All the time of this attempt was in vain."""
        self.stays = [stay for stay in self.stays if stay.attempt < self.attempt]
        lost = Counter(returned=until - self.instructed_at)
        self.stays.append(Stay(self.attempt, -1, "back", -1, self.instructed_at, until, lost))

    def begin_anew(self, at: int) -> None:
        """What there was before is undone, and the time that it took was lost to the return."""
        self.lose(at)
        self.attempt += 1
        self.instructed_at = at
        self.sent_back = False
        self.settled = {}
        self.accepted_at, self.value_date, self.same_day, self.value_missed = None, None, False, False
        self.automatic = False


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happened."""

    payments: list[Payment]
    transfers: list[Transfer]
    postings: list[Posting]
    balances: list[int]
    loans: list[Loan]
    bought: list[Bought]
    funded: list[FundingMove]
    shifts: list[Shift]
    offsets: list[Run]
    squarings: list[SquaringPayment]
    deals: list[Deal]
    sold_back: list[Deal]
    charges: list[Charge]
    reviews: list[Review]
    returns: list[Return]
