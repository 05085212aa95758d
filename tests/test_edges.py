"""Edges: however many instants are asked for, and however they lie, each gets the answer that it would get alone."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.clock import DAY, HOUR, NEVER
from sim.core.edges import Edges

pytestmark = pytest.mark.quick

#: So many that they are looked up together.
MANY = 5_000

moments = st.one_of(st.integers(-30 * DAY, 30 * DAY), st.integers(-200, 200))


@given(st.lists(moments, max_size=40).map(sorted), st.integers(0, 2**32 - 1))
def test_many_instants_and_one_get_the_same_answer(edges: list[int], seed: int) -> None:
    asked = np.random.default_rng(seed).integers(-31 * DAY, 31 * DAY, MANY)
    # On an edge, a second beside it, and beyond all of them.
    close = [edge + by for edge in edges for by in (-1, 0, 1)]
    asked = np.concatenate([asked, np.array([*close, NEVER, -NEVER], dtype=np.int64)])
    found = Edges(np.array(edges, dtype=np.int64))
    told = [bisect_right(edges, instant) for instant in asked.tolist()]
    assert found.passed(asked).tolist() == told
    assert [int(found.passed(instant)) for instant in asked[-20:].tolist()] == told[-20:]


@pytest.mark.parametrize(
    "edges",
    [
        np.arange(0, 3_000 * DAY, DAY),
        np.sort(np.concatenate([np.arange(0, 300 * DAY, DAY) + 9 * HOUR, np.arange(0, 300 * DAY, DAY)])),
        # One far away from the others, which lie close together.
        np.append(np.arange(500), 50 * 365 * DAY),
    ],
    ids=["midnights", "sessions", "an outlier"],
)
def test_regular_and_crowded_edges_are_found_alike(edges: np.ndarray) -> None:
    asked = np.random.default_rng(1).integers(edges[0] - DAY, edges[-1] + DAY, MANY)
    assert np.array_equal(Edges(edges).passed(asked), [bisect_right(edges.tolist(), at) for at in asked])
