"""An outsider finds positions, hedges, results and principal risk again from the tables of facts alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from builders import Order, border, by_hand, declare, instant
from hedged import FAR, HEDGED, Mids, forwards_of
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from telling import run_of

from sim.core.clock import DAY
from sim.engine.run import simulate
from sim.results.derived.spans import outstanding
from sim.results.execute import execute
from sim.results.risk import overall_position
from sim.scenario.load import load

if TYPE_CHECKING:
    from sim.results.results import Results


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("hedged")
    (folder / "hedged.yaml").write_text(HEDGED, "utf-8")
    return execute(load(folder / "hedged.yaml")).save(folder / "run")


@pytest.fixture(scope="module")
def saved(run: Results) -> dict[str, pd.DataFrame]:
    """The tables as an outsider reads them, with plain text and seconds since 1970 (None for never)."""
    assert run.folder is not None
    found = {}
    for path in run.folder.glob("*.parquet"):
        table = pq.read_table(path).to_pandas()
        for column in table.columns:
            if isinstance(table[column].dtype, pd.CategoricalDtype):
                table[column] = table[column].astype(object)
            elif isinstance(table[column].dtype, pd.DatetimeTZDtype):
                plain = table[column].dt.tz_convert("UTC").dt.tz_localize(None)
                at = plain.to_numpy().astype("datetime64[s]").astype(np.int64)
                table[column] = np.where(plain.isna(), FAR, at)
        found[path.stem] = table
    return found


@pytest.fixture(scope="module")
def mids(saved: dict[str, pd.DataFrame]) -> Mids:
    return Mids(saved["fx"])


@pytest.fixture(scope="module")
def end(run: Results) -> int:
    return int(pd.Timestamp(run.manifest["followed_until"]).timestamp())


Parts = dict[tuple[int, str], list[tuple[int, int]]]


@pytest.fixture(scope="module")
def parts(saved: dict[str, pd.DataFrame]) -> Parts:
    """(amount, instant) of each exchanged part by obligation and bearer, the rest at FAR."""
    found: Parts = defaultdict(list)
    firms = saved["firms"].set_index("firm")["functional_currency"].to_dict()
    deals = saved["conversions"].sort_values("converted_at", kind="stable")
    for row in deals.itertuples():
        found[row.obligation_id, row.bearer].append((row.amount, row.converted_at))
    for row in saved["obligations"].itertuples():
        for bearer in ("payer", "payee"):
            if firms[getattr(row, bearer)] != row.currency:
                rest = row.amount - sum(amount for amount, _ in found[row.obligation_id, bearer])
                if rest:
                    found[row.obligation_id, bearer].append((rest, FAR))
    return found


def test_every_change_of_every_firms_position(saved: dict[str, pd.DataFrame], parts: Parts, end: int) -> None:
    obligations = saved["obligations"].set_index("obligation_id")
    credited = saved["payments"].set_index("obligation_id")["credited_at"].to_dict()
    changes: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * 4))

    def count(holder: tuple[str, str], kind: int, amount: int, since: int, until: int) -> None:
        for at, change in ((since, amount), (until, -amount)):
            if since < until and at < end:
                changes[holder][at][kind] += change

    for (number, bearer), amounts in parts.items():
        of = obligations.loc[number]
        holder = of[bearer], of["currency"]
        for amount, gone in amounts:
            if bearer == "payer":
                count(holder, 1, amount, of["invoiced_at"], gone)
                continue
            paid = credited.get(number, FAR)
            count(holder, 0, amount, of["invoiced_at"], min(paid, gone))
            count(holder, 2, amount, paid, gone)
    for row in saved["hedges"].itertuples():
        sign = 1 if row.bearer == "payer" else -1
        count((row.firm, row.currency), 3, sign * row.notional, row.opened_at, row.closed_at)
    expected = []
    for (name, code), by_instant in changes.items():
        now = [0] * 4
        for at in sorted(by_instant):
            now = [before + change for before, change in zip(now, by_instant[at], strict=True)]
            expected.append((name, code, at, *now, now[0] - now[1] + now[2] + now[3]))
    columns = ["firm", "currency", "at", "receivable", "payable", "cash", "forwards", "net_open_position"]
    told = list(saved["positions"][columns].itertuples(index=False, name=None))
    assert sorted(told) == sorted(expected)
    assert len(told) > 10_000
    # Obligations were exchanged in parts, and cash earned was spent.
    assert max(map(len, parts.values())) > 1
    assert (saved["conversions"]["kind"] == "matched").any()


def test_the_firms_of_a_side_add_up_to_its_exposure(saved: dict[str, pd.DataFrame]) -> None:
    sides = saved["firms"].set_index("firm")["side"]
    positions = saved["positions"].assign(side=lambda table: table["firm"].map(sides))
    columns = ["receivable", "payable", "cash", "forwards", "net_open_position"]
    seen = 0
    for (side, code), told in saved["exposure"].groupby(["side", "currency"]):
        mine = positions[(positions["side"] == side) & (positions["currency"] == code)]
        for row in told.iloc[::9].itertuples():
            last = mine[mine["at"] <= row.at].groupby("firm")[columns].last().sum()
            assert [getattr(row, column) for column in columns] == last.astype(int).tolist()
            seen += 1
    assert seen > 20
    assert (saved["exposure"]["forwards"] != 0).any()


def test_maturities_split_receivables_and_payables(saved: dict[str, pd.DataFrame], parts: Parts) -> None:
    days = 86_400
    obligations = saved["obligations"].set_index("obligation_id")
    credited = saved["payments"].set_index("obligation_id")["credited_at"].to_dict()
    instants = sorted(set(saved["maturities"]["at"]))[3::11]
    expected: dict[tuple[Any, ...], int] = defaultdict(int)
    for (number, bearer), amounts in parts.items():
        of = obligations.loc[number]
        side, kind = of[f"{bearer}_side"], "payable" if bearer == "payer" else "receivable"
        for amount, gone in amounts:
            until = gone if bearer == "payer" else min(gone, credited.get(number, FAR))
            for at in instants:
                left = (of["due_at"] - at) / days
                if of["invoiced_at"] <= at < until:
                    bucket = (
                        "overdue"
                        if left < 0
                        else next((f"{limit}d" for limit in (7, 30, 90) if left <= limit), "later")
                    )
                    expected[at, side, of["currency"], bucket, kind] += amount
    rows = saved["maturities"]
    rows = rows[rows["at"].isin(instants)]
    told = {
        (row.at, row.side, row.currency, row.bucket, kind): getattr(row, kind)
        for row in rows.itertuples()
        for kind in ("receivable", "payable")
        if getattr(row, kind)
    }
    assert told == expected
    total = saved["maturities"].groupby(["at", "side", "currency"])[["receivable", "payable"]].sum()
    same = saved["exposure"].set_index(["at", "side", "currency"])[["receivable", "payable"]]
    assert total.equals(same.sort_index())


moments = st.integers(0, 6)


@pytest.mark.quick
@given(st.lists(st.tuples(moments, moments, st.integers(1, 9))), st.sets(moments, min_size=1))
def test_what_is_open_at_an_instant_has_begun_by_then_and_not_ended(
    given_spans: list[tuple[int, int, int]], at: set[int]
) -> None:
    since, until, amount = np.array(given_spans, dtype=np.int64).reshape(-1, 3).T
    told = outstanding(since, until, amount, np.array(sorted(at)))
    expected = [
        sum(worth for begins, ends, worth in given_spans if begins <= now < ends) for now in sorted(at)
    ]
    assert told.tolist() == expected


#: The most time to the due date that each bucket takes in, in seconds, in their order.
BORDERS = {"overdue": -1, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY, "later": 1_000 * DAY}


@pytest.mark.quick
def test_an_obligation_is_in_one_bucket_at_its_very_border_and_in_the_next_a_second_beyond() -> None:
    """One obligation for each second around each border, told at a midnight; each amount is a power of two."""
    midnight = instant("2024-03-05 00:00")
    left = sorted({edge + beside for edge in (*BORDERS.values(), 0) for beside in (-1, 0, 1)})
    orders = [Order("2024-03-10 12:00", "west", "east", 2**number) for number in range(len(left))]
    world = by_hand(declare(border("1000000", run_in="1d")), *orders)
    due = midnight + np.array(left)
    invoiced = np.full(len(left), instant("2024-03-04 12:00"))
    owed = replace(world.obligations, due_at=due, invoiced_at=invoiced)
    world = replace(world, obligations=owed)
    table = run_of(world, simulate(world))["maturities"]
    rows = table[(table["at"] == pd.Timestamp(midnight, unit="s", tz="UTC")) & (table["side"] == "west")]
    expected = dict.fromkeys(BORDERS, 0)
    for number, seconds in enumerate(left):
        bucket = next(bucket for bucket, most in BORDERS.items() if seconds <= most or bucket == "later")
        expected[bucket] += 2**number
    assert dict(zip(rows["bucket"], rows["payable"], strict=True)) == expected
    assert not rows["receivable"].any()


def test_hedges_to_the_minor_unit(
    run: Results, saved: dict[str, pd.DataFrame], parts: Parts, mids: Mids, end: int
) -> None:
    assert run.folder is not None
    scenario = YAML(typ="safe", pure=True).load((run.folder / "scenario.yaml").read_text("utf-8"))
    firms = saved["firms"].set_index("firm")
    rates = {code: declared["rate"] for code, declared in scenario["interest_rates"].items()}
    expected = []
    obligations = saved["obligations"].set_index("obligation_id")
    for (number, bearer), amounts in parts.items():
        of = obligations.loc[number]
        hedge = scenario["firms"][firms.loc[of[bearer], "group"]].get("hedge")
        term = of["due_at"] - of["invoiced_at"]
        if hedge is None or of["currency"] not in hedge.get("currencies", [of["currency"]]):
            continue
        if term < (10 * 86_400 if hedge["minimum_term"] == "10d" else 0):
            continue
        home, sign = firms.loc[of[bearer], "functional_currency"], 1 if bearer == "payee" else -1
        covered = 0
        for place, (_, gone) in enumerate(amounts):
            before, until_now = covered, sum(amount for amount, _ in amounts[: place + 1])
            covered = round(hedge["ratio"] * until_now)
            if covered == before:
                continue
            terms = (home, of["currency"], sign, hedge["spread_bps"] / 20_000, covered - before)
            dates = (of["invoiced_at"], of["due_at"], gone, hedge["roll_days"] * 86_400)
            expected += [
                (number, bearer, *forward) for forward in forwards_of(terms, dates, rates, mids, end)
            ]
    columns = ["obligation_id", "bearer", "roll", "opened_at", "matures_at", "closed_at", "notional"]
    columns += ["opened_mid_value", "forward_value", "closed_mid_value", "close_value", "result"]
    told = list(saved["hedges"][columns].itertuples(index=False, name=None))
    assert sorted(told) == sorted(expected)
    assert {row[2] for row in told} >= {0, 1, 2}
    assert any(row[5] == FAR for row in told)
    # Some were closed before the due date, because the currency was bought at once.
    assert any(row[2] == 0 and row[5] < row[4] for row in told)


def test_fx_results_to_the_minor_unit(
    saved: dict[str, pd.DataFrame], parts: Parts, mids: Mids, end: int
) -> None:
    obligations = saved["obligations"].set_index("obligation_id")
    firms = saved["firms"].set_index("firm")["functional_currency"]
    hedges = saved["hedges"].groupby(["obligation_id", "bearer"])["result"].sum().to_dict()
    paid = saved["conversions"].groupby(["obligation_id", "bearer"])["realised_value"].sum().to_dict()
    told = saved["fx_results"].set_index(["obligation_id", "bearer"])
    assert told.index.is_unique
    for number, bearer in told.index:
        row, of = told.loc[number, bearer], obligations.loc[number]
        sign, home = 1 if bearer == "payee" else -1, firms[of[bearer]]

        def value(amount: int, at: int, code: str = of["currency"], home: str = home) -> int:
            return mids.value(amount, code, home, at)

        done, due, mid, rest = 0, 0, 0, 0
        for amount, gone in parts[number, bearer]:
            at = min(gone, end - 1)
            first = min(of["due_at"], at)
            due += value(done + amount, first) - value(done, first)
            mid += value(done + amount, at) - value(done, at)
            if gone == FAR:
                rest = value(done + amount, at) - value(done, at)
            done += amount
        booked, actual = value(of["amount"], of["invoiced_at"]), paid.get((number, bearer), 0) + rest
        hedge = hedges.get((number, bearer), 0)
        expected = [due - booked, mid - due, actual - mid]
        expected = [sign * part for part in expected] + [hedge, sign * (actual - booked) + hedge]
        assert row[["contract", "clearing", "spread", "hedge", "total"]].tolist() == expected
    assert (told["hedge"] != 0).sum() > 1_000


def test_every_view_of_the_results_adds_up_to_the_same(run: Results, saved: dict[str, pd.DataFrame]) -> None:
    table = saved["fx_result_by"]
    columns = ["results", "value_due", "contract", "instruction", "clearing", "spread", "hedge", "total"]
    sums = table.groupby(["dimension", "side"])[columns].sum()
    assert set(sums.index.levels[0]) == {"side", "flow", "group", "size", "route", "currency"}
    for dimension in sums.index.levels[0]:
        assert sums.loc[dimension].equals(sums.loc["side"])
    told = run.measures["fx_result"].value
    for side, row in sums.loc["side"].iterrows():
        for cause in columns[2:]:
            assert told[side][cause] == pytest.approx(row[cause] / 100)
            by_route = run.measures["fx_result_by"].value["route"].values()
            assert sum(found[side][cause] for found in by_route if side in found) == pytest.approx(
                row[cause] / 100
            )


def test_overall_positions_by_day(run: Results, saved: dict[str, pd.DataFrame]) -> None:
    for side, rows in saved["exposure"].groupby("side"):
        by_day = rows.groupby("at")["net_open_position_reporting"].apply(list).map(overall_position) / 100
        told = run.measures["overall_position"].value[side]
        assert told == {"peak": pytest.approx(by_day.max()), "mean": pytest.approx(by_day.mean())}


def test_banks_positions_are_their_foreign_balances(saved: dict[str, pd.DataFrame], mids: Mids) -> None:
    home = {"minsk": "BYN", "beijing": "CNY", "shanghai": "CNY", "guangzhou": "CNY", "shenzhen": "CNY"}
    accounts = saved["accounts"].set_index("account")
    expected: dict[tuple[int, str, str], int] = defaultdict(int)
    for row in saved["balances"].itertuples():
        of = accounts.loc[row.account]
        own = home.get(of["holder"].split("-")[0])
        if own is not None and own != of["currency"] and of["holder"] != of["servicer"]:
            expected[row.date, of["holder"], of["currency"]] += row.closing_balance
    rows = saved["bank_positions"]
    told = {(row.date, row.bank, row.currency): row.balance for row in rows.itertuples()}
    assert told == expected
    for row in rows.iloc[::97].itertuples():
        midnight = int(pd.Timestamp(row.date, tz="Europe/Minsk").timestamp())
        assert row.balance_reporting == mids.value(row.balance, row.currency, "USD", midnight)


def test_what_hedges_cost_beside_the_moves_of_rates(
    run: Results, saved: dict[str, pd.DataFrame], mids: Mids
) -> None:
    counted = set(saved["payments"].loc[saved["payments"]["counted"], "obligation_id"])
    done = saved["fx_results"][saved["fx_results"]["realised"]]
    keys = set(zip(done["obligation_id"], done["bearer"], strict=True))
    cost: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    made: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    seen = set()
    for row in saved["hedges"].itertuples():
        key = row.obligation_id, row.bearer
        if row.obligation_id in counted and key in keys:
            sign = 1 if row.bearer == "payee" else -1
            moved = sign * (row.opened_mid_value - row.closed_mid_value)
            cents = mids.value(moved - row.result, row.functional_currency, "USD", row.closed_at)
            cost[row.side][row.roll > 0] += cents
            seen.add(key)
    for row in done.itertuples():
        if (row.obligation_id, row.bearer) in seen:
            made[row.side, row.currency][0] += row.hedge
            made[row.side, row.currency][1] += row.contract + row.clearing
    told = run.measures["hedge_cost"].value
    assert told == {
        side: {
            "first": pytest.approx(first / 100),
            "rolls": pytest.approx(rolls / 100),
            "total": pytest.approx((first + rolls) / 100),
        }
        for side, (first, rolls) in cost.items()
    }
    assert told["belarus"]["rolls"] > 0
    effect = run.measures["hedge_effectiveness"].value
    for (side, code), (hedge, exposed) in made.items():
        assert effect[side][code] == pytest.approx(abs(hedge / exposed))


def test_principal_at_risk_from_deals_and_transfers(
    run: Results, saved: dict[str, pd.DataFrame], mids: Mids
) -> None:
    delivery = {name: market.delivery for name, market in run.scenario.markets.items()}
    expected = []
    for row in saved["conversions"].itertuples():
        lag = delivery[row.market] if row.kind == "market" else 0
        buys = row.bearer == "payer"
        paid = (row.functional_currency, row.realised_value) if buys else (row.currency, row.amount)
        if lag:
            expected.append(
                ("exchange", row.payment_id, row.firm, *paid, row.converted_at, row.converted_at + lag)
            )
    first = saved["transfers"][saved["transfers"]["settled_at"] < FAR].sort_values(["payment_id", "step"])
    left = first.drop_duplicates("payment_id").set_index("payment_id")["settled_at"].to_dict()
    for row in saved["payments"].itertuples():
        if row.payment_id in left and left[row.payment_id] < row.settled_at:
            span = (left[row.payment_id], row.settled_at)
            expected.append(
                ("correspondent", row.payment_id, row.payer_bank, row.currency, row.amount, *span)
            )
    home = saved["firms"].groupby("bank")["functional_currency"].first().to_dict()
    accounts = saved["accounts"].set_index("account")
    for row in saved["funding"].itertuples():
        of = accounts.loc[row.account]
        if (
            pd.isna(row.against)
            and row.amount > 0
            and home.get(of["holder"], of["currency"]) != of["currency"]
        ):
            span = (row.dealt_at, row.delivered_at)
            if span[0] < span[1]:
                expected.append(("funding", None, of["holder"], of["currency"], row.amount, *span))
    table = saved["principal_risk"]
    rows = table.assign(
        payment_id=table["payment_id"].astype(object).where(table["payment_id"].notna(), None)
    )
    columns = ["kind", "payment_id", "holder", "currency", "amount", "paid_at", "final_at"]
    told = list(rows[columns].itertuples(index=False, name=None))
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert {row[0] for row in told} == {"exchange", "funding", "correspondent"}
    for row in table.iloc[::53].itertuples():
        assert row.value == mids.value(row.amount, row.currency, "USD", row.paid_at)


def test_peak_and_value_hours_of_principal_risk(run: Results, saved: dict[str, pd.DataFrame]) -> None:
    start, until = (
        int(pd.Timestamp(day, tz="Europe/Minsk").timestamp()) for day in ("2024-01-01", "2024-02-01")
    )
    table = saved["principal_risk"]
    for kind in ("exchange", "funding", "correspondent", "all"):
        rows = table if kind == "all" else table[table["kind"] == kind]
        since, ends = rows["paid_at"].clip(lower=start), rows["final_at"].clip(upper=until)
        inside = since < ends
        area = (rows["value"] * (ends - since))[inside].sum() / 3_600 / 100
        assert run.measures["principal_risk_value_hours"].value[kind] == pytest.approx(area)
        events = sorted(
            [(at, 1, value) for at, value in zip(since[inside], rows["value"][inside], strict=True)]
            + [(at, 0, -value) for at, value in zip(ends[inside], rows["value"][inside], strict=True)]
        )
        # What ends at an instant is over before what begins at it.
        peak = max(np.cumsum([change for *_, change in events]), default=0)
        assert run.measures["principal_risk_peak"].value[kind] == pytest.approx(peak / 100)


def test_purchases_of_a_bank_without_a_side_are_at_risk_too() -> None:
    results = execute(load("two-intermediaries", ["run_in=10d", "period.end=2024-01-20"]))
    assert results.scenario.banks["moscow-a"].side is None
    bought = results.funding[
        results.funding["account"].astype(str).str.startswith("moscow-a@") & (results.funding["amount"] > 0)
    ]
    risk = results["principal_risk"]
    told = risk[(risk["holder"] == "moscow-a") & (risk["kind"] == "funding")]
    assert len(told) == len(bought) > 0
    assert told["amount"].tolist() == bought["amount"].tolist()
    assert (told["value"] > 0).all()
