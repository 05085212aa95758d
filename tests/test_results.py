"""An outsider with the saved tables, and nothing else, finds every number again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from outsider import (
    MINOR,
    Kept,
    Promised,
    Rates,
    Saved,
    assert_profile,
    assert_rounded,
    clock,
    counted_payments,
    near_cents,
)

import sim
from sim.core.causes import PLACES, REASONS


@pytest.fixture(scope="module")
def counted(saved: Saved, rates: Rates) -> pd.DataFrame:
    return counted_payments(saved, rates)


def test_number_and_value_of_payments(saved: Saved, counted: pd.DataFrame) -> None:
    assert saved.measures["payments"] == len(counted)
    assert saved.measures["value"] == near_cents(counted["cents"].sum())
    by_currency = counted.groupby("currency")["cents"].sum()
    assert saved.measures["value_by_currency"].keys() == set(by_currency.index)
    for code, cents in by_currency.items():
        assert saved.measures["value_by_currency"][code] == near_cents(cents)


def test_settled_shares(saved: Saved, counted: pd.DataFrame) -> None:
    done = counted["credited_at"].notna()
    assert ((counted["status"] == "settled") == done).all()
    assert saved.measures["settled_share"] == pytest.approx(done.sum() / len(counted))
    value_share = counted.loc[done, "cents"].sum() / counted["cents"].sum()
    assert saved.measures["settled_value_share"] == pytest.approx(value_share)


def test_delays(saved: Saved, counted: pd.DataFrame) -> None:
    assert_profile(saved.measures["delay"], counted)


def test_delays_by_route(saved: Saved, counted: pd.DataFrame) -> None:
    told = saved.measures["delay_by_route"]
    assert told.keys() == set(counted["route"])
    for route, payments in counted.groupby("route"):
        assert_profile(told[route], payments)
        assert told[route]["payments"] == len(payments)


def test_delays_by_place_and_reason(saved: Saved, counted: pd.DataFrame) -> None:
    steps = saved.steps[saved.steps["payment_id"].isin(counted["payment_id"])]
    place = steps["place"].where(steps["system"].isna(), "system:" + steps["system"].astype(str))
    total = {
        name: rows[[f"{reason}_seconds" for reason in REASONS]].sum() for name, rows in steps.groupby(place)
    }
    told = saved.measures["delay_matrix"]
    assert {(place, reason) for place, reasons in told.items() for reason in reasons} == {
        (place, reason)
        for place, seconds in total.items()
        for reason in REASONS
        if seconds[f"{reason}_seconds"]
    }
    for place, reasons in told.items():
        for reason, hours in reasons.items():
            assert hours == total[place][f"{reason}_seconds"] / (3_600 * len(counted))


def test_places_and_reasons_add_up_to_the_mean_delay(saved: Saved, counted: pd.DataFrame) -> None:
    matrix, measures = saved.measures["delay_matrix"], saved.measures
    systems = [f"system:{name}" for name in saved.scenario["systems"]]
    others = [place for place in PLACES if place != "system"]
    assert {*measures["delay_by_place"]} == {*others, *systems}
    assert tuple(measures["delay_by_reason"]) == tuple(REASONS)
    elapsed = int((counted["hours"] * 3_600).round().sum())

    def seconds(told: dict[str, float]) -> int:
        return sum(round(hours * 3_600 * len(counted)) for hours in told.values())

    assert seconds(measures["delay_by_place"]) == seconds(measures["delay_by_reason"]) == elapsed
    for place, hours in measures["delay_by_place"].items():
        assert sum(matrix.get(place, {}).values()) == pytest.approx(hours)
    for reason, hours in measures["delay_by_reason"].items():
        assert sum(reasons.get(reason, 0) for reasons in matrix.values()) == pytest.approx(hours)


def test_the_steps_of_a_payment_fill_its_delay(saved: Saved) -> None:
    steps, payments = saved.steps, saved.payments.set_index("payment_id")
    length = (steps["ended_at"] - steps["began_at"]) // pd.Timedelta(seconds=1)
    assert (steps[[f"{reason}_seconds" for reason in REASONS]].sum(axis=1) == length).all()
    follows = steps["payment_id"] == steps["payment_id"].shift()
    assert (steps["began_at"] == steps["ended_at"].shift())[follows].all()
    ends = steps.groupby("payment_id").agg(first=("began_at", "first"), last=("ended_at", "last"))
    until = payments["credited_at"].where(payments["credited_at"].notna(), saved.end)
    assert (ends["first"] == payments["instructed_at"]).all()
    assert (ends["last"] == until).all()
    assert (follows.groupby(steps["payment_id"]).sum() + 1 == steps.groupby("payment_id").size()).all()


def test_whoever_is_shut_is_found_again_from_the_hours_and_calendars_of_the_scenario(saved: Saved) -> None:
    """Of one payment in fifty."""
    scenario, steps = saved.scenario, saved.steps[saved.steps["payment_id"] % 50 == 0]
    payments = saved.payments.set_index("payment_id")
    began, ended = clock(steps["began_at"]), clock(steps["ended_at"])
    told = steps[["closed_hours_seconds", "closed_weekend_seconds", "closed_holiday_seconds"]].to_numpy()
    kept: dict[str, Kept] = {}
    seen = Counter[str]()
    for row, (place, payment, step) in enumerate(
        zip(steps["place"], steps["payment_id"], steps["step"], strict=True)
    ):
        route = payments["route"][payment]
        match place:
            case "payer_bank" | "payee_bank":
                choice = scenario["banks"][payments[place][payment]]["hours"]
                if place == "payee_bank" and payments["automatic"][payment]:
                    assert tuple(told[row]) == (0, 0, 0)
                    continue
            case "cut_off":
                promised = Promised(scenario, scenario["routes"][route]["value"])
                closed = promised.closed(int(began[row]), int(ended[row]))
                assert tuple(closed.values()) == tuple(told[row]), f"{payment}, {step}, {place}"
                seen.update({place: 1, **{kind: spent > 0 for kind, spent in closed.items()}})
                continue
            case "system":
                choice = scenario["systems"][steps["system"].iloc[row]]["hours"]
            case _:
                continue
        hours = kept.setdefault(str(choice), Kept(scenario, choice))
        until = int(ended[row])
        if place == "system":
            # From the first opening on it waits for money, at night, too.
            until = min([until, *(opens for opens, _ in hours.opened(int(began[row]), until))])
        closed = hours.closed(int(began[row]), max(until, int(began[row])))
        assert tuple(closed.values()) == tuple(told[row]), f"{payment}, {step}, {place}"
        seen.update({place: 1, **{kind: spent > 0 for kind, spent in closed.items()}})
    assert min(seen.values()) > 0
    assert {*seen} == {
        *("payer_bank", "payee_bank", "cut_off", "system"),
        *("closed_hours", "closed_weekend", "closed_holiday"),
    }


def test_value_dates_are_found_again_from_the_cutoff_and_the_calendars(saved: Saved) -> None:
    promised = Promised(saved.scenario, saved.scenario["routes"]["cny-to-china"]["value"])
    payments = saved.payments[(saved.payments["route"] == "cny-to-china").to_numpy()]
    assert saved.payments["value_date"].notna().sum() == len(payments)
    accepted = clock(payments["accepted_at"])
    assert [day.date() for day in payments["value_date"]] == [
        promised.value_date(at) for at in accepted.tolist()
    ]
    kept, zone = Kept(saved.scenario, "belarus-office"), "Europe/Minsk"
    opens = [kept.opened(at, at)[0][0] for at in clock(payments["instructed_at"]).tolist()]
    assert accepted.tolist() == np.maximum(clock(payments["instructed_at"]), opens).tolist()
    same = payments["accepted_at"].dt.tz_convert(zone).dt.date == payments["value_date"].dt.date
    assert (payments["same_day"] == same).all()
    assert 0.2 < same.mean() < 0.8


def test_instants_of_a_payment_are_in_order(saved: Saved) -> None:
    payments, obligations = saved.payments, saved.obligations.set_index("obligation_id")
    assert (payments["due_at"] == payments["obligation_id"].map(obligations["due_at"])).all()
    # Some importers order before the cut-off of their banks, and nobody on another day.
    assert (payments["instructed_at"] <= payments["due_at"]).all()
    ordered, due = (
        payments[key].dt.tz_convert("Europe/Minsk").dt.date for key in ("instructed_at", "due_at")
    )
    assert (ordered == due).all()
    moved = payments[payments["instructed_at"] < payments["due_at"]]
    assert set(moved["route"]) == {"cny-to-china"}
    settled = payments.dropna(subset="settled_at")
    assert (settled["settled_at"] >= settled["instructed_at"]).all()
    credited = payments.dropna(subset="credited_at")
    assert (credited["credited_at"] >= credited["settled_at"]).all()


def test_net_open_positions_from_obligations_and_deals(saved: Saved, rates: Rates) -> None:
    deals = saved.conversions.set_index(["obligation_id", "bearer"])["converted_at"]
    assert deals.index.is_unique
    far = saved.end + pd.Timedelta(days=10_000)
    sides = saved.scenario["sides"]
    seen = 0
    for (side, currency), told in saved.exposure.groupby(["side", "currency"]):
        assert currency != sides[side]["functional_currency"]
        sums = {}
        credited = saved.payments.set_index("obligation_id")["credited_at"]
        for party in ("payer", "payee"):
            rows = saved.obligations[
                (saved.obligations[f"{party}_side"] == side) & (saved.obligations["currency"] == currency)
            ]
            keys = pd.MultiIndex.from_product([rows["obligation_id"], [party]])
            since, until = clock(rows["invoiced_at"]), clock(deals.reindex(keys).fillna(far))
            amount = rows["amount"].to_numpy()
            sums[party] = [int(amount[(since <= at) & (at < until)].sum()) for at in clock(told["at"])]
        held = clock(credited.reindex(rows["obligation_id"]).fillna(far))
        cash = [int(amount[(held <= at) & (at < until)].sum()) for at in clock(told["at"])]
        assert told["cash"].tolist() == cash
        assert told["receivable"].tolist() == np.subtract(sums["payee"], cash).tolist()
        assert told["payable"].tolist() == sums["payer"]
        assert (told["forwards"] == 0).all()
        net = np.subtract(sums["payee"], sums["payer"])
        assert told["net_open_position"].tolist() == net.tolist()
        usd = pd.Series("USD", index=told.index)
        exact = rates.value(told["net_open_position"], told["currency"], usd, told["at"])
        assert_rounded(told["net_open_position_reporting"], exact)
        seen += len(told)
    assert seen == len(saved.exposure)
    foreign = {
        (side, code)
        for side in sides
        for code in set(saved.obligations["currency"]) - {sides[side]["functional_currency"]}
    }
    assert set(zip(saved.exposure["side"], saved.exposure["currency"], strict=True)) == foreign


def test_exposure_is_told_at_each_local_midnight_of_the_period(saved: Saved) -> None:
    period = saved.scenario["period"]
    midnights = pd.Series(pd.date_range(period["start"], period["end"], freq="D", tz=period["zone"]))
    midnights = midnights.dt.tz_convert("UTC")
    for _, told in saved.exposure.groupby(["side", "currency"]):
        assert clock(told["at"]).tolist() == clock(midnights).tolist()


def test_peaks_and_means_of_positions(saved: Saved) -> None:
    for (side, currency), told in saved.exposure.groupby(["side", "currency"]):
        cents = told["net_open_position_reporting"].tolist()
        peak, mean = max(cents, key=abs), sum(cents) / len(cents)
        assert saved.measures["net_open_position_peak"][side][currency] == pytest.approx(peak / MINOR)
        assert saved.measures["net_open_position_mean"][side][currency] == pytest.approx(mean / MINOR)


@pytest.fixture(scope="module")
def deals(saved: Saved) -> pd.DataFrame:
    """Conversions with the spread that the scenario declares for their pair at their market."""
    spread = {
        (market, frozenset(pair.split("/"))): quote["spread_bps"]
        for market, declared in saved.scenario["markets"].items()
        for pair, quote in declared["pairs"].items()
    }
    found = saved.conversions.copy()
    keys = zip(found["market"], found["currency"], found["functional_currency"], strict=True)
    found["spread_bps"] = [spread[market, frozenset(pair)] for market, *pair in keys]
    return found


def test_deals_lie_half_the_spread_away_from_mid(deals: pd.DataFrame, rates: Rates) -> None:
    mid = rates.value(deals["amount"], deals["currency"], deals["functional_currency"], deals["converted_at"])
    assert_rounded(deals["mid_value"], mid)
    # The payer buys dear, the payee sells cheap.
    sign = np.where(deals["bearer"] == "payer", 1, -1)
    factor = 1 + sign * deals["spread_bps"].to_numpy(dtype=np.longdouble) / 20_000
    assert_rounded(deals["realised_value"], mid * factor)


def test_deals_are_of_payments_and_of_firms_that_need_them(saved: Saved, deals: pd.DataFrame) -> None:
    payments, firms = saved.payments.set_index("payment_id"), saved.firms.set_index("firm")
    row = payments.loc[deals["payment_id"]].reset_index()
    assert (deals["amount"] == row["amount"]).all()
    assert (deals["currency"] == row["currency"]).all()
    party = np.where(deals["bearer"] == "payer", row["payer"], row["payee"])
    assert (deals["firm"] == party).all()
    own = deals["firm"].map(firms["functional_currency"])
    assert (deals["functional_currency"] == own).all()
    assert (own != deals["currency"]).all()
    payee = (deals["bearer"] == "payee").to_numpy()
    assert (deals["converted_at"][payee] >= row["credited_at"][payee]).all()
    assert (deals["converted_at"][~payee] >= row["instructed_at"][~payee]).all()


def test_volume_by_market(saved: Saved, rates: Rates) -> None:
    deals = saved.conversions
    deals = deals[deals["payment_id"].isin(saved.payments["payment_id"][saved.payments["counted"]])]
    told = saved.measures["market_volume"]
    assert told.keys() == set(deals["market"])
    for market, mine in deals.groupby("market"):
        cents = rates.usd(mine["amount"], mine["currency"], mine["converted_at"]).sum()
        assert told[market] == near_cents(cents)
    assert saved.measures["matched_value"] == 0


def test_fx_results_to_the_minor_unit(saved: Saved, rates: Rates) -> None:
    results = saved.fx_results
    obligations = saved.obligations.set_index("obligation_id")
    row = obligations.loc[results["obligation_id"]].reset_index()
    sign = np.where(results["bearer"] == "payee", 1, -1)

    def value(at: pd.Series) -> np.ndarray:
        return rates.value(results["amount"], results["currency"], results["functional_currency"], at)

    assert (results["amount"] == row["amount"]).all()
    assert_rounded(results["booked_value"], value(row["invoiced_at"]))
    assert_rounded(results["due_value"], value(row["due_at"]))
    columns = ["obligation_id", "bearer", "converted_at", "mid_value", "realised_value"]
    deals = results.merge(
        saved.conversions[columns], on=["obligation_id", "bearer"], how="left", suffixes=("", "_dealt")
    )
    assert (deals["converted_at_dealt"].notna() == results["realised"]).all()
    assert (results["converted_at"] == deals["converted_at_dealt"])[results["realised"]].all()
    assert results["converted_at"][~results["realised"]].isna().all()
    done = results["realised"]
    assert (results["mid_value"] == deals["mid_value_dealt"])[done].all()
    assert (results["realised_value"] == deals["realised_value_dealt"])[done].all()
    last = pd.Series(saved.end - pd.Timedelta(seconds=1), index=results.index)
    assert_rounded(results["mid_value"][~done], value(last)[~done])
    assert (results["realised_value"] == results["mid_value"])[~done].all()

    assert (results["contract"] == sign * (results["due_value"] - results["booked_value"])).all()
    assert (results["instructed_value"] == results["due_value"]).all()
    assert (results["instruction"] == 0).all()
    assert (results["clearing"] == sign * (results["mid_value"] - results["due_value"])).all()
    assert (results["spread"] == sign * (results["realised_value"] - results["mid_value"])).all()
    assert (results["hedge"] == 0).all()
    assert (results["total"] == sign * (results["realised_value"] - results["booked_value"])).all()


def test_every_bearer_of_a_payment_has_one_fx_result(saved: Saved) -> None:
    sides = saved.scenario["sides"]
    own = {side: sides[side]["functional_currency"] for side in sides}
    expected = {
        (obligation, bearer)
        for bearer in ("payer", "payee")
        for obligation, side, currency in zip(
            saved.payments["obligation_id"],
            saved.payments[f"{bearer}_side"],
            saved.payments["currency"],
            strict=True,
        )
        if currency != own[side]
    }
    told = list(zip(saved.fx_results["obligation_id"], saved.fx_results["bearer"], strict=True))
    assert len(told) == len(expected)
    assert set(told) == expected


def test_fx_results_by_side_and_cause(saved: Saved, rates: Rates) -> None:
    results = saved.fx_results[saved.fx_results["realised"]]
    results = results[results["payment_id"].isin(saved.payments["payment_id"][saved.payments["counted"]])]
    told = saved.measures["fx_result"]
    assert told.keys() == set(results["side"])
    for side, mine in results.groupby("side"):
        for cause in ("contract", "instruction", "clearing", "spread", "hedge", "total"):
            cents = rates.usd(mine[cause], mine["functional_currency"], mine["converted_at"]).sum()
            assert told[side][cause] == near_cents(cents)


def test_headline_numbers_tell_their_units(saved: Saved) -> None:
    everything = " ".join(str(unit) for unit in saved.units.values())
    assert not {";", "{reporting}"} & {*everything.split()}
    assert {saved.units[name] for name in ("value", "fees", "fx_result")} == {"USD"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_year_settles_the_trade_that_is_declared(seed: int) -> None:
    from sim.world.build import build_world  # noqa: PLC0415 - the draws alone, without a run

    world = build_world(sim.load("baseline", [f"seed={seed}"]))
    rows = world.obligations
    within = (rows.due_at >= world.window.period_start) & (rows.due_at < world.window.period_end)
    day = np.searchsorted(world.fx.day_starts, rows.due_at[within], side="right") - 1
    value = (rows.amount[within] / world.fx.per_usd[day, rows.currency[within]]).sum() / MINOR
    assert value == pytest.approx(8.44e9, rel=0.05)
