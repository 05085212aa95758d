"""A hedge makes good what rates do between invoice and exchange, at its spread, its carry and its rolls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from builders import ACROSS, Order, border, by_hand, declare, firm, instant
from telling import run_of

from sim.core.clock import DAY
from sim.engine.run import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.world.world import World


def hedging(hedge: dict[str, Any] | None, **market: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    """A border on which the west hedges what it owes in yuan."""
    return border(
        "10000000",
        market,
        firms={"west": firm("west", "west") | {"hedge": hedge}, "east": firm("east", "east")},
        interest_rates={"BYN": "0.10", "CNY": {"rate": "0.03"}},
        fx={"kind": "constant", "rates": {"BYN": "3.2", "CNY": "6.4"}},
        flows=ACROSS,
    )


def tables_of(
    declared: dict[str, Any], *orders: Order, change: Callable[[World], World] | None = None
) -> Any:  # noqa: ANN401
    world = by_hand(declare(declared), *orders)
    world = change(world) if change else world
    return run_of(world, simulate(world))


def invoiced(days: int, *, byn: dict[str, float] | None = None) -> Callable[[World], World]:
    """Invoices so many days before the payments, and units of BYN per dollar from some dates on."""

    def change(world: World) -> World:
        at = world.obligations.due_at - days * 86_400
        per_usd = world.fx.per_usd.copy()
        for date, rate in (byn or {}).items():
            per_usd[world.fx.day_starts >= instant(date), world.fx.index("BYN")] = rate
        return replace(
            world,
            obligations=replace(world.obligations, invoiced_at=at),
            fx=replace(world.fx, per_usd=per_usd),
        )

    return change


FULL = {"ratio": 1, "spread_bps": 20}
PURCHASE = Order("2024-03-08 10:00", "west", "east", 1_000_000_00)
SALE = Order("2024-03-08 10:00", "east", "west", 1_000_000_00)


@pytest.mark.parametrize(("order", "sign"), [(PURCHASE, -1), (SALE, 1)])
def test_a_full_hedge_of_a_punctual_payment_leaves_spread_and_carry(order: Order, sign: int) -> None:
    """The yuan rises by a half, which without a hedge would be the whole result."""
    moves = invoiced(4, byn={"2024-03-06 00:00": 4.8})
    (bare,) = tables_of(hedging(None), order, change=moves)["fx_results"].to_dict("records")
    assert bare["contract"] == sign * 250_000_00
    tables = tables_of(hedging(FULL), order, change=moves)
    (told,) = tables["fx_results"].to_dict("records")
    # Half the market's spread at the new rate; four days' carry and half the forward's spread at the old one.
    spread = 0.005 * 750_000_00
    parity = (1 + 0.10 * 4 / 365) / (1 + 0.03 * 4 / 365)
    forward = 500_000_00 * parity * (1 - sign * 0.001)
    assert told["contract"] + told["clearing"] == sign * 250_000_00
    assert told["spread"] == -spread
    assert told["hedge"] == round(sign * (forward - 750_000_00))
    assert told["total"] == round(-spread + sign * (forward - 500_000_00))
    assert told["hedge"] + told["contract"] == round(sign * (forward - 500_000_00))
    assert tables["hedges"]["roll"].tolist() == [0]


def test_without_interest_and_spread_a_full_hedge_makes_good_the_rates_exactly() -> None:
    declared = hedging({"ratio": 1, "spread_bps": 0}) | {"interest_rates": {"BYN": 0, "CNY": 0}}
    change = invoiced(4, byn={"2024-03-05 00:00": 3.37, "2024-03-06 00:00": 4.81})
    (told,) = tables_of(declared, PURCHASE, change=change)["fx_results"].to_dict("records")
    assert told["hedge"] == -(told["contract"] + told["clearing"])
    assert told["total"] == told["spread"]


def test_a_late_exchange_is_rolled_and_the_roll_costs() -> None:
    """Due on Friday evening, exchanged on Sunday, when the market opens: one roll of a week, closed early."""
    hours = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["10:00-10:30"]}
    declared = hedging(FULL, hours=hours) | {
        "period": {"start": "2024-03-04 00:00", "end": "2024-03-18 00:00"}
    }
    order = PURCHASE._replace(at="2024-03-08 18:00")
    tables = tables_of(declared, order, change=invoiced(4))
    first, second = tables["hedges"].to_dict("records")
    due, dealt = (pd.Timestamp(text, tz="Europe/Minsk") for text in ("2024-03-08 18:00", "2024-03-09 10:00"))
    assert (first["roll"], first["matures_at"], first["closed_at"]) == (0, due, due)
    assert (second["roll"], second["opened_at"], second["closed_at"]) == (1, due, dealt)
    assert second["matures_at"] == due + pd.Timedelta(days=7)
    # Rates stand still: bought for a week on the dear side, sold a day later for six days on the cheap one.
    ahead, left = ((1 + 0.10 * days / 365) / (1 + 0.03 * days / 365) for days in (7, 6))
    bought, sold = round(500_000_00 * ahead * 1.001), round(500_000_00 * left * 0.999)
    assert second["result"] == round((sold - bought) / (1 + 0.10 * 6 / 365))
    (told,) = tables["fx_results"].to_dict("records")
    assert told["hedge"] == first["result"] + second["result"]
    assert told["contract"] == told["clearing"] == 0


def test_half_a_hedge_covers_half_of_each_obligation() -> None:
    whole, half = (
        tables_of(hedging({"ratio": ratio, "spread_bps": 20}), PURCHASE, change=invoiced(4))
        for ratio in (1, 0.5)
    )
    assert 2 * half["hedges"]["notional"].sum() == whole["hedges"]["notional"].sum()
    covered = half["positions"].set_index("firm").loc["west-0001"].iloc[0]
    assert (covered["payable"], covered["forwards"]) == (1_000_000_00, 500_000_00)
    assert covered["net_open_position"] == -500_000_00


@pytest.mark.parametrize("change", [{"minimum_term": "5d"}, {"currencies": ["USD"]}, {"ratio": 0}])
def test_what_the_policy_leaves_out_is_not_covered(change: dict[str, Any]) -> None:
    tables = tables_of(hedging(FULL | change), PURCHASE, change=invoiced(4))
    assert tables["hedges"].empty
    assert tables["fx_results"]["hedge"].tolist() == [0]


def test_a_hedge_moves_no_payment() -> None:
    bare, covered = (tables_of(hedging(hedge), PURCHASE, SALE) for hedge in (None, FULL))
    for name in ("payments", "conversions", "postings", "fees"):
        pd.testing.assert_frame_equal(bare[name], covered[name])


def test_a_firm_that_bought_and_waits_for_delivery_may_lose_what_it_paid() -> None:
    tables = tables_of(hedging(None, delivery="2h"), PURCHASE)
    (row,) = tables["principal_risk"].to_dict("records")
    assert (row["kind"], row["holder"], row["currency"], row["amount"]) == (
        "exchange",
        "west-0001",
        "BYN",
        502_500_00,
    )
    assert row["final_at"] - row["paid_at"] == pd.Timedelta(hours=2)


def test_nothing_is_at_risk_where_delivery_is_immediate() -> None:
    assert tables_of(hedging(None), PURCHASE, SALE)["principal_risk"].empty


@pytest.mark.quick
@pytest.mark.parametrize(("beside", "hedged"), [(-1, False), (0, True), (1, True)])
def test_an_obligation_is_hedged_from_the_least_term_on_to_the_second(beside: int, *, hedged: bool) -> None:
    def change(world: World) -> World:
        at = world.obligations.due_at - 2 * DAY - beside
        return replace(world, obligations=replace(world.obligations, invoiced_at=at))

    tables = tables_of(hedging({**FULL, "minimum_term": "2d"}), PURCHASE, change=change)
    assert (len(tables["hedges"]) > 0) == hedged
