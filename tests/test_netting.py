"""Each rule of netting settles what published cases and small queues by hand say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from queues import (
    HUGE,
    PATIENCE,
    Case,
    case,
    cases,
    left,
    published,
    rows,
    value,
)

from sim.engine.netting import (
    Queue,
    bilateral,
    has_gridlock,
    is_deadlock,
    multilateral,
    net_positions,
    optimal,
    singly,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Published cases: MAS, Project Ubin phase 2 (2017), tests of its liquidity-saving mechanism.
PUBLISHED = {
    "1_1": ([0, 0], "2>1 2; 1>2 2", {1, 2}, 4, 4),
    "1_2": ([3, 4], "1>2 5; 2>1 6", {1, 2}, 11, 11),
    "2_1": ([0, 0], "2>1 2; 2>1 3; 1>2 5; 2>1 2", {1, 2, 3}, 10, 10),
    "2_2": ([10, 8], "1>2 20; 2>1 15; 1>2 30; 1>2 15; 2>1 80", {1, 2}, 35, 35),
    "2_3": ([10, 8], "1>2 20; 2>1 15; 1>2 30; 2>1 12; 1>2 15; 2>1 80", {1, 2, 4}, 47, 62),
    "3_1": ([0, 0, 0], "1>3 2; 2>3 3; 3>2 5; 2>1 2", {1, 2, 3, 4}, 12, 12),
    "4_2": (
        [5, 6, 7],
        "1>2 8; 2>3 7; 3>1 9; 1>2 20; 2>1 7; 1>2 40; 2>3 80; 3>2 10",
        {1, 2, 3, 5},
        31,
        43,
    ),
    "5_2": (
        [0, 0, 0, 0, 0],
        "1>2 2; 2>3 3; 3>4 5; 4>5 6; 5>1 2; 5>2 1; 5>3 2; 5>4 1",
        {1, 2, 3, 4, 5, 6, 7, 8},
        22,
        22,
    ),
    "7_1": ([3, 4, 5, 4, 3], "1>2 8; 2>3 10; 3>4 20; 4>5 30; 5>1 40", set(), 0, 0),
}


@pytest.mark.parametrize(("start", "queue", "fifo", "settled", "best"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_cases_in_queue_order(
    start: list[int], queue: str, fifo: set[int], settled: int, best: int
) -> None:
    given = published(start, queue)
    found = multilateral(*given)
    assert {row + 1 for row in rows(found)} == fifo
    assert value(given, found) == settled
    assert settled <= best


@pytest.mark.parametrize(("start", "queue", "fifo", "settled", "best"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_cases_over_all_subsets(
    start: list[int], queue: str, fifo: set[int], settled: int, best: int
) -> None:
    given = published(start, queue)
    found = optimal(*given, time_limit=PATIENCE)
    assert found[1:] == (best, best, 0.0, "optimal")
    assert value(given, found.mask) == best
    assert min(left(given, found.mask)) >= 0
    if best == settled:
        assert {row + 1 for row in rows(found.mask)} == fifo


@pytest.mark.parametrize(("start", "queue", "fifo", "settled", "best"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_cases_are_gridlocks_or_deadlocks(
    start: list[int], queue: str, fifo: set[int], settled: int, best: int
) -> None:
    given = published(start, queue)
    alone = singly(*given).any()
    assert has_gridlock(*given) == (bool(fifo) and not alone)
    assert is_deadlock(*given) == (not fifo)
    assert bool(settled) == (not is_deadlock(*given))
    assert best >= settled


# The rules one by one.


def test_a_pair_offsets_only_if_both_pay() -> None:
    one_way = case([(0, 1, 5)], [9, 9])
    assert not bilateral(*one_way, by_pair=False).any()
    assert singly(*one_way).all()


def test_a_foreign_payment_at_the_head_stops_offsetting_unless_pairs_bypass_it() -> None:
    given = case([(0, 2, 100), (0, 1, 5), (1, 0, 5)], [0, 0, 0])
    assert not bilateral(*given, by_pair=False).any()
    assert rows(bilateral(*given, by_pair=True)) == {1, 2}


def test_the_pair_that_came_first_uses_the_cover() -> None:
    with_one, with_two = [(0, 1, 8), (1, 0, 3)], [(0, 2, 8), (2, 0, 3)]
    for by_pair in (False, True):
        later = case([*with_two, *with_one], [5, 0, 0])
        assert rows(bilateral(*later, by_pair=by_pair)) == {0, 1}
    assert rows(bilateral(*case([*with_one, *with_two], [5, 0, 0]), by_pair=True)) == {0, 1}


def test_cover_gained_in_one_pair_lets_an_earlier_pair_offset() -> None:
    given = case([(0, 1, 10), (1, 0, 4), (0, 2, 3), (2, 0, 9)], [0, 0, 6])
    assert bilateral(*given, by_pair=True).all()
    assert not bilateral(*given, by_pair=False).any()


def test_three_banks_in_a_ring_need_all_at_once() -> None:
    ring = case([(0, 1, 7), (1, 2, 7), (2, 0, 7)], [0, 0, 0])
    assert not singly(*ring).any()
    assert not bilateral(*ring, by_pair=True).any()
    assert multilateral(*ring).all()
    assert has_gridlock(*ring)
    assert not is_deadlock(*ring)


def test_a_covered_head_is_neither_gridlock_nor_deadlock() -> None:
    given = case([(0, 1, 5), (1, 0, 50)], [5, 0])
    assert not has_gridlock(*given)
    assert not is_deadlock(*given)


def test_an_empty_queue_settles_nothing_and_is_no_gridlock() -> None:
    empty = case([], [3, 0])
    for mask in (singly(*empty), multilateral(*empty), bilateral(*empty, by_pair=True)):
        assert mask.shape == (0,)
        assert mask.dtype == np.bool_
    assert optimal(*empty, time_limit=PATIENCE)[1:] == (0, 0, 0.0, "optimal")
    assert not has_gridlock(*empty)
    assert not is_deadlock(*empty)
    assert net_positions(empty.queue, 2).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("payments", "reason"),
    [
        ([(0, 1, 5), (1, 1, 5)], "payment 1 is from a bank to itself"),
        ([(0, 1, 0)], "payment 0 has an amount that is not positive"),
        ([(0, -1, 5)], "payment 0 has a bank with a negative number"),
        ([(0, 1, 2**61), (1, 0, 2**61)], "add up to"),
        ([(0, 1, 2**61), (1, 0, 2**61), (0, 1, 2**61), (1, 0, 2**61)], "add up to"),
    ],
)
def test_what_is_no_queue_is_refused(payments: list[tuple[int, int, int]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        case(payments, [0, 0])


def test_columns_must_be_alike_and_of_whole_numbers() -> None:
    one = np.array([0])
    with pytest.raises(ValueError, match="differ in length"):
        Queue(one, one + 1, np.array([5, 6]))
    with pytest.raises(ValueError, match="int64"):
        Queue(one, one + 1, np.array([0.5]))


@pytest.mark.parametrize("rule", [singly, multilateral, has_gridlock, is_deadlock])
def test_banks_beyond_their_overdraft_limit_and_unknown_banks_are_refused(
    rule: Callable[..., object],
) -> None:
    queue = case([(0, 1, 5)], []).queue
    with pytest.raises(ValueError, match="bank 1 is 4 beyond its overdraft limit"):
        rule(queue, np.array([0, -4]))
    with pytest.raises(ValueError, match="not among the 1 given"):
        rule(queue, np.array([0]))


def test_cover_without_limit_does_not_overflow() -> None:
    given = case([(0, 1, HUGE), (1, 0, 3 * HUGE)], [2**63 - 1, 0])
    assert rows(multilateral(*given)) == rows(singly(*given)) == {0}
    assert optimal(*given, time_limit=PATIENCE).value == HUGE


@given(cases(payments=20))
def test_unwinding_takes_the_newest_payments_of_whoever_is_short(given: Case) -> None:
    kept = np.ones(len(given.queue), dtype=bool)
    while min(after := left(given, kept)) < 0:
        kept[max(row for row in rows(kept) if after[given.queue.payer[row]] < 0)] = False
    assert rows(multilateral(*given)) == rows(kept)


def test_an_unwound_payment_can_make_its_payee_short() -> None:
    chain = case([(0, 1, 10), (1, 2, 10), (2, 0, 4), (0, 2, 1)], [6, 0, 0])
    assert multilateral(*chain).all() == (left(chain, np.ones(4, dtype=bool))[0] >= 0)
    broke = case([(0, 1, 10), (1, 2, 10), (2, 0, 4)], [5, 0, 0])
    assert rows(multilateral(*broke)) == set()
