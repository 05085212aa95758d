"""Where the money comes from and what it costs, seen through the public names: YAML, CSV, tables, measures."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim.errors import ScenarioError

HOURS = '{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}'
TOWN = """
name: town
period: {{start: 2024-03-04 00:00, end: {end} 00:00, zone: Europe/Minsk}}
systems:
  s: {{kind: rtgs, currency: BYN, hours: {hours}{system}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
{more}
"""


def write(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> Path:
    """A town of banks with one system, open from 09:00 to 17:00; payments are `day time payer payee amount`.

    4 March 2024 is a Monday; the run ends with the 5th unless `end` says otherwise.
    """
    rows = []
    for number, text in enumerate(payments, start=1):
        day, time, payer, payee, amount = text.split()
        rows.append(f"p{number},2024-03-{int(day):02d}T{time}:00,{payer},{payee},{amount.replace('_', '')}")
    lines = ["payment_id,instructed_at,payer_bank,payee_bank,amount", *rows]
    (folder / "payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "town.yaml"
    listed = indent("\n".join(f"- {{{account}, system: s}}" for account in accounts), "  ")
    text = TOWN.format(end=end, hours=HOURS, system=system and f", {system}", accounts=listed, more=more)
    path.write_text(text, encoding="utf-8")
    return path


def run(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    system: str = "",
    more: str = "",
    end: str = "2024-03-06",
) -> sim.Results:
    """Run such a town."""
    return sim.run(write(folder, accounts, payments, system=system, more=more, end=end))


def opening(results: sim.Results, holder: str) -> int:
    """Opening balance in minor units."""
    return int(results.accounts.set_index("holder").loc[holder, "opening_balance"])


def refusal(path: Path) -> str:
    """What is said about a scenario that cannot be."""
    with pytest.raises(ScenarioError) as caught:
        sim.load(path)
    return "\n".join(str(problem) for problem in caught.value.problems)


# Prefunding.


def test_prefunding_is_so_many_days_of_mean_payouts(tmp_path: Path) -> None:
    payments = ["4 09:10 a b 60.00", "5 10:00 a b 40.01", "5 10:30 b a 7"]
    results = run(tmp_path, ["holder: a, prefund_days: 1.5", "holder: b, balance: 3"], payments)
    # Two working days in the period: 1.5 × 100.01 / 2 = 75.0075, in whole kopecks 75.01.
    assert opening(results, "a") == 7501
    assert opening(results, "b") == 300


def test_prefunding_counts_payments_due_in_the_period_by_the_system_they_ask() -> None:
    results = sim.load("baseline", ["period.end=2024-01-11", "run_in=3d", "horizon=5d"])
    world = sim.run(results)
    payments = world.payments.set_index("payment_id")
    transfers = world.transfers.join(payments[["counted"]], on="payment_id")
    asked = transfers[transfers["counted"] & (transfers["debit_account"] == "minsk-a@nostro-usd")]
    # New York works on 2 to 5 and 8 to 10 January.
    expected = round(4 * int(asked["amount"].sum()) / 7)
    assert world.accounts.set_index("account").loc["minsk-a@nostro-usd", "opening_balance"] == expected


def test_the_treasury_restores_what_was_prefunded(tmp_path: Path) -> None:
    treasury = 'treasuries: {t: {at: "16:00", zone: Europe/Minsk, calendar: always}}'
    accounts = ["holder: a, prefund_days: 1, treasury: t", "holder: b, balance: 0"]
    results = run(tmp_path, accounts, ["4 09:10 a b 20", "5 09:10 a b 20"], more=treasury)
    assert opening(results, "a") == 2000
    assert results.accounts.set_index("holder").loc["a", "closing_balance"] == 2000


def test_a_prefunded_scenario_runs_again_from_what_it_left(tmp_path: Path) -> None:
    accounts = ["holder: a, prefund_days: 2", "holder: b, balance: 0"]
    results = run(tmp_path, accounts, ["4 09:10 a b 20", "5 09:10 a b 20.01"]).save(tmp_path / "run")
    again = sim.run(tmp_path / "run" / "scenario.yaml")
    assert opening(again, "a") == opening(results, "a") == 4001


def test_a_balance_and_prefunding_are_one_too_many(tmp_path: Path) -> None:
    path = write(tmp_path, ["holder: a, balance: 5, prefund_days: 2"], [])
    assert "town.yaml:7:43: accounts.0.prefund_days: state either 'balance' or 'prefund_days'" in refusal(
        path
    )


# Credit and what money costs.

YEAR = 365 * 24


def cost(results: sim.Results, component: str) -> float:
    """Cost of one component in the period, in the reporting currency."""
    return float(results.measures["liquidity_cost"].value[component])


def test_an_overdraft_of_a_million_for_six_hours_at_3_65_percent_costs_25(tmp_path: Path) -> None:
    accounts = ["holder: a, intraday_credit: {limit: 1_000_000, rate: 0.0365}", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 1_000_000", "4 16:00 b a 1_000_000"])
    assert cost(results, "intraday_credit") == 25.00
    assert results.liquidity_costs["amount"].tolist() == [2500]
    assert cost(results, "overnight_credit") == 0


def test_credit_used_beyond_the_end_of_a_day_costs_the_overnight_rate_until_the_next(tmp_path: Path) -> None:
    credit = "intraday_credit: {limit: 1_000_000, rate: 0.0365, overnight_rate: 0.365}"
    accounts = [f"holder: a, {credit}", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 1_000_000", "5 10:00 b a 1_000_000"])
    # 10:00 to 17:00 and 9:00 to 10:00 within days, 16 hours between them.
    assert cost(results, "intraday_credit") == pytest.approx(1e6 * 0.0365 * 8 / YEAR, abs=0.01)
    assert cost(results, "overnight_credit") == pytest.approx(1e6 * 0.365 * 16 / YEAR, abs=0.01)


def test_the_plain_overdraft_is_used_first_and_is_free(tmp_path: Path) -> None:
    credit = "credit: 400_000, intraday_credit: {limit: 600_000, rate: 0.0365, overnight_rate: 0}"
    results = run(tmp_path, [f"holder: a, {credit}", "holder: b"], ["4 11:00 a b 1_000_000"])
    within_days = 6 + 8
    assert cost(results, "intraday_credit") == pytest.approx(6e5 * 0.0365 * within_days / YEAR, abs=0.01)
    assert cost(results, "total") == cost(results, "intraday_credit")


def test_collateral_is_lent_against_less_its_haircut_and_not_a_kopeck_more(tmp_path: Path) -> None:
    credit = "intraday_credit: {collateral: 100.01, haircut: 0.05}"
    payments = ["4 10:00 a b 95.00", "4 11:00 a b 0.01"]
    results = run(tmp_path, [f"holder: a, {credit}", "holder: b"], payments)
    # 100.01 × 0.95 = 95.0095, rounded down to 95.00.
    assert results.payments["status"].tolist() == ["settled", "pending"]
    assert results.accounts.set_index("holder").loc["a", "floor"] == -9500
    assert cost(results, "total") == 0


def test_money_held_costs_its_rate_for_the_period_only(tmp_path: Path) -> None:
    accounts = ["holder: a, balance: 1_000_000", "holder: b, holding_rate: 0"]
    more = "horizon: 3d"
    results = run(
        tmp_path, accounts, ["4 12:00 a b 400_000"], system="holding_rate: 0.05", more=more, end="2024-03-06"
    )
    held = 1e6 * 12 + 6e5 * 36
    assert cost(results, "holding") == pytest.approx(held * 0.05 / YEAR, abs=0.01)
    costs = results.measures["liquidity_cost_by_system"].value["s"]
    assert costs["holding"] == costs["total"] == cost(results, "holding")
    assert results.measures["payment_cost_bps"].value["liquidity"] == pytest.approx(
        1e4 * cost(results, "holding") / 4e5
    )


@pytest.mark.parametrize(
    ("account", "problem"),
    [
        ("intraday_credit: {rate: 0.1}", "intraday_credit: state either 'limit' or 'collateral'"),
        (
            "intraday_credit: {limit: 5, collateral: 5}",
            "intraday_credit: state either 'limit' or 'collateral'",
        ),
        ("intraday_credit: {limit: 5, haircut: 0.1}", "haircut: a haircut needs 'collateral'"),
        ("intraday_credit: {limit: 5.001}", "intraday_credit.limit: 5.001 has more than 2 decimals"),
        ("intraday_credit: {limit: 5, rate: -0.1}", "rate: must be at least 0, not -0.1"),
        (
            "balance: -6, intraday_credit: {limit: 5}",
            "balance: the opening balance is beyond the credit line",
        ),
        ("holding_rate: -1", "holding_rate: must be at least 0, not -1"),
    ],
)
def test_impossible_credit_is_refused_where_it_stands(account: str, problem: str, tmp_path: Path) -> None:
    told = refusal(write(tmp_path, [f"holder: a, {account}"], []))
    assert "town.yaml:7:" in told
    assert problem in told


# Facilities.


def facility(name: str = "line", **keys: str) -> str:
    """A top-level section with one facility."""
    stated = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"facilities: {{{name}: {{system: s, {stated}}}}}"


def loans(results: sim.Results) -> list[tuple[str, str, str | None, int, int, int, int]]:
    """Account, receipt, repayment (`day hour:minute`), amount, carried over, rolled and interest of each loan."""
    table = results.borrowings

    def told(at: pd.Timestamp) -> str | None:
        return None if pd.isna(at) else at.tz_convert("Europe/Minsk").strftime("%-d %H:%M")

    return [
        (
            row.account.partition("@")[0],
            told(row.received_at),
            told(row.repaid_at),
            row.amount,
            row.carried_over,
            row.rolled,
            row.interest,
        )
        for row in table.itertuples()
    ]


def settled_at(results: sim.Results) -> list[str | None]:
    """When each payment settled, `day hour:minute`."""
    at = results.payments["settled_at"].dt.tz_convert("Europe/Minsk")
    return [None if pd.isna(one) else one.strftime("%-d %H:%M") for one in at]


SWAP = {"kind": "swap_line", "banks": "[a, b]", "limit": "1_000_000", "rate": "0.0365"}


def test_a_line_lends_what_the_queue_lacks_until_the_next_day_begins(tmp_path: Path) -> None:
    payments = ["4 10:00 a b 1_000_000", "4 12:00 b a 900_000"]
    more = facility(**SWAP)
    results = run(tmp_path, ["holder: a, balance: 400_000", "holder: b"], payments, more=more)
    assert settled_at(results) == ["4 10:00", "4 12:00"]
    # 600,000.00 for 23 hours at 3.65 % are 57.50, repaid from the 900,000.00 that came in.
    assert loans(results) == [("a", "4 10:00", "5 09:00", 60_000_000, 0, 0, 5750)]
    assert cost(results, "swap_line") == 57.50
    accounts = results.accounts.set_index("holder")["closing_balance"]
    assert accounts.to_dict() == {"a": 30_000_000, "b": 10_000_000, "market": 0}


def test_what_cannot_be_repaid_is_rolled_over_at_the_penalty_rate(tmp_path: Path) -> None:
    payments = ["4 10:00 a b 1_000_000", "4 12:00 b a 500_000"]
    more = facility(**SWAP, penalty_rate="0.0365")
    results = run(tmp_path, ["holder: a", "holder: b"], payments, more=more)
    # 15 hours of the 5th are left at twice the rate: 500,000 · 0.073 · 15 / 8760 = 62.50.
    assert loans(results) == [
        ("a", "4 10:00", "5 09:00", 100_000_000, 50_000_000, 0, 9583),
        ("a", "5 09:00", None, 50_000_000, 0, 1, 6250),
    ]
    assert results.accounts["closing_balance"].sum() == 0
    used = results.measures["facility_use"].value["line"]
    assert used == {"loans": 1, "drawn": 1_000_000.0, "peak": 1_000_000.0, "rolled": 1}


def test_a_line_has_one_limit_and_lends_in_the_order_of_the_accounts(tmp_path: Path) -> None:
    payments = ["4 10:00 b c 700_000", "4 10:00 a c 600_000"]
    results = run(
        tmp_path, ["holder: a", "holder: b", "holder: c"], payments, more=facility(**SWAP), end="2024-03-05"
    )
    assert [(loan[0], loan[3]) for loan in loans(results)] == [("a", 60_000_000), ("b", 40_000_000)]
    assert settled_at(results) == [None, "4 10:00"]


def test_a_repo_lends_to_each_bank_against_its_own_collateral(tmp_path: Path) -> None:
    repo = facility(kind="repo", collateral="{a: 100.01, b: 50}", haircut="0.1", rate="0.05")
    results = run(
        tmp_path,
        ["holder: a", "holder: b", "holder: c"],
        ["4 10:00 a c 100", "4 10:30 b c 45"],
        more=repo,
        end="2024-03-05",
    )
    # 100.01 · 0.9 = 90.009, rounded down; 45 is what b's collateral is good for.
    assert [(loan[0], loan[3]) for loan in loans(results)] == [("a", 9000), ("b", 4500)]
    assert settled_at(results) == [None, "4 10:30"]
    assert set(results.borrowings["kind"]) == {"repo"}


def test_money_drawn_at_a_stated_time_comes_after_its_lag_at_an_opening(tmp_path: Path) -> None:
    daily = '{at: "15:00", zone: Europe/Minsk, calendar: always}'
    more = facility(**SWAP, draw=daily, lag="3h", term="2h")
    results = run(tmp_path, ["holder: a", "holder: b"], ["4 10:00 a b 100", "5 14:00 b a 100"], more=more)
    assert settled_at(results) == ["5 09:00", "5 14:00"]
    assert loans(results)[0][1:5] == ("5 09:00", "5 11:00", 10_000, 10_000)


def test_repaid_money_can_be_drawn_again_by_whoever_still_waits(tmp_path: Path) -> None:
    payments = ["4 10:00 a c 1_000_000", "4 11:00 b c 1_000_000", "4 12:00 c a 1_000_000"]
    results = run(tmp_path, ["holder: a", "holder: b", "holder: c"], payments, more=facility(**SWAP))
    assert [(loan[0], loan[1]) for loan in loans(results)] == [("a", "4 10:00"), ("b", "5 09:00")]
    assert settled_at(results) == ["4 10:00", "5 09:00", "4 12:00"]


@pytest.mark.parametrize(
    ("minimum", "drawn"),
    [("300_000", [("a", 30_000_000), ("b", 70_000_000)]), ("800_000", [("a", 80_000_000)])],
)
def test_a_draw_has_a_least_amount(minimum: str, drawn: list[tuple[str, int]], tmp_path: Path) -> None:
    payments = ["4 10:00 a c 10", "4 11:00 b c 800_000"]
    more = facility(**SWAP, minimum=minimum)
    results = run(tmp_path, ["holder: a", "holder: b", "holder: c"], payments, more=more, end="2024-03-05")
    assert [(loan[0], loan[3]) for loan in loans(results)] == drawn


def test_the_treasury_buys_what_the_account_owes(tmp_path: Path) -> None:
    treasury = 'treasuries: {t: {at: "11:00", zone: Europe/Minsk, calendar: always, lag: 4h}}'
    accounts = ["holder: a, balance: 200_000, treasury: t", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 1_000_000"], more=treasury + "\n" + facility(**SWAP))
    assert list(results.funding["amount"]) == [100_000_000]
    assert loans(results)[0][2:5] == ("5 09:00", 80_000_000, 0)
    assert results.accounts.set_index("holder").loc["a", "closing_balance"] == 20_000_000


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({**SWAP, "banks": "[a, d]"}, "facilities.line.banks.1: 'd' has no account in 's'"),
        ({**SWAP, "banks": "[a, a]"}, "facilities.line.banks.1: 'a' stands here a second time"),
        ({**SWAP, "limit": "1.001"}, "facilities.line.limit: 1.001 has more than 2 decimals"),
        ({**SWAP, "term": "0h"}, "facilities.line.term: '0h' is neither overnight nor a duration"),
        ({**SWAP, "term": "soon"}, "facilities.line.term: 'soon' is neither overnight nor"),
        ({**SWAP, "draw": "sometimes"}, "facilities.line.draw: "),
        ({**SWAP, "draw": "{at: 10:00}"}, "facilities.line.draw"),
        ({**SWAP, "collateral": "{a: 1}"}, "facilities.line.collateral: unknown key"),
        ({"kind": "repo", "rate": "0", "collateral": "{d: 5}"}, "facilities.line.collateral.d: 'd' has no"),
        ({"kind": "repo", "rate": "0", "collateral": "{a: 5}", "haircut": "2"}, "haircut: must be at most 1"),
        ({"kind": "lombard", "rate": "0"}, "facilities.line.kind: "),
    ],
)
def test_an_impossible_facility_is_refused_where_it_stands(
    keys: dict[str, str], problem: str, tmp_path: Path
) -> None:
    told = refusal(write(tmp_path, ["holder: a", "holder: b"], [], more=facility(**keys)))
    assert "town.yaml:10:" in told
    assert problem in told


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    payments=st.lists(
        st.tuples(
            st.sampled_from(["4", "5", "6"]),
            st.integers(9, 18),
            st.sampled_from(["a b", "b a", "a c", "c a", "b c", "c b"]),
            st.integers(1, 90),
        ),
        min_size=1,
        max_size=30,
    ),
    zero_balance=st.booleans(),
    lag=st.sampled_from(["0h", "2h"]),
    minimum=st.sampled_from(["0", "25"]),
)
def test_loans_stay_within_their_limit_and_money_within_its_limits(
    payments: list[tuple[str, int, str, int]], zero_balance: bool, lag: str, minimum: str, tmp_path: Path
) -> None:
    line = facility(kind="swap_line", banks="[a, b]", limit="60", rate="0.05", lag=lag, minimum=minimum)
    credit = "intraday_credit: {limit: 20, rate: 0.02}"
    results = run(
        tmp_path,
        ["holder: a, balance: 30", f"holder: b, {credit}", "holder: c, balance: 40"],
        [f"{day} {hour:02d}:00 {pair} {amount}" for day, hour, pair, amount in payments],
        system=f"zero_balance: {str(zero_balance).lower()}",
        more=line,
        end="2024-03-08",
    )
    # That accounts keep to their limits, and that no money is lost, is a promise that every run checks.
    table = results.borrowings
    peak = results.measures["facility_use"].value.get("line", {"peak": 0})["peak"]
    assert peak <= 60
    assert (table["amount"] > 0).all()
    assert (table.loc[table["rolled"] == 0, "amount"] >= 100 * int(minimum)).all()
    # A row that was not repaid in full goes on in another, from the same instant.
    over = (
        table[table["carried_over"] > 0]
        .groupby(["account", "repaid_at"], observed=True)["carried_over"]
        .sum()
    )
    rolled = table[table["rolled"] > 0].groupby(["account", "drawn_at"], observed=True)["amount"].sum()
    assert over.tolist() == rolled.tolist()
    lent, back = (
        results.postings["debit_account"] == "market@s",
        results.postings["credit_account"] == "market@s",
    )
    received = table.loc[(table["rolled"] == 0) & table["received_at"].notna(), "amount"].sum()
    assert results.postings.loc[lent, "amount"].sum() == received
    if not zero_balance:
        repaid = (table["amount"] - table["carried_over"])[table["repaid_at"].notna()].sum()
        assert results.postings.loc[back, "amount"].sum() == repaid


# Zero balances.


def test_what_was_swept_is_bought_back_only_if_a_treasury_says_so(tmp_path: Path) -> None:
    at_opening = 'treasuries: {t: {at: "09:00", zone: Europe/Minsk, calendar: always}}'
    accounts = ["holder: a, balance: 100", "holder: b, balance: 50, treasury: t"]
    results = run(tmp_path, accounts, [], system="zero_balance: true", more=at_opening)
    closing = results.balances.groupby("account", observed=True)["closing_balance"]
    assert closing.apply(list)[["a@s", "b@s"]].tolist() == [[0, 0], [0, 0]]
    moved = [
        (row.debit_account, row.credit_account, row.amount, row.posted_at.tz_convert("Europe/Minsk").hour)
        for row in results.postings.itertuples()
    ]
    assert moved == [
        ("a@s", "market@s", 10_000, 17),
        ("b@s", "market@s", 5_000, 17),
        ("market@s", "b@s", 5_000, 9),
        ("b@s", "market@s", 5_000, 17),
    ]


@pytest.mark.parametrize(("at", "told"), [("12:00", True), ("12:01", False), ("17:00", False)])
def test_money_that_comes_as_a_session_ends_is_told_to_be_lost(at: str, told: bool, tmp_path: Path) -> None:
    treasury = f'treasuries: {{t: {{at: "{at}", zone: Europe/Minsk, calendar: always}}}}'
    accounts = ["holder: a, balance: 100, treasury: t", "holder: b"]
    path = write(tmp_path, accounts, [], system="zero_balance: true", more=treasury)
    text = path.read_text(encoding="utf-8").replace('["09:00-17:00"]', '["09:00-12:00", "12:00-17:00"]')
    path.write_text(text, encoding="utf-8")
    results = sim.run(path)
    warnings = [text for text in results.manifest["warnings"] if "taken away" in text]
    sentence = (
        "treasury 't': what it buys for 's' comes as a session ends, and is taken away at once, 2 of 2 times, "
        "first on 2024-03-04 at 12:00 (Europe/Minsk); let it come a minute later"
    )
    assert warnings == [sentence] * told
    # From one session's end to the next the account has what was bought, or it has nothing.
    moved = results.postings["posted_at"].dt.tz_convert("Europe/Minsk").dt.strftime("%H:%M").tolist()
    assert ("12:01" in moved) == (at == "12:01")


def test_an_overdraft_stays_when_a_session_ends_and_costs_its_night(tmp_path: Path) -> None:
    credit = "intraday_credit: {limit: 1_000_000, overnight_rate: 0.0365}"
    accounts = [f"holder: a, balance: 0, {credit}", "holder: b"]
    results = run(tmp_path, accounts, ["4 16:00 a b 1_000_000"], system="zero_balance: true")
    closing = results.accounts.set_index("holder")["closing_balance"]
    assert closing.to_dict() == {"a": -100_000_000, "b": 0, "market": 100_000_000}
    # 16 hours between the days, and 7 hours from the end of the 5th to that of the period.
    assert cost(results, "overnight_credit") == pytest.approx(1e6 * 0.0365 * 23 / YEAR, abs=0.01)
    assert cost(results, "intraday_credit") == 0


# Deals of treasuries.

FX = "fx: {kind: constant, rates: {BYN: 3.2, CNY: 8}}"
EXCHANGE = """
markets:
  exchange:
    hours: {zone: Europe/Minsk, sessions: ["10:00-13:00"], calendar: always}
    pairs: {CNY/BYN: {spread_bps: 40}}
"""


def test_a_treasury_deals_at_the_markets_next_opening_half_the_spread_from_mid(tmp_path: Path) -> None:
    treasury = (
        "treasuries: {t: {market: exchange, against: CNY, lag: 1h, "
        'at: "15:00", zone: Europe/Minsk, calendar: always}}'
    )
    accounts = ["holder: a, balance: 100, treasury: t", "holder: b, balance: 0, treasury: t"]
    payments = ["4 10:00 a b 60"]
    more = f"{FX}\nreporting_currency: BYN\n{EXCHANGE}\n{treasury}"
    results = run(tmp_path, accounts, payments, more=more)
    table = results.funding
    zone = "Europe/Minsk"
    when = [
        [
            row[name].tz_convert(zone).strftime("%-d %H:%M")
            for name in ("decided_at", "dealt_at", "delivered_at")
        ]
        for _, row in table.iterrows()
    ]
    # What is sold leaves at once; what is bought comes an hour after the deal.
    assert when == [["4 15:00", "5 10:00", "5 11:00"], ["4 15:00", "5 10:00", "4 15:00"]]
    assert table["amount"].tolist() == [6000, -6000]
    # 60 BYN are 150 CNY, half of 40 basis points on that 0.30 CNY, which is 12 kopecks.
    assert table["mid_value"].tolist() == [15_000, 15_000]
    assert table["realised_value"].tolist() == [15_030, 14_970]
    assert cost(results, "top_ups") == 0.24
    assert cost(results, "total") == cost(results, "top_ups")


def test_a_deal_without_a_market_takes_place_at_once_and_costs_nothing(tmp_path: Path) -> None:
    treasury = 'treasuries: {t: {at: "15:00", zone: Europe/Minsk, calendar: always, lag: 1h}}'
    accounts = ["holder: a, balance: 100, treasury: t", "holder: b"]
    results = run(tmp_path, accounts, ["4 10:00 a b 60"], more=treasury)
    (deal,) = results.funding.to_dict("records")
    assert deal["dealt_at"] == deal["decided_at"]
    assert deal["delivered_at"] - deal["dealt_at"] == pd.Timedelta(hours=1)
    assert pd.isna(deal["realised_value"])
    assert cost(results, "total") == 0


@pytest.mark.parametrize(
    ("treasury", "more", "problem"),
    [
        ("against: CNY", FX, "treasuries.t.against: 'against' needs a 'market'"),
        ("market: bourse", FX, "treasuries.t.market: 'bourse' is not declared under 'markets'"),
        ("market: exchange, against: CNY", EXCHANGE, "treasuries.t.market: a market needs 'fx'"),
        ("market: exchange", FX + EXCHANGE, "'a' is on no side; state what the treasury deals 'against'"),
        ("market: exchange, against: USD", FX + EXCHANGE, "'t' deals, does not trade BYN/USD"),
    ],
)
def test_a_treasury_that_cannot_deal_is_refused(
    treasury: str, more: str, problem: str, tmp_path: Path
) -> None:
    declared = f'treasuries: {{t: {{{treasury}, at: "15:00", zone: Europe/Minsk, calendar: always}}}}'
    path = write(tmp_path, ["holder: a, treasury: t"], [], more=f"{declared}\n{more}")
    assert problem in refusal(path)
