"""What is exchanged in parts adds up to what it would be as a whole, to the minor unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from builders import Order, border, by_hand, declare, instant, with_draws
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from telling import run_of

from sim.core.rates import exchanged_before, part_value
from sim.engine.run import simulate

if TYPE_CHECKING:
    from sim.engine.records import Conversions, Records
    from sim.world.world import World


def world_of(amount: int, **market: Any) -> World:  # noqa: ANN401 - a declaration
    return by_hand(
        declare(border("100000", market)),
        Order("2024-03-05 10:00", "west", "east", amount),
        Order("2024-03-06 10:00", "east", "west", amount),
    )


def in_parts(world: World, records: Records, shares: list[int]) -> Records:
    """The same deals, each in parts at its own instant and price."""
    whole = records.conversions
    parts = [
        part for amount in whole.amount for part in np.diff([0, *sorted(s % amount for s in shares), amount])
    ]
    row = np.repeat(np.arange(len(whole.at)), len(shares) + 1)
    deals = whole._replace(**{name: column[row] for name, column in whole._asdict().items()})
    deals = deals._replace(amount=np.array(parts, dtype=np.int64))
    deals = _rows(deals, deals.amount > 0)
    before = exchanged_before(deals.obligation, deals.by_payee, deals.amount)
    currencies = deals.currency, deals.functional_currency
    factor = np.where(deals.by_payee, 0.995, 1.005)
    return records._replace(
        conversions=deals._replace(
            mid_amount=part_value(world.fx, before, deals.amount, *currencies, deals.at),
            counter_amount=part_value(world.fx, before, deals.amount, *currencies, deals.at, factor),
        )
    )


def _rows(deals: Conversions, chosen: np.ndarray) -> Conversions:
    return type(deals)(*(column[chosen] for column in deals))


@settings(max_examples=examples(50))
@given(st.integers(1, 10**7), st.lists(st.integers(1, 10**7), max_size=5))
def test_parts_at_one_rate_add_up_to_the_whole(amount: int, shares: list[int]) -> None:
    world = world_of(amount)
    records = simulate(world)
    parted = in_parts(world, records, shares)
    whole, told = run_of(world, records)["fx_results"], run_of(world, parted)["fx_results"]
    assert told.equals(whole)
    assert run_of(world, parted)["exposure"].equals(run_of(world, records)["exposure"])


def test_what_has_not_been_exchanged_is_open_and_valued_at_the_end() -> None:
    world = world_of(725_00)
    parted = in_parts(world, simulate(world), [225_00])
    parted = parted._replace(conversions=_rows(parted.conversions, np.array([True, False, True, True])))
    told = run_of(world, parted)["fx_results"]
    assert told["realised"].tolist() == [False, True]
    # 225 of 725 yuan were bought half a per cent above mid; the rest would cost nothing more than mid.
    assert told["spread"].tolist() == [-50, -1_60]
    open_at_the_end = run_of(world, parted)["exposure"].iloc[-1]
    assert (open_at_the_end["payable"], open_at_the_end["receivable"]) == (500_00, 0)


def test_who_exchanges_before_the_due_date_has_no_clearing_result() -> None:
    world = world_of(725_00)
    invoiced, early, due = (instant(f"2024-03-{day:02} 10:00") for day in (5, 6, 7))
    world = replace(
        world,
        obligations=replace(world.obligations, invoiced_at=np.full(2, invoiced), due_at=np.full(2, due)),
        payments=replace(world.payments, due_at=np.full(2, due), instructed_at=np.full(2, due)),
    )
    per_usd = world.fx.per_usd.copy()
    days = np.searchsorted(world.fx.day_starts, [early - 10 * 3600, due - 10 * 3600])
    per_usd[days[0] :, world.fx.index("BYN")] = 3.3
    per_usd[days[1] :, world.fx.index("BYN")] = 3.4
    world = with_draws(replace(world, fx=replace(world.fx, per_usd=per_usd)), {})
    records = simulate(world)
    deals = records.conversions._replace(at=np.full(2, early), mid_amount=np.full(2, 330_00))
    told = run_of(world, records._replace(conversions=deals))["fx_results"]
    assert told["contract"].tolist() == [-10_00, 10_00]
    assert told["clearing"].tolist() == [0, 0]
