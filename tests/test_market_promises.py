"""Whatever is exchanged adds up, no day sells more than its depth, and nobody overtakes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders import EXCHANGING, HOURS, MINSK, Order, accounts, by_hand, declare, instant
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from trading import OFFICE, assert_promises, number, run, trade

from sim.core.clock import DAY, HOUR
from sim.engine.run import simulate

if TYPE_CHECKING:
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

pytestmark = pytest.mark.quick


@st.composite
def busy(draw: st.DrawFn) -> DrawnWorld:
    """Two sides that pay each other for some days over markets with little depth, vehicles, auctions and cash."""
    hours = st.sampled_from([*HOURS, "always"])

    def quote() -> dict[str, Any]:
        found: dict[str, Any] = {"spread_bps": draw(st.sampled_from([0, 30]))}
        if draw(st.booleans()):
            found["depth"] = draw(st.sampled_from(["0.07", "400", "1000"]))
        if draw(st.booleans()):
            found |= {"impact_bps": 1, "impact_amount": 100}
        return found

    def market(*pairs: str) -> dict[str, Any]:
        declared = {"hours": draw(hours), "delivery": draw(st.sampled_from(["0h", "1h"]))}
        if draw(st.integers(0, 3)) == 0:
            declared |= {"kind": "auction", "at": ["11:00", "12:00:01"], "hours": OFFICE}
        return {**declared, "pairs": {pair: quote() for pair in pairs}}

    sells = [
        {"kind": "on_credit"},
        {"kind": "keep", "surrender_share": "0.4"},
        {"kind": "weekly", "weekday": "wednesday", "at": "11:00", "zone": "Europe/Minsk"},
    ]

    def exchange() -> dict[str, Any]:
        buys = draw(st.sampled_from(["on_invoice", "on_due", "on_instruction"]))
        return {"exchange": {"buys": buys, "sells": draw(st.sampled_from(sells))}}

    banks = ("west", "east")
    markets = {"home": market("CNY/BYN", "BYN/RUB"), "abroad": market("RUB/CNY", "USD/BYN", "USD/CNY")}
    both = {"hours": "always", "markets": ["home", "abroad"]}
    both["vehicles"] = draw(st.sampled_from([[], ["RUB"], ["USD", "RUB"]]))
    steps = [
        {"kind": "message", "time": {"kind": "fixed", "value": draw(st.sampled_from([0, "3h"]))}},
        *EXCHANGING,
    ]
    systems = {"direct": "CNY", "in-byn": "BYN", "in-rub": "RUB"}
    declared = trade(
        firms={bank: exchange() for bank in banks},
        hours=HOURS,
        run_in="3d",
        horizon="3d",
        markets={"exchange": markets["home"], **markets},
        sides={
            "west": {"functional_currency": "BYN", **both},
            "east": {"functional_currency": "CNY", **both},
        },
        systems={
            name: {"kind": "rtgs", "currency": code, "hours": "always"} for name, code in systems.items()
        },
        accounts=[line for name in systems for line in accounts(dict.fromkeys(banks, "1500"), name)],
        routes={
            name: {
                "carries": {"currencies": [code]},
                "steps": [{**s, "system": name} if s["kind"] == "settle" else s for s in steps],
            }
            for name, code in systems.items()
        },
    )
    del declared["systems"]["gross"]
    orders = [
        Order(
            f"2024-03-{draw(st.integers(4, 9)):02} {draw(st.integers(8, 14)):02}:{draw(st.sampled_from([0, 30])):02}",
            *draw(st.sampled_from([banks, banks[::-1]])),
            draw(st.integers(1, 1_500_00)),
            name := draw(st.sampled_from(list(systems))),
            systems[name],
        )
        for _ in range(draw(st.integers(1, 15)))
    ]
    world = by_hand(declare(declared), *orders)
    days = draw(st.integers(0, 2))
    early = replace(world.obligations, invoiced_at=world.obligations.invoiced_at - days * DAY)
    return replace(world, obligations=early)


@pytest.mark.hypothesis
def test_what_is_exchanged_adds_up_and_no_day_s_depth_is_exceeded() -> None:
    seen: dict[str, int] = defaultdict(int)

    @settings(max_examples=examples(150))
    @given(busy())
    def look(world: DrawnWorld) -> None:
        records = simulate(world)
        assert_promises(world, records)
        deals = records.conversions
        assert_depth(world, records)
        assert_cash_is_spent_after_its_credit(records)
        assert_same_again(world, records)
        parts = list(zip(deals.obligation.tolist(), deals.by_payee.tolist(), strict=True))
        seen["parts"] += len(parts) - len(set(parts))
        seen["matched"] += int(deals.matched.sum())
        seen["crossed"] += int((deals.vehicle >= 0).sum())
        seen["direct"] += int(((deals.vehicle < 0) & ~deals.matched).sum())

    look()
    assert min(seen.values()) > examples(50), dict(seen)


def assert_depth(world: DrawnWorld, records: Records) -> None:
    """What each side of each book dealt per trading day, told from the conversions alone."""
    deals, scenario, fx = records.conversions, world.scenario, world.fx
    dealt: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in range(len(deals.at)):
        if deals.matched[row]:
            continue
        near, far = fx.currencies[deals.functional_currency[row]], fx.currencies[deals.currency[row]]
        vehicle = fx.currencies[deals.vehicle[row]] if deals.vehicle[row] >= 0 else None
        hops = [(deals.market[row], near, vehicle or far)]
        hops += [] if vehicle is None else [(deals.vehicle_market[row], vehicle, far)]
        for place, one, other in hops:
            name = list(scenario.markets)[place]
            (pair,) = [pair for pair in scenario.markets[name].pairs if set(pair.split("/")) == {one, other}]
            base = pair.split("/")[0]
            obtained = one if deals.by_payee[row] else other
            at = int(deals.at[row])
            day = world.openings.hours(scenario.markets[name].hours).value_date(np.array([at]))[0]
            amount = fx.convert(int(deals.amount[row]), int(deals.currency[row]), fx.index(base), at)
            dealt[name, pair, obtained == base, day] += int(amount)
    for (name, pair, _, _), amount in dealt.items():
        depth = scenario.markets[name].pairs[pair].depth
        # In another currency than the obligation's, each part may be half a unit off.
        assert depth is None or amount <= depth * 100 + len(deals.at)


def assert_cash_is_spent_after_its_credit(records: Records) -> None:
    deals = records.conversions
    for row in np.flatnonzero(deals.matched & deals.by_payee):
        assert records.credited_at[deals.payment[row]] < deals.at[row]
    for by_payee in (False, True):
        matched = deals.amount[deals.matched & (deals.by_payee == by_payee)]
        assert matched.sum() == deals.amount[deals.matched].sum() / 2


def assert_same_again(world: DrawnWorld, records: Records) -> None:
    again = simulate(world).conversions
    assert all(np.array_equal(a, b) for a, b in zip(records.conversions, again, strict=True))


@given(
    st.lists(st.tuples(st.integers(0, 6 * DAY), st.integers(1, 900_00)), min_size=1, max_size=20),
    st.sampled_from(["0.01", "100", "500", "5000"]),
)
def test_nobody_overtakes_at_a_market(orders: list[tuple[int, int]], depth: str) -> None:
    """Who comes later is not served before who came earlier has everything."""
    given_at = sorted(instant("2024-03-04 00:00") + after for after, _ in orders)
    texts = [f"{datetime.fromtimestamp(t, UTC).astimezone(MINSK):%Y-%m-%d %H:%M:%S}" for t in given_at]
    world, _, deals = run(
        trade({"depth": depth}),
        *(Order(text, "west", "east", amount) for text, (_, amount) in zip(texts, orders, strict=True)),
    )
    assert deals["payment_id"].is_monotonic_increasing
    assert deals["converted_at"].is_monotonic_increasing
    # As much is bought as can be: a day that does not sell out leaves nobody waiting.
    day, numbers = deals["converted_at"].dt.floor("D"), deals["obligation_id"].map(number)
    by_day = deals["amount"].groupby(day).sum()
    left = world.obligations.amount.sum() - deals["amount"].sum()
    assert (by_day <= float(depth) * 100 + 0.5).all()
    for today, bought in by_day.items():
        waiting = [
            obligation
            for obligation, at in enumerate(given_at)
            if at < today.timestamp() + 10 * HOUR
            and deals.loc[(numbers == obligation) & (day <= today), "amount"].sum()
            < world.obligations.amount[obligation]
        ]
        assert not waiting or bought == round(float(depth) * 100)
    assert left >= 0
