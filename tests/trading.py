"""Two sides that trade over one market, what happens to them in a run, and what every run of them promises."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from builders import MINSK, Order, border, by_hand, declare
from stays import assert_accounted
from telling import run_of

from sim.engine.run import simulate

if TYPE_CHECKING:
    import pandas as pd

    from sim.engine.records import Records
    from sim.world.world import World

OFFICE = {"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]}
#: Units per dollar: 725 yuan are 320 Belarusian roubles, 9,000 Russian ones, 100 dollars.
RATES = {"kind": "constant", "rates": {"BYN": "3.2", "CNY": "7.25", "RUB": "90"}}


def trade(
    quote: dict[str, Any] | None = None,
    *,
    west: dict[str, Any] | None = None,
    firms: dict[str, dict[str, Any]] | None = None,
    **changes: Any,  # noqa: ANN401 - sections
) -> dict[str, Any]:
    """A west that keeps BYN, an east that keeps CNY, and a market of CNY/BYN, open from 10:00 to 13:00.

    `quote` adds to the pair's quote, `west` to the west's declaration, `firms` to those of groups, by name.
    """
    pairs = {"CNY/BYN": {"spread_bps": 0, **(quote or {})}}
    declared = border("1000000", {"hours": OFFICE, "pairs": pairs}, fx=RATES)
    declared["sides"]["west"] |= west or {}
    for name, more in (firms or {}).items():
        declared["firms"][name] |= more
    for name, value in changes.items():
        declared[name] = {**declared.get(name, {}), **value} if isinstance(value, dict) else value
    return declared


def run(declared: dict[str, Any], *orders: Order) -> tuple[World, Records, pd.DataFrame]:
    """The world, what happened in it, and its deals; the promises hold."""
    world = by_hand(declare(declared), *orders)
    records = simulate(world)
    assert_promises(world, records)
    return world, records, run_of(world, records)["conversions"]


def assert_promises(world: World, records: Records) -> None:
    """Seconds and minor units are accounted for, and no more is exchanged than is owed, nor without a value."""
    assert_accounted(world, records)
    deals = records.conversions
    done: dict[tuple[int, bool], int] = defaultdict(int)
    for obligation, by_payee, amount in zip(deals.obligation, deals.by_payee, deals.amount, strict=True):
        assert amount > 0
        done[obligation, by_payee] += amount
    assert all(done[key] <= world.obligations.amount[key[0]] for key in done)
    results = run_of(world, records)["fx_results"]
    assert (
        results[["contract", "instruction", "clearing", "spread", "hedge"]].sum(axis=1) == results["total"]
    ).all()
    if (world.fx.per_usd == world.fx.per_usd[0]).all():
        assert (results["contract"] == 0).all()
        assert (results[["instruction", "clearing"]] == 0).all(axis=None)
    full = [
        done[number(obligation), bearer == "payee"] == amount
        for obligation, bearer, amount in zip(
            results["obligation_id"], results["bearer"], results["amount"], strict=True
        )
    ]
    assert results["realised"].tolist() == full


def number(obligation: str) -> int:
    """The number of an obligation in a world by hand, of its name."""
    return int(obligation.rpartition("/")[2]) - 1


def at(table: pd.DataFrame) -> list[str]:
    """Instants of deals, local."""
    return [f"{t:%d %H:%M}" for t in table["converted_at"].dt.tz_convert("Europe/Minsk")]


def settled(records: Records) -> list[str]:
    """When each payment settled, `day hour:minute`."""
    return [
        "never" if t > 2**60 else f"{datetime.fromtimestamp(t, UTC).astimezone(MINSK):%d %H:%M}"
        for t in records.settled_at.tolist()
    ]
