"""What is drawn follows the laws that the scenario declares, and one draw moves no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import erf, exp, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from sim.scenario.load import load
from sim.scenario.model.timing import Exponential, Fixed, Lognormal, Triangular
from sim.world.build import build_world
from sim.world.draws import choose, durations
from sim.world.world import DrawnWorld, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from sim.results.results import Results

DRAWS = 200_000
HOUR = 3_600
#: A statistic may lie this many standard errors away from its expectation.
ERRORS = 4.0
ZONES = {"belarus": "Europe/Minsk", "china": "Asia/Shanghai"}
OPEN = {"belarus": (9.0, 17.5), "china": (9.0, 17.0)}


@pytest.fixture(scope="module")
def uniform() -> NDArray[np.float64]:
    return np.random.default_rng(20240101).random(DRAWS)


def assert_quantile(drawn: NDArray[np.int64], share: float, expected: float, density: float) -> None:
    """The sample quantile has the standard error √(p(1−p)/n) / density."""
    error = sqrt(share * (1 - share) / len(drawn)) / density
    assert np.quantile(drawn, share) == pytest.approx(expected, abs=ERRORS * error + 1)


def test_a_triangular_duration_has_its_mean_and_quartiles(uniform: NDArray[np.float64]) -> None:
    low, mode, high = 0.25 * HOUR, HOUR, 4 * HOUR
    drawn = durations(Triangular(kind="triangular", low="15min", mode="1h", high="4h"), uniform)
    variance = (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18
    assert drawn.mean() == pytest.approx((low + mode + high) / 3, abs=ERRORS * sqrt(variance / DRAWS))
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert drawn.min() >= low
    assert drawn.max() <= high
    turn = (mode - low) / (high - low)
    assert (drawn <= mode).mean() == pytest.approx(turn, abs=ERRORS * sqrt(turn * (1 - turn) / DRAWS) + 1e-3)
    for share in (0.05, 0.12):
        value = low + sqrt(share * (high - low) * (mode - low))
        assert_quantile(drawn, share, value, 2 * (value - low) / ((high - low) * (mode - low)))
    median = high - sqrt(0.5 * (high - low) * (high - mode))
    assert_quantile(drawn, 0.5, median, 2 * (high - median) / ((high - low) * (high - mode)))


def test_a_lognormal_duration_has_its_median_and_95th_percentile(uniform: NDArray[np.float64]) -> None:
    drawn = durations(Lognormal(kind="lognormal", median="12h", p95="56h"), uniform)
    sigma = log(56 / 12) / NormalDist().inv_cdf(0.95)
    for share in (0.5, 0.95):
        z = NormalDist().inv_cdf(share)
        value = 12 * HOUR * exp(sigma * z)
        assert_quantile(drawn, share, value, NormalDist().pdf(z) / (sigma * value))
    assert np.log(drawn).std() == pytest.approx(sigma, abs=ERRORS * sigma / sqrt(2 * DRAWS))


def test_a_longest_duration_cuts_the_tail_and_nothing_else(uniform: NDArray[np.float64]) -> None:
    free = durations(Lognormal(kind="lognormal", median="1h", p95="11h 24min"), uniform)
    cut = durations(Lognormal(kind="lognormal", median="1h", p95="11h 24min", longest="40h"), uniform)
    assert free.max() > 40 * HOUR
    assert (cut == np.minimum(free, 40 * HOUR)).all()


def test_an_exponential_duration_has_its_mean_and_no_memory(uniform: NDArray[np.float64]) -> None:
    drawn = durations(Exponential(kind="exponential", mean="2h"), uniform)
    mean = 2 * HOUR
    assert drawn.mean() == pytest.approx(mean, abs=ERRORS * mean / sqrt(DRAWS))
    assert_quantile(drawn, 0.5, mean * log(2), 0.5 / mean)
    waited = drawn[drawn > HOUR] - HOUR
    assert waited.mean() == pytest.approx(mean, abs=ERRORS * mean / sqrt(len(waited)) + 1)


def test_a_fixed_duration_is_always_the_same(uniform: NDArray[np.float64]) -> None:
    assert set(durations(Fixed(kind="fixed", value="90s"), uniform).tolist()) == {90}


@pytest.mark.parametrize(
    "declared",
    [
        Triangular(kind="triangular", low="0s", mode="0s", high="1h"),
        Triangular(kind="triangular", low="0s", mode="1h", high="1h"),
        Lognormal(kind="lognormal", median="5min", p95="2h"),
        Exponential(kind="exponential", mean="1h"),
    ],
    ids=["falling", "rising", "lognormal", "exponential"],
)
def test_a_larger_draw_never_gives_a_shorter_duration(
    declared: Triangular | Lognormal | Exponential, uniform: NDArray[np.float64]
) -> None:
    extremes = np.array([0.0, 2.0**-53, 0.5, 1 - 2.0**-53])
    drawn = durations(declared, np.sort(np.concatenate([uniform, extremes])))
    assert (np.diff(drawn) >= 0).all()
    assert drawn.min() >= 0


def test_a_choice_falls_in_proportion_to_weights(uniform: NDArray[np.float64]) -> None:
    weights = np.array([0.0, 3.0, 0.0, 1.0, 6.0, 0.0])
    chosen = np.bincount(choose(weights, uniform), minlength=6) / DRAWS
    share = weights / weights.sum()
    assert (chosen[share == 0] == 0).all()
    assert (np.abs(chosen - share) <= ERRORS * np.sqrt(share * (1 - share) / DRAWS)).all()
    assert choose(weights, np.array([1 - 2.0**-53])).tolist() == [4]


# The draws of a whole year.


@pytest.fixture(scope="module")
def obligations(baseline_run: Results) -> pd.DataFrame:
    """Obligations with the dates of invoice and due date where the party that sets them works."""
    found = baseline_run.obligations.copy()
    for column, party in (("invoiced_at", "payee_side"), ("due_at", "payer_side")):
        local = column.removesuffix("_at")
        for side, zone in ZONES.items():
            mine = found[party] == side
            there = found.loc[mine, column].dt.tz_convert(zone).dt.tz_localize(None)
            found.loc[mine, f"{local}_day"] = there.dt.normalize()
            found.loc[mine, f"{local}_hour"] = (there - there.dt.normalize()) / pd.Timedelta(hours=1)
    return found


@pytest.fixture(scope="module")
def year(obligations: pd.DataFrame) -> pd.DataFrame:
    """Those invoiced in 2024, of which none are left out."""
    return obligations[obligations["invoiced_day"].dt.year == 2024]


@pytest.fixture(scope="module")
def works() -> dict[str, Callable[[pd.Timestamp], bool]]:
    tables = {"belarus": holidays.BY(years=range(2022, 2027)), "china": holidays.CN(years=range(2022, 2027))}
    return {side: table.is_working_day for side, table in tables.items()}


@pytest.mark.parametrize(("what", "party"), [("invoiced", "payee"), ("due", "payer")])
def test_obligations_arise_and_fall_due_on_working_days(
    what: str,
    party: str,
    obligations: pd.DataFrame,
    works: dict[str, Callable[[pd.Timestamp], bool]],
) -> None:
    for side, mine in obligations.groupby(f"{party}_side", observed=True):
        days = mine[f"{what}_day"].drop_duplicates()
        assert len(days) > 240
        assert [day for day in days if not works[str(side)](day.date())] == []
        opens, closes = OPEN[str(side)]
        assert mine[f"{what}_hour"].between(opens, closes, inclusive="left").all()
        # Uniform within the day: mean and spread of the hour are those of a uniform draw.
        width = closes - opens
        error = width / sqrt(12 * len(mine))
        assert mine[f"{what}_hour"].mean() == pytest.approx((opens + closes) / 2, abs=ERRORS * error)
        assert mine[f"{what}_hour"].std() == pytest.approx(width / sqrt(12), rel=0.02)


def test_working_weekends_and_holidays_are_those_of_the_country(obligations: pd.DataFrame) -> None:
    due = obligations[obligations["due_day"].dt.year == 2024]
    days = {side: set(mine["due_day"]) for side, mine in due.groupby("payer_side", observed=True)}
    # Chinese New Year 2024: 10 to 17 February off, 4 and 18 February (Sundays) worked.
    assert not days["china"] & set(pd.date_range("2024-02-10", "2024-02-17"))
    assert {pd.Timestamp("2024-02-04"), pd.Timestamp("2024-02-18")} <= days["china"]
    assert pd.Timestamp("2024-02-13") in days["belarus"]
    # Belarus worked on Saturday 18 May 2024 for Monday the 13th.
    assert pd.Timestamp("2024-05-18") in days["belarus"]
    assert pd.Timestamp("2024-05-13") not in days["belarus"]


def test_due_dates_keep_the_terms(
    obligations: pd.DataFrame,
    baseline_run: Results,
    works: dict[str, Callable[[pd.Timestamp], bool]],
) -> None:
    flows = baseline_run.scenario.flows
    calendar = {
        side: np.array([day for day in pd.date_range("2022-06-01", "2026-06-01") if is_working(day.date())])
        for side, is_working in works.items()
    }
    for (flow, term, side), mine in obligations.groupby(["flow", "term", "payer_side"], observed=True):
        low, high = flows[flow].terms[term].days
        # Noon in Minsk and in Shanghai is the same date, and so are all office hours of both.
        latest = (mine["invoiced_day"] + pd.Timedelta(days=high)).to_numpy()
        working = calendar[side].astype("datetime64[ns]")
        following = working[np.searchsorted(working, latest.astype("datetime64[ns]"), side="left")]
        assert (mine["due_day"] >= mine["invoiced_day"] + pd.Timedelta(days=low)).all()
        assert (mine["due_day"].to_numpy() <= following).all()


def within_errors(seen: float, share: float, count: int) -> bool:
    return abs(seen - share) <= ERRORS * sqrt(share * (1 - share) / count) + 1e-12


def test_currencies_and_terms_have_their_shares(year: pd.DataFrame, baseline_run: Results) -> None:
    for flow, mine in year.groupby("flow", observed=True):
        declared = baseline_run.scenario.flows[flow]
        currencies, terms = (mine[column].value_counts() / len(mine) for column in ("currency", "term"))
        for code, share in declared.invoicing.items():
            assert within_errors(currencies[code], float(share), len(mine)), (flow, code)
        for term, rule in declared.terms.items():
            assert within_errors(terms[term], float(rule.share), len(mine)), (flow, term)


def test_months_have_their_weights(
    year: pd.DataFrame, baseline_run: Results, works: dict[str, Callable[[pd.Timestamp], bool]]
) -> None:
    days = pd.date_range("2024-01-01", "2024-12-31")
    for flow, mine in year.groupby("flow", observed=True):
        side = baseline_run.scenario.firms[baseline_run.scenario.flows[flow].payee].side
        working = np.array([day.month for day in days if works[side](day.date())])
        weight = np.bincount(working, minlength=13)[1:] * np.array(
            baseline_run.scenario.flows[flow].months, dtype=float
        )
        seen = mine["invoiced_day"].dt.month.value_counts().reindex(range(1, 13), fill_value=0)
        for month, share in enumerate(weight / weight.sum(), start=1):
            assert within_errors(seen[month] / len(mine), share, len(mine)), (flow, month)


def test_invoices_have_their_size_and_number(year: pd.DataFrame, baseline_run: Results) -> None:
    normal = NormalDist()
    for flow, mine in year.groupby("flow", observed=True):
        declared = baseline_run.scenario.flows[flow]
        median, sigma = float(declared.invoice.median), float(declared.invoice.sigma)
        largest = float(declared.invoice.largest) if declared.invoice.largest else median * exp(9 * sigma)
        # Invoices in the flow's own currency show the draw itself.
        own = mine[mine["currency"] == declared.currency]["amount"] / 100
        assert own.max() <= largest
        n = len(own)
        z = (np.log(own) - log(median)) / sigma
        for share in (0.25, 0.5, 0.75):
            assert within_errors((z < normal.inv_cdf(share)).mean(), share, n), flow
        cut = log(largest / median) / sigma
        mean = median * exp(sigma**2 / 2) * normal.cdf(cut - sigma) + largest * (1 - normal.cdf(cut))
        # 366 of 365.25 days; the number in a part of the time is binomial around its share.
        expected = float(declared.value) / mean * 366 / 365.25
        assert len(mine) == pytest.approx(expected, abs=ERRORS * sqrt(expected) + 0.03 * expected), flow
        square = median**2 * exp(2 * sigma**2) * normal.cdf(cut - 2 * sigma) + largest**2 * (
            1 - normal.cdf(cut)
        )
        error = sqrt((square - mean**2) / n)
        assert own.mean() == pytest.approx(mean, abs=ERRORS * error), flow


def test_firms_are_in_their_cities_and_banks(baseline_run: Results) -> None:
    for group, mine in baseline_run.firms.groupby("group", observed=True):
        declared = baseline_run.scenario.firms[group]
        assert len(mine) == declared.count
        assert (mine["side"] == declared.side).all()
        for column, shares in (("city", declared.cities), ("bank", declared.banks)):
            seen = mine[column].value_counts()
            assert set(seen[seen > 0].index) <= set(shares)
            for name, share in shares.items():
                assert within_errors(seen.get(name, 0) / len(mine), float(share), len(mine)), (group, name)
        if declared.size_sigma:
            spread, sigma = np.log(mine["size"]), float(declared.size_sigma)
            assert spread.mean() == pytest.approx(0, abs=ERRORS * sigma / sqrt(len(mine)))
            assert spread.std() == pytest.approx(sigma, abs=ERRORS * sigma / sqrt(2 * len(mine)))


def test_larger_firms_trade_more(year: pd.DataFrame, baseline_run: Results) -> None:
    size = baseline_run.firms.set_index("firm")["size"]
    goods = year[year["flow"] == "goods"]
    for party in ("payer", "payee"):
        group = baseline_run.scenario.flows["goods"].payer if party == "payer" else "suppliers"
        names = baseline_run.firms[baseline_run.firms["group"] == group]["firm"]
        share = size[names] / size[names].sum()
        seen = goods[party].astype(str).value_counts().reindex(names, fill_value=0)
        expected = share * len(goods)
        chi_square = ((seen - expected) ** 2 / expected).sum()
        free = len(names) - 1
        assert abs(chi_square - free) <= ERRORS * sqrt(2 * free) * 1.5


def test_a_tenth_of_the_payments_is_reviewed(baseline_run: Results) -> None:
    reviewed = baseline_run["reviews"]["payment_id"].nunique() / len(baseline_run.payments)
    pending = (baseline_run.payments["status"] == "pending").mean()
    assert abs(reviewed - 0.10) <= ERRORS * sqrt(0.09 / len(baseline_run.payments)) + pending


def test_the_mean_of_transit_and_work_is_found_again_in_delays(baseline_run: Results) -> None:
    """Work, but for reviews, is the sum of origination, transit and credit, whose means are known."""

    def mean(median: float, p95: float, longest: float) -> float:
        sigma = log(p95 / median) / NormalDist().inv_cdf(0.95)
        z = log(longest / median) / sigma
        below = median * exp(sigma**2 / 2) * 0.5 * (1 + erf((z - sigma) / sqrt(2)))
        return below + longest * 0.5 * (1 - erf(z / sqrt(2)))

    credit = 0.55 * mean(0.05, 0.5, 4) + 0.45 * mean(2, 8, 40)
    expected = (1 / 12 + 0.25 + 1) / 3 + mean(1 / 12, 1.5, 24) + credit
    done = baseline_run.payments[baseline_run.payments["status"] == "settled"]
    steps = baseline_run["steps"]
    work = steps[steps["place"] != "review"].groupby("payment_id")["work_seconds"].sum()
    hours = work.reindex(done["payment_id"]) / HOUR
    assert hours.mean() == pytest.approx(expected, abs=ERRORS * hours.std() / sqrt(len(hours)))


# Streams.

FEW_DAYS = ("period.end=2024-01-08", "run_in=2d", "horizon=2d")


@pytest.fixture(scope="module")
def plain() -> DrawnWorld:
    return build_world(load("baseline", FEW_DAYS))


def trade(world: DrawnWorld, flows: tuple[str, ...]) -> pd.DataFrame:
    """The obligations of some flows in words, in order of flow, piece and draw."""
    rows, names = world.obligations, list(world.scenario.flows)
    firms = np.array(world.firms.labels)
    table = pd.DataFrame(
        {
            "flow": np.array(names)[rows.flow],
            "piece": rows.piece,
            "draw": rows.draw,
            "term": rows.term,
            "payer": firms[rows.payer],
            "payee": firms[rows.payee],
            "currency": np.array(world.fx.currencies)[rows.currency],
            "amount": rows.amount,
            "invoiced_at": rows.invoiced_at,
            "due_at": rows.due_at,
        }
    )
    kept = table[table["flow"].isin(flows)]
    return kept.sort_values(["flow", "piece", "draw"], ignore_index=True)


def work(world: DrawnWorld) -> dict[tuple[str, int, int], tuple[float, ...]]:
    """The draws of every payment, by flow, piece and draw of its obligation."""
    rows = world.obligations
    names = list(world.scenario.flows)
    keys = [(names[rows.flow[k]], int(rows.piece[k]), int(rows.draw[k])) for k in world.payments.obligation]
    columns = [world.payments.draws[name] for name in sorted(world.payments.draws)]
    return dict(zip(keys, zip(*columns, strict=True), strict=True))


NEW_FIRMS = """\
firms.aaa-newcomers={side: china, count: 9, size_sigma: 1, cities: {Wuhan: 1}, banks: {beijing-a: 1}}"""
NEW_FLOW = """\
flows.aaa-services={payer: importers, payee: buyers, value: 90_000_000, currency: USD,
invoice: {kind: fixed, value: 10_000}, invoicing: {CNY: 0.5, USD: 0.5},
terms: {cash: {share: 1, days: [5, 20]}}}"""
NEW_ROUTE = """\
routes.aaa-usd={carries: {currencies: [USD]}, weight: 0.5, steps: [
{kind: originate, work: {kind: fixed, value: 1h}}, {kind: convert},
{kind: message, time: {kind: fixed, value: 1min}}, {kind: settle, system: nostro-usd},
{kind: post, work: {kind: fixed, value: 1h}}, {kind: convert, by: payee}]}"""

ADDITIONS = {
    "firms": [NEW_FIRMS],
    "flow": [NEW_FLOW],
    "route": [NEW_ROUTE],
    "bank": ["banks.aaa-bank={side: belarus, hours: belarus-office}"],
    "policy": [
        "routes.usd.steps.review.probability=0.9",
        "accounts.nostro-cny.0.prefund_days=1",
        "treasuries.minsk.lag=3d",
    ],
}


@pytest.mark.parametrize("addition", ADDITIONS)
def test_what_is_added_moves_no_other_draw(addition: str, plain: DrawnWorld) -> None:
    more = build_world(load("baseline", (*FEW_DAYS, *ADDITIONS[addition])))
    flows = tuple(plain.scenario.flows)
    pd.testing.assert_frame_equal(trade(plain, flows), trade(more, flows))
    before, after = work(plain), work(more)
    assert before == {key: after[key] for key in before}
    assert (plain.fx.per_usd == more.fx.per_usd).all()


def test_the_order_of_declarations_moves_no_draw(plain: DrawnWorld) -> None:
    scenario = plain.scenario
    backwards = {
        section: dict(reversed(getattr(scenario, section).items()))
        for section in ("firms", "flows", "routes")
    }
    other = build_world(scenario.model_copy(update=backwards))
    flows = tuple(scenario.flows)
    pd.testing.assert_frame_equal(trade(plain, flows), trade(other, flows))
    assert work(plain) == work(other)


def test_a_further_firm_of_a_group_leaves_the_others_as_they_are(plain: DrawnWorld) -> None:
    more = build_world(load("baseline", (*FEW_DAYS, "firms.suppliers.count=1501")))

    def table(world: DrawnWorld) -> pd.DataFrame:
        bank = np.array(world.network.banks)[world.firms.bank]
        columns = {"city": world.firms.city, "bank": bank, "size": world.firms.size}
        return pd.DataFrame(columns, index=world.firms.labels)

    before, after = table(plain), table(more)
    pd.testing.assert_frame_equal(before, after.loc[before.index])
    assert after.index.difference(before.index).tolist() == ["suppliers-1501"]


def test_another_seed_or_replication_draws_another_world(plain: DrawnWorld) -> None:
    scenario = load("baseline", FEW_DAYS)
    again = build_world(scenario)
    flows = tuple(scenario.flows)
    pd.testing.assert_frame_equal(trade(plain, flows), trade(again, flows))
    for other in (build_world(scenario, 1), build_world(load("baseline", (*FEW_DAYS, "seed=2")))):
        assert not trade(plain, flows)["amount"].equals(trade(other, flows)["amount"])


def test_draws_of_different_purpose_are_unrelated(plain: DrawnWorld) -> None:
    columns = np.array([plain.payments.draws[name] for name in sorted(plain.payments.draws)])
    correlation = np.corrcoef(columns)
    off = correlation[~np.eye(len(columns), dtype=bool)]
    assert np.abs(off).max() <= ERRORS / sqrt(columns.shape[1])


def test_office_hours_hold_in_local_time(plain: DrawnWorld) -> None:
    for side, zone in ZONES.items():
        hours = plain.openings.hours(f"{side}-office")
        for seconds, clock in ((hours.starts, OPEN[side][0]), (hours.ends, OPEN[side][1])):
            local = pd.to_datetime(seconds, unit="s", utc=True).tz_convert(ZoneInfo(zone))
            assert set(local.hour + local.minute / 60) == {clock}


def reached(world: World) -> Iterator[object]:
    """Everything that can be got hold of from what the engine is given."""
    todo, seen = [getattr(world, field.name) for field in fields(World)], set()
    while todo:
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, Mapping):
            todo += [*found, *found.values()]
        elif isinstance(found, tuple | list | set | frozenset):
            todo += found
        else:
            slots = {name for owner in type(found).__mro__ for name in getattr(owner, "__slots__", ())}
            names = slots | vars(found).keys() if hasattr(found, "__dict__") else slots
            todo += [getattr(found, name) for name in names if hasattr(found, name)]


@pytest.mark.parametrize("name", ["review-stress", "thin-market", "mechanisms/pvp"])
def test_the_engine_is_given_no_declaration(name: str) -> None:
    world = build_world(load(name, ("period.start=2024-03-04", "period.end=2024-03-06", "horizon=1d")))
    assert not [type(found) for found in reached(world) if isinstance(found, BaseModel)]
