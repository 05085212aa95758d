"""Net positions add up to zero, random payments net as theory says, and a loss is shared to the last unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queues import (
    HUGE,
    Case,
    case,
    cases,
    left,
)

from sim.engine.netting import (
    Queue,
    bilateral,
    loss_shares,
    multilateral,
    net_positions,
)


@given(cases(payments=30))
def test_net_positions_add_up_to_zero(given: Case) -> None:
    positions = net_positions(given.queue, given.n).tolist()
    everything = np.ones(len(given.queue), dtype=bool)
    assert sum(positions) == 0
    assert positions == [
        after - before
        for after, before in zip(left(given, everything), given.available.tolist(), strict=True)
    ]


def efficiency(queue: Queue, n: int) -> float:
    """The share of the value that needs no money, when everything settles at once."""
    return 1 + float(np.minimum(net_positions(queue, n), 0).sum() / queue.amount.sum())


def test_random_payments_net_as_theory_says() -> None:
    n, payments, m1, m2 = 20, 10_000, 50.5, 101 * 201 / 6
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        payer = rng.integers(0, n, payments)
        payee = (payer + rng.integers(1, n, payments)) % n
        found.append(efficiency(Queue(payer, payee, rng.integers(1, 101, payments)), n))
    theory = 1 - np.sqrt(n * m2 / (np.pi * payments)) / m1
    assert theory == pytest.approx(0.9709, abs=5e-5)
    # One run spreads by about half a percentage point, the mean of forty by a sixth of the band.
    assert np.mean(found) == pytest.approx(theory, abs=0.003)


@pytest.mark.parametrize(("there", "back"), [(161, 418), (5, 5), (1, 9)])
def test_two_opposite_flows_net_up_to_their_ceiling(there: int, back: int) -> None:
    given = case([(0, 1, 1)] * there + [(1, 0, 1)] * back, [0, 0])
    ceiling = 2 * min(there, back) / (there + back)
    assert bilateral(*given, by_pair=False).mean() == pytest.approx(ceiling)
    assert multilateral(*given).mean() == pytest.approx(ceiling)
    saved = efficiency(given.queue, 2)
    assert saved == pytest.approx(1 - abs(there - back) / (there + back))
    assert saved == pytest.approx(ceiling)


def test_belarus_and_china_could_net_56_percent() -> None:
    assert pytest.approx(0.556, abs=5e-4) == 2 * 161 / (161 + 418)


def test_a_loss_is_shared_to_the_last_unit() -> None:
    assert loss_shares(10, np.array([1, 1, 1])).tolist() == [4, 3, 3]
    assert loss_shares(7, np.array([0, 5, 1])).tolist() == [0, 6, 1]
    assert loss_shares(0, np.array([0, 0])).tolist() == [0, 0]
    assert loss_shares(HUGE + 1, np.array([HUGE, HUGE])).tolist() == [HUGE // 2 + 1, HUGE // 2]


@given(
    st.integers(0, HUGE),
    st.lists(st.integers(0, HUGE), min_size=1, max_size=8).filter(lambda weights: sum(weights) > 0),
)
def test_shares_of_a_loss_are_proportional_within_one_unit(loss: int, weights: list[int]) -> None:
    shares = loss_shares(loss, np.array(weights)).tolist()
    assert sum(shares) == loss
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - loss * weight) < sum(weights)


@pytest.mark.quick
@given(st.integers(0, 60), st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any))
def test_units_left_over_go_to_the_largest_remainders_and_the_first_of_equal_ones(
    loss: int, weights: list[int]
) -> None:
    parts = [divmod(loss * weight, sum(weights)) for weight in weights]
    over = loss - sum(whole for whole, _ in parts)
    first = sorted(range(len(weights)), key=lambda place: (-parts[place][1], place))[:over]
    expected = [whole + (place in first) for place, (whole, _) in enumerate(parts)]
    assert loss_shares(loss, np.array(weights)).tolist() == expected


def test_a_loss_that_nobody_can_bear_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one survivor"):
        loss_shares(5, np.array([0, 0]))
    with pytest.raises(ValueError, match="can be negative"):
        loss_shares(-5, np.array([1]))
    with pytest.raises(ValueError, match="can be negative"):
        loss_shares(5, np.array([2, -1]))
