"""A design is credited change by change: the shares are Shapley's, and add up to the whole difference."""

from __future__ import annotations

from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest

from sim.studies.players import SAMPLED, orders, shares

NOBODY: frozenset[int] = frozenset()


def free(players: int) -> list[frozenset[int]]:
    """Players who need nobody."""
    return [NOBODY] * players


def worth(players: int, seed: int = 1) -> dict[frozenset[int], np.ndarray]:
    """Values by chance of every set of players: three numbers in four replications."""
    draw = np.random.default_rng(seed)
    sets = [frozenset(c) for k in range(players + 1) for c in combinations(range(players), k)]
    return {members: draw.normal(scale=1e6, size=(3, 4)) for members in sets}


def test_shares_are_those_of_shapleys_formula() -> None:
    values = worth(4)
    found, error = shares(values, orders(free(4), exactly=True))
    for player in range(4):
        others = [members for members in values if player not in members]
        expected = sum(
            factorial(len(members)) * factorial(3 - len(members)) / factorial(4)
            * (values[members | {player}] - values[members])
            for members in others
        )  # fmt: skip
        assert found[player] == pytest.approx(expected)
    assert not error.any()


def test_shares_add_up_in_each_replication() -> None:
    for seed in range(20):
        values = worth(5, seed)
        found, _ = shares(values, orders(free(5), exactly=True))
        whole = values[frozenset(range(5))] - values[NOBODY]
        largest = np.abs(found).max(axis=0)
        for order in (found, found[::-1]):
            assert (np.abs(order.sum(axis=0) - whole) <= np.spacing(5 * largest)).all()


def test_shares_of_what_is_of_one_size_add_up_exactly_in_any_order() -> None:
    for seed in range(50):
        draw = np.random.default_rng(seed)
        values = {members: 30 + draw.normal(size=each.shape) for members, each in worth(5, seed).items()}
        found, _ = shares(values, orders(free(5), exactly=True))
        whole = values[frozenset(range(5))] - values[NOBODY]
        for order in permutations(range(5)):
            assert (sum(found[player] for player in order) == whole).all()


def test_a_player_who_does_nothing_gets_nothing_and_equal_ones_get_the_same() -> None:
    sets = [frozenset(c) for k in range(4) for c in combinations(range(3), k)]
    values = {members: np.array([[float(len(members - {2}) ** 2)]]) for members in sets}
    found, _ = shares(values, orders(free(3), exactly=True))
    assert found.ravel().tolist() == [2.0, 2.0, 0.0]


def test_who_needs_another_comes_after_him() -> None:
    needs = [NOBODY, frozenset({0}), NOBODY]
    found = orders(needs, exactly=True)
    assert sorted(found.orders) == [(0, 1, 2), (0, 2, 1), (2, 0, 1)]
    assert frozenset({1}) not in found.coalitions
    assert frozenset({1, 2}) not in found.coalitions
    assert len(found.coalitions) == 6


def test_six_players_are_averaged_over_all_orders_since_a_sample_meets_all_sets_too() -> None:
    found = orders(free(6), exactly=False)
    assert not found.sampled
    assert len(found.orders) == factorial(6)


def test_many_players_are_sampled_in_pairs_of_an_order_and_its_reverse() -> None:
    found = orders(free(9), exactly=False)
    assert found.sampled
    assert len(found.orders) >= SAMPLED
    assert all(back == order[::-1] for order, back in zip(found.orders[::2], found.orders[1::2], strict=True))
    assert found == orders(free(9), exactly=False)


def test_samples_keep_to_what_players_need_and_are_even() -> None:
    needs = [NOBODY, frozenset({0}), frozenset({0}), NOBODY, *free(5)]
    found = orders(needs, exactly=False)
    for order in found.orders:
        assert order.index(0) < min(order.index(1), order.index(2))
    # Of three who need one another so, both orders are as likely, and the fourth is anywhere.
    first = sum(order.index(1) < order.index(2) for order in found.orders) / len(found.orders)
    assert 0.35 < first < 0.65
    places = np.mean([order.index(3) for order in found.orders])
    assert 3.3 < places < 4.7


def test_sampled_shares_add_up_and_tell_the_error_of_sampling() -> None:
    players = 9
    draw = np.random.default_rng(3)
    alone = draw.normal(size=players)
    pairs = draw.normal(size=(players, players))
    among = orders(free(players), exactly=False)
    values = {
        members: np.array(
            [[sum(alone[p] for p in members) + sum(pairs[p, q] for p, q in permutations(members, 2))]]
        )
        for members in among.coalitions
    }
    found, error = shares(values, among)
    exact = alone + (pairs + pairs.T).sum(axis=0) / 2 - np.diag(pairs)
    # Of what only pairs do together an order and its reverse tell the exact half.
    assert found.ravel() == pytest.approx(exact)
    assert error.ravel() == pytest.approx(np.zeros(players), abs=1e-9)
    cubes = {members: np.array([[float(sum(members)) ** 3]]) for members in among.coalitions}
    found, error = shares(cubes, among)
    assert found.sum() == pytest.approx(36.0**3)
    assert (error[1:] > 0).all()
