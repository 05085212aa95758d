"""How long a queue takes: one simulated day asks these questions up to a thousand times.

Aims: multilateral netting of 1,000 payments within 1 ms, and of 10,000 within 20 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.engine.netting import Queue, bilateral, has_gridlock, multilateral, optimal, singly

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

RULES: dict[str, Callable[..., object]] = {
    "singly": singly,
    "multilateral": multilateral,
    "bilateral": lambda queue, available: bilateral(queue, available, by_pair=False),
    "bilateral by pair": lambda queue, available: bilateral(queue, available, by_pair=True),
    "has_gridlock": has_gridlock,
}


def market(payments: int, n: int, liquidity: float) -> tuple[Queue, np.ndarray]:
    """Lognormal payments between random banks, with a share of what their netting would need."""
    rng = np.random.default_rng(1)
    payer = rng.integers(0, n, payments)
    payee = (payer + rng.integers(1, n, payments)) % n
    amount = rng.lognormal(16, 1.5, payments).astype(np.int64) + 1
    available = rng.random(n) * amount.mean() * np.sqrt(payments / n) * liquidity
    return Queue(payer, payee, amount), available.astype(np.int64)


@pytest.mark.parametrize("liquidity", [0.0, 0.3, 1.0], ids=["no money", "little money", "enough money"])
@pytest.mark.parametrize("payments", [1_000, 10_000])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_release_among_forty_banks(
    benchmark: BenchmarkFixture, rule: Callable[..., object], payments: int, liquidity: float
) -> None:
    benchmark(rule, *market(payments, 40, liquidity))


@pytest.mark.parametrize(("payments", "n"), [(50, 6), (200, 10), (1_000, 40)])
def test_optimum_within_a_hundredth(benchmark: BenchmarkFixture, payments: int, n: int) -> None:
    queue, available = market(payments, n, 0.3)
    found = benchmark.pedantic(
        optimal, (queue, available), {"time_limit": 60.0, "tolerance": 1e-2}, rounds=3, warmup_rounds=1
    )
    assert found.gap <= 1e-2
    assert found.value >= queue.value(multilateral(queue, available))
