"""The engine follows the rules: as the plain model beside it tells, and in cases small enough to follow."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from agreement import assert_agreement, postings, rows
from builders import (
    AT_ONCE,
    BEIJING,
    HOURS,
    MINSK,
    POST,
    Order,
    accounts,
    by_hand,
    declare,
    firm,
    instant,
    town,
)
from hypothesis import HealthCheck, given, settings
from oracle import tell
from strategies import scenarios

from sim.core.clock import DAY, HOUR, MINUTE, NEVER
from sim.engine.causes import CAUSES
from sim.engine.run import simulate
from sim.results.exposure import fx_results_table
from sim.scenario.load import load
from sim.world.build import World, build_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from sim.engine.records import Records
    from sim.scenario.model import Scenario

SHORT_BASELINE = ["period.end=2024-02-20 00:00", "run_in=20d", "horizon=20d"]


def by_chance(examples: int) -> Callable[..., Any]:
    """Always the same random scenarios."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.fixture(scope="module")
def baseline() -> World:
    return build_world(load("baseline", SHORT_BASELINE))


# What happened, in words of the records.


def paid(records: Records) -> list[int]:
    """Numbers of the payments in the order in which they settled, −1 for what a treasury moved."""
    return records.journal.payment.tolist()


def seconds(records: Records, cause: str) -> list[int]:
    return records.delays[:, CAUSES.index(cause)].tolist()


def when(at: int, zone: ZoneInfo = MINSK) -> str:
    return "never" if at == NEVER else f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def settled(records: Records, zone: ZoneInfo = MINSK) -> list[str]:
    return [when(at, zone) for at in records.settled_at.tolist()]


def run(scenario: dict[str, Any], *orders: Order, zone: ZoneInfo = MINSK) -> Records:
    """What happens if these orders are given; the plain model must say the same."""
    world = by_hand(declare(scenario), *orders, zone=zone)
    records = simulate(world)
    assert_agreement(world, records, tell(world))
    return records


# The engine and the plain model.


def test_engine_and_plain_model_agree_where_payments_wait() -> None:
    waited, freed_others, funded = [], [], []

    @by_chance(100)
    @given(scenarios())
    def look(scenario: Scenario) -> None:
        world = build_world(scenario)
        story = tell(world)
        assert_agreement(world, simulate(world), story)
        late = [
            transfer
            for transfer in story.transfers
            if transfer.settled_at is not None and transfer.settled_at > transfer.submitted_at
        ]
        waited.append(any(payment.causes["liquidity"] for payment in story.payments))
        freed_others.append(len({transfer.debit for transfer in late}) > 1)
        funded.append(any(posting.payment < 0 for posting in story.postings))

    look()
    assert np.mean(waited) > 0.5
    assert np.mean(freed_others) > 0.1
    assert np.mean(funded) > 0.3


def test_engine_and_plain_model_agree_on_the_baseline(baseline: World) -> None:
    assert len(baseline.payments) > 5_000
    assert_agreement(baseline, simulate(baseline), tell(baseline))


def test_a_progress_display_changes_nothing(baseline: World) -> None:
    told: list[int] = []
    assert postings(simulate(baseline, told.append)) == postings(simulate(baseline))
    assert told == sorted(told)
    assert len(told) > 100


# Promises, told from the records alone.


@by_chance(25)
@given(scenarios())
def test_money_is_conserved_and_no_account_passes_its_limit(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    balance, floor = world.network.accounts.opening.tolist(), world.network.accounts.floor.tolist()
    for _, _, _, _, debit, credit, amount in postings(records):
        assert amount > 0
        balance[debit] -= amount
        balance[credit] += amount
        assert balance[debit] >= floor[debit]
    assert balance == records.closing.tolist()
    assert sum(balance) == world.network.accounts.opening.sum()


@by_chance(25)
@given(scenarios())
def test_each_transfer_is_posted_once_at_most_with_the_amount_of_its_payment(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    posted = Counter((payment, step) for _, payment, step, *_ in postings(records) if payment >= 0)
    assert all(times == 1 for times in posted.values())
    for _, payment, *_, amount in postings(records):
        assert payment < 0 or amount == world.payments.amount[payment]


@by_chance(25)
@given(scenarios())
def test_who_came_earlier_to_an_account_is_paid_earlier(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    sent = records.submissions
    arrivals = {(payment, step): at for payment, step, at in rows(sent.payment, sent.step, sent.submitted_at)}
    by_account = defaultdict(list)
    for _, payment, step, _, debit, *_ in postings(records):
        if payment >= 0:
            by_account[debit].append(arrivals[payment, step])
    for in_order_of_posting in by_account.values():
        assert in_order_of_posting == sorted(in_order_of_posting)


@by_chance(25)
@given(scenarios())
def test_causes_add_up_and_unsettled_payments_wait_until_the_end(scenario: Scenario) -> None:
    world = build_world(scenario)
    records = simulate(world)
    until = np.minimum(records.credited_at, world.window.end)
    assert (records.delays >= 0).all()
    assert (records.delays.sum(axis=1) == until - world.payments.instructed_at).all()
    assert (
        records.settled_at[records.credited_at < NEVER] <= records.credited_at[records.credited_at < NEVER]
    ).all()
    assert not (records.journal.at >= world.window.end).any()


# Rates.


def bought_and_sold(**fx: Any) -> Scenario:  # noqa: ANN401 - a declaration
    """A west that owes yuan and an east that owes roubles, where nothing takes any time."""
    both = town(
        {"west": "1000000000", "east": "1000000000"},
        fx=fx,
        run_in="5d",
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always", "markets": ["exchange"]},
        },
        markets={"exchange": {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 30}}}},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        systems={
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            "gross-byn": {"kind": "rtgs", "currency": "BYN", "hours": "always"},
        },
        accounts=[
            *accounts({"west": "1000000000", "east": "1000000000"}),
            *accounts({"west": "1000000000", "east": "1000000000"}, "gross-byn"),
        ],
        routes={
            name: {
                "carries": {"currencies": [currency]},
                "steps": [
                    {"kind": "originate", "work": AT_ONCE},
                    {"kind": "convert"},
                    {"kind": "settle", "system": name},
                    POST,
                    {"kind": "convert", "by": "payee"},
                ],
            }
            for name, currency in (("gross", "CNY"), ("gross-byn", "BYN"))
        },
        firms={side: firm(side, side, 3) for side in ("west", "east")},
        flows={
            f"{payer}-pays": {
                "payer": payer,
                "payee": payee,
                "value": 1_000_000_000,
                "currency": "USD",
                "invoice": {"kind": "lognormal", "median": 100_000, "sigma": 1},
                "invoicing": {"CNY": "0.5", "BYN": "0.5"},
                "terms": {"later": {"share": 1, "days": [0, 5]}},
            }
            for payer, payee in (("west", "east"), ("east", "west"))
        },
    )
    return declare(both)


def test_rates_that_stand_still_leave_nothing_but_the_spread() -> None:
    world = build_world(bought_and_sold(kind="constant", rates={"CNY": "7.25", "BYN": "3.2"}))
    table = fx_results_table(world, simulate(world))
    assert len(table) > 100
    assert (table["contract"] == 0).all()
    assert (table["clearing"] == 0).all()
    assert (table["spread"] < 0).all()


def test_a_route_that_takes_no_time_leaves_no_clearing_result_however_rates_move() -> None:
    moving = {
        "kind": "lognormal",
        "start": {"CNY": "7.25", "BYN": "3.2"},
        "volatility": {"CNY": "0.5", "BYN": 1},
    }
    world = build_world(bought_and_sold(**moving))
    records = simulate(world)
    assert (records.credited_at == world.payments.instructed_at).all()
    table = fx_results_table(world, records)
    assert (table["clearing"] == 0).all()
    assert (table["contract"] != 0).any()


def dealing(steps: list[dict[str, Any]], **market: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    """A west that keeps BYN and an east that keeps CNY; 7.25 CNY and 3.2 BYN are a dollar."""
    exchange = {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 100}}, **market}
    return town(
        {"west": "1000", "east": "1000"},
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always"},
        },
        markets={"exchange": exchange},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        firms={side: firm(side, side) for side in ("west", "east")},
        routes={"direct": {"steps": steps}},
    )


def test_a_payer_buys_above_mid_and_a_payee_sells_below_it() -> None:
    steps = [
        {"kind": "convert"},
        {"kind": "settle", "system": "gross"},
        POST,
        {"kind": "convert", "by": "payee"},
    ]
    records = run(
        dealing(steps),
        Order("2024-03-04 10:00", "west", "east", 725_00),
        Order("2024-03-04 11:00", "east", "west", 725_00),
    )
    assert records.conversions.mid_amount.tolist() == [320_00, 320_00]
    # Half of one per cent to either side.
    assert records.conversions.counter_amount.tolist() == [321_60, 318_40]
    assert records.conversions.by_payee.tolist() == [False, True]


def test_bought_currency_is_there_after_the_market_opened_and_delivered() -> None:
    steps = [{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST]
    records = run(
        dealing(steps, hours={"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]}, delivery="1h"),
        Order("2024-03-04 09:15", "west", "east", 1_00),
        Order("2024-03-04 12:59:59", "west", "east", 1_00),
        Order("2024-03-08 13:00", "west", "east", 1_00),
    )
    assert settled(records)[:2] == ["2024-03-04 11:00:00", "2024-03-04 13:59:59"]
    # The third is too late on a Friday, and the run ends before Monday.
    assert settled(records)[2] == "never"
    assert seconds(records, "fx") == [HOUR, HOUR, 0]
    assert seconds(records, "closed")[0] == 45 * MINUTE


def test_what_a_rate_does_between_due_date_and_conversion_is_clearing() -> None:
    steps = [
        {"kind": "convert"},
        {"kind": "settle", "system": "gross"},
        POST,
        {"kind": "convert", "by": "payee"},
    ]
    world = by_hand(
        declare(dealing(steps, hours={"zone": "Europe/Minsk", "sessions": ["10:00-13:00"]})),
        Order("2024-03-04 15:00", "west", "east", 725_00),
        Order("2024-03-04 16:00", "east", "west", 725_00),
    )
    per_usd = world.fx.per_usd.copy()
    per_usd[1:, world.fx.index("BYN")] = 3.3
    world = replace(world, fx=replace(world.fx, per_usd=per_usd))
    records = simulate(world)
    assert_agreement(world, records, tell(world))
    table = fx_results_table(world, records)
    # 320 roubles when due, 330 the next morning: a loss to who pays yuan, a gain to who is paid in yuan.
    assert table["clearing"].tolist() == [-10_00, 10_00]
    assert table["contract"].tolist() == [0, 0]
    assert table["spread"].tolist() == [-1_65, -1_65]


def test_firms_deal_at_the_preferred_market_that_trades_their_pair() -> None:
    scenario = dealing([{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST])
    quotes = {"other": {"USD/BYN": 10}, "dear": {"BYN/CNY": 300}, "cheap": {"CNY/BYN": 20}}
    scenario["markets"] = {
        name: {"hours": "always", "pairs": {pair: {"spread_bps": bps} for pair, bps in pairs.items()}}
        for name, pairs in quotes.items()
    }
    scenario["sides"]["west"]["markets"] = ["other", "cheap", "dear"]
    records = run(scenario, Order("2024-03-04 10:00", "west", "east", 725_00))
    assert records.conversions.counter_amount.tolist() == [320_32]


def charged(amount: int, **fee: Any) -> int:  # noqa: ANN401 - a declaration
    settle = {"kind": "settle", "system": "gross", "fee": {"currency": "USD", **fee}}
    records = run(
        town({"a": "100000", "b": "0"}, routes={"direct": {"steps": [settle, POST]}}),
        Order("2024-03-04 10:00", "a", "b", amount),
    )
    return int(records.fees.amount[0])


@pytest.mark.parametrize(
    ("yuan", "dollars"),
    [(72_50, 20_00), (14_500_00, 20_00), (21_750_00, 30_00), (72_500_00, 100_00), (72_507_25, 100_01)],
)
def test_a_fee_is_a_share_of_the_value_and_at_least_its_minimum(yuan: int, dollars: int) -> None:
    assert charged(yuan, share="0.01", minimum=20) == dollars


def test_a_fee_is_a_share_beside_a_flat_charge_and_at_most_its_maximum() -> None:
    assert charged(72_500_00, share="0.01", flat=5) == 105_00
    assert charged(72_500_00, share="0.01", flat=5, maximum=90) == 90_00
    assert charged(72_500_00, share="0.01", flat=5, maximum=200) == 105_00


# Randomness.


def trading(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    flow = {
        "payer": "a",
        "payee": "b",
        "value": 1_000_000,
        "currency": "CNY",
        "invoice": {"kind": "lognormal", "median": 500, "sigma": 1},
        "invoicing": {"CNY": 1},
        "terms": {"soon": {"share": 1, "days": [0, 5]}},
    }
    return town(
        {"a": "1000", "b": "0", "c": "500"}, flows={"one": flow, "two": {**flow, "payer": "b"}}, **changes
    )


def drawn(world: World, flow: str) -> list[list[object]]:
    """Every obligation of a flow, and what was drawn for its payment."""
    number = list(world.scenario.flows).index(flow)
    obligations, payments = world.obligations, world.payments
    labels = np.array(world.firms.labels)
    mine = obligations.flow == number
    paying = np.isin(payments.obligation, np.flatnonzero(mine))
    columns = [
        obligations.draw, obligations.amount, obligations.invoiced_at, obligations.due_at,
        labels[obligations.payer], labels[obligations.payee],
    ]  # fmt: skip
    drawn = [payments.draws[name] for name in sorted(payments.draws) if name == "post/work"]
    return [column[mine].tolist() for column in columns] + [
        column[paying].tolist() for column in [*drawn, payments.amount, payments.instructed_at]
    ]


def test_another_firm_group_flow_or_route_leaves_a_flow_as_it_was() -> None:
    before = trading()
    after = trading()
    reviewed = [{"kind": "screen", "at": "payee_bank", "probability": "0.5", "work": AT_ONCE}]
    after["routes"] = {
        "reviewed": {
            "carries": {"currencies": ["RUB"]},
            "steps": reviewed + before["routes"]["direct"]["steps"],
        },
        **before["routes"],
    }
    after["firms"] = {"newcomers": firm("town", "c", 20), **before["firms"]}
    new = {**before["flows"]["one"], "payer": "newcomers", "terms": {"now": {"share": 1, "days": [0, 0]}}}
    after["flows"] = {"new": new, **before["flows"]}
    one, other = build_world(declare(before)), build_world(declare(after))
    assert len(drawn(one, "one")[0]) > 10
    for flow in ("one", "two"):
        assert drawn(one, flow) == drawn(other, flow)


def test_the_same_seed_draws_the_same_world_and_another_seed_another() -> None:
    one, again, other = (build_world(declare(trading(seed=seed))) for seed in (1, 1, 2))
    replicated = build_world(declare(trading(seed=1)), replication=1)
    assert drawn(one, "one") == drawn(again, "one")
    assert drawn(one, "one") != drawn(other, "one")
    assert drawn(one, "one") != drawn(replicated, "one")


# Money.


def test_a_payment_that_the_balance_just_covers_settles() -> None:
    records = run(town({"a": "100.00", "b": "0"}), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert settled(records) == ["2024-03-04 10:00:00"]
    assert records.closing.tolist() == [0, 100_00]


def test_a_payment_short_of_one_minor_unit_waits() -> None:
    records = run(town({"a": "99.99", "b": "0"}), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert settled(records) == ["never"]
    assert seconds(records, "liquidity") == [6 * DAY + 14 * HOUR]
    assert records.closing.tolist() == [99_99, 0]


def test_a_credit_line_covers_as_money_does() -> None:
    lines = accounts({"a": "0", "b": "0"}, credit="100")
    records = run(
        town({"a": "0", "b": "0"}, accounts=lines),
        Order("2024-03-04 10:00", "a", "b", 100_00),
        Order("2024-03-04 11:00", "a", "b", 1),
    )
    assert settled(records) == ["2024-03-04 10:00:00", "never"]


def test_payments_of_one_instant_settle_in_order_of_their_numbers() -> None:
    records = run(
        town({"a": "100", "b": "0"}),
        Order("2024-03-04 10:00", "a", "b", 60_00),
        Order("2024-03-04 10:00", "a", "b", 50_00),
        Order("2024-03-04 10:00", "a", "b", 40_00),
    )
    # The third would be covered, but it stands behind the second.
    assert settled(records) == ["2024-03-04 10:00:00", "never", "never"]


def test_a_large_payment_holds_up_those_behind_it() -> None:
    records = run(
        town({"a": "100", "b": "1000"}),
        Order("2024-03-04 10:00", "a", "b", 150_00),
        Order("2024-03-04 11:00", "a", "b", 10_00),
        Order("2024-03-04 12:00", "b", "a", 50_00),
        Order("2024-03-04 13:00", "b", "a", 10_00),
    )
    assert paid(records) == [2, 0, 3, 1]
    assert settled(records) == [
        "2024-03-04 12:00:00", "2024-03-04 13:00:00", "2024-03-04 12:00:00", "2024-03-04 13:00:00",
    ]  # fmt: skip


def test_money_that_frees_payments_goes_round_breadth_first() -> None:
    records = run(
        town({"a": "0", "b": "0", "c": "0", "d": "0", "z": "100"}),
        Order("2024-03-04 10:00", "a", "b", 40_00),
        Order("2024-03-04 10:00", "a", "c", 60_00),
        Order("2024-03-04 10:00", "b", "d", 40_00),
        Order("2024-03-04 10:00", "c", "d", 60_00),
        Order("2024-03-04 10:00", "d", "z", 100_00),
        Order("2024-03-04 11:00", "z", "a", 100_00),
    )
    assert paid(records) == [5, 0, 1, 2, 3, 4]
    assert set(settled(records)) == {"2024-03-04 11:00:00"}
    assert seconds(records, "liquidity") == [HOUR] * 5 + [0]


# Several hops.


def in_two_hops(
    nostro: dict[str, str],
    gross: dict[str, str],
    *between: dict[str, Any],
    **changes: Any,  # noqa: ANN401 - sections
) -> dict[str, Any]:
    """From the payer to its agent in the agent's books, from there to the payee in another system."""
    there = [
        {"kind": "settle", "system": "nostro", "credit": "payer_correspondent"},
        *between,
        {"kind": "settle", "system": "gross", "debit": "payer_correspondent"},
    ]
    return town(
        nostro | gross,
        **{
            "systems": {
                "nostro": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
                "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            },
            "accounts": [*accounts(nostro, "nostro", servicer="agent"), *accounts(gross)],
            "routes": {
                "direct": {"steps": [*there, POST]},
                "in-books": {"steps": [{"kind": "settle", "system": "nostro"}, POST]},
                "in-gross": {"steps": [{"kind": "settle", "system": "gross"}, POST]},
            },
            **changes,
        },
    )


def test_a_payment_that_waited_reaches_its_next_system_late() -> None:
    message = {"kind": "message", "time": {"kind": "fixed", "value": "2h"}}
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0"}, message),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
    )
    assert settled(records)[0] == "2024-03-04 17:00:00"
    assert paid(records) == [1, 0, 0]
    assert seconds(records, "liquidity")[0] == 5 * HOUR
    assert seconds(records, "processing")[0] == 2 * HOUR


def test_a_payment_that_waited_in_its_first_system_is_late_in_its_third() -> None:
    scenario = in_two_hops({"a": "0", "b": "100"}, {"agent": "0", "broker": "100"})
    scenario["accounts"] += accounts({"c": "0"}, "nostro", servicer="broker")
    scenario["banks"]["c"], scenario["firms"]["c"] = scenario["banks"]["a"], firm("town", "c")
    hops = [
        {"kind": "settle", "system": "nostro", "credit": "payer_correspondent"},
        {
            "kind": "settle",
            "system": "gross",
            "debit": "payer_correspondent",
            "credit": "payee_correspondent",
        },
        {"kind": "settle", "system": "nostro", "debit": "payee_correspondent"},
    ]
    scenario["routes"]["across"] = {"steps": [*hops, POST]}
    records = run(
        scenario,
        Order("2024-03-04 10:00", "a", "c", 100_00, "across"),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
        Order("2024-03-04 18:00", "broker", "agent", 100_00, "in-gross"),
    )
    assert paid(records) == [1, 0, 2, 0, 0]
    assert settled(records)[0] == "2024-03-04 18:00:00"


def test_the_next_system_may_have_closed_while_a_payment_waited() -> None:
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    systems = {
        "nostro": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
        "gross": {"kind": "rtgs", "currency": "CNY", "hours": office},
    }
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0"}, systems=systems),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
    )
    assert settled(records)[0] == "2024-03-05 09:00:00"
    assert seconds(records, "liquidity")[0] == 5 * HOUR
    assert seconds(records, "closed")[0] == 18 * HOUR


def test_a_payment_freed_at_the_instant_of_both_its_hops_settles_once_in_each() -> None:
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "300", "c": "0"}),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 10:00", "b", "a", 100_00, "in-books"),
    )
    assert paid(records) == [1, 0, 0]
    assert settled(records) == ["2024-03-04 10:00:00"] * 2
    assert records.closing.sum() == 400_00


def test_a_freed_payment_takes_its_place_by_number_in_its_next_system() -> None:
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0", "d": "0"}),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 10:00", "b", "a", 100_00, "in-books"),
        Order("2024-03-04 10:00", "agent", "d", 100_00, "in-gross"),
    )
    assert paid(records) == [1, 0, 0]
    assert settled(records)[2] == "never"


def test_a_payment_between_clients_of_one_bank_needs_no_system() -> None:
    night = {"zone": "Europe/Minsk", "sessions": ["01:00-02:00"]}
    records = run(
        town({"a": "0"}, systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": night}}),
        Order("2024-03-04 10:00", "a", "a", 100_00),
    )
    assert settled(records) == ["2024-03-04 10:00:00"]
    assert paid(records) == []


# Treasuries.


def funded(balances: dict[str, str], target: str, at: str = "10:00", **treasury: Any) -> dict[str, Any]:  # noqa: ANN401
    """A town in which one treasury looks after the account of `a` alone."""
    declared = {"at": at, "zone": "Europe/Minsk", "calendar": "weekdays", **treasury}
    cared, *others = accounts(balances)
    return town(
        balances,
        treasuries={"desk": declared},
        accounts=[{**cared, "treasury": "desk", "target": target}, *others],
    )


def test_delivered_money_comes_before_the_payments_of_its_instant() -> None:
    records = run(
        funded({"a": "0", "b": "0", "c": "10"}, target="100", lag="1d"),
        Order("2024-03-05 10:00", "a", "b", 100_00),
        Order("2024-03-05 10:00", "c", "b", 10_00),
    )
    assert paid(records)[:3] == [-1, 0, 1]
    assert seconds(records, "liquidity") == [0, 0]


def test_a_treasury_decides_after_the_payments_of_its_instant() -> None:
    records = run(funded({"a": "100", "b": "0"}, target="0"), Order("2024-03-04 10:00", "a", "b", 100_00))
    assert paid(records) == [0]
    assert settled(records) == ["2024-03-04 10:00:00"]


def test_a_treasury_sells_what_exceeds_its_target_unless_told_not_to() -> None:
    kept = run(funded({"a": "100", "b": "0"}, target="30", sweep=False))
    sold = run(funded({"a": "100", "b": "0"}, target="30"))
    assert kept.closing.tolist() == [100_00, 0, 0]
    assert sold.closing.tolist() == [30_00, 0, 70_00]
    assert when(int(sold.journal.at[0])) == "2024-03-04 10:00:00"


def test_a_payment_larger_than_the_target_settles_when_its_money_has_been_bought() -> None:
    records = run(
        funded({"a": "10", "b": "0"}, target="10", lag="1d"), Order("2024-03-04 12:00", "a", "b", 500_00)
    )
    assert settled(records) == ["2024-03-06 10:00:00"]
    assert records.closing.tolist()[:2] == [10_00, 500_00]


def test_money_on_its_way_is_not_bought_twice() -> None:
    records = run(
        funded({"a": "0", "b": "0"}, target="0", lag="3d"), Order("2024-03-04 09:00", "a", "b", 100_00)
    )
    assert settled(records) == ["2024-03-07 10:00:00"]
    assert records.journal.amount.tolist() == [100_00, 100_00]


def test_money_is_not_sold_while_a_payment_waits_for_it() -> None:
    # On Monday 100 are bought for Wednesday; a credit of 50 then makes the total exceed what is needed.
    records = run(
        funded({"a": "100", "b": "50"}, target="0", lag="2d"),
        Order("2024-03-04 09:00", "a", "b", 200_00),
        Order("2024-03-04 12:00", "b", "a", 50_00),
    )
    assert paid(records) == [1, -1, 0, -1]
    assert records.journal.amount.tolist() == [50_00, 100_00, 200_00, 50_00]
    assert when(int(records.journal.at[3])) == "2024-03-06 10:00:00"


def test_money_is_not_sold_that_has_not_arrived() -> None:
    # 110 are on their way when a credit makes the order superfluous, with 10 on the account.
    records = run(
        funded({"a": "0", "b": "70"}, target="50", lag="2d"),
        Order("2024-03-04 09:00", "a", "b", 60_00),
        Order("2024-03-04 12:00", "b", "a", 70_00),
    )
    assert paid(records) == [1, 0, -1, -1]
    assert records.journal.amount.tolist()[2:] == [110_00, 70_00]
    assert [when(at) for at in records.journal.at.tolist()[2:]] == ["2024-03-06 10:00:00"] * 2


def test_bought_money_arrives_when_the_system_is_open() -> None:
    scenario = funded({"a": "0", "b": "0"}, target="100", at="09:30", lag="5h")
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    scenario["systems"] = {"gross": {"kind": "rtgs", "currency": "CNY", "hours": office}}
    records = run(scenario, Order("2024-03-04 10:00", "a", "b", 100_00))
    assert [when(at) for at in records.journal.at.tolist()[:2]] == ["2024-03-05 09:00:00"] * 2
    # The night counts, too: with money, the payment would have settled on arrival.
    assert seconds(records, "liquidity") == [23 * HOUR]


def test_a_treasury_decides_at_the_next_opening_if_the_system_is_closed() -> None:
    scenario = funded({"a": "100", "b": "0"}, target="30", at="18:00")
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    scenario["systems"] = {"gross": {"kind": "rtgs", "currency": "CNY", "hours": office}}
    assert [when(at) for at in run(scenario).journal.at.tolist()] == ["2024-03-05 09:00:00"]


# Hours.


def open_in(hours: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - sections
    return town(
        {"a": "1000", "b": "0"},
        systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": hours}},
        **changes,
    )


def test_a_payment_at_the_closing_instant_waits_for_the_next_session() -> None:
    hours = {"zone": "Asia/Shanghai", "sessions": ["09:00-17:00"]}
    records = run(
        open_in(hours),
        Order("2024-03-04 16:59:59", "a", "b", 1_00),
        Order("2024-03-04 17:00", "a", "b", 1_00),
        Order("2024-03-08 17:00", "a", "b", 1_00),
        zone=BEIJING,
    )
    assert settled(records, BEIJING) == ["2024-03-04 16:59:59", "2024-03-05 09:00:00", "never"]
    assert seconds(records, "closed")[:2] == [0, 16 * HOUR]


@pytest.mark.parametrize(
    ("given_at", "settles"),
    [
        ("2024-06-18 17:14:59", "2024-06-18 17:14:59"),
        ("2024-06-18 17:20", "2024-06-18 20:30:00"),
        # Friday evening belongs to Monday, whose session opens on Sunday.
        ("2024-06-21 17:20", "2024-06-23 20:30:00"),
        # Monday 7 October is the last day of the holidays, and the eve of the first working day.
        ("2024-09-30 17:20", "2024-10-07 20:30:00"),
        # Saturday 12 October is a working day by decree.
        ("2024-10-11 17:20", "2024-10-11 20:30:00"),
    ],
)
def test_hvps_opens_on_the_eve_of_a_working_day(given_at: str, settles: str) -> None:
    period = {"start": "2024-06-01 00:00", "end": "2024-11-01 00:00"}
    records = run(open_in(HOURS["hvps"], period=period), Order(given_at, "a", "b", 1_00), zone=BEIJING)
    assert settled(records, BEIJING) == [settles]


def test_an_order_after_the_cut_off_is_taken_up_at_the_next_opening_and_worked_on_in_the_bank_s_hours() -> (
    None
):
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-17:30"]}
    orders = {"zone": "Europe/Minsk", "sessions": ["09:00-11:00"]}
    originate = {"kind": "originate", "accepts": orders, "work": {"kind": "fixed", "value": "8h"}}
    banks = {bank: {"side": "town", "hours": office} for bank in "ab"}
    steps = [originate, {"kind": "settle", "system": "gross"}, POST]
    records = run(
        town({"a": "100", "b": "0"}, banks=banks, routes={"direct": {"steps": steps}}),
        Order("2024-03-04 10:30", "a", "b", 1_00),
        Order("2024-03-04 11:00", "a", "b", 1_00),
    )
    # Seven hours of work on the first day and one on the second; for the other order, all eight.
    assert settled(records) == ["2024-03-05 10:00:00", "2024-03-05 17:00:00"]
    assert seconds(records, "processing") == [8 * HOUR, 8 * HOUR]
    assert seconds(records, "closed") == [15 * HOUR + 30 * MINUTE, 22 * HOUR]


def test_what_is_not_done_at_the_end_counts_until_the_end() -> None:
    slow = {
        "kind": "screen",
        "at": "payee_bank",
        "probability": 1,
        "work": {"kind": "fixed", "value": "900h"},
    }
    records = run(
        town(
            {"a": "100", "b": "0"},
            routes={"direct": {"steps": [{"kind": "settle", "system": "gross"}, slow, POST]}},
        ),
        Order("2024-03-09 00:00", "a", "b", 1_00),
    )
    assert settled(records) == ["2024-03-09 00:00:00"]
    assert records.credited_at.tolist() == [NEVER]
    assert seconds(records, "screening") == [2 * DAY]


def test_a_payment_due_at_the_end_is_not_made() -> None:
    records = run(
        town({"a": "100", "b": "0"}),
        Order("2024-03-10 23:59:59", "a", "b", 1_00),
        Order("2024-03-11 00:00", "a", "b", 1_00),
    )
    assert settled(records) == ["2024-03-10 23:59:59", "never"]
    assert instant("2024-03-11 00:00") == build_world(declare(town({"a": "0"}))).window.end
