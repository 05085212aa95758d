"""Over every subset of a small queue, each rule of netting is what its definition says."""

from __future__ import annotations

from itertools import compress, product, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import (
    PATIENCE,
    Case,
    best_value,
    cases,
    columns,
    is_prefix,
    left,
    rows,
    subsets,
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
    from collections.abc import Iterator
    from random import Random

pytestmark = pytest.mark.quick


@given(cases())
def test_multilateral_is_the_one_largest_prefix_set(given: Case) -> None:
    found = multilateral(*given)
    allowed = [mask for mask in subsets(given) if is_prefix(given, mask)]
    assert any((found == mask).all() for mask in allowed)
    assert all((mask <= found).all() for mask in allowed)  # hence unique, and largest by value and by count


@given(cases())
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
def test_bilateral_offsets_pair_after_pair(given: Case, by_pair: bool) -> None:
    assert rows(bilateral(*given, by_pair=by_pair)) == rows(offset_pairs(given, by_pair=by_pair))


@given(cases(payments=30))
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
@settings(max_examples=examples(60))
def test_optimal_is_the_best_of_all_subsets(given: Case) -> None:
    found = optimal(*given, time_limit=PATIENCE)
    best = best_value(given)
    assert found[1:] == (best, best, 0.0, "optimal")
    assert value(given, found.mask) == best
    assert min(left(given, found.mask)) >= 0


@given(cases())
@settings(max_examples=examples(60))
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
@settings(max_examples=examples(30))
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
@settings(max_examples=examples(50))
def test_nothing_depends_on_the_numbers_of_the_banks(given: Case, random: Random) -> None:
    number = np.array(random.sample(range(given.n + 2), given.n), dtype=np.int64)
    available = np.zeros(given.n + 2, dtype=np.int64)
    available[number] = given.available
    queue = Queue(number[given.queue.payer], number[given.queue.payee], given.queue.amount)
    for rule in (singly, multilateral):
        assert rows(rule(*given)) == rows(rule(queue, available))
    for by_pair in (False, True):
        assert rows(bilateral(*given, by_pair=by_pair)) == rows(bilateral(queue, available, by_pair=by_pair))
    for question in (has_gridlock, is_deadlock):
        assert question(*given) == question(queue, available)
    assert net_positions(queue, given.n + 2)[number].tolist() == net_positions(given.queue, given.n).tolist()


@given(cases(payments=14))
@settings(max_examples=examples(30))
def test_arguments_stay_as_they_were(given: Case) -> None:
    before = [column.copy() for column in (*columns(given.queue), given.available)]
    for column in (*columns(given.queue), given.available):
        column.flags.writeable = False
    singly(*given)
    multilateral(*given)
    bilateral(*given, by_pair=True)
    optimal(*given, time_limit=PATIENCE)
    after = [*columns(given.queue), given.available]
    assert all((old == new).all() for old, new in zip(before, after, strict=True))
