"""Between two banks stand no, one or two others, and each link of the chain is an account with exact balances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sim

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCENARIO = """
name: chain
period: {{start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}}
banks: {{minsk: {{hours: always}}, beijing: {{hours: always}}, first: {{hours: always}}, second: {{hours: always}}}}
systems:
  nostro: {{kind: correspondent, currency: CNY, hours: always}}
  vostro: {{kind: correspondent, currency: CNY, hours: always}}
  hvps: {{kind: rtgs, currency: CNY, hours: always}}
accounts:
{accounts}
routes:
  chain:
    steps:
{steps}
      - {{kind: post, work: {{kind: fixed, value: 0}}}}
payments: {{file: payments.csv, route: chain}}
"""


def run(folder: Path, accounts: list[str], steps: list[str], *rows: str) -> sim.Results:
    """Payments of 30 yuan from minsk to beijing, unless rows say otherwise."""
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount"
    lines = rows or ("p1,2024-03-04T10:00,minsk,beijing,30",)
    (folder / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    text = SCENARIO.format(
        accounts="\n".join(f"  - {{{account}}}" for account in accounts),
        steps="\n".join(f"      - {{kind: settle, {step}}}" for step in steps),
    )
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return sim.run(folder / "scenario.yaml")


def moved(results: sim.Results) -> Mapping[str, float]:
    """By how much each account has changed, in yuan."""
    accounts = results.accounts.set_index("account")
    change = (accounts["closing_balance"] - accounts["opening_balance"]) / 100
    return change[change != 0].to_dict()


def test_no_intermediary_the_payer_s_bank_has_a_nostro_with_the_payee_s(tmp_path: Path) -> None:
    results = run(
        tmp_path, ["holder: minsk, system: nostro, servicer: beijing, balance: 50"], ["system: nostro"]
    )
    assert moved(results) == {"minsk@nostro": -30, "beijing@nostro": 30}
    assert len(results.postings) == 1


def test_no_intermediary_the_payee_s_bank_has_an_account_with_the_payer_s(tmp_path: Path) -> None:
    results = run(tmp_path, ["holder: beijing, system: nostro, servicer: minsk"], ["system: nostro"])
    assert moved(results) == {"minsk@nostro": -30, "beijing@nostro": 30}


def test_no_intermediary_both_are_in_one_system(tmp_path: Path) -> None:
    accounts = ["holder: minsk, system: hvps, balance: 30", "holder: beijing, system: hvps"]
    assert moved(run(tmp_path, accounts, ["system: hvps"])) == {"minsk@hvps": -30, "beijing@hvps": 30}


def test_one_intermediary_keeps_both_accounts(tmp_path: Path) -> None:
    accounts = [
        "holder: minsk, system: nostro, servicer: first, balance: 30",
        "holder: beijing, system: nostro, servicer: first",
    ]
    results = run(tmp_path, accounts, ["system: nostro"])
    # The servicer owes the one what it owed the other; its own position does not move.
    assert moved(results) == {"minsk@nostro": -30, "beijing@nostro": 30}


TWO = [
    "holder: minsk, system: nostro, servicer: first, balance: 30",
    "holder: first, system: vostro, servicer: second, balance: 40",
    "holder: beijing, system: vostro, servicer: second",
]
LINKS = [
    "system: nostro, debit: payer_bank, credit: payer_correspondent",
    "system: vostro, debit: payer_correspondent, credit: payee_bank",
]


def test_two_intermediaries_one_has_an_account_with_the_other(tmp_path: Path) -> None:
    assert moved(run(tmp_path, TWO, LINKS)) == {
        "minsk@nostro": -30,
        "first@nostro": 30,
        "first@vostro": -30,
        "beijing@vostro": 30,
    }


def test_two_intermediaries_meet_in_a_settlement_system(tmp_path: Path) -> None:
    accounts = [
        "holder: minsk, system: nostro, servicer: first, balance: 30",
        "holder: beijing, system: vostro, servicer: second",
        "holder: first, system: hvps, balance: 40",
        "holder: second, system: hvps",
    ]
    steps = [
        "system: nostro, debit: payer_bank, credit: payer_correspondent",
        "system: hvps, debit: payer_correspondent, credit: payee_correspondent",
        "system: vostro, debit: payee_correspondent, credit: payee_bank",
    ]
    assert moved(run(tmp_path, accounts, steps)) == {
        "minsk@nostro": -30,
        "first@nostro": 30,
        "first@hvps": -30,
        "second@hvps": 30,
        "second@vostro": -30,
        "beijing@vostro": 30,
    }


def test_each_link_of_a_chain_needs_cover_of_its_own(tmp_path: Path) -> None:
    rows = [f"p{k},2024-03-04T10:0{k},minsk,beijing,15" for k in range(3)]
    short = [TWO[0].replace("30", "45"), TWO[1].replace("40", "29.99"), TWO[2]]
    results = run(tmp_path, short, LINKS, *rows)
    # The payer's account covers all three, its correspondent's account abroad only the first.
    assert moved(results) == {
        "minsk@nostro": -45,
        "first@nostro": 45,
        "first@vostro": -15,
        "beijing@vostro": 15,
    }
    assert results.payments["status"].tolist() == ["settled", "pending", "pending"]


def test_a_step_may_name_the_bank_whose_account_moves(tmp_path: Path) -> None:
    """A clearing bank takes the payment in the one system and pays it in the other."""
    accounts = [
        "holder: minsk, system: hvps, balance: 30",
        "holder: first, system: hvps, balance: 1",
        "holder: first, system: vostro, servicer: second, balance: 40",
        "holder: beijing, system: vostro, servicer: second",
    ]
    steps = ["system: hvps, credit: first", "system: vostro, debit: first"]
    assert moved(run(tmp_path, accounts, steps)) == {
        "minsk@hvps": -30,
        "first@hvps": 30,
        "first@vostro": -30,
        "beijing@vostro": 30,
    }


def refusal(folder: Path, accounts: list[str], steps: list[str]) -> list[str]:
    with pytest.raises(sim.ScenarioError) as caught:
        run(folder, accounts, steps)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_name_that_is_no_bank_is_told_with_what_was_meant(tmp_path: Path) -> None:
    (told,) = refusal(tmp_path, TWO, ["system: nostro, credit: frist"])
    assert told.endswith(
        "routes.chain.steps.0.credit: 'frist' is neither a role nor the name of a bank; did you mean 'first'?"
    )
    (told,) = refusal(tmp_path, TWO, ["system: nostro, credit: payer_corespondent"])
    assert told.endswith("did you mean 'payer_correspondent'?")


def test_a_bank_may_not_be_called_like_a_role(tmp_path: Path) -> None:
    told = refusal(tmp_path, [*TWO, "holder: payer_bank, system: hvps"], LINKS)
    assert told[0].endswith("'payer_bank' is a role on a route, not the name of a bank")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["system: hvps"], "'minsk' has no account in 'hvps' (step 0 of 'chain')"),
        ([LINKS[0], "system: vostro, debit: second, credit: minsk"], "'minsk' has no account in 'vostro'"),
        (["system: nostro, debit: payee_correspondent"], "'beijing' has no correspondent on this route"),
    ],
)
def test_a_payment_of_one_s_own_needs_the_accounts_of_its_route(
    steps: list[str], said: str, tmp_path: Path
) -> None:
    (told,) = refusal(tmp_path, TWO, steps)
    assert "payments.csv:2: route: " in told
    assert said in told


def test_a_payment_of_one_s_own_needs_a_route_of_its_currency(tmp_path: Path) -> None:
    accounts = [*TWO, "holder: minsk, system: biss, balance: 30", "holder: beijing, system: biss"]
    path = tmp_path / "scenario.yaml"
    with pytest.raises(sim.ScenarioError):
        run(tmp_path, accounts, ["system: biss"])
    biss = "systems:\n  biss: {kind: rtgs, currency: BYN, hours: always}"
    rates = "fx: {kind: constant, rates: {BYN: 3.2, CNY: 7.25}}"
    path.write_text(path.read_text("utf-8").replace("systems:", f"{rates}\n{biss}", 1), "utf-8")
    assert moved(sim.run(path)) == {"minsk@biss": -30, "beijing@biss": 30}
    rows = tmp_path / "payments.csv"
    rows.write_text(
        rows.read_text("utf-8").replace("amount", "amount,currency").replace("30", "30,CNY"), "utf-8"
    )
    with pytest.raises(sim.ScenarioError, match="'chain' settles BYN, not 'CNY'"):
        sim.run(path)


def test_who_keeps_an_account_needs_no_declaration_where_no_bank_has_one(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\n"
        "period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}\n"
        "systems: {nostro: {kind: correspondent, currency: CNY, hours: always}}\n"
        "accounts: [{holder: minsk, system: nostro, servicer: beijing, balance: 10}]\n"
        "payments: {file: payments.csv, system: nostro}\n"
    )
    (tmp_path / "payments.csv").write_text(
        "payment_id,instructed_at,payer_bank,payee_bank,amount\n"
        "p1,2024-03-04T10:00:00,minsk,beijing,8\n"
        "p2,2024-03-04T11:00:00,beijing,minsk,5\n"
        "p3,2024-03-04T12:00:00,minsk,beijing,9\n"
    )
    results = sim.run(sim.load(tmp_path / "own.yaml"))
    assert list(results.payments["status"]) == ["settled", "settled", "pending"]
    assert moved(results) == {"minsk@nostro": -3, "beijing@nostro": 3}
