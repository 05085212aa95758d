"""How many of a user's own payments the engine settles in a second, from ample money to almost none.

Only ratios to the case in which nobody waits mean anything on a shared machine.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.engine.actors import build_actors
from sim.engine.floor import Floor
from sim.engine.markets.exchange import Exchange
from sim.engine.requests import Requests, plan_requests
from sim.engine.run import Settlement
from sim.engine.walks import build_walks
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.world import World

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

MANY, BANKS, DAY = 1_000_000, 40, 8 * 3600
SCENARIO = """
name: replay
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
payments: {file: payments.parquet, system: s}
accounts:
"""


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Requests]:
    """A day of lognormal payments between random banks."""
    folder, random = tmp_path_factory.mktemp("replay"), np.random.default_rng(1)
    payer = random.integers(0, BANKS, MANY)
    payee = (payer + random.integers(1, BANKS, MANY)) % BANKS
    at = np.datetime64("2024-03-04T09:00", "s") + np.sort(random.integers(0, DAY, MANY))
    banks = pa.array([f"b{number}" for number in range(BANKS)])
    columns = {
        "payment_id": pa.array([str(number) for number in range(MANY)]),
        "instructed_at": pa.array(at),
        "payer_bank": banks.take(pa.array(payer)),
        "payee_bank": banks.take(pa.array(payee)),
        "amount": random.lognormal(10, 1.5, MANY).astype(np.int64) + 1,
    }
    pq.write_table(pa.table(columns), folder / "payments.parquet")
    accounts = "".join(f"  - {{holder: {bank}, system: s}}\n" for bank in banks.to_pylist())
    (folder / "replay.yaml").write_text(SCENARIO + accounts, encoding="utf-8")
    world = build_world(load(str(folder / "replay.yaml")))
    return world, plan_requests(world, build_walks(world, Exchange(world)).asked())


def with_money(world: World, requests: Requests, level: float) -> World:
    """Opening balances as a share of what each bank needs to settle everything at once."""
    accounts = world.network.accounts
    needs = []
    for account in range(len(accounts)):
        change = np.where(requests.credit == account, requests.amount, 0)
        change -= np.where(requests.debit == account, requests.amount, 0)
        needs.append(int(-np.cumsum(change).min(initial=0) * level))
    accounts = replace(accounts, opening=np.array(needs, dtype=np.int64))
    return replace(world, network=replace(world.network, accounts=accounts))


def settle(world: World, requests: Requests) -> Floor:
    floor = Floor(world, requests, lambda _number, settled_at, _following: settled_at)
    build_actors(world, floor)
    Settlement(floor).run()
    return floor


@pytest.mark.parametrize("level", [1.0, 0.9, 0.8, 0.7, 0.6, 0.4, 0.2, 0.1, 0.05, 0.01])
def test_replay(benchmark: BenchmarkFixture, replay: tuple[World, Requests], level: float) -> None:
    world, requests = replay
    ample, scarce = with_money(world, requests, 1.0), with_money(world, requests, level)
    began = perf_counter()
    settle(ample, requests)
    at_best = perf_counter() - began
    floor = benchmark.pedantic(settle, (scarce, requests), rounds=1)
    taken = benchmark.stats.stats.min
    settled, arrival = np.array(floor.settled), np.array(floor.arrival)
    waited = float(np.mean((settled < 0) | (settled > arrival)))
    benchmark.extra_info.update(per_second=round(MANY / taken), waited=waited, ratio=at_best / taken)
    print(f"\n{MANY / taken:,.0f} payments a second, {waited:.1%} wait; at best {MANY / at_best:,.0f}")
