"""Queues of payments for tests: by hand, by chance, and by the thousand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from sim.engine.netting import (
    Queue,
)

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
    """A queue of (payer, payee, amount), and what each bank has available."""
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
    """Places in the queue of the chosen payments."""
    return set(np.flatnonzero(mask).tolist())


def left(given: Case, mask: np.ndarray) -> list[int]:
    """What each bank has available after the chosen payments, in Python's integers."""
    after = given.available.tolist()
    for row in rows(mask):
        after[given.queue.payer[row]] -= int(given.queue.amount[row])
        after[given.queue.payee[row]] += int(given.queue.amount[row])
    return after


def value(given: Case, mask: np.ndarray) -> int:
    """Sum of the chosen payments, in Python's integers."""
    return sum(given.queue.amount[mask].tolist())


def is_prefix(given: Case, mask: np.ndarray) -> bool:
    """Whether each bank pays the first so many of its own payments."""
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
    """The greatest value of all feasible sets."""
    return max(value(given, mask) for mask in subsets(given))


@st.composite
def cases(draw: st.DrawFn, payments: int = 12, amounts: st.SearchStrategy[int] = MIXED) -> Case:
    """Few banks that often lack a little, and amounts that floats cannot tell apart."""
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


def columns(queue: Queue) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who pays, who is paid, and how much."""
    return queue.payer, queue.payee, queue.amount
