"""An outsider with the saved tables, and nothing else, finds every number again."""

from __future__ import annotations

import json
from collections import defaultdict
from hashlib import sha256
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

import sim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.results.results import Results

#: Every currency of the baseline has two decimals, so rates apply to minor units as they do to major ones.
MINOR = 100
#: A value computed in longer arithmetic may lie this far beyond half a unit from the rounded one.
HALF = 0.5 + 1e-5
CAUSES = ["processing", "closed", "screening", "fx", "liquidity", "netting", "outage", "returned"]


class Saved(NamedTuple):
    """A run folder as text and Parquet."""

    tables: dict[str, pd.DataFrame]
    measures: dict[str, Any]
    units: dict[str, str]
    scenario: dict[str, Any]
    end: pd.Timestamp

    def __getattr__(self, name: str) -> pd.DataFrame:
        return self.tables[name]


@pytest.fixture(scope="module")
def saved(baseline_folder: Path) -> Saved:
    tables = {path.stem: pq.read_table(path).to_pandas() for path in baseline_folder.glob("*.parquet")}
    for table in tables.values():
        for column in table.columns[table.dtypes == "category"]:
            table[column] = table[column].astype(object)
    told = json.loads((baseline_folder / "measures.json").read_text("utf-8"))
    manifest = json.loads((baseline_folder / "manifest.json").read_text("utf-8"))
    return Saved(
        tables,
        {name: measure["value"] for name, measure in told.items()},
        {name: measure["unit"] for name, measure in told.items()},
        YAML(typ="safe", pure=True).load((baseline_folder / "scenario.yaml").read_text("utf-8")),
        pd.Timestamp(manifest["followed_until"]),
    )


def clock(instants: pd.Series) -> np.ndarray:
    """Seconds since 1970; a minus number for NaT."""
    return instants.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


class Rates:
    """Mids of the `fx` table: the last row of a currency that is valid from an instant or before it."""

    def __init__(self, fx: pd.DataFrame) -> None:
        self._rows = {
            code: (clock(group["valid_from"]), group["per_usd"].to_numpy().astype(np.longdouble))
            for code, group in fx.sort_values("valid_from").groupby("currency")
        }

    def per_usd(self, codes: pd.Series, at: pd.Series) -> np.ndarray:
        """Units of each currency per 1 USD at its instant."""
        found = np.full(len(codes), np.nan, dtype=np.longdouble)
        for code, (since, rate) in self._rows.items():
            mine = (codes == code).to_numpy()
            row = np.searchsorted(since, clock(at[mine]), side="right") - 1
            assert (row >= 0).all()
            found[mine] = rate[row]
        return found

    def value(self, amount: pd.Series, source: pd.Series, target: pd.Series, at: pd.Series) -> np.ndarray:
        """Minor units of `target`, not rounded."""
        return amount.to_numpy() * (self.per_usd(target, at) / self.per_usd(source, at))

    def usd(self, amount: pd.Series, source: pd.Series, at: pd.Series) -> np.ndarray:
        """Cents, each amount rounded for itself."""
        exact = self.value(amount, source, pd.Series("USD", index=source.index), at)
        return np.rint(exact).astype(np.int64)


@pytest.fixture(scope="module")
def rates(saved: Saved) -> Rates:
    return Rates(saved.fx)


def assert_rounded(told: Iterable[int], exact: np.ndarray) -> None:
    """Each integer is the one nearest to the exact value."""
    difference = np.abs(np.asarray(told, dtype=np.longdouble) - exact)
    assert difference.max() <= HALF


def near_cents(cents: float) -> object:
    """A sum of rounded cents in major units; a tie or two among thousands may round the other way."""
    return pytest.approx(cents / MINOR, abs=0.03)


def quantile(values: pd.Series, share: float) -> float:
    """Linear between the two order statistics around place share · (n − 1)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@pytest.fixture(scope="module")
def counted(saved: Saved, rates: Rates) -> pd.DataFrame:
    zone = saved.scenario["period"]["zone"]
    start, end = (pd.Timestamp(saved.scenario["period"][key]).tz_localize(zone) for key in ("start", "end"))
    payments = saved.payments
    inside = (payments["due_at"] >= start) & (payments["due_at"] < end)
    assert (payments["counted"] == inside).all()
    found = payments[inside].copy()
    found["cents"] = rates.usd(found["amount"], found["currency"], found["due_at"])
    # NaT means that the payee was not credited while anybody looked.
    until = found["credited_at"].where(found["credited_at"].notna(), saved.end)
    found["hours"] = (until - found["instructed_at"]) / pd.Timedelta(hours=1)
    return found


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


def assert_profile(told: dict[str, float], payments: pd.DataFrame) -> None:
    hours = payments["hours"]
    assert told["mean"] == pytest.approx(sum(hours) / len(hours))
    for name, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
        assert told[name] == pytest.approx(quantile(hours, share))
    weighted = sum(hours * payments["cents"]) / sum(payments["cents"])
    assert told["value_weighted"] == pytest.approx(weighted)


def test_delays(saved: Saved, counted: pd.DataFrame) -> None:
    assert_profile(saved.measures["delay"], counted)


def test_delays_by_route(saved: Saved, counted: pd.DataFrame) -> None:
    told = saved.measures["delay_by_route"]
    assert told.keys() == set(counted["route"])
    for route, payments in counted.groupby("route"):
        assert_profile(told[route], payments)
        assert told[route]["payments"] == len(payments)


def test_delays_by_cause(saved: Saved, counted: pd.DataFrame) -> None:
    told = saved.measures["delay_by_cause"]
    assert list(told) == CAUSES
    for cause in CAUSES:
        assert told[cause] == pytest.approx(counted[f"{cause}_seconds"].sum() / 3_600 / len(counted))
    assert sum(told.values()) == pytest.approx(saved.measures["delay"]["mean"])


def test_every_second_of_delay_has_one_cause(saved: Saved) -> None:
    payments = saved.payments
    until = payments["credited_at"].where(payments["credited_at"].notna(), saved.end)
    elapsed = (until - payments["instructed_at"]) // pd.Timedelta(seconds=1)
    assert (payments[[f"{cause}_seconds" for cause in CAUSES]].sum(axis=1) == elapsed).all()


def test_instants_of_a_payment_are_in_order(saved: Saved) -> None:
    payments, obligations = saved.payments, saved.obligations.set_index("obligation_id")
    assert (payments["due_at"] == payments["obligation_id"].map(obligations["due_at"])).all()
    assert (payments["instructed_at"] == payments["due_at"]).all()
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
        peak, mean = max(abs(value) for value in cents), sum(cents) / len(cents)
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


def fee_rules(saved: Saved) -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (route, number): step["fee"] | {"kind": step["kind"], "by": step.get("by")}
        for route, declared in saved.scenario["routes"].items()
        for number, step in enumerate(declared["steps"])
        if "fee" in step
    }


def test_fees_follow_their_rules(saved: Saved, rates: Rates) -> None:
    payments = saved.payments.set_index("payment_id")
    row = payments.loc[saved.fees["payment_id"]].reset_index()
    rules = fee_rules(saved)
    keys = list(zip(row["route"], saved.fees["step"], strict=True))
    seen = 0
    for key, rule in rules.items():
        mine = np.array([other == key for other in keys])
        fees, of = saved.fees[mine], row[mine]
        assert set(fees["currency"]) == {rule["currency"]}
        assert set(fees["kind"]) == {rule["kind"]}
        bearer = rule.get("bearer", "payer")
        assert (fees["firm"].to_numpy() == of[bearer].to_numpy()).all()
        at = fees["charged_at"].set_axis(of.index)
        value = rates.value(of["amount"], of["currency"], fees["currency"].set_axis(of.index), at)
        amount = rule.get("flat", 0) * MINOR + np.longdouble(rule.get("share", 0)) * np.rint(value)
        amount = np.maximum(amount, rule.get("minimum", 0) * MINOR)
        if "maximum" in rule:
            amount = np.minimum(amount, rule["maximum"] * MINOR)
        assert_rounded(fees["amount"], amount)
        if rule["kind"] == "originate":
            assert (at == of["instructed_at"]).all()
        elif rule["by"] == "payee":
            assert (at == of["credited_at"]).all()
        seen += mine.sum()
    assert seen == len(saved.fees)
    assert not saved.fees.duplicated(["payment_id", "step"]).any()


def test_each_payment_is_charged_at_each_step_that_it_reached(saved: Saved) -> None:
    charged = set(zip(saved.fees["payment_id"], saved.fees["step"], strict=True))
    rules = fee_rules(saved)
    for route, payments in saved.payments.groupby("route"):
        credited = payments["payment_id"][payments["credited_at"].notna()]
        for number in [step for name, step in rules if name == route]:
            assert {(payment, number) for payment in credited} <= charged


def test_fees_in_total_and_by_kind(saved: Saved, rates: Rates) -> None:
    within = saved.payments["payment_id"][saved.payments["counted"]]
    fees = saved.fees[saved.fees["payment_id"].isin(within)]
    cents = rates.usd(fees["amount"], fees["currency"], fees["charged_at"])
    assert saved.measures["fees"] == near_cents(cents.sum())
    told = saved.measures["fees_by_kind"]
    for kind in set(fees["kind"]):
        assert told.pop(kind) == near_cents(cents[(fees["kind"] == kind).to_numpy()].sum())
    assert not any(told.values())


class Replay(NamedTuple):
    """What postings leave on the accounts; days count from the first one of the run."""

    balance: dict[str, int]
    lowest: dict[str, int]
    closing_of: dict[str, dict[int, int]]
    lowest_of: dict[str, dict[int, int]]


@pytest.fixture(scope="module")
def replay(saved: Saved) -> Replay:
    balance = dict(zip(saved.accounts["account"], saved.accounts["opening_balance"].tolist(), strict=True))
    lowest = dict(balance)
    closing_of: dict[str, dict[int, int]] = defaultdict(dict)
    lowest_of: dict[str, dict[int, int]] = defaultdict(dict)
    day = (saved.postings["posted_at"] - saved.balances["date"].min()) // pd.Timedelta(days=1)
    for when, debit, credit, amount in zip(
        day.tolist(),
        saved.postings["debit_account"],
        saved.postings["credit_account"],
        saved.postings["amount"].tolist(),
        strict=True,
    ):
        for account, change in ((debit, -amount), (credit, amount)):
            before = balance[account]
            balance[account] = before + change
            lowest[account] = min(lowest[account], balance[account])
            closing_of[account][when] = balance[account]
            lowest_of[account][when] = min(lowest_of[account].get(when, before), balance[account])
    return Replay(balance, lowest, closing_of, lowest_of)


def test_postings_lead_from_opening_to_closing_balances(saved: Saved, replay: Replay) -> None:
    told = dict(zip(saved.accounts["account"], saved.accounts["closing_balance"], strict=True))
    assert replay.balance == told
    by_currency = saved.accounts.groupby("currency")[["opening_balance", "closing_balance"]].sum()
    assert (by_currency["opening_balance"] == by_currency["closing_balance"]).all()


def test_no_declared_account_is_overdrawn(saved: Saved, replay: Replay) -> None:
    declared = saved.scenario["accounts"]
    assert len(declared) < len(saved.accounts)
    for account in declared:
        assert replay.lowest[f"{account['holder']}@{account['system']}"] >= -account["credit"] * MINOR


def test_daily_balances(saved: Saved, replay: Replay) -> None:
    opening = saved.accounts.set_index("account")["opening_balance"]
    for account, told in saved.balances.groupby("account"):
        closing = int(opening[account])
        closings, lowests = [], []
        for day in range(len(told)):
            lowests.append(replay.lowest_of[account].get(day, closing))
            closing = replay.closing_of[account].get(day, closing)
            closings.append(closing)
        assert told["closing_balance"].tolist() == closings
        assert told["lowest_balance"].tolist() == lowests


def test_liquidity_used_from_postings(saved: Saved, replay: Replay) -> None:
    opening = saved.accounts.set_index("account")["opening_balance"]
    declared = [f"{account['holder']}@{account['system']}" for account in saved.scenario["accounts"]]
    told = saved.measures["liquidity_used"]
    assert list(told) == declared
    for account in declared:
        assert told[account] == pytest.approx((int(opening[account]) - replay.lowest[account]) / MINOR)


def test_each_settling_step_of_a_settled_payment_is_one_posting_of_its_amount(saved: Saved) -> None:
    payments = saved.payments.set_index("payment_id")
    postings = saved.postings[saved.postings["payment_id"].notna()]
    row = payments.loc[postings["payment_id"].astype(np.int64)].reset_index()
    assert (postings["amount"].to_numpy() == row["amount"].to_numpy()).all()
    assert (postings["currency"].to_numpy() == row["currency"].to_numpy()).all()
    assert not postings.duplicated(["payment_id", "step"]).any()
    systems = {
        (route, number): step["system"]
        for route, declared in saved.scenario["routes"].items()
        for number, step in enumerate(declared["steps"])
        if step["kind"] == "settle"
    }
    for side in ("debit_account", "credit_account"):
        told = postings[side].str.split("@").str[1]
        wanted = [systems[key] for key in zip(row["route"], postings["step"].astype(int), strict=True)]
        assert told.tolist() == wanted
    last = postings.sort_values("step").groupby("payment_id")["posted_at"].last()
    settled = payments["settled_at"].reindex(last.index.astype(np.int64)).dropna()
    # A transfer from a bank to itself moves nothing, so a payment may be final later than its last posting.
    assert (settled >= last.loc[settled.index]).all()


def test_headline_numbers_tell_their_units(saved: Saved) -> None:
    assert all(saved.units.values())
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


def test_a_reopened_run_equals_the_run(baseline_run: Results, baseline_folder: Path) -> None:
    opened = sim.open(baseline_folder)
    assert opened.scenario == baseline_run.scenario
    assert dict(opened.measures) == dict(baseline_run.measures)
    assert opened.table_names == baseline_run.table_names
    for name in opened.table_names:
        saved, kept = alike(opened[name]), alike(baseline_run[name])
        assert saved.dtypes.astype(str).to_dict() == kept.dtypes.astype(str).to_dict()
        assert all(saved[column].equals(kept[column]) for column in kept.columns)


def alike(table: pd.DataFrame) -> pd.DataFrame:
    """The same facts in one notation: the file format knows no seconds, and floats for numbers with gaps."""
    instants = table.select_dtypes("datetimetz")
    table = table.assign(**{name: column.dt.as_unit("s") for name, column in instants.items()})
    gaps = {"payment_id", "step"} & set(table.columns)
    if table.empty:  # No row, no names that a row could have.
        named = [name for name, kind in table.dtypes.items() if str(kind) in {"category", "object"}]
        table = table.astype(dict.fromkeys(named, "str"))
    return table.astype(dict.fromkeys(gaps, "Int64"))


def test_numbers_of_payments_come_back_as_whole_numbers(baseline_folder: Path) -> None:
    assert sim.open(baseline_folder).postings["payment_id"].dtype == "Int64"


def test_the_manifest_holds_the_hash_of_each_table(baseline_folder: Path) -> None:
    manifest = sim.open(baseline_folder).manifest
    found = {path.stem: sha256(path.read_bytes()).hexdigest() for path in baseline_folder.glob("*.parquet")}
    assert manifest["tables"] == found
    assert manifest["seed"] == 1


@pytest.fixture
def results(short_runs: dict[str, Results]) -> Results:
    return short_runs["baseline"]


def test_tables_are_read_by_name_and_as_attributes(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "run")
    opened = sim.open(tmp_path / "run")
    assert opened.payments is opened["payments"]
    assert len(opened.fx_results) == len(results["fx_results"])
    assert set(opened.table_names) < set(dir(opened))
    with pytest.raises(KeyError, match=r"no table 'payment'; there are firms, accounts"):
        opened["payment"]
    with pytest.raises(AttributeError, match="no table 'payment'"):
        _ = opened.payment


@pytest.mark.parametrize("missing", ["nowhere", "empty"])
def test_what_is_no_run_is_not_opened(missing: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(sim.ResultsError, match=r"not a run folder \(it has no manifest.json\)"):
        sim.open(tmp_path / missing)


@pytest.mark.parametrize("damaged", ["manifest.json", "measures.json", "payments.parquet"])
def test_a_damaged_run_is_told_as_such(damaged: str, results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "run")
    (tmp_path / "run" / damaged).write_text("{", "utf-8")
    with pytest.raises(sim.ResultsError, match=damaged):
        _ = sim.open(tmp_path / "run").payments


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError()]
)
@pytest.mark.parametrize("before", [False, True], ids=["new", "replacing"])
def test_a_save_that_fails_leaves_everything_as_it_was(
    failure: BaseException, before: bool, results: Results, tmp_path: Path
) -> None:
    if before:
        results.save(tmp_path / "run")
    old = contents(tmp_path)

    def fail(_: Results, folder: Path) -> None:
        assert (folder / "payments.parquet").is_file()
        raise failure

    expected = sim.RunError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        results.save(tmp_path / "run", fail)
    assert contents(tmp_path) == old
    assert [path.name for path in tmp_path.iterdir()] == (["run"] if before else [])


def test_an_old_run_comes_back_if_the_new_one_cannot_take_its_place(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.save(tmp_path / "run")
    old = contents(tmp_path)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "manifest.json").is_file() and "-old-" not in str(self) and "-old-" not in str(target):
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(sim.RunError, match="cannot be saved"):
        results.save(tmp_path / "run")
    monkeypatch.undo()
    assert contents(tmp_path) == old
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_with_other_things_in_it_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "letter.txt").write_text("dear", "utf-8")
    (tmp_path / "file").write_text("x", "utf-8")
    old = contents(tmp_path)
    for target in ("precious", "file"):
        with pytest.raises(sim.RunError, match="exists and is not a run"):
            results.save(tmp_path / target)
    assert contents(tmp_path) == old


def test_a_new_run_replaces_an_old_one_wholly(results: Results, tmp_path: Path) -> None:
    def decorate(_: Results, folder: Path) -> None:
        (folder / "figures").mkdir()
        (folder / "figures" / "old.png").write_text("x", "utf-8")

    results.save(tmp_path / "run", decorate)
    assert (tmp_path / "run" / "figures" / "old.png").exists()
    again = results.save(tmp_path / "run")
    assert again.folder == tmp_path / "run"
    assert not (tmp_path / "run" / "figures").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_may_become_a_run(results: Results, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    results.save(tmp_path / "run")
    assert len(sim.open(tmp_path / "run").payments) == len(results.payments)


def test_run_takes_names_files_and_scenarios(tmp_path: Path) -> None:
    text = "name: mini\nextends: baseline\nperiod: {end: 2024-01-04 00:00}\nrun_in: 1d\nhorizon: 1d\n"
    (tmp_path / "mini.yaml").write_text(text, "utf-8")
    from_file = sim.run(tmp_path / "mini.yaml", output=tmp_path / "out")
    from_scenario = sim.run(sim.load(tmp_path / "mini.yaml"))
    assert dict(from_file.measures) == dict(from_scenario.measures)
    assert from_scenario.folder is None
    assert sim.open(tmp_path / "out").scenario.name == "mini"
