"""Netting: published cases, every subset of small queues, and what theory says about large ones."""

from __future__ import annotations

from itertools import compress, product, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.netting import (
    Optimum,
    Queue,
    bilateral,
    has_gridlock,
    is_deadlock,
    loss_shares,
    multilateral,
    net_positions,
    netting_efficiency,
    optimal,
    singly,
    unwind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

PATIENCE = 60.0
HUGE = 10**15
MIXED = st.one_of(st.integers(1, 9), st.integers(HUGE - 3, HUGE))


class Case(NamedTuple):
    """A queue, and what its banks have available."""

    queue: Queue
    available: np.ndarray

    @property
    def n(self) -> int:
        """Number of banks."""
        return len(self.available)


def case(payments: list[tuple[int, int, int]], available: list[int]) -> Case:
    columns = np.array(payments, dtype=np.int64).reshape(-1, 3).T
    return Case(Queue(*columns), np.array(available, dtype=np.int64))


def published(start: list[int], queue: str) -> Case:
    """A case as printed: opening balances of banks 1…n, and `payer>payee amount; …`."""
    payments = []
    for payment in queue.split(";"):
        banks, amount = payment.split()
        payer, payee = banks.split(">")
        payments.append((int(payer) - 1, int(payee) - 1, int(amount)))
    return case(payments, start)


def rows(mask: np.ndarray) -> set[int]:
    return set(np.flatnonzero(mask).tolist())


def left(given: Case, mask: np.ndarray) -> list[int]:
    """What each bank has available after the chosen payments, in Python's integers."""
    after = given.available.tolist()
    for row in rows(mask):
        after[given.queue.payer[row]] -= int(given.queue.amount[row])
        after[given.queue.payee[row]] += int(given.queue.amount[row])
    return after


def value(given: Case, mask: np.ndarray) -> int:
    return sum(given.queue.amount[mask].tolist())


def is_prefix(given: Case, mask: np.ndarray) -> bool:
    return all((np.diff(mask[given.queue.payer == bank].astype(int)) <= 0).all() for bank in range(given.n))


def subsets(given: Case) -> np.ndarray:
    """All feasible sets, one per row; for up to a dozen payments."""
    size = len(given.queue)
    masks = np.arange(2**size)[:, None] >> np.arange(size) & 1
    moves = np.zeros((size, given.n), dtype=np.int64)
    moves[np.arange(size), given.queue.payer] = -given.queue.amount
    moves[np.arange(size), given.queue.payee] = given.queue.amount
    return masks[(given.available + masks @ moves >= 0).all(axis=1)].astype(bool)


def best_value(given: Case) -> int:
    return max(value(given, mask) for mask in subsets(given))


@st.composite
def cases(draw: st.DrawFn, payments: int = 12, amounts: st.SearchStrategy[int] = MIXED) -> Case:
    n = draw(st.integers(2, 5))
    size = draw(st.integers(0, payments))
    bank = st.integers(0, n - 1)
    banks = draw(st.lists(st.tuples(bank, st.integers(1, n - 1)), min_size=size, max_size=size))
    queue = [(payer, (payer + step) % n, draw(amounts)) for payer, step in banks]
    cover = st.one_of(st.just(0), st.integers(0, 12), amounts)
    return case(queue, draw(st.lists(cover, min_size=n, max_size=n)))


def market(seed: int, payments: int, n: int, *, liquidity: float) -> Case:
    """Lognormal payments between random banks, with a share of what their netting would need."""
    rng = np.random.default_rng(seed)
    payer = rng.integers(0, n, payments)
    payee = (payer + rng.integers(1, n, payments)) % n
    amount = rng.lognormal(16, 1.5, payments).astype(np.int64) + 1
    available = rng.random(n) * amount.mean() * np.sqrt(payments / n) * liquidity
    return Case(Queue(payer, payee, amount), available.astype(np.int64))


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
    in_order = optimal(*given, time_limit=PATIENCE, respect_order=True)
    assert rows(in_order.mask) == rows(found)
    assert in_order[1:] == (settled, settled, 0.0, "optimal")
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


# Properties against every subset of small queues.


@given(cases())
@settings(deadline=None)
def test_multilateral_is_the_one_largest_prefix_set(given: Case) -> None:
    found = multilateral(*given)
    allowed = [mask for mask in subsets(given) if is_prefix(given, mask)]
    assert any((found == mask).all() for mask in allowed)
    assert all((mask <= found).all() for mask in allowed)  # hence unique, and largest by value and by count


@given(cases())
@settings(deadline=None)
def test_singly_does_not_depend_on_whose_turn_it_is(given: Case) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        settled = np.zeros(len(given.queue), dtype=bool)
        while True:
            cover = left(given, settled)
            heads = {}
            for row in np.flatnonzero(~settled).tolist():
                heads.setdefault(int(given.queue.payer[row]), row)
            ready = [row for bank, row in heads.items() if given.queue.amount[row] <= cover[bank]]
            if not ready:
                break
            settled[rng.choice(ready)] = True
        assert rows(singly(*given)) == rows(settled)


def lane(given: Case, settled: np.ndarray, payer: int, payee: int, *, by_pair: bool) -> list[int]:
    """Waiting payments of `payer` to `payee` with nothing else before them."""
    waiting = [row for row in np.flatnonzero(given.queue.payer == payer).tolist() if not settled[row]]
    to_payee = [given.queue.payee[row] == payee for row in waiting]
    if by_pair:
        return list(compress(waiting, to_payee))
    return [row for row, _ in takewhile(itemgetter(1), zip(waiting, to_payee, strict=True))]


def offset_pairs(given: Case, *, by_pair: bool) -> np.ndarray:
    """Bilateral offsetting put plainly: the best prefixes of the first pair that has any, and once more."""
    flows = zip(given.queue.payer.tolist(), given.queue.payee.tolist(), strict=True)
    pairs = list(dict.fromkeys((min(flow), max(flow)) for flow in flows))
    settled = np.zeros(len(given.queue), dtype=bool)

    def choices(one: int, other: int) -> Iterator[np.ndarray]:
        there = lane(given, settled, one, other, by_pair=by_pair)
        back = lane(given, settled, other, one, by_pair=by_pair)
        for first, second in product(range(len(there)), range(len(back))):
            chosen = settled.copy()
            chosen[there[: first + 1] + back[: second + 1]] = True
            if min(left(given, chosen)) >= 0:
                yield chosen

    while True:
        found = (max(choices(*pair), key=lambda mask: value(given, mask), default=None) for pair in pairs)
        best = next((mask for mask in found if mask is not None), None)
        if best is None:
            return settled
        settled = best


@given(cases(), st.booleans())
@settings(deadline=None)
def test_bilateral_offsets_pair_after_pair(given: Case, by_pair: bool) -> None:
    assert rows(bilateral(*given, by_pair=by_pair)) == rows(offset_pairs(given, by_pair=by_pair))


@given(cases(payments=30))
@settings(deadline=None)
def test_stronger_rules_settle_more_and_none_overdraws(given: Case) -> None:
    together = multilateral(*given)
    for weaker in (singly(*given), bilateral(*given, by_pair=False)):
        assert is_prefix(given, weaker)
        assert min(left(given, weaker)) >= 0
        assert (weaker <= together).all()
    assert is_prefix(given, together)
    assert min(left(given, together)) >= 0
    assert min(left(given, bilateral(*given, by_pair=True))) >= 0


@given(cases(amounts=st.integers(1, 60)))
@settings(deadline=None, max_examples=60)
def test_optimal_is_the_best_of_all_subsets(given: Case) -> None:
    found = optimal(*given, time_limit=PATIENCE)
    best = best_value(given)
    assert found[1:] == (best, best, 0.0, "optimal")
    assert value(given, found.mask) == best
    assert min(left(given, found.mask)) >= 0


@given(cases())
@settings(deadline=None, max_examples=60)
def test_optimal_bounds_the_best_of_all_subsets_when_amounts_are_huge(given: Case) -> None:
    # Many sets that differ by less than floats resolve are cut off one by one.
    found = optimal(*given, time_limit=3.0)
    best = best_value(given)
    assert found.value == value(given, found.mask) <= best <= found.bound
    assert min(left(given, found.mask)) >= 0
    if found.status != "time_limit":
        assert found.bound - found.value <= 1e-9 * sum(given.queue.amount.tolist())
    assert (found.status == "optimal") == (found.gap == 0)


@given(cases(payments=20, amounts=st.integers(1, 10**9)))
@settings(deadline=None, max_examples=30)
def test_optimal_is_not_less_than_any_other_rule(given: Case) -> None:
    found = optimal(*given, time_limit=PATIENCE)
    rules = [
        singly(*given),
        multilateral(*given),
        bilateral(*given, by_pair=False),
        bilateral(*given, by_pair=True),
    ]
    assert found.value >= max(value(given, mask) for mask in rules)


@given(cases(payments=14), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_nothing_depends_on_the_numbers_of_the_banks(given: Case, random: Random) -> None:
    number = np.array(random.sample(range(given.n + 2), given.n), dtype=np.int64)
    available = np.zeros(given.n + 2, dtype=np.int64)
    available[number] = given.available
    queue = Queue(number[given.queue.payer], number[given.queue.payee], given.queue.amount)
    for rule in (singly, multilateral, unwind):
        assert rows(rule(*given)) == rows(rule(queue, available))
    for by_pair in (False, True):
        assert rows(bilateral(*given, by_pair=by_pair)) == rows(bilateral(queue, available, by_pair=by_pair))
    for question in (has_gridlock, is_deadlock):
        assert question(*given) == question(queue, available)
    assert net_positions(queue, given.n + 2)[number].tolist() == net_positions(given.queue, given.n).tolist()


@given(cases(payments=14))
@settings(deadline=None, max_examples=30)
def test_arguments_stay_as_they_were(given: Case) -> None:
    before = [column.copy() for column in (*columns(given.queue), given.available)]
    for column in (*columns(given.queue), given.available):
        column.flags.writeable = False
    singly(*given)
    multilateral(*given)
    bilateral(*given, by_pair=True)
    optimal(*given, time_limit=PATIENCE)
    unwind(*given)
    after = [*columns(given.queue), given.available]
    assert all((old == new).all() for old, new in zip(before, after, strict=True))


def columns(queue: Queue) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return queue.payer, queue.payee, queue.amount


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
    for mask in (singly(*empty), multilateral(*empty), unwind(*empty), bilateral(*empty, by_pair=True)):
        assert mask.shape == (0,)
        assert mask.dtype == np.bool_
    assert optimal(*empty, time_limit=PATIENCE)[1:] == (0, 0, 0.0, "optimal")
    assert not has_gridlock(*empty)
    assert not is_deadlock(*empty)
    assert net_positions(empty.queue, 2).tolist() == [0, 0]
    assert np.isnan(netting_efficiency(empty.queue, 2))


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


@pytest.mark.parametrize("rule", [singly, multilateral, unwind, has_gridlock, is_deadlock])
def test_banks_below_their_floor_and_unknown_banks_are_refused(rule: Callable[..., object]) -> None:
    queue = case([(0, 1, 5)], []).queue
    with pytest.raises(ValueError, match="bank 1 is 4 below its floor"):
        rule(queue, np.array([0, -4]))
    with pytest.raises(ValueError, match="not among the 1 given"):
        rule(queue, np.array([0]))


def test_cover_without_limit_does_not_overflow() -> None:
    given = case([(0, 1, HUGE), (1, 0, 3 * HUGE)], [2**63 - 1, 0])
    assert rows(multilateral(*given)) == rows(singly(*given)) == {0}
    assert optimal(*given, time_limit=PATIENCE).value == HUGE


@given(cases(payments=20))
@settings(deadline=None)
def test_unwinding_takes_the_newest_payments_of_whoever_is_short(given: Case) -> None:
    kept = np.ones(len(given.queue), dtype=bool)
    while min(after := left(given, kept)) < 0:
        kept[max(row for row in rows(kept) if after[given.queue.payer[row]] < 0)] = False
    assert rows(unwind(*given)) == rows(kept)


def test_an_unwound_payment_can_make_its_payee_short() -> None:
    chain = case([(0, 1, 10), (1, 2, 10), (2, 0, 4), (0, 2, 1)], [6, 0, 0])
    assert unwind(*chain).all() == (left(chain, np.ones(4, dtype=bool))[0] >= 0)
    broke = case([(0, 1, 10), (1, 2, 10), (2, 0, 4)], [5, 0, 0])
    assert rows(unwind(*broke)) == set()


# Large amounts, the solver's floats, and its limits.


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
@settings(deadline=None, max_examples=60)
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


# Positions, efficiency and losses.


@given(cases(payments=30))
def test_net_positions_add_up_to_zero(given: Case) -> None:
    positions = net_positions(given.queue, given.n).tolist()
    everything = np.ones(len(given.queue), dtype=bool)
    assert sum(positions) == 0
    assert positions == [
        after - before
        for after, before in zip(left(given, everything), given.available.tolist(), strict=True)
    ]


def test_random_payments_net_as_theory_says() -> None:
    n, payments, m1, m2 = 20, 10_000, 50.5, 101 * 201 / 6
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        payer = rng.integers(0, n, payments)
        payee = (payer + rng.integers(1, n, payments)) % n
        found.append(netting_efficiency(Queue(payer, payee, rng.integers(1, 101, payments)), n))
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
    saved = netting_efficiency(given.queue, 2)
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


def test_a_loss_that_nobody_can_bear_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one survivor"):
        loss_shares(5, np.array([0, 0]))
    with pytest.raises(ValueError, match="can be negative"):
        loss_shares(-5, np.array([1]))
    with pytest.raises(ValueError, match="can be negative"):
        loss_shares(5, np.array([2, -1]))
