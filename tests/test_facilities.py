"""A facility lends what a queue lacks, within its limit, and has it back or rolls it over."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from towns import cost, refusal, run, write

import sim


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


@pytest.mark.quick
def test_what_is_drawn_and_under_way_is_not_drawn_again(tmp_path: Path) -> None:
    """Each payment that comes to wait lacks its own amount, though nothing has arrived for those before it."""
    more = facility(**SWAP, lag="1h")
    payments = ["4 10:00 a b 400_000", "4 10:30 a b 100_000", "4 10:45 b a 50_000", "4 10:50 a b 30_000"]
    results = run(tmp_path, ["holder: a, balance: 0", "holder: b, balance: 50_000"], payments, more=more)
    # What came in by payments is lacking no more.
    assert [loan[:2] + loan[3:4] for loan in loans(results)][:2] == [
        ("a", "4 11:00", 40_000_000),
        ("a", "4 11:30", 10_000_000),
    ]
    assert results.borrowings["amount"].sum() - results.borrowings["carried_over"].sum() == 50_000_000
    assert settled_at(results) == ["4 11:00", "4 11:30", "4 10:45", "4 11:30"]


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


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
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
