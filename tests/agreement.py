"""What the engine records, in the terms of the plain model, and whether both tell the same."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

import numpy as np
from oracle import tell

from sim.core.causes import PLACES, REASONS
from sim.core.clock import NEVER
from sim.core.releasers import RELEASERS
from sim.engine.records import Offset
from sim.engine.run import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from oracle import Story
    from oracle.books import Transfer
    from oracle.stage import Optimum

    from sim.engine.records import Conversions, Records
    from sim.world.world import DrawnWorld, World

Row = tuple[int, ...]


def postings(records: Records) -> list[Row]:
    """Instant, payment, step, part, debit, credit and amount of each movement, in order."""
    of = records.journal
    return rows(of.at, of.payment, of.step, of.part, of.debit, of.credit, of.amount)


def rows(*columns: np.ndarray) -> list[Row]:
    """Columns as rows."""
    return list(zip(*(column.tolist() for column in columns), strict=True))


def assert_same_story(
    world: DrawnWorld, later: Mapping[str, list[float]] | None = None
) -> tuple[Records, Story]:
    """What engine and plain model tell of a world, which must be the same; for `later` draws see `oracle.draws`."""
    records = simulate(world)
    story = tell(world, later, optima(world, records))
    assert_agreement(world, records, story)
    return records, story


def optima(world: World, records: Records) -> Optimum:
    """What the engine's searches for the best set have settled, one after the other as they are asked for."""
    runs = defaultdict(deque[Offset])
    for run in records.offsets:
        runs[run.system].append(run)
    batches = defaultdict(list)
    of = records.journal
    for batch, at, *key in rows(of.batch, of.at, of.payment, *_ways(world, of.journey), of.step, of.part):
        batches[batch, at].append(tuple(key))

    def optimum(system: int, at: int, waiting: list[Transfer]) -> list[Transfer]:
        known = {(t.payment, t.attempt, t.back, t.step, t.part): t for t in waiting}
        expected = runs[system]
        # A search for what was sought in vain before is not made again.
        if not expected or (expected[0].at, expected[0].queued_payments) != (at, len(waiting)):
            return []
        count = expected.popleft().settled_payments
        found = (
            [known[key] for key in batch]
            for (_, settled_at), batch in batches.items()
            if settled_at == at and len(batch) == count and all(key in known for key in batch)
        )
        return next(found, [])

    return optimum


def assert_agreement(world: World, records: Records, story: Story) -> None:
    """Engine and plain model tell the same of a world, to the second and to the minor unit."""
    _assert_same_payments(records, story)
    _assert_same_movements(world, records, story)
    _assert_same_other_money(records, story)
    _assert_same_costs(records, story)
    _assert_same_reviews(world, records, story)


def _never(at: int | None) -> int:
    return NEVER if at is None else at


def _assert_same_payments(records: Records, story: Story) -> None:
    told = [
        (
            _never(payment.settled_at),
            _never(payment.credited_at),
            payment.attempt,
            payment.instructed_at,
            payment.sent_back,
            _never(payment.cancelled_at),
            _never(payment.accepted_at),
            payment.value_date,
            payment.same_day,
            payment.value_missed,
            payment.automatic,
        )
        for payment in story.payments
    ]
    of = records
    assert told == rows(
        *(of.settled_at, of.credited_at, of.attempts, of.instructed_at, of.sent_back, of.cancelled_at),
        *(of.accepted_at, of.value_date, of.same_day, of.value_missed, of.automatic),
    )
    _assert_same_stays(records, story)


def _assert_same_stays(records: Records, story: Story) -> None:
    """Each second has the same place and the same reason."""
    places = list(PLACES)
    told = [
        (
            *(payment.number, stay.attempt, stay.step, places.index(stay.place), stay.system),
            *(stay.began_at, stay.ended_at),
            *(stay.reasons[reason] for reason in REASONS),
        )
        for payment in story.payments
        for stay in payment.stays
    ]
    *columns, seconds = records.stays
    assert rows(*columns, *seconds.T) == told


def _ways(world: World, journey: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which attempts journeys are, and whether they lead back; other money belongs to no journey."""
    attempt, back = np.append(world.journeys.attempt, 0), np.append(world.journeys.back_from >= 0, [False])
    return attempt[journey], back[journey]


def _assert_same_movements(world: World, records: Records, story: Story) -> None:
    of, ways = records.journal, _ways(world, records.journal.journey)
    assert [tuple(posting) for posting in story.postings] == rows(
        of.batch, of.at, of.payment, *ways, of.step, of.part, of.debit, of.credit, of.amount
    )
    assert records.closing.tolist() == story.balances
    sent, ways = records.submissions, _ways(world, records.submissions.journey)
    told = [
        (
            *(t.payment, t.attempt, t.back, t.step, t.part, t.debit, t.credit, t.amount),
            *(t.submitted_at, _never(t.settled_at), t.entry),
            *((-1, -1) if t.released is None else (RELEASERS.index(t.released.kind), t.released.posting)),
        )
        for t in story.transfers
    ]
    columns = sent.payment, *ways, sent.step, sent.part, sent.debit, sent.credit, sent.amount
    assert sorted(told) == sorted(
        rows(
            *columns,
            *(sent.submitted_at, sent.settled_at, sent.queue_entry),
            *(sent.released_by, sent.released_by_posting),
        )
    )


def _assert_same_other_money(records: Records, story: Story) -> None:
    """What facilities and pools lent, treasuries dealt, the timeline shifted, and agents squared; and offsetting."""
    assert rows(*records.loans) == [
        (
            *(loan.facility, loan.pool, loan.lender, loan.account),
            *(loan.drawn_at, _never(loan.received_at), _never(loan.repaid_at)),
            *(loan.amount, loan.carried_over, loan.rolled, loan.rate),
        )
        for loan in story.loans
    ]
    assert sorted(rows(*records.funding)) == sorted(
        (*bought[:4], _never(bought.delivered_at), bought.amount) for bought in story.bought
    )
    assert rows(*records.session_funding) == [tuple(moved) for moved in story.funded]
    assert rows(*records.shifts) == [tuple(shift) for shift in story.shifts]
    assert sorted(rows(*records.clearings)) == sorted(tuple(paid) for paid in story.squarings)
    assert sorted(run[:7] for run in records.offsets if run.settled_payments) == sorted(story.offsets)


def _assert_same_costs(records: Records, story: Story) -> None:
    def deals(of: Conversions) -> list[Row]:
        what = of.at, of.payment, of.obligation, of.by_payee, of.matched
        where = of.market, of.vehicle, of.vehicle_market
        return sorted(rows(*what, *where, of.amount, of.counter_amount, of.mid_amount))

    assert deals(records.conversions) == sorted(story.deals)
    assert deals(records.sold_back) == sorted(story.sold_back)
    of = records.fees
    assert sorted(rows(of.at, of.payment, of.attempt, of.step, of.firm, of.amount)) == sorted(story.charges)


def _assert_same_reviews(world: World, records: Records, story: Story) -> None:
    of, banks = records.reviews, world.network.banks

    def in_time(at: np.ndarray) -> np.ndarray:
        return np.where(at < world.window.end, at, NEVER)

    began, ended = in_time(of.began_at), in_time(of.ended_at)
    columns = (of.payment, of.attempt, of.step, of.bank, of.arrived_at, of.work, began, ended, of.sent_back)
    assert sorted(rows(*columns)) == sorted(
        (
            *(review.payment, review.attempt, review.step, banks.index(review.bank)),
            *(review.arrived_at, review.work, _never(review.began_at), _never(review.ended_at)),
            review.sent_back,
        )
        for review in story.reviews
    )
    back = records.returns
    assert sorted(rows(*back)) == sorted(
        (
            *(told.payment, told.attempt, told.step, banks.index(told.bank)),
            *(told.instructed_at, told.sent_back_at),
            *(_never(told.returned_at), _never(told.instructed_again_at)),
        )
        for told in story.returns
    )
