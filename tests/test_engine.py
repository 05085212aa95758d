"""The engine follows the rules: as the plain model beside it tells, and in cases small enough to follow."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from agreement import assert_agreement, postings, rows
from builders import (
    Order,
    accounts,
    town,
)
from chance import examples
from happened import paid, run, settled
from hypothesis import given, settings
from oracle import tell
from stays import assert_accounted, seconds
from strategies import scenarios

from sim.core.clock import DAY, HOUR, NEVER
from sim.engine.run import simulate
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.world import World

if TYPE_CHECKING:
    from sim.scenario.model import Scenario

pytestmark = pytest.mark.quick


SHORT_BASELINE = ["period.end=2024-02-20 00:00", "run_in=20d", "horizon=20d"]


@pytest.fixture(scope="module")
def baseline() -> World:
    return build_world(load("baseline", SHORT_BASELINE))


# The engine and the plain model.


#: Scenarios of which each kind of thing need not have happened in one.
FEW = 50


@pytest.mark.hypothesis
def test_engine_and_plain_model_agree_where_payments_wait() -> None:
    waited, freed_others, funded = [], [], []

    @given(scenarios())
    def look(scenario: Scenario) -> None:
        world = build_world(scenario)
        story = tell(world)
        assert_agreement(world, simulate(world), story)
        late = [
            transfer
            for transfer in story.transfers
            if transfer.settled_at is not None and transfer.settled_at > transfer.submitted_at
        ]
        waited.append(any(payment.reasons["liquidity"] for payment in story.payments))
        freed_others.append(len({transfer.debit for transfer in late}) > 1)
        funded.append(any(posting.payment < 0 for posting in story.postings))

    look()
    assert np.mean(waited) > 0.25
    assert np.mean(funded) > 0.15
    # In a score of scenarios, as the quick profile draws, nobody may free others.
    assert np.mean(freed_others) > 0.03 or len(waited) < FEW


def test_engine_and_plain_model_agree_on_the_baseline(baseline: World) -> None:
    assert len(baseline.payments) > 5_000
    assert_agreement(baseline, simulate(baseline), tell(baseline))


def test_a_progress_display_changes_nothing(baseline: World) -> None:
    told: list[int] = []
    assert postings(simulate(baseline, told.append)) == postings(simulate(baseline))
    assert told == sorted(told)
    assert len(told) > 100


# Promises, told from the records alone.


@settings(max_examples=examples(25))
@given(scenarios())
def test_money_is_conserved_and_no_account_passes_its_limit(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    balance, floor = world.network.accounts.opening.tolist(), world.network.accounts.lowest.tolist()
    for _, _, _, _, debit, credit, amount in postings(records):
        assert amount > 0
        balance[debit] -= amount
        balance[credit] += amount
        assert balance[debit] >= floor[debit]
    assert balance == records.closing.tolist()
    assert sum(balance) == world.network.accounts.opening.sum()


@settings(max_examples=examples(25))
@given(scenarios())
def test_each_transfer_is_posted_once_at_most_with_the_amount_of_its_payment(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    posted = Counter((payment, step) for _, payment, step, *_ in postings(records) if payment >= 0)
    assert all(times == 1 for times in posted.values())
    for _, payment, *_, amount in postings(records):
        assert payment < 0 or amount == world.payments.amount[payment]


@settings(max_examples=examples(25))
@given(scenarios())
def test_who_came_earlier_to_an_account_is_paid_earlier(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    sent = records.submissions
    arrivals = {(payment, step): at for payment, step, at in rows(sent.payment, sent.step, sent.submitted_at)}
    by_account = defaultdict(list)
    for _, payment, step, _, debit, *_ in postings(records):
        if payment >= 0:
            by_account[debit].append(arrivals[payment, step])
    for in_order_of_posting in by_account.values():
        assert in_order_of_posting == sorted(in_order_of_posting)


@settings(max_examples=examples(25))
@given(scenarios())
def test_places_and_reasons_add_up_and_unsettled_payments_wait_until_the_end(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    assert_accounted(world, records)
    assert (
        records.settled_at[records.credited_at < NEVER] <= records.credited_at[records.credited_at < NEVER]
    ).all()
    assert not (records.journal.at >= world.window.end).any()


# Money.


def test_a_payment_that_the_balance_just_covers_settles() -> None:
    records = run(town({"a": "100.00", "b": "0"}), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert settled(records) == ["2024-03-04 10:00:00"]
    assert records.closing.tolist() == [0, 100_00]


def test_a_payment_short_of_one_minor_unit_waits() -> None:
    records = run(town({"a": "99.99", "b": "0"}), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert settled(records) == ["never"]
    assert seconds(records, "liquidity") == [6 * DAY + 14 * HOUR]
    assert records.closing.tolist() == [99_99, 0]


def test_a_credit_line_covers_as_money_does() -> None:
    lines = accounts({"a": "0", "b": "0"}, credit="100")
    records = run(
        town({"a": "0", "b": "0"}, accounts=lines),
        Order("2024-03-04 10:00", "a", "b", 100_00),
        Order("2024-03-04 11:00", "a", "b", 1),
    )
    assert settled(records) == ["2024-03-04 10:00:00", "never"]


def test_payments_of_one_instant_settle_in_order_of_their_numbers() -> None:
    records = run(
        town({"a": "100", "b": "0"}),
        Order("2024-03-04 10:00", "a", "b", 60_00),
        Order("2024-03-04 10:00", "a", "b", 50_00),
        Order("2024-03-04 10:00", "a", "b", 40_00),
    )
    # The third would be covered, but it stands behind the second.
    assert settled(records) == ["2024-03-04 10:00:00", "never", "never"]


def test_a_large_payment_holds_up_those_behind_it() -> None:
    records = run(
        town({"a": "100", "b": "1000"}),
        Order("2024-03-04 10:00", "a", "b", 150_00),
        Order("2024-03-04 11:00", "a", "b", 10_00),
        Order("2024-03-04 12:00", "b", "a", 50_00),
        Order("2024-03-04 13:00", "b", "a", 10_00),
    )
    assert paid(records) == [2, 0, 3, 1]
    assert settled(records) == [
        "2024-03-04 12:00:00", "2024-03-04 13:00:00", "2024-03-04 12:00:00", "2024-03-04 13:00:00",
    ]  # fmt: skip


def test_money_that_frees_payments_goes_round_breadth_first() -> None:
    records = run(
        town({"a": "0", "b": "0", "c": "0", "d": "0", "z": "100"}),
        Order("2024-03-04 10:00", "a", "b", 40_00),
        Order("2024-03-04 10:00", "a", "c", 60_00),
        Order("2024-03-04 10:00", "b", "d", 40_00),
        Order("2024-03-04 10:00", "c", "d", 60_00),
        Order("2024-03-04 10:00", "d", "z", 100_00),
        Order("2024-03-04 11:00", "z", "a", 100_00),
    )
    assert paid(records) == [5, 0, 1, 2, 3, 4]
    assert set(settled(records)) == {"2024-03-04 11:00:00"}
    assert seconds(records, "liquidity") == [HOUR] * 5 + [0]


def test_a_run_is_let_go_of_when_nobody_looks_at_it_any_more() -> None:
    def worlds() -> int:
        gc.collect()
        return sum(isinstance(one, World) for one in gc.get_objects())

    before = worlds()
    simulate(build_world(load("baseline", ["period.end=2024-01-06", "run_in=2d", "horizon=2d"])))
    assert worlds() == before
