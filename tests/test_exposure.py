"""An outsider finds positions, hedges, results and principal risk again from the tables of facts alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from builders import POST, Order, by_hand, declare, firm, instant, town
from ruamel.yaml import YAML

from sim.engine.run import simulate
from sim.results.days import business_days
from sim.results.execute import all_tables, execute
from sim.results.risk import overall_position
from sim.scenario.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.results.results import Results
    from sim.world.build import World

HEDGED = """
name: hedged
extends: baseline
period: {end: 2024-02-01 00:00}
run_in: 15d
horizon: 10d
interest_rates: {BYN: 0.095, CNY: 0.0345, RUB: 0.16, USD: 0.053, EUR: 0.04}
firms:
  importers: {hedge: {ratio: 0.5, spread_bps: 20, roll_days: 3}}
  exporters:
    hedge: {ratio: 1, spread_bps: 40, minimum_term: 10d, currencies: [CNY, RUB]}
    exchange: {sells: {kind: keep, surrender_share: 0.3}}
  buyers: {hedge: {ratio: 0.25, spread_bps: 10}, exchange: {buys: on_invoice}}
  suppliers:
    hedge: {ratio: 0.333, spread_bps: 0}
    exchange: {sells: {kind: weekly, weekday: friday, at: "11:00", zone: Asia/Shanghai}}
flows:
  parts:
    payer: exporters
    payee: suppliers
    value: 500_000_000
    currency: USD
    invoice: {kind: fixed, value: 50_000}
    invoicing: {CNY: 0.5, USD: 0.5}
    terms: {open-account: {share: 1, days: [5, 40]}}
"""


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


FAR = 2**60
MINSK = 3 * 3_600


class Mids:
    """Mids of the `fx` table, at an instant in seconds."""

    def __init__(self, fx: pd.DataFrame) -> None:
        self._rates = {
            code: (rows["valid_from"].to_numpy(), rows["per_usd"].to_numpy())
            for code, rows in fx.sort_values("valid_from").groupby("currency")
        }

    def per_usd(self, code: str, at: int) -> float:
        """Units per dollar."""
        since, rate = self._rates[code]
        return float(rate[np.searchsorted(since, at, side="right") - 1])

    def value(self, amount: int, source: str, target: str, at: int, factor: float = 1.0) -> int:
        """All currencies of the baseline have two decimals; Python rounds halves to even, too."""
        mid = self.per_usd(target, at) / self.per_usd(source, at)
        return round(amount * (mid * factor))


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


def day(at: int) -> int:
    """Number of the day in Minsk."""
    return (at + MINSK) // 86_400


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


def forwards_of(
    terms: tuple[str, str, int, float, int],
    dates: tuple[int, int, int, int],
    rates: dict[str, float],
    mids: Mids,
    end: int,
) -> list[tuple[int, ...]]:
    """The first forward and its rolls: roll, opened, matures, closed, notional, and the five values."""
    home, foreign, sign, half, notional = terms
    opened, matures, gone, roll = dates
    found, number = [], 0
    while day(opened) < day(min(gone, matures, end - 1)):
        closed = min(gone, matures)
        at = min(closed, end - 1)
        whole, rest = ((day(matures) - day(instant)) / 365 for instant in (opened, at))

        def parity(years: float) -> float:
            return 1.0 * (1 + rates[home] * years) / (1 + rates[foreign] * years)

        early = half if rest > 0 and closed < end else 0.0
        forward = mids.value(notional, foreign, home, opened, parity(whole) * (1 - sign * half))
        close = mids.value(notional, foreign, home, at, parity(rest) * (1 + sign * early))
        result = round(sign * (forward - close) / (1 + rates[home] * rest))
        before = mids.value(notional, foreign, home, opened)
        after = mids.value(notional, foreign, home, at)
        last = closed if closed < end else FAR
        found.append((number, opened, matures, last, notional, before, forward, after, close, result))
        number, opened, matures = number + 1, matures, matures + roll
    return found


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
        assert row.balance_reporting == mids.value(row.balance, row.currency, "USD", row.date)


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


# Hedges and principal risk by hand.

STEPS = [{"kind": "convert"}, {"kind": "settle", "system": "gross"}, POST, {"kind": "convert", "by": "payee"}]


def border(hedge: dict[str, Any] | None, **market: Any) -> dict[str, Any]:  # noqa: ANN401 - a declaration
    """A west that keeps BYN and an east that keeps CNY; what it owes in yuan the west hedges."""
    exchange = {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 100}}, **market}
    return town(
        {"west": "10000000", "east": "10000000"},
        sides={
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always"},
        },
        markets={"exchange": exchange},
        banks={side: {"side": side, "hours": "always"} for side in ("west", "east")},
        firms={"west": firm("west", "west") | {"hedge": hedge}, "east": firm("east", "east")},
        routes={"direct": {"steps": STEPS}},
        interest_rates={"BYN": "0.10", "CNY": {"rate": "0.03"}},
        fx={"kind": "constant", "rates": {"BYN": "3.2", "CNY": "6.4"}},
        # The payments made by hand are told as of this flow.
        flows={
            "trade": {
                "payer": "west",
                "payee": "east",
                "value": "100",
                "currency": "CNY",
                "invoice": {"kind": "fixed", "value": "1"},
                "invoicing": {"CNY": 1},
                "terms": {"only": {"share": 1, "days": [4, 4]}},
            }
        },
    )


def tables_of(
    declared: dict[str, Any], *orders: Order, change: Callable[[World], World] | None = None
) -> Any:  # noqa: ANN401
    world = by_hand(declare(declared), *orders)
    world = change(world) if change else world
    return all_tables(world, simulate(world), business_days(world))


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
    (bare,) = tables_of(border(None), order, change=moves)["fx_results"].to_dict("records")
    assert bare["contract"] == sign * 250_000_00
    tables = tables_of(border(FULL), order, change=moves)
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
    declared = border({"ratio": 1, "spread_bps": 0}) | {"interest_rates": {"BYN": 0, "CNY": 0}}
    change = invoiced(4, byn={"2024-03-05 00:00": 3.37, "2024-03-06 00:00": 4.81})
    (told,) = tables_of(declared, PURCHASE, change=change)["fx_results"].to_dict("records")
    assert told["hedge"] == -(told["contract"] + told["clearing"])
    assert told["total"] == told["spread"]


def test_a_late_exchange_is_rolled_and_the_roll_costs() -> None:
    """Due on Friday evening, exchanged on Sunday, when the market opens: one roll of a week, closed early."""
    hours = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["10:00-10:30"]}
    declared = border(FULL, hours=hours) | {
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
        tables_of(border({"ratio": ratio, "spread_bps": 20}), PURCHASE, change=invoiced(4))
        for ratio in (1, 0.5)
    )
    assert 2 * half["hedges"]["notional"].sum() == whole["hedges"]["notional"].sum()
    covered = half["positions"].set_index("firm").loc["west-0001"].iloc[0]
    assert (covered["payable"], covered["forwards"]) == (1_000_000_00, 500_000_00)
    assert covered["net_open_position"] == -500_000_00


@pytest.mark.parametrize("change", [{"minimum_term": "5d"}, {"currencies": ["USD"]}, {"ratio": 0}])
def test_what_the_policy_leaves_out_is_not_covered(change: dict[str, Any]) -> None:
    tables = tables_of(border(FULL | change), PURCHASE, change=invoiced(4))
    assert tables["hedges"].empty
    assert tables["fx_results"]["hedge"].tolist() == [0]


def test_a_hedge_moves_no_payment() -> None:
    bare, covered = (tables_of(border(hedge), PURCHASE, SALE) for hedge in (None, FULL))
    for name in ("payments", "conversions", "postings", "fees"):
        pd.testing.assert_frame_equal(bare[name], covered[name])


def test_a_firm_that_bought_and_waits_for_delivery_may_lose_what_it_paid() -> None:
    tables = tables_of(border(None, delivery="2h"), PURCHASE)
    (row,) = tables["principal_risk"].to_dict("records")
    assert (row["kind"], row["holder"], row["currency"], row["amount"]) == (
        "exchange",
        "west-0001",
        "BYN",
        502_500_00,
    )
    assert row["final_at"] - row["paid_at"] == pd.Timedelta(hours=2)


def test_nothing_is_at_risk_where_delivery_is_immediate() -> None:
    assert tables_of(border(None), PURCHASE, SALE)["principal_risk"].empty
