"""Firms order what they owe on the due date, or early, or late; what follows from that has its own cause."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import telling
from builders import ACROSS, POST, Order, by_hand, declare, firm, instant, town

from sim.core.clock import DAY
from sim.engine.run import simulate
from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.results.shelves import TABLES
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.world import DrawnWorld

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MONTH = ("period.end=2024-02-01", "run_in=40d", "horizon=30d")


def month(**pays: str) -> DrawnWorld:
    """A month of the baseline's trade, in which groups have these habits, and nobody knows a cut-off."""
    habits = [f"firms.{group}.pays={{{habit}}}" for group, habit in pays.items()]
    unaware = [f"firms.{group}.orders=null" for group in ("importers", "exporters")]
    return build_world(load("baseline", (*MONTH, *unaware, *habits)))


@pytest.fixture(scope="module")
def punctual() -> DrawnWorld:
    return month()


@pytest.fixture(scope="module")
def habitual() -> DrawnWorld:
    """Of the importers' payments, a fifth is early and three tenths are late."""
    return month(
        importers="early: {share: 0.2, days: [2, 6]}, late: {share: 0.3, days: [1, 20]}",
    )


def of_importers(world: DrawnWorld) -> NDArray[np.bool_]:
    """Which payments importers owe."""
    payer = world.obligations.payer[world.payments.obligation]
    groups = list(world.scenario.firms)
    return np.asarray(world.firms.group[payer] == groups.index("importers"))


def ordered(world: DrawnWorld) -> dict[int, int]:
    """When the payment of each obligation is ordered."""
    rows = world.payments
    return dict(zip(rows.obligation.tolist(), rows.instructed_at.tolist(), strict=True))


def test_habits_move_no_draw_and_nobody_else(punctual: DrawnWorld, habitual: DrawnWorld) -> None:
    for column in ("flow", "draw", "payer", "payee", "currency", "amount", "invoiced_at", "due_at"):
        one, other = (getattr(world.obligations, column) for world in (punctual, habitual))
        assert np.array_equal(one, other)
    assert np.array_equal(punctual.fx.per_usd, habitual.fx.per_usd)
    of = [
        dict(zip(world.payments.obligation.tolist(), np.arange(len(world.payments)), strict=True))
        for world in (punctual, habitual)
    ]
    shared = sorted(of[0].keys() & of[1].keys())
    rows = [[numbers[key] for key in shared] for numbers in of]
    for name in punctual.payments.draws:
        assert np.array_equal(punctual.payments.draws[name][rows[0]], habitual.payments.draws[name][rows[1]])
    others = ~of_importers(punctual)
    assert (punctual.payments.instructed_at == punctual.payments.due_at).all()
    kept = ordered(habitual)
    for obligation, due in zip(
        punctual.payments.obligation[others].tolist(), punctual.payments.due_at[others].tolist(), strict=True
    ):
        assert kept[obligation] == due


def test_shares_and_days_are_those_declared(habitual: DrawnWorld) -> None:
    mine = of_importers(habitual)
    rows, invoiced = habitual.payments, habitual.obligations.invoiced_at[habitual.payments.obligation]
    moved = (rows.instructed_at - rows.due_at)[mine]
    count = len(moved)
    # Those due on Mondays and after holidays stay, since two days earlier nobody works; hence one side only.
    assert (moved < 0).mean() < 0.2 + 4 * sqrt(0.2 * 0.8 / count)
    assert (moved < 0).mean() > 0.15
    assert (moved > 0).mean() == pytest.approx(0.3, abs=4 * sqrt(0.3 * 0.7 / count))
    assert moved.min() >= -6 * DAY
    # Twenty days and the longest rest of the Belarusian calendar after them.
    assert 18 * DAY < moved.max() <= 25 * DAY
    assert (rows.instructed_at >= np.maximum(invoiced, habitual.window.start)).all()
    hours = habitual.openings.ordinary_hours(habitual.scenario.sides["belarus"].hours)
    session = np.searchsorted(hours.starts, rows.instructed_at[mine], side="right") - 1
    assert (rows.instructed_at[mine] < hours.ends[session]).all()


def test_payments_are_numbered_as_they_are_ordered(habitual: DrawnWorld) -> None:
    assert (np.diff(habitual.payments.instructed_at) >= 0).all()
    assert (np.diff(habitual.payments.due_at) < 0).any()


def test_a_larger_share_takes_in_further_payments_and_moves_no_other(habitual: DrawnWorld) -> None:
    more = month(importers="early: {share: 0.2, days: [2, 6]}, late: {share: 0.5, days: [1, 20]}")
    due = dict(enumerate(habitual.obligations.due_at.tolist()))
    few, many = ordered(habitual), ordered(more)
    late = [key for key, at in few.items() if at > due[key]]
    assert [many[key] for key in late] == [few[key] for key in late]
    early = [key for key, at in few.items() if at < due[key]]
    assert [many[key] for key in early] == [few[key] for key in early]
    assert sum(at > due[key] for key, at in many.items()) > 1.5 * len(late)


def test_what_is_due_after_the_run_may_be_ordered_in_it(habitual: DrawnWorld, punctual: DrawnWorld) -> None:
    end = habitual.window.end
    early = habitual.payments.due_at >= end
    assert early.any()
    assert (habitual.payments.instructed_at < end).all()
    assert not (punctual.payments.due_at >= end).any()


# One payment by hand.

STEPS = [
    {"kind": "originate", "work": {"kind": "fixed", "value": "24h"}},
    {"kind": "convert"},
    {"kind": "settle", "system": "gross"},
    POST,
    {"kind": "convert", "by": "payee"},
]


def abroad(**exchange: str) -> dict[str, Any]:
    """A west that keeps BYN and owes yuan to an east that keeps dollars; the payer's bank works for a day."""
    return town(
        {"west": "10000000", "east": "10000000"},
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "USD", "hours": "always", "markets": ["exchange"]},
        },
        markets={
            "exchange": {
                "hours": "always",
                "pairs": {"CNY/BYN": {"spread_bps": 0}, "USD/CNY": {"spread_bps": 0}},
            }
        },
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        firms={side: firm(side, side) for side in ("west", "east")}
        | {"west": firm("west", "west") | {"exchange": exchange}},
        routes={"direct": {"steps": STEPS}},
        fx={"kind": "constant", "rates": {"BYN": "3.2", "CNY": "6.4"}},
        flows=ACROSS,
    )


#: A million yuan for half as many roubles at first, and roubles per dollar by the day.
BYN = {4: 3.2, 5: 3.3, 6: 3.4, 7: 3.6, 8: 4.0, 9: 4.8, 10: 6.4}


def told(ordered_at: str, *, due: str, invoiced: str = "2024-03-04 12:00", **exchange: str) -> dict[str, Any]:
    """All tables of a payment of a million yuan, and the row of its payer's FX result."""
    world = by_hand(declare(abroad(**exchange)), Order(ordered_at, "west", "east", 1_000_000_00))
    per_usd = world.fx.per_usd.copy()
    for day, rate in BYN.items():
        per_usd[world.fx.day_starts >= instant(f"2024-03-{day:02} 00:00"), world.fx.index("BYN")] = rate
    due_at, invoiced_at = np.array([instant(due)]), np.array([instant(invoiced)])
    world = replace(
        world,
        obligations=replace(world.obligations, due_at=due_at, invoiced_at=invoiced_at),
        payments=replace(world.payments, due_at=due_at),
        fx=replace(world.fx, per_usd=per_usd),
    )
    run = telling.run_of(world, simulate(world))
    late, results = run.measure("lateness").value, run["fx_results"]
    (payer,) = results[(results["bearer"] == "payer").to_numpy()].to_dict("records")
    return {name: run[name] for name in TABLES} | {"payer": payer, "late": late}


CAUSES = ["contract", "instruction", "clearing", "spread", "hedge", "total"]


def causes(row: dict[str, Any]) -> list[float]:
    """In roubles."""
    return [row[cause] / 100 for cause in CAUSES]


def roubles(*days: int) -> list[float]:
    """What a million yuan costs more from one day to the next of those given, from the payer's side."""
    worth = [1_000_000 * BYN[day] / 6.4 for day in days]
    return [before - after for before, after in pairwise(worth)]


def test_a_late_order_has_what_the_rate_does_until_then_as_its_own_cause() -> None:
    """Due on the 6th, ordered on the 8th, exchanged on the 9th."""
    tables = told("2024-03-08 10:00", due="2024-03-06 10:00")
    assert causes(tables["payer"]) == pytest.approx(
        [*roubles(4, 6), *roubles(6, 8), *roubles(8, 9), 0, 0, *roubles(4, 9)]
    )
    # The delay counts from the order on.
    assert tables["steps"]["work_seconds"].sum() == DAY
    assert tables["late"] == {
        "east": {"late_share": 1, "late_value_share": 1, "mean_days": 3, "value_weighted_days": 3}
    }


def test_an_early_order_ends_the_contract_and_slow_clearing_counts_from_it() -> None:
    """Ordered on the 5th, exchanged on the 6th, due on the 9th, whose rate is of no concern any more."""
    tables = told("2024-03-05 10:00", due="2024-03-09 10:00")
    assert causes(tables["payer"]) == pytest.approx([*roubles(4, 5), 0, *roubles(5, 6), 0, 0, *roubles(4, 6)])
    assert tables["late"]["east"]["late_share"] == 0
    assert tables["intraday"]["time_specific"].sum() == 0


def test_who_buys_on_the_due_date_is_not_hurt_by_a_late_order() -> None:
    tables = told("2024-03-08 10:00", due="2024-03-06 10:00", buys="on_due")
    assert causes(tables["payer"]) == pytest.approx([*roubles(4, 6), 0, 0, 0, 0, *roubles(4, 6)])


def test_who_buys_on_the_due_date_buys_with_an_order_that_comes_before() -> None:
    tables = told("2024-03-05 10:00", due="2024-03-08 10:00", buys="on_due")
    assert causes(tables["payer"]) == pytest.approx([*roubles(4, 5), 0, 0, 0, 0, *roubles(4, 5)])
    assert tables["steps"]["currency_seconds"].sum() == 0


def test_what_is_not_ordered_in_time_is_late_and_has_no_result() -> None:
    results = execute(
        load(
            "baseline",
            (
                "period.end=2024-01-15",
                "run_in=10d",
                "horizon=2d",
                "firms.importers.pays={late: {share: 1, days: [30, 30]}}",
            ),
        )
    )
    obligations = results.obligations
    missing = ~obligations["obligation_id"].isin(results.payments["obligation_id"])
    due = obligations["due_at"] < pd.Timestamp("2024-01-14 21:00", tz="UTC")
    assert (missing & due).sum() > 50
    assert not results.fx_results["obligation_id"].isin(obligations.loc[missing, "obligation_id"]).any()
    late = results.measures["lateness"].value["china"]
    assert late["late_share"] > 0.5
    # Sixteen days are all that can be seen of thirty.
    assert 2 < late["mean_days"] < 16


@pytest.mark.parametrize(
    ("habit", "problem"),
    [
        ("{}", "4:15: firms.importers.pays: 'early' or 'late' is needed"),
        (
            "{late: {share: 0.3, days: [5, 2]}}",
            "4:41: firms.importers.pays.late.days: the most days are fewer than the least",
        ),
        (
            "{late: {share: 0.3, days: [0, 2]}}",
            "4:48: firms.importers.pays.late.days.0: must be at least 1, not 0",
        ),
        (
            "{early: {share: 0.3, days: [1, 31]}}",
            "4:42: firms.importers.pays.early.days: at most 30 days early",
        ),
        (
            "{early: {share: 0.5, days: [1, 3]}, late: {share: 0.6, days: [1, 3]}}",
            "4:71: firms.importers.pays.late.share: the shares of early and late payments exceed 1",
        ),
    ],
)
def test_nonsense_is_refused_with_its_line(tmp_path: Path, habit: str, problem: str) -> None:
    path = tmp_path / "variant.yaml"
    path.write_text(f"name: variant\nextends: baseline\nfirms:\n  importers: {{pays: {habit}}}\n", "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert [str(found).partition("variant.yaml:")[2] for found in caught.value.problems] == [problem]


# Who knows the cut-off orders before it.

VALUED = "routes.cny-to-china.value"


@pytest.fixture(scope="module")
def knowing() -> dict[str, DrawnWorld]:
    """The month with importers of whom nobody, half or everybody orders with the cut-off in mind."""
    return {
        share: build_world(load("baseline", (*MONTH, f"firms.importers.orders={{before_cutoff: {share}}}")))
        for share in ("0", "0.5", "1")
    }


def clock_times(world: DrawnWorld, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Local hours in Minsk, three ahead of UTC, at which some payments are ordered."""
    at: NDArray[np.float64] = (world.payments.instructed_at[chosen] + 3 * 3_600) % DAY / 3_600
    return at


def test_who_knows_the_cutoff_orders_before_it_and_others_at_any_time(knowing: dict[str, DrawnWorld]) -> None:
    shares = {}
    for share, world in knowing.items():
        over = world.payments.route == list(world.routes).index("cny-to-china")
        chosen = over & of_importers(world)
        assert chosen.sum() > 500
        shares[share] = (clock_times(world, chosen) <= 11).mean()
        # Office hours are from 9:00 to 17:30, on all other routes too.
        others = clock_times(world, ~over & of_importers(world))
        assert (others <= 11).mean() == pytest.approx(2 / 8.5, abs=0.05)
    assert shares["0"] == pytest.approx(2 / 8.5, abs=0.05)
    assert shares["0.5"] == pytest.approx(0.5 + 0.5 * 2 / 8.5, abs=0.05)
    assert shares["1"] == 1


def test_an_order_before_the_cutoff_is_as_far_into_what_is_left_of_the_day(
    knowing: dict[str, DrawnWorld],
) -> None:
    punctual, early = knowing["0"], knowing["1"]
    before, after = ordered(punctual), ordered(early)
    route = dict(zip(early.payments.obligation.tolist(), early.payments.route.tolist(), strict=True))
    over = list(early.routes).index("cny-to-china")
    importers = dict(zip(early.payments.obligation.tolist(), of_importers(early).tolist(), strict=True))
    seen = 0
    for obligation, at in before.items():
        opens = (at + 3 * 3_600) // DAY * DAY + 6 * 3_600
        expected = at
        if route.get(obligation) == over and importers[obligation]:
            expected = opens + (at - opens) * 2 * 3_600 // (8 * 3_600 + 1_800)
            expected = max(expected, min(at, int(early.obligations.invoiced_at[obligation])))
            seen += expected < at
        assert after[obligation] == expected
    assert seen > 500


def test_a_larger_share_takes_in_further_payments(knowing: dict[str, DrawnWorld]) -> None:
    nobody, half = ordered(knowing["0"]), ordered(knowing["0.5"])
    everybody = ordered(knowing["1"])
    moved = {key for key, at in half.items() if at != nobody.get(key)}
    assert moved
    assert all(half[key] == everybody[key] for key in moved)


def test_on_a_route_without_value_dates_there_is_nothing_to_know() -> None:
    with_value = load("baseline", (*MONTH, "firms.importers.orders={before_cutoff: 1}", f"{VALUED}=null"))
    world = build_world(with_value)
    assert (world.payments.instructed_at == world.payments.due_at).all()
