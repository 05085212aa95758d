"""Gridlocks and deadlocks are counted as if every queue were looked at in full after every change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim
from sim.engine.actors import build_actors
from sim.engine.floor import Floor
from sim.engine.markets.exchange import Exchange
from sim.engine.netting import multilateral
from sim.engine.records import Standstills
from sim.engine.requests import plan_requests
from sim.engine.settlement import Settlement
from sim.engine.systems import KINDS
from sim.engine.systems.gross import Gross
from sim.engine.walks import build_walks
from sim.world.build import World, build_world

SCENARIO = """
name: standing
period: {{start: 2024-03-04 09:00, end: 2024-03-05 09:00, zone: Europe/Minsk}}
systems:
  s:
    kind: rtgs
    currency: BYN
    queue: {queue}
    offsetting: {offsetting}
    zero_balance: {zero_balance}
    throughput: [{{share: 0.6, by: "10:00"}}]
    hours: {{zone: Europe/Minsk, sessions: ["09:00-10:30", "11:00-17:00"], calendar: always}}
treasuries: {{t: {{at: "09:40", zone: Europe/Minsk, calendar: always, lag: 20min}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
"""

HOURS = ("09:30", "10:15", "13:00")
OFFSETTINGS = (
    "{kind: none}",
    "{kind: none}",
    "{kind: multilateral, every: 5min}",
    "{kind: bilateral}",
    "{kind: optimal, size: 6}",
)


class LookingInFull(Gross):
    """The rule put plainly: after each change, the largest set among everything that waits."""

    def _look(self) -> None:
        snapshot = self.snapshot()
        if snapshot.numbers:
            together = multilateral(snapshot.queue, snapshot.available, snapshot.limits)
            self.standstill.found(locked=not together.any())


def world(folder: Path, queue: str, seed: int, bounds_of: str) -> World:
    """Banks that pay each other once a minute with hardly any money; some have a treasury, some amounts are alike.

    Some have limits or reservations, some hold back, as `bounds_of` names them.
    """
    bounded, holding = "limits" in bounds_of, "caution" in bounds_of
    random = np.random.default_rng(seed)
    banks, payments = int(random.integers(2, 8)), int(random.integers(20, 140))
    amounts = (
        random.integers(1, 9, payments)
        if seed % 2
        else random.lognormal(3, 1.5, payments).astype(np.int64) + 1
    )
    payer = random.integers(0, banks, payments)
    payee = (payer + random.integers(1, banks, payments)) % banks
    rows = [
        f"p{k},2024-03-04T{9 + k // 60:02d}:{k % 60:02d},b{payer[k]},b{payee[k]},{amounts[k]},{random.integers(0, 3)}"
        for k in range(payments)
    ]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority"
    (folder / "payments.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    mean = int(amounts.mean())
    bounds = [
        f"{', treasury: t' if random.random() < 0.2 else ''}"
        + (f", reserved: {random.integers(0, mean + 1)}" if bounds_of and random.random() < 0.3 else "")
        + (
            f", holds: {{below: {random.integers(1, 2 * mean + 2)}, until: '{random.choice(HOURS)}'}}"
            if holding and random.random() < 0.6
            else ""
        )
        + (
            f", limits: {{bilateral: {{b{(k + 1) % banks}: {random.integers(0, 4 * mean)}}}, "
            f"multilateral: {random.integers(0, 8 * mean)}}}"
            if bounded and random.random() < 0.5
            else ""
        )
        for k in range(banks)
    ]
    accounts = [
        f"  - {{holder: b{k}, system: s, balance: {random.integers(0, 2 * mean + 1)}{more}}}"
        for k, more in enumerate(bounds)
    ]
    path = folder / "scenario.yaml"
    path.write_text(
        SCENARIO.format(
            queue=queue,
            offsetting=OFFSETTINGS[random.integers(len(OFFSETTINGS))],
            zero_balance=str(random.random() < 0.3).lower(),
            accounts="\n".join(accounts),
        ),
        encoding="utf-8",
    )
    return build_world(sim.load(str(path)))


def settle(given: World) -> tuple[list[int], Standstills]:
    """When transfers settled, and the standstills of each system."""
    requests = plan_requests(given, build_walks(given, Exchange(given)).asked())
    floor = Floor(given, requests, lambda _number, settled_at, _following: settled_at)
    systems = build_actors(given, floor)
    Settlement(floor).run()
    return floor.settled, systems.standstills()


@pytest.mark.parametrize("bounds_of", ["", "limits and reservations", "caution", "caution and limits"])
@pytest.mark.parametrize("queue", ["fifo", "bypass", "priority"])
def test_standstills_are_those_of_looking_in_full_at_every_change(
    queue: str, bounds_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0
    for seed in range(12 if "caution" in bounds_of else 30):
        given = world(tmp_path, queue, seed, bounds_of)
        found = settle(given)
        with monkeypatch.context() as plainly:
            plainly.setitem(KINDS, "rtgs", LookingInFull)
            expected = settle(given)
        assert found == expected, seed
        counted += sum(found[1].gridlocks)
    assert counted > 10
