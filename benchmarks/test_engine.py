"""How fast the engine is: what it does most often, the loop that settles, and whole runs."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.engine.actors import build_actors
from sim.engine.floor import Floor
from sim.engine.markets.exchange import Exchange
from sim.engine.requests import plan_requests
from sim.engine.run import Settlement, simulate
from sim.engine.walks import build_walks
from sim.results.execute import execute
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.world import World

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from oracle import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from sim.core.clock import Seconds

frequent = pytest.mark.benchmark(group="frequent")
targeted = pytest.mark.benchmark(group="targeted")
whole = pytest.mark.benchmark(group="whole")

#: Questions asked at once.
MANY = 10_000


@pytest.fixture(scope="module")
def world() -> World:
    """A quarter of a year of the baseline."""
    return build_world(load("baseline", ["period.end=2024-02-20 00:00", "run_in=20d", "horizon=20d"]))


@pytest.fixture(scope="module")
def instants(world: World) -> Seconds:
    return np.random.default_rng(1).integers(world.window.start, world.window.end - 1, MANY)


@frequent
def test_next_open(benchmark: BenchmarkFixture, world: World, instants: Seconds) -> None:
    assert len(benchmark(world.network.system_hours[0].next_open, instants)) == MANY


@frequent
def test_advance(benchmark: BenchmarkFixture, world: World, instants: Seconds) -> None:
    assert len(benchmark(world.network.bank_hours[0].advance, instants, np.arange(MANY))) == MANY


@frequent
def test_opens_at(benchmark: BenchmarkFixture, world: World, instants: Seconds) -> None:
    hours, each = world.network.system_hours[0], instants.tolist()
    assert len(benchmark(lambda: [hours.opens_at(at) for at in each])) == MANY


@frequent
def test_convert(benchmark: BenchmarkFixture, world: World, instants: Seconds) -> None:
    pair = world.fx.index("CNY"), world.fx.index("BYN")
    assert len(benchmark(world.fx.convert, instants, *pair, instants, factor=1.0015)) == MANY


@targeted
def test_settlement_loop(benchmark: BenchmarkFixture, world: World) -> None:
    walks = build_walks(world, Exchange(world))
    requests = plan_requests(world, walks.asked())

    def settle() -> Floor:
        floor = Floor(world, requests, walks.rearriving(requests))
        build_actors(world, floor)
        Settlement(floor).run()
        return floor

    benchmark.extra_info["transfers"] = requests.rows
    assert len(benchmark(settle).settled) == requests.rows


@targeted
def test_engine_beside_the_plain_model(benchmark: BenchmarkFixture, world: World) -> None:
    """The same work by one process per payment, in the same run: only the ratio of the two means anything."""
    engine = _best(lambda: simulate(world), rounds=5)
    plain = _best(lambda: tell(world), rounds=2)
    benchmark.extra_info["payments"] = len(world.payments)
    benchmark.extra_info["plain_model_over_engine"] = round(plain / engine, 1)
    print(f"\n{len(world.payments)} payments: the engine is {plain / engine:.1f} times as fast")
    assert len(benchmark(simulate, world).settled_at) == len(world.payments)


@whole
def test_world_of_the_baseline(benchmark: BenchmarkFixture) -> None:
    scenario = load("baseline")
    assert len(benchmark.pedantic(build_world, (scenario,), rounds=3).payments) > 10_000


@whole
def test_run_of_the_baseline(benchmark: BenchmarkFixture) -> None:
    scenario = load("baseline")
    results = benchmark.pedantic(execute, (scenario,), rounds=3)
    benchmark.extra_info["seconds"] = results.manifest["timings_seconds"]


def _best(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        taken.append(perf_counter() - began)
    return min(taken)
