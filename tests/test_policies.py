"""Each scenario of the library moves its own measure in the direction that its text claims, by a year's run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from stays import of_payments

from sim.core.clock import HOUR
from sim.results.execute import execute
from sim.scenario.load import load

if TYPE_CHECKING:
    from sim.results.results import Results


@cache
def year(name: str, seed: int = 1) -> Results:
    """A year's run, of which only the measures are computed that somebody asks for."""
    return execute(load(name, [f"seed={seed}"]), measures=())


def delay_hours(results: Results, first: str, last: str) -> float:
    """Mean hours to the credit of payments due on some days."""
    rows = results.payments
    rows = rows[(rows["due_at"] >= first) & (rows["due_at"] < last)]
    return float((rows["credited_at"] - rows["instructed_at"]).dt.total_seconds().mean()) / HOUR


def mean_of_route(results: Results, route: str) -> float:
    return float(results.measures["delay_by_route"].value[route]["mean"])


@pytest.mark.parametrize(
    "name",
    [
        "orders-all-day",
        "direct-participation",
        "clearing-bank",
        "longer-hours",
        "golden-week",
        "cyber-outage",
        "review-stress",
        "better-data",
        "lost-correspondent",
        "thin-market",
        "moscow-crossing",
        "deeper-market",
        "banks-by-place",
        "late-payers",
        "returned-payments",
        "overloaded-desks",
        "hong-kong-corridor",
        "two-intermediaries",
    ],
)
def test_a_policy_moves_no_draw(name: str, baseline_run: Results) -> None:
    pd.testing.assert_frame_equal(year(name).obligations, baseline_run.obligations)
    pd.testing.assert_frame_equal(year(name).fx, baseline_run.fx)


def test_a_later_cut_off_breaks_the_promise_and_brings_yuan_to_china_later(baseline_run: Results) -> None:
    usual, all_day = (run.measures["delay_by_route"].value for run in (baseline_run, year("orders-all-day")))
    # Half of the firms order before a cut-off that they know, and HVPS shuts at a quarter past twelve, whatever it is.
    assert all_day["cny-to-china"]["mean"] > usual["cny-to-china"]["mean"] + 4
    for route in usual.keys() - {"cny-to-china"}:
        assert all_day[route]["mean"] == pytest.approx(usual[route]["mean"], abs=0.1)
    kept, broken = (run.measures["same_day_share"].value for run in (baseline_run, year("orders-all-day")))
    assert kept > 0.9
    assert broken < 0.5


def test_where_no_firm_knows_the_cut_off_a_later_one_is_worth_an_hour_at_most() -> None:
    unknown = ("firms.importers.orders=null", *QUARTER)
    early, late = (
        mean_of_route(execute(load(name, unknown), measures=["delay_by_route"]), "cny-to-china")
        for name in ("baseline", "orders-all-day")
    )
    assert early - 1.5 < late < early


def test_accounts_in_cips_save_less_than_an_hour_for_yuan_to_china(baseline_run: Results) -> None:
    direct = year("direct-participation")
    for route in ("cny-to-china", "cny-to-belarus"):
        assert -1.2 < mean_of_route(direct, route) - mean_of_route(baseline_run, route) < -0.3
    for route in ("usd", "eur", "rub"):
        assert mean_of_route(direct, route) == mean_of_route(baseline_run, route)


def test_books_in_minsk_that_open_at_nine_bring_yuan_later_both_ways(baseline_run: Results) -> None:
    for route in ("cny-to-china", "cny-to-belarus"):
        assert mean_of_route(year("clearing-bank"), route) > mean_of_route(baseline_run, route) + 1
    for route in ("usd", "eur", "rub"):
        assert mean_of_route(year("clearing-bank"), route) == mean_of_route(baseline_run, route)


def test_a_longer_day_in_minsk_brings_payments_earlier(baseline_run: Results) -> None:
    for route in ("cny-to-belarus", "rub", "usd", "eur"):
        assert mean_of_route(year("longer-hours"), route) < mean_of_route(baseline_run, route) - 2
    # The cut-off for yuan is as before.
    assert (
        mean_of_route(year("longer-hours"), "cny-to-china") > mean_of_route(baseline_run, "cny-to-china") - 1
    )


BAY_AREA = {"Guangzhou", "Shenzhen", "Zhuhai", "Foshan"}


def test_a_corridor_over_hong_kong_takes_value_from_correspondents_but_no_time_off() -> None:
    corridor, without = year("hong-kong-corridor"), year("banks-by-place")
    bank = corridor.firms.set_index("city")["bank"].astype(str)
    assert set(bank[bank.index.isin(BAY_AREA)]) == {"guangzhou-a", "shenzhen-a"}
    assert without.firms.equals(corridor.firms)

    def hours(results: Results, *reasons: str) -> float:
        rows = results.payments
        to_area = rows["payee_bank"].isin(["guangzhou-a", "shenzhen-a"]) & (rows["currency"] == "CNY")
        return float(sum(of_payments(results, reason)[to_area].mean() for reason in reasons)) / HOUR

    # Systems are shut for less long, but money in two places lasts less long.
    closed = ("closed_hours", "closed_weekend", "closed_holiday")
    assert hours(corridor, *closed) < hours(without, *closed)
    assert hours(corridor, "liquidity") > hours(without, "liquidity") + 1

    def with_correspondents(results: Results) -> float:
        return float(results.measures["principal_risk_value_hours"].value["correspondent"])

    assert with_correspondents(corridor) < 0.7 * with_correspondents(without)


def test_a_design_keeps_the_money_that_belarusian_banks_hold_in_yuan(baseline_run: Results) -> None:
    def held(results: Results) -> dict[str, int]:
        rows = results.accounts[
            (results.accounts["currency"] == "CNY") & (results.accounts["holder"] != "market")
        ]
        return rows[rows["holder"].str.startswith("minsk-")].set_index("holder")["opening_balance"].to_dict()

    usual = held(baseline_run)
    assert held(year("clearing-bank")) == usual
    # In CIPS it comes as a session begins, and is more: what the announced system's share of yuan takes.
    sessions = year("direct-participation")["funding"]
    sessions = sessions[sessions["kind"].astype(str) == "session"]
    most = sessions.groupby(sessions["account"].astype(str))["amount"].max()
    for bank, amount in usual.items():
        assert amount < most[f"{bank}@cips"] < 1.6 * amount


def test_duty_service_takes_a_third_off_the_delay_of_the_long_holidays(baseline_run: Results) -> None:
    for first, last in (("2024-02-08", "2024-02-18"), ("2024-09-29", "2024-10-08")):
        assert delay_hours(year("golden-week"), first, last) < delay_hours(baseline_run, first, last) * 2 / 3
    summer = ("2024-06-10", "2024-08-31")
    assert delay_hours(year("golden-week"), *summer) == pytest.approx(
        delay_hours(baseline_run, *summer), rel=1e-3
    )


def test_an_outage_delays_what_was_due_and_nobody_else(baseline_run: Results) -> None:
    hit, spared = year("cyber-outage").payments, baseline_run.payments
    touched = of_payments(year("cyber-outage"), "outage") > 0
    assert touched.sum() > 50
    assert set(hit.loc[touched, "route"].astype(str)) == {"cny-to-china", "cny-to-belarus"}
    assert hit.loc[touched, "instructed_at"].min() > pd.Timestamp("2024-05-15", tz="UTC")
    # Service comes back for parts of three hours.
    assert hit.loc[touched, "instructed_at"].max() < pd.Timestamp("2024-06-21 04:00", tz="UTC")
    before = spared["credited_at"] < pd.Timestamp("2024-06-19 01:00", tz="UTC")
    assert (hit.loc[before, "credited_at"] == spared.loc[before, "credited_at"]).all()
    assert (of_payments(baseline_run, "outage") == 0).all()


def cost(results: Results, part: str) -> float:
    return float(results.measures["payment_cost_bps"].value[part])


def test_a_thin_market_costs_and_a_deeper_one_or_a_way_round_it_saves(baseline_run: Results) -> None:
    usual, thin = cost(baseline_run, "spread"), cost(year("thin-market"), "spread")
    assert cost(year("deeper-market"), "spread") < thin / 2
    # Who crosses over Moscow pays the spreads of two markets.
    assert usual < cost(year("moscow-crossing"), "spread") < 0.75 * thin
    vehicles = {
        name: year(name).conversions["vehicle"].notna() for name in ("thin-market", "moscow-crossing")
    }
    assert not vehicles["thin-market"].any()
    assert vehicles["moscow-crossing"].mean() > 0.1


def test_reviews_make_delay_and_better_data_takes_it_away(baseline_run: Results) -> None:
    def p95(results: Results) -> float:
        return float(results.measures["delay"].value["p95"])

    assert p95(year("review-stress")) > 3 * p95(baseline_run)
    before, better = year("returned-payments"), year("better-data")
    assert p95(better) < 0.9 * p95(before)
    assert mean_of_route(better, "cny-to-china") < mean_of_route(before, "cny-to-china")
    assert better.measures["returned_share"].value < 0.25 * before.measures["returned_share"].value


def test_what_comes_back_costs_days_and_a_stress_gives_payments_up(baseline_run: Results) -> None:
    def hours(results: Results, reason: str) -> float:
        return float(results.measures["delay_by_reason"].value[reason])

    usual, stress = year("returned-payments"), year("review-stress")
    assert hours(baseline_run, "returned") == 0
    assert 3 < hours(usual, "returned") < 6
    assert hours(stress, "returned") > 80
    # Eight of a hundred of a tenth, and three tenths of four tenths in half a year.
    count = len(usual.payments)
    assert usual["returns"]["payment_id"].nunique() / count == pytest.approx(0.008, rel=0.15)
    assert stress.measures["returned_share"].value == pytest.approx(0.06, rel=0.15)
    assert (stress.payments["status"] == "cancelled").sum() > 100
    assert stress.measures["fx_result"].value["china"]["returned"] < -0.5e6
    # Only those that come back have to do with it.
    back = usual.payments["payment_id"].isin(usual["returns"]["payment_id"])
    assert not of_payments(usual, "returned")[~back].any()
    taken = usual.payments["credited_at"].fillna(pd.Timestamp(usual.manifest["followed_until"]))
    assert ((taken - usual.payments["instructed_at"])[back] > pd.Timedelta(days=1)).all()


def test_too_few_analysts_build_up_a_backlog(baseline_run: Results) -> None:
    enough, few = year("review-desks"), year("overloaded-desks")

    def peak(results: Results) -> float:
        peaks = results.measures["review_backlog_peak"].value
        return float(
            sum(peaks[f"{city}-a-review"] for city in ("beijing", "shanghai", "guangzhou", "shenzhen"))
        )

    assert peak(few) > 2.5 * peak(enough)
    assert few.measures["delay"].value["mean"] > 1.5 * enough.measures["delay"].value["mean"]
    assert enough.measures["delay"].value["mean"] > baseline_run.measures["delay"].value["mean"] + 2
    days = enough["desk_days"]
    staff = days["desk"].map({name: desk.staff for name, desk in enough.scenario.desks.items()})
    busy = days["work_seconds"].sum() / (days["open_seconds"] * staff).sum()
    assert busy == pytest.approx(0.8, abs=0.05)


def test_a_lost_correspondent_sends_its_clients_another_way(baseline_run: Results) -> None:
    rows = year("lost-correspondent").payments
    moved = rows[(rows["route"] == "cny-over-moscow").to_numpy()]
    assert len(moved) > 5_000
    assert set(moved["payer_bank"].astype(str)) | set(moved["payee_bank"].astype(str)) >= {
        "minsk-b",
        "minsk-d",
    }
    assert moved["instructed_at"].min() >= pd.Timestamp("2024-01-31 21:00", tz="UTC")
    before = baseline_run.payments.set_index("payment_id").loc[moved["payment_id"], "route"].astype(str)
    assert set(before) == {"cny-to-china", "cny-to-belarus"}


def position(results: Results, side: str, currency: str) -> float:
    return float(results.measures["net_open_position_mean"].value[side][currency])


def test_shocks_and_credit_move_the_positions_that_they_name(baseline_run: Results) -> None:
    base = position(baseline_run, "belarus", "CNY")
    assert position(year("potash-slump"), "belarus", "CNY") < base / 2
    # What is owed on loans outweighs all trade.
    assert position(year("credit-in-yuan"), "belarus", "CNY") < -base
    shares = year("currency-share").measures["value_by_currency"].value
    assert shares["CNY"] / sum(shares.values()) > 0.7
    # Money held and fees cost less; but yuan and Belarusian roubles are dealt at counters, whose spreads are wide.
    for part in ("fees", "liquidity"):
        assert cost(year("currency-share"), part) < cost(baseline_run, part)
    for part in ("spread", "total"):
        assert cost(year("currency-share"), part) > cost(baseline_run, part)


#: Groups of Belarusian firms that are owed foreign currency.
PAYEES = ("exporters", "potash-producer")


def of_group(results: Results, group: str, cause: str) -> float:
    """FX result of a group of Belarusian firms by one cause."""
    return float(results.measures["fx_result_by"].value["group"][group]["belarus"][cause])


def test_a_fall_of_the_rouble_shows_in_the_result_of_contracts(baseline_run: Results) -> None:
    def contract(results: Results, *groups: str) -> float:
        return sum(of_group(results, group, "contract") for group in groups)

    # Whether all of them together win depends on the trade that is drawn: they owe about as much as they are owed.
    shock = year("rouble-shock")
    assert contract(shock, "importers") < 2 * contract(baseline_run, "importers") < 0
    assert contract(shock, *PAYEES) > 2 * contract(baseline_run, *PAYEES) > 0


def test_who_is_paid_late_waits_for_days_and_bears_what_the_rate_does(baseline_run: Results) -> None:
    late, punctual = (results.measures["lateness"].value for results in (year("late-payers"), baseline_run))
    for side in ("belarus", "china"):
        # Three tenths of payments are late by 23 days in the mean.
        more = late[side]["mean_days"] - punctual[side]["mean_days"]
        assert more == pytest.approx(0.3 * 23, abs=1.0)
    # Foreign currency grew dearer in 2024. Those who owe it late lose by that, many times what slow clearing does to
    # them, and those who are owed it gain; what is left of both depends on the trade that is drawn.
    assert baseline_run.measures["fx_result"].value["belarus"]["instruction"] == 0
    clearing = of_group(baseline_run, "importers", "clearing")
    assert of_group(year("late-payers"), "importers", "instruction") < -10 * abs(clearing)
    assert sum(of_group(year("late-payers"), group, "instruction") for group in PAYEES) > 0


def test_a_chain_of_two_intermediaries_takes_longer_and_ties_up_money_twice(baseline_run: Results) -> None:
    chain = year("two-intermediaries")
    for there, here in (("cny-chain-to-china", "cny-to-china"), ("cny-chain-to-belarus", "cny-to-belarus")):
        assert mean_of_route(chain, there) > mean_of_route(baseline_run, here) + 5
    january = ("2024-01-03", "2024-01-08")
    assert delay_hours(chain, *january) > 1.5 * delay_hours(baseline_run, *january)
    assert cost(chain, "liquidity") > 1.3 * cost(baseline_run, "liquidity")
    # A payment moves in the books of both, then over HVPS, unless the payee's bank is the second one.
    mine = chain.transfers[chain.transfers["payment_id"].isin(passed(chain, "cny-chain-to-china"))]
    hops = mine.groupby("payment_id")["step"].count()
    assert set(hops) == {2, 3}
    assert set(mine["system"]) == {"nostro-moscow", "nostro-shanghai", "hvps"}


def passed(results: Results, route: str) -> pd.Series[int]:
    """Payments that have been credited after a route."""
    payments = results.payments
    return payments.loc[(payments["route"] == route) & payments["credited_at"].notna(), "payment_id"]


SHORTAGE = ("2024-09-01 21:00", "2024-09-15 21:00")


def waited_for_yuan(results: Results) -> float:
    """Mean hours for liquidity of the yuan that Belarusian firms had to pay in the two weeks of the shortage."""
    rows = results.payments.assign(waited=of_payments(results, "liquidity"))
    rows = rows[(rows["due_at"] >= SHORTAGE[0]) & (rows["due_at"] < SHORTAGE[1])]
    rows = rows[(rows["route"] == "cny-direct") & (rows["payer_side"] == "belarus")]
    return float(rows["waited"].mean()) / HOUR


def test_a_swap_line_takes_a_squeeze_away() -> None:
    squeeze, relieved = year("yuan-squeeze"), year("mechanisms/squeeze-swap-line")
    calm = execute(load("yuan-squeeze", ["timeline=null"]), measures=())
    pd.testing.assert_frame_equal(squeeze.obligations, relieved.obligations)
    assert waited_for_yuan(squeeze) > 1.5 * waited_for_yuan(calm)
    assert waited_for_yuan(relieved) < min(waited_for_yuan(squeeze) / 3, waited_for_yuan(calm))
    used = relieved.measures["facility_use"].value["swap-line"]
    assert 100e6 < used["peak"] < 7e9
    costs = relieved.measures["liquidity_cost"].value
    assert 0 < costs["swap_line"] < costs["holding"]


QUARTER = ("period.end=2024-04-01", "run_in=30d", "horizon=20d")


def test_three_countries_clear_with_less_than_three_pairs() -> None:
    union, pairs = (
        execute(load(name, QUARTER), measures=()) for name in ("clearing-union", "mechanisms/clearing-pairs")
    )

    def credit(results: Results) -> float:
        agents = results.measures["credit_exposure_mean"].value.values()
        return float(sum(sum(owed.values()) for owed in agents))

    # Nobody reaches the limit of a position, so the same payments settle at the same instants.
    assert union.payments["credited_at"].equals(pairs.payments["credited_at"])
    assert union.clearings["amount"].sum() < 0.8 * pairs.clearings["amount"].sum()
    assert credit(union) < 0.85 * credit(pairs)
    efficiency = pairs.measures["netting_efficiency"].value
    assert efficiency["belarus-china"] < union.measures["netting_efficiency"].value["account"]


def test_offsetting_among_all_helps_where_money_is_scarce_and_in_pairs_hardly() -> None:
    def waiting(rule: str, seed: int) -> float:
        return float(year(rule, seed).measures["delay"].value["mean"])

    def in_gridlock(rule: str, seed: int) -> float:
        return float(year(rule, seed).measures["gridlock_seconds"].value["biss"])

    def saved(rule: str, seed: int) -> float:
        return 1 - waiting(f"mechanisms/scarce-{rule}", seed) / waiting("scarce-roubles", seed)

    # Small payments pass large ones, whatever is drawn; a gridlock ends almost as soon as all may settle together.
    for seed in (1, 2):
        assert min(saved("bypass", seed), saved("optimal", seed)) > 0.6
        usual, together, best = (
            in_gridlock(name, seed)
            for name in ("scarce-roubles", "mechanisms/scarce-multilateral", "mechanisms/scarce-optimal")
        )
        assert best < together < usual / 10
    # What is settled together may leave less for others, so that here and there it saves nothing.
    seeds = range(1, 6)
    in_pairs, among_all = (
        sum(saved(rule, seed) for seed in seeds) / len(seeds) for rule in ("bilateral", "multilateral")
    )
    assert -0.05 < in_pairs < 0.15 < among_all
    # Nothing but money makes anybody wait.
    reasons = year("scarce-roubles").measures["delay_by_reason"].value
    assert reasons["liquidity"] == pytest.approx(sum(reasons.values()))


def test_banks_that_wait_for_each_other_delay_payments_and_a_rule_takes_part_of_it_back() -> None:
    names = ("national-currency", "mechanisms/throughput-rule", "mechanisms/holding-back")
    waits = [year(name).measures["delay_by_reason"].value["liquidity"] for name in names]
    indicators = [year(name).measures["settlement_delay_indicator"].value["cips"] for name in names]
    assert waits == sorted(waits)
    assert indicators == sorted(indicators)
    assert waits[2] > 2 * waits[0]
    assert indicators[1] < 0.75 * indicators[2]
    used = [year(name).measures["intraday_liquidity_usage_total"].value for name in names]
    assert 0.9 * used[0] < used[2] < used[0]
    met = year("mechanisms/throughput-rule").measures["throughput_met"].value["cips"]
    assert min(met.values()) > 0.95
