"""What the engine records, in the terms of the plain model, and whether both tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.causes import CAUSES
from sim.core.clock import NEVER
from sim.core.releasers import RELEASERS

if TYPE_CHECKING:
    from oracle import Story

    from sim.engine.records import Conversions, Records
    from sim.world.world import World

Row = tuple[int, ...]


def postings(records: Records) -> list[Row]:
    """Instant, payment, step, part, debit, credit and amount of each movement, in order."""
    of = records.journal
    return rows(of.at, of.payment, of.step, of.part, of.debit, of.credit, of.amount)


def rows(*columns: np.ndarray) -> list[Row]:
    """Columns as rows."""
    return list(zip(*(column.tolist() for column in columns), strict=True))


def assert_agreement(world: World, records: Records, story: Story) -> None:
    """Engine and plain model tell the same of a world, to the second and to the minor unit."""
    _assert_same_payments(records, story)
    _assert_same_movements(world, records, story)
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
        )
        for payment in story.payments
    ]
    of = records
    assert told == rows(
        of.settled_at, of.credited_at, of.attempts, of.instructed_at, of.sent_back, of.cancelled_at
    )
    causes = [[payment.causes[cause] for cause in CAUSES] for payment in story.payments]
    assert records.delays.tolist() == causes


def _assert_same_movements(world: World, records: Records, story: Story) -> None:
    of, journeys = records.journal, world.journeys
    # What a treasury moves belongs to no journey.
    attempt, back = np.append(journeys.attempt, 0), np.append(journeys.back_from >= 0, [False])
    ways = attempt[of.journey], back[of.journey]
    assert [tuple(posting) for posting in story.postings] == rows(
        of.at, of.payment, *ways, of.step, of.part, of.debit, of.credit, of.amount
    )
    assert records.closing.tolist() == story.balances
    sent = records.submissions
    ways = attempt[sent.journey], back[sent.journey]
    told = [
        (
            *(t.payment, t.attempt, t.back, t.step, t.part, t.submitted_at, _never(t.settled_at)),
            *(-1 if t.released_by is None else RELEASERS.index(t.released_by), t.released_by_posting),
        )
        for t in story.transfers
    ]
    columns = sent.payment, *ways, sent.step, sent.part, sent.submitted_at, sent.settled_at
    assert sorted(told) == sorted(rows(*columns, sent.released_by, sent.released_by_posting))


def _assert_same_costs(records: Records, story: Story) -> None:
    def deals(of: Conversions) -> list[Row]:
        return rows(of.at, of.payment, of.by_payee, of.market, of.counter_amount, of.mid_amount)

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
