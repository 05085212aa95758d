"""The optimum is exact whatever the solver's floats, and a bound where its time ends."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import (
    HUGE,
    PATIENCE,
    Case,
    best_value,
    case,
    cases,
    columns,
    left,
    market,
    rows,
    value,
)

from sim.engine.netting import (
    Optimum,
    Queue,
    multilateral,
    optimal,
)


def test_a_difference_that_floats_cannot_see_is_seen() -> None:
    short_by_one = case([(0, 1, HUGE), (1, 0, HUGE + 1)], [0, 0])
    assert optimal(*short_by_one, time_limit=PATIENCE)[1:] == (0, 0, 0.0, "optimal")
    short_by_two = case([(1, 0, 10**12 - 2), (0, 1, 10**12), (1, 0, 10**12 - 2)], [0, 0])
    assert optimal(*short_by_two, time_limit=PATIENCE)[1:] == (0, 0, 0.0, "optimal")
    covered = case([(0, 1, HUGE), (1, 0, HUGE + 1)], [0, 1])
    assert optimal(*covered, time_limit=PATIENCE).value == 2 * HUGE + 1


def test_a_ring_of_huge_amounts_among_small_ones_is_exact() -> None:
    ring = [(0, 1, HUGE + 2), (1, 2, HUGE + 1), (2, 0, HUGE), (1, 0, 1), (2, 1, 1), (2, 0, 5)]
    given = case(ring, [1, 0, 0])
    found = optimal(*given, time_limit=PATIENCE)
    best = best_value(given)
    assert (found.value, min(left(given, found.mask)) >= 0) == (best, True)


@pytest.mark.parametrize("time_limit", [0.0, 1e-9, 0.02, 0.5])
def test_a_hard_queue_in_no_time_is_not_worse_than_multilateral(time_limit: float) -> None:
    given = market(1, 400, 15, liquidity=0.3)
    found = optimal(*given, time_limit=time_limit)
    assert found.status == "time_limit"
    assert min(left(given, found.mask)) >= 0
    assert value(given, multilateral(*given)) <= found.value <= found.bound <= given.queue.amount.sum()
    assert found.gap == (found.bound - found.value) / found.bound > 0


def test_more_time_brings_the_gap_below_a_thousandth() -> None:
    found = optimal(*market(1, 200, 12, liquidity=0.5), time_limit=PATIENCE, tolerance=1e-3)
    assert found.status == "tolerance"
    assert 0 < found.gap <= 1e-3


def test_the_same_queue_has_the_same_optimum() -> None:
    def settle() -> Optimum:
        return optimal(*market(2, 60, 6, liquidity=0.4), time_limit=PATIENCE)

    first, second = settle(), settle()
    assert first.status == "optimal"
    assert rows(first.mask) == rows(second.mask)
    assert first[1:] == second[1:]


def test_of_equal_payments_the_earlier_settle() -> None:
    given = case([(0, 1, 8), (0, 1, 5), (0, 1, 5), (0, 1, 5), (1, 0, 1)], [12, 0])
    assert rows(optimal(*given, time_limit=PATIENCE).mask) == {0, 1, 4}
    alike = case([(0, 1, 5)] * 4, [12, 0])
    assert rows(optimal(*alike, time_limit=PATIENCE).mask) == {0, 1}


@given(cases(amounts=st.integers(1, 3)))
@settings(max_examples=examples(60))
def test_no_payment_overtakes_one_like_it(given: Case) -> None:
    mask = optimal(*given, time_limit=PATIENCE).mask
    settled: dict[tuple[int, ...], bool] = {}
    for *kind, chosen in zip(*columns(given.queue), mask.tolist(), strict=True):
        assert settled.get(tuple(kind), True) >= chosen
        settled[tuple(kind)] = chosen


def test_independent_groups_of_banks_add_up() -> None:
    one, other = market(3, 25, 4, liquidity=0.4), market(4, 25, 5, liquidity=0.4)
    both = Case(
        Queue(
            np.concatenate([one.queue.payer, other.queue.payer + one.n]),
            np.concatenate([one.queue.payee, other.queue.payee + one.n]),
            np.concatenate([one.queue.amount, other.queue.amount]),
        ),
        np.concatenate([one.available, other.available]),
    )
    apart = [optimal(*given, time_limit=PATIENCE) for given in (one, other)]
    together = optimal(*both, time_limit=PATIENCE)
    assert together.value == sum(found.value for found in apart)
    assert together.bound == sum(found.bound for found in apart)
    assert together.status == "optimal"


def test_a_solver_that_gives_up_leaves_a_settlement_and_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    given = market(1, 60, 6, liquidity=0.3)
    proven = optimal(*given, time_limit=PATIENCE)
    gave_up = scipy.optimize.OptimizeResult(x=None, status=4, mip_dual_bound=None)
    monkeypatch.setattr(scipy.optimize, "milp", lambda *_, **__: gave_up)
    found = optimal(*given, time_limit=PATIENCE)
    assert found.status == "failed"
    assert min(left(given, found.mask)) >= 0
    assert value(given, multilateral(*given)) <= found.value <= proven.value <= found.bound


def test_a_solver_that_overdraws_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    given = market(1, 40, 5, liquidity=0.3)
    proven = optimal(*given, time_limit=PATIENCE)
    honest = scipy.optimize.milp
    answers = []

    def careless(objective: np.ndarray, **question: object) -> scipy.optimize.OptimizeResult:
        answers.append(honest(objective, **question))
        if len(answers) == 1:
            answers[0].update(x=np.ones(len(objective)), mip_dual_bound=objective.sum())
        return answers[-1]

    monkeypatch.setattr(scipy.optimize, "milp", careless)
    found = optimal(*given, time_limit=PATIENCE)
    assert len(answers) > 1
    assert found[1:] == proven[1:]
    assert min(left(given, found.mask)) >= 0


def test_a_bound_that_the_solver_tells_far_from_its_optimum_is_asked_for_again() -> None:
    given = case([(1, 0, 10), (1, 0, 15), (1, 0, 15), (0, 1, 1), (0, 1, 21), (1, 0, 21)], [0, 0])
    assert optimal(*given, time_limit=PATIENCE)[1:] == (42, 42, 0.0, "optimal")


def test_limits_that_make_no_sense_are_refused() -> None:
    given = case([(0, 1, 5)], [0, 0])
    for wrong in ({"time_limit": -1.0}, {"time_limit": float("nan")}, {"time_limit": 1.0, "tolerance": 1.0}):
        with pytest.raises(ValueError, match="time_limit"):
            optimal(*given, **wrong)
