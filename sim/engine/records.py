"""What happened, as plain columns: one record type per kind of fact."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.engine.delays import Delays, Stays
    from sim.world.journeys import Journeys


class Conversions(NamedTuple):
    """One row per part of an obligation that a bearer exchanged; by number, amounts in minor units.

    The firm buys or sells `amount` of the obligation's currency against `counter_amount` of its functional
    currency: exactly what `mid_amount` would have been without the market's price. `vehicle` is the currency
    that it was crossed through, with a second deal at `vehicle_market`; all four are −1 where there is none,
    `market` where foreign cash was `matched` with what the firm owed, `payment` where none was due in the run.
    """

    payment: NDArray[np.int64]
    obligation: NDArray[np.int64]
    by_payee: NDArray[np.bool_]
    firm: NDArray[np.int64]
    matched: NDArray[np.bool_]
    market: NDArray[np.int64]
    vehicle: NDArray[np.int64]
    vehicle_market: NDArray[np.int64]
    at: Seconds
    currency: NDArray[np.int64]
    amount: Amounts
    functional_currency: NDArray[np.int64]
    counter_amount: Amounts
    mid_amount: Amounts


class Fees(NamedTuple):
    """One row per charge; `step` is the place in the route, `attempt` that of the payment's instruction."""

    payment: NDArray[np.int64]
    attempt: NDArray[np.int64]
    step: NDArray[np.int64]
    firm: NDArray[np.int64]
    at: Seconds
    currency: NDArray[np.int64]
    amount: Amounts


class Journal(NamedTuple):
    """One row per movement between two accounts, in the order of posting; `payment` is −1 for other money.

    Rows of one `batch` took effect together. `journey`, `step` and `part` are as in `Submissions`.
    """

    batch: NDArray[np.int64]
    at: Seconds
    payment: NDArray[np.int64]
    journey: NDArray[np.int64]
    step: NDArray[np.int64]
    part: NDArray[np.int64]
    debit: NDArray[np.int64]
    credit: NDArray[np.int64]
    amount: Amounts


class Submissions(NamedTuple):
    """One row per movement that a payment asked a system for; `settled_at` is NEVER where it did not happen.

    A payment that is split has a row for each `part`, from 0 on; one in a link has two, a row for each leg. Of
    one that was sent back, `journey` tells which way and attempt it was; `step` is always that of the route.
    `queue_entry` counts, over the whole run, in which order movements came to wait; −1 for what settled at once.

    `released_by` is what let a movement go that waited, for an opening or in the system, and settled: the last change
    that it needed, by its place in `RELEASERS`; −1 for all others. Of a `credit` or `grant`, `released_by_posting` is
    the row of the journal that brought the money: at the instant of settlement, before the movement's own row, to the
    account that it debits. Without it, and what came to the account after it, there would not have been cover, or
    room within the limit. Whoever stands in a queue that nobody passes needs what those before him needed. A movement
    in a link needs cover on both accounts that the link debits, its counter-movement's, too.
    Who waits for an opening and then in the system is let go by what ends the second wait; a system with cycles
    lets go what waits in it by `cycle` alone, also where money came for it.
    """

    payment: NDArray[np.int64]
    journey: NDArray[np.int64]
    step: NDArray[np.int64]
    part: NDArray[np.int64]
    system: NDArray[np.int64]
    debit: NDArray[np.int64]
    credit: NDArray[np.int64]
    amount: Amounts
    submitted_at: Seconds
    settled_at: Seconds
    queue_entry: NDArray[np.int64]
    released_by: NDArray[np.int64]
    released_by_posting: NDArray[np.int64]


class Waits(NamedTuple):
    """Instants by payment at one contended step, −1 for payments that asked for nothing.

    `settled` is NEVER where it did not happen; of a review, it is the end. `accepted` and `cycle` are those of the
    first netting cycle for which a payment was accepted, or of settlement where there was none; of a review,
    both are the instant at which somebody took it up.
    """

    settled: Seconds
    accepted: Seconds
    cycle: Seconds


class SquaringPayment(NamedTuple):
    """What one agent paid another outside of the clearing account, by account; in minor units of the account."""

    system: int
    at: int
    debtor: int
    creditor: int
    amount: int


class Clearings(NamedTuple):
    """`SquaringPayment` as columns: system by system, each in order of time."""

    system: NDArray[np.int64]
    at: Seconds
    debtor: NDArray[np.int64]
    creditor: NDArray[np.int64]
    amount: Amounts

    @classmethod
    def of(cls, payments: list[SquaringPayment]) -> Clearings:
        """The columns of so many payments."""
        return cls(*columns_of(payments, len(cls._fields)))


class Loans(NamedTuple):
    """One row per loan, in the order of the draws; instants are NEVER where it did not happen in time.

    It is one of a `facility`, or of the `pool` of a system, by its number; the other one is −1. From `received_at` to
    `repaid_at` the borrower owed `amount`; `carried_over` of it went on into another loan, `rolled` so many times.
    """

    facility: NDArray[np.int64]
    pool: NDArray[np.int64]
    lender: NDArray[np.int64]
    account: NDArray[np.int64]
    drawn_at: Seconds
    received_at: Seconds
    repaid_at: Seconds
    amount: Amounts
    carried_over: Amounts
    rolled: NDArray[np.int64]
    rate: NDArray[np.float64]


class TreasuryDeal(NamedTuple):
    """What a treasury bought (positive) or sold, by number of its plan; sold money leaves at the decision."""

    plan: int
    account: int
    decided_at: int
    dealt_at: int
    delivered_at: int
    amount: int


class Funding(NamedTuple):
    """`TreasuryDeal` as columns, one row per deal in the order of the decisions."""

    plan: NDArray[np.int64]
    account: NDArray[np.int64]
    decided_at: Seconds
    dealt_at: Seconds
    delivered_at: Seconds
    amount: Amounts

    @classmethod
    def of(cls, deals: list[TreasuryDeal]) -> Funding:
        """The columns of so many deals."""
        return cls(*columns_of(deals, len(cls._fields)))


class FundingMove(NamedTuple):
    """What an account got from its source as a session began or later, or gave back as it ended (negative)."""

    account: int
    source: int
    at: int
    amount: int


class SessionFunding(NamedTuple):
    """`FundingMove` as columns, in the order in which it was moved."""

    account: NDArray[np.int64]
    source: NDArray[np.int64]
    at: Seconds
    amount: Amounts

    @classmethod
    def of(cls, moves: list[FundingMove]) -> SessionFunding:
        """The columns of so many moves."""
        return cls(*columns_of(moves, len(cls._fields)))


class Offset(NamedTuple):
    """A run of offsetting that settled something, or that looked for the optimum; amounts in minor units.

    `bound` is the most value that any set could have settled, as far as that was proved, and `status` why the
    search for the optimum ended; −1 and empty for other kinds.
    """

    system: int
    at: int
    kind: str
    queued_payments: int
    queued_value: int
    settled_payments: int
    settled_value: int
    bound: int
    status: str


class Shifts(NamedTuple):
    """Money granted to accounts from outside, or withdrawn (negative): `amount` was wanted, `moved` was done."""

    at: Seconds
    account: NDArray[np.int64]
    amount: Amounts
    moved: Amounts

    @classmethod
    def of(cls, rows: list[tuple[int, int, int, int]]) -> Shifts:
        """The columns of rows in order."""
        return cls(*columns_of(rows, len(cls._fields)))


class Reviews(NamedTuple):
    """One row per review by a person; the instants are NEVER where it did not come to that in time.

    `attempt` is that of the payment's instruction, `work` in seconds.
    """

    payment: NDArray[np.int64]
    attempt: NDArray[np.int64]
    step: NDArray[np.int64]
    bank: NDArray[np.int64]
    arrived_at: Seconds
    began_at: Seconds
    ended_at: Seconds
    work: Seconds
    sent_back: NDArray[np.bool_]


class Returns(NamedTuple):
    """One row per attempt that was sent back from a `step` of its route, by instant; NEVER where it did not happen.

    The money was back at `returned_at`, and the payment instructed again at `instructed_again_at`.
    """

    payment: NDArray[np.int64]
    attempt: NDArray[np.int64]
    step: NDArray[np.int64]
    bank: NDArray[np.int64]
    instructed_at: Seconds
    sent_back_at: Seconds
    returned_at: Seconds
    instructed_again_at: Seconds


class Records(NamedTuple):
    """All facts of a run; `settled_at` and `credited_at` are NEVER where it did not happen in time.

    `instructed_at` is that of the last of the `attempts`; where that was sent back, `sent_back` is set and there is
    neither settlement nor credit. `cancelled_at` is when the money of a payment was back that is not
    instructed again. Where a value date is promised, that of the last attempt counts: `accepted_at` is when the payer's
    bank took it in, `value_date` the day (NaT if there is none), which was the `same_day` or not, and `value_missed`
    whether it was ready too late. `automatic` is whether it came to be credited without hands.
    """

    settled_at: Seconds
    credited_at: Seconds
    attempts: NDArray[np.int64]
    instructed_at: Seconds
    sent_back: NDArray[np.bool_]
    cancelled_at: Seconds
    accepted_at: Seconds
    value_date: Days
    same_day: NDArray[np.bool_]
    value_missed: NDArray[np.bool_]
    automatic: NDArray[np.bool_]
    stays: Stays
    conversions: Conversions
    sold_back: Conversions
    """What payers whose payments were cancelled sold again."""
    fees: Fees
    reviews: Reviews
    returns: Returns
    journal: Journal
    submissions: Submissions
    loans: Loans
    funding: Funding
    session_funding: SessionFunding
    shifts: Shifts
    offsets: tuple[Offset, ...]
    clearings: Clearings
    closing: Amounts


R = TypeVar("R", Conversions, Fees, Reviews)


class Log:
    """Collects what the steps report while payments pass through them, a chunk of rows at a time.

    Steps know journeys; what comes out of here tells the payments that make them.
    """

    def __init__(self, delays: Delays, end: int, journeys: Journeys) -> None:
        self.delays = delays
        self.end = end
        self._journeys = journeys
        #: By journey: when, from which step of the route and by which bank it was sent back; NEVER or −1 if not.
        self.sent_back_at = np.full(len(journeys.payment), NEVER)
        self.sent_back_from = np.full(len(journeys.payment), -1)
        self.sent_back_by = np.full(len(journeys.payment), -1)
        self.goes_back_at = np.full(len(journeys.payment), NEVER)
        #: By journey: when it was accepted (NEVER if no value date is promised), for which day, whether that was the
        #: same day, and whether it was ready too late for it.
        self.accepted_at = np.full(len(journeys.payment), NEVER)
        self.value_date = np.full(len(journeys.payment), "NaT", dtype="datetime64[D]")
        self.same_day = np.zeros(len(journeys.payment), dtype=np.bool_)
        self.value_missed = np.zeros(len(journeys.payment), dtype=np.bool_)
        #: By journey: whether it came to be credited without hands.
        self.automatic = np.zeros(len(journeys.payment), dtype=np.bool_)
        self._reviews: list[Reviews] = []
        self._conversions: list[Conversions] = []
        self._fees: list[Fees] = []

    def convert(self, rows: Conversions) -> None:
        """Keep the deals made before the end of the run."""
        self._conversions.append(some_rows(rows, rows.at < self.end))

    def charge(self, rows: Fees) -> None:
        """Keep the charges made before the end of the run."""
        self._fees.append(some_rows(rows, rows.at < self.end))

    def accept(
        self, rows: NDArray[np.int64], at: Seconds, value_date: Days, same_day: NDArray[np.bool_]
    ) -> None:
        """Keep which value dates were promised before the end of the run, and when."""
        done = at < self.end
        self.accepted_at[rows[done]] = at[done]
        self.value_date[rows[done]] = value_date[done]
        self.same_day[rows[done]] = same_day[done]

    def miss(self, rows: NDArray[np.int64], at: Seconds) -> None:
        """Keep what was ready at an instant before the end of the run, too late for its value date."""
        self.value_missed[rows[at < self.end]] = True

    def review(self, reviews: Reviews, goes_back_at: Seconds) -> None:
        """Keep the cases that came to somebody before the end of the run, and when the money of some goes back."""
        self._reviews.append(some_rows(reviews, reviews.arrived_at < self.end))
        back = reviews.sent_back & (reviews.ended_at < self.end)
        self.sent_back_at[reviews.payment[back]] = reviews.ended_at[back]
        self.sent_back_from[reviews.payment[back]] = reviews.step[back]
        self.sent_back_by[reviews.payment[back]] = reviews.bank[back]
        self.goes_back_at[reviews.payment[back]] = goes_back_at[back]

    def reviews(self) -> Reviews:
        """All cases, by instant of arrival, then payment."""
        joined = joined_rows(Reviews, self._reviews)
        began, ended = (np.where(at < self.end, at, NEVER) for at in (joined.began_at, joined.ended_at))
        joined = joined._replace(
            payment=self._journeys.payment[joined.payment],
            began_at=began,
            ended_at=ended,
            sent_back=joined.sent_back & (ended < NEVER),
        )
        return some_rows(joined, np.lexsort((joined.step, joined.payment, joined.arrived_at)))

    def conversions(self) -> Conversions:
        """All deals, by instant, then payment; parts of one obligation at one instant as they were told."""
        joined = joined_rows(Conversions, self._conversions)
        known = joined.payment >= 0
        joined.payment[known] = self._journeys.payment[joined.payment[known]]
        keys = (joined.by_payee, joined.obligation, joined.payment, joined.at)
        return some_rows(joined, np.lexsort(keys))

    def fees(self) -> Fees:
        """All charges, by instant, then payment, then step."""
        joined = joined_rows(Fees, self._fees)
        joined = joined._replace(payment=self._journeys.payment[joined.payment])
        return some_rows(joined, np.lexsort((joined.step, joined.payment, joined.at)))


def columns_of(rows: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    """Rows of so many whole numbers each as columns."""
    # numpy asks each tuple what it is, which takes far longer than to read it.
    numbers = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=width * len(rows))
    return numbers.reshape(-1, width).T


def some_rows(record: R, chosen: NDArray[Any]) -> R:
    """The chosen rows of a record, by mask or by number."""
    return type(record)(*(column[chosen] for column in record))


def joined_rows(kind: type[R], chunks: list[R]) -> R:
    """One record of all chunks."""
    if not chunks:
        empty: Any = np.zeros(0, dtype=np.int64)
        return kind(*([empty] * len(kind._fields)))
    return kind(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))
