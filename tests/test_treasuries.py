"""A treasury buys money when it says and sweeps what a system does not keep, at the price of its market."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from towns import YEAR, cost, refusal, run, write

import sim

# Zero balances.

#: Two banks that pay each other, so that there are payments, and nobody else.
OTHERS = ["holder: c, balance: 1", "holder: d"]
PAYMENT = "4 09:10 c d 1"


def test_what_zero_balancing_took_is_bought_back_only_if_a_treasury_says_so(tmp_path: Path) -> None:
    at_opening = 'treasuries: {t: {at: "09:00", zone: Europe/Minsk, calendar: always}}'
    accounts = ["holder: a, balance: 100", "holder: b, balance: 50, treasury: t"]
    results = run(tmp_path, [*accounts, *OTHERS], [PAYMENT], system="zero_balance: true", more=at_opening)
    closing = results.balances.groupby("account", observed=True)["closing_balance"]
    assert closing.apply(list)[["a@s", "b@s"]].tolist() == [[0, 0], [0, 0]]
    moved = [
        (row.debit_account, row.credit_account, row.amount, row.posted_at.tz_convert("Europe/Minsk").hour)
        for row in results.postings.itertuples()
        if not {"c@s", "d@s"} & {row.debit_account, row.credit_account}
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
    path = write(tmp_path, [*accounts, *OTHERS], [PAYMENT], system="zero_balance: true", more=treasury)
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
