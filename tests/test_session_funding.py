"""An account is funded as a session begins, out of an account in another system, to which goes back what is left."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from towns import cost, refusal

import sim

TOWN = """
name: town
period: {{start: 2024-03-04 00:00, end: 2024-03-06 00:00, zone: Europe/Minsk}}
hours:
  day: {{zone: Europe/Minsk, calendar: always, sessions: ["09:00-12:00", "12:00-17:00"]}}
  round: {{zone: Europe/Minsk, calendar: always, sessions: ["00:00-24:00"]}}
  morning: {{zone: Europe/Minsk, calendar: always, sessions: ["08:00-11:00"]}}
systems:
  home: {{kind: rtgs, currency: BYN, hours: {home}}}
  there: {{kind: rtgs, currency: BYN, hours: day, zero_balance: true}}
  books: {{kind: correspondent, currency: BYN, hours: day}}
  yuan: {{kind: rtgs, currency: CNY, hours: day}}
accounts:
{accounts}
payments: {{file: payments.csv, system: {system}}}
{more}
"""

#: Two banks at home and abroad; `a` is funded with 100.
A = "{holder: a, system: there, funding: {from: home, to: 100}}"
AT_HOME = ["{holder: a, system: home, balance: 250}", "{holder: b, system: home, balance: 500}"]
B = "{holder: b, system: there, balance: 40}"


def write(
    folder: Path,
    accounts: list[str],
    payments: list[str],
    *,
    home: str = "round",
    system: str = "there",
    more: str = "",
) -> Path:
    """Banks in two systems of one currency; payments are `day time payer payee amount`."""
    rows = [text.split() for text in payments]
    lines = [
        f"p{number},2024-03-{int(day):02d}T{time}:00,{payer},{payee},{amount}"
        for number, (day, time, payer, payee, amount) in enumerate(rows, start=1)
    ]
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount"
    (folder / "payments.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    path = folder / "town.yaml"
    listed = "\n".join(f"  - {account}" for account in accounts)
    path.write_text(TOWN.format(accounts=listed, home=home, system=system, more=more), encoding="utf-8")
    return path


def run(folder: Path, accounts: list[str], payments: list[str], **keys: str) -> sim.Results:
    return sim.run(write(folder, accounts, payments, **keys))


def local(at: pd.Timestamp) -> str:
    return at.tz_convert("Europe/Minsk").strftime("%-d %H:%M")


def moved(results: sim.Results) -> list[tuple[str, str, str, str, float]]:
    """Kind, account, source, when and how much of each movement that is no deal."""
    rows = results.funding[results.funding["kind"] != "deal"]
    return [
        (row.kind, row.account, row.source_account, local(row.delivered_at), row.amount / 100)
        for row in rows.itertuples()
    ]


def settled(results: sim.Results) -> list[str]:
    return [local(at) for at in results.payments["settled_at"]]


def test_an_account_has_its_balance_as_a_session_begins_and_nothing_when_it_has_ended(tmp_path: Path) -> None:
    results = run(tmp_path, [A, *AT_HOME, B], ["4 09:00 a b 60"])
    # Paid out of what came at nine; what is left at noon goes back, and comes again for the afternoon.
    assert settled(results) == ["4 09:00"]
    assert moved(results)[:4] == [
        ("session", "a@there", "a@home", "4 09:00", 100),
        ("back", "a@there", "a@home", "4 12:00", -40),
        ("session", "a@there", "a@home", "4 12:00", 100),
        ("back", "a@there", "a@home", "4 17:00", -100),
    ]
    closing = results.balances.groupby("account", observed=True)["closing_balance"].apply(list)
    assert closing["a@there"] == [0, 0]
    assert closing["a@home"] == [19_000, 19_000]
    # Money is conserved: what is not at home any more is with whom `a` paid, or was taken from it.
    assert results.accounts["closing_balance"].sum() == results.accounts["opening_balance"].sum()


def test_an_account_without_funding_gives_up_to_the_market_what_is_left(tmp_path: Path) -> None:
    results = run(tmp_path, [A, *AT_HOME, B], ["4 09:00 a b 60"])
    closing = results.accounts.set_index("account")["closing_balance"]
    assert (closing["b@there"], closing["market@there"]) == (0, 10_000)


def test_what_the_source_does_not_cover_comes_after_its_next_credit(tmp_path: Path) -> None:
    # Payments at home: `b` pays `a`, first too little, then more than is missing.
    poor = ["{holder: a, system: home, balance: 30}", AT_HOME[1]]
    results = run(tmp_path, [A, *poor, B], ["4 09:30 b a 50", "4 10:00 b a 50"], system="home")
    assert moved(results)[:4] == [
        ("session", "a@there", "a@home", "4 09:00", 30),
        ("session", "a@there", "a@home", "4 09:30", 50),
        ("session", "a@there", "a@home", "4 10:00", 20),
        ("back", "a@there", "a@home", "4 12:00", -100),
    ]


def test_who_waits_at_the_source_is_paid_before_the_funding(tmp_path: Path) -> None:
    poor = ["{holder: a, system: home}", AT_HOME[1]]
    results = run(tmp_path, [A, *poor, B], ["4 09:10 a b 70", "4 09:30 b a 90"], system="home")
    assert settled(results) == ["4 09:30", "4 09:30"]
    assert moved(results)[0] == ("session", "a@there", "a@home", "4 09:30", 20)


def test_money_moves_only_while_the_other_system_pays_for_it(tmp_path: Path) -> None:
    late = '{zone: Europe/Minsk, calendar: always, sessions: ["10:00-16:00"]}'
    results = run(tmp_path, [A, *AT_HOME, B], ["4 09:00 a b 60"], home=late)
    assert settled(results) == ["4 10:00"]
    (row,) = results.transfers.itertuples()
    assert row.released_by == "grant"
    # At the end of a session it goes back whatever is open.
    assert [at for kind, *_, at, _ in moved(results) if kind == "back"] == [
        "4 12:00",
        "4 17:00",
        "5 12:00",
        "5 17:00",
    ]


def test_hours_for_funding_are_not_those_for_payments(tmp_path: Path) -> None:
    """A system may pay for funding when it settles nothing else."""
    closed = '{zone: Europe/Minsk, calendar: always, sessions: ["13:00-14:00"]}'
    stated = A.replace("to: 100", "to: 100, hours: morning")
    results = run(tmp_path, [stated, *AT_HOME, B], ["4 09:00 a b 60"], home=closed)
    # In the afternoon nothing comes, for the morning is over.
    assert [(kind, at) for kind, *_, at, _ in moved(results)] == [
        ("session", "4 09:00"),
        ("back", "4 12:00"),
        ("session", "5 09:00"),
        ("back", "5 12:00"),
    ]
    assert settled(run(tmp_path, [stated, *AT_HOME, B], ["4 09:00 b a 60"], home=closed, system="home")) == [
        "4 13:00"
    ]


def test_a_custodian_pays_and_is_paid_back(tmp_path: Path) -> None:
    through = A.replace("to: 100", "to: 100, through: b")
    results = run(tmp_path, [through, AT_HOME[1], B], ["4 09:00 a b 60"])
    assert moved(results)[:2] == [
        ("session", "a@there", "b@home", "4 09:00", 100),
        ("back", "a@there", "b@home", "4 12:00", -40),
    ]


def test_the_price_is_that_of_what_was_moved_until_its_session_ends(tmp_path: Path) -> None:
    priced = A.replace("to: 100", "to: 1_000_000, rate: 0.0876")
    rich = ["{holder: a, system: home, balance: 9_000_000}", AT_HOME[1]]
    results = run(tmp_path, [priced, *rich, B], ["4 09:00 a b 600_000".replace("_", "")])
    # 1,000,000 at 8.76 % are 10 an hour: eight hours on each of two days, whatever was paid meanwhile.
    assert cost(results, "funding") == 160
    assert cost(results, "total") == 160
    until = results.funding.loc[results.funding["kind"] == "session", "charged_until"]
    assert [local(at) for at in until] == ["4 12:00", "4 17:00", "5 12:00", "5 17:00"]


def test_a_treasury_counts_what_its_account_has_given_away_for_a_session(tmp_path: Path) -> None:
    cared = ["{holder: a, system: home, balance: 250, treasury: t}", AT_HOME[1]]
    more = 'treasuries: {t: {at: "10:00", zone: Europe/Minsk, calendar: always}}'
    results = run(tmp_path, [A, *cared, B], ["4 09:00 a b 60"], more=more)
    # It buys what was paid away, and neither buys what has been moved nor sells what comes back.
    deals = results.funding[results.funding["kind"] == "deal"]
    assert [(row.treasury, row.account, local(row.decided_at), row.amount) for row in deals.itertuples()] == [
        ("t", "a@home", "4 10:00", 6_000)
    ]


def test_a_failed_bank_is_not_funded(tmp_path: Path) -> None:
    through = A.replace("to: 100", "to: 100, through: b")
    banks = "banks: {a: {hours: always}, b: {hours: always}, c: {hours: always}}"
    more = f"{banks}\ntimeline: [{{kind: failed_bank, bank: b, at: 2024-03-04 10:00}}]"
    results = run(
        tmp_path, [through, AT_HOME[1], B, "{holder: c, system: there}"], ["4 09:00 a c 60"], more=more
    )
    # What is left stays, since nobody can be paid back, and nothing more comes.
    assert moved(results) == [("session", "a@there", "b@home", "4 09:00", 100)]
    assert results.accounts.set_index("account").loc["a@there", "closing_balance"] == 4_000


@pytest.mark.parametrize(
    ("funding", "said"),
    [
        ("{from: home, to: 100, through: c}", "funding.through: 'c' has no account in 'home'"),
        ("{from: nowhere, to: 100}", "funding.from: 'nowhere' is not declared under 'systems'"),
        ("{from: there, to: 100}", "funding.from: an account is funded from another system than its own"),
        ("{from: books, to: 100}", "funding.from: 'books' has no operator that moves money for funding"),
        ("{from: yuan, to: 100}", "funding.from: 'yuan' settles CNY, and 'there' settles BYN"),
        ("{from: home, to: 0}", "funding.to"),
        ("{from: home, to: 0.001}", "funding.to"),
        ("{from: home, to: 100, hours: evening}", "funding.hours"),
    ],
)
def test_funding_from_where_there_is_no_such_account_is_refused(
    funding: str, said: str, tmp_path: Path
) -> None:
    accounts = [f"{{holder: a, system: there, funding: {funding}}}", *AT_HOME, B]
    banks = "banks: {a: {hours: always}, b: {hours: always}, c: {hours: always}}"
    path = write(tmp_path, accounts, ["4 09:00 a b 60"], more=banks)
    assert said in refusal(path)


def test_funding_is_refused_without_an_account_at_home_in_a_chain_and_beside_a_treasury(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, [A, AT_HOME[1], B], ["4 09:00 a b 60"])
    assert "accounts.0.funding.from: 'a' has no account in 'home'" in refusal(path)
    chain = "{holder: a, system: home, funding: {from: there, to: 5, through: b}}"
    path = write(tmp_path, [A, chain, AT_HOME[1], B], ["4 09:00 a b 60"])
    assert "accounts.0.funding.from: the account of 'a' in 'home' is funded itself" in refusal(path)
    both = A.replace("funding", "treasury: t, funding")
    more = 'treasuries: {t: {at: "10:00", zone: Europe/Minsk, calendar: always}}'
    path = write(tmp_path, [both, *AT_HOME, B], ["4 09:00 a b 60"], more=more)
    assert "accounts.0.funding: state either 'funding' or 'treasury'" in refusal(path)
