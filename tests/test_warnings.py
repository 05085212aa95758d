"""A run says by itself what its reader would ask first: what ran dry, what is shared silently, what is never used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from towns import run, write

import sim
from sim.scenario.load import load
from sim.world.build import build_world

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

DRY = ["4 10:00 a b 30", "4 11:00 a b 40.50", "5 09:30 a b 50"]
SENTENCE = (
    "account 'a@s' ran dry and nothing refills it: 2 payments wait there at the end of the run, BYN 90.50 in all, "
    "the first since 2024-03-04 11:00 (Europe/Minsk); a 'treasury' or a facility would refill it, "
    "more 'prefund_days', 'balance' or 'credit' last longer"
)


def told(results: Results) -> list[str]:
    """The warnings of a run, but for what calendars say."""
    return [text for text in results.manifest["warnings"] if not text.startswith("calendar")]


def test_an_account_that_ran_dry_is_told_with_what_waits_and_since_when(tmp_path: Path) -> None:
    assert told(run(tmp_path, ["holder: a, balance: 60", "holder: b"], DRY)) == [SENTENCE]


def test_validating_cannot_know_that_an_account_will_run_dry(tmp_path: Path) -> None:
    assert build_world(load(write(tmp_path, ["holder: a, balance: 60", "holder: b"], DRY))).warnings == ()


@pytest.mark.parametrize(
    ("account", "more"),
    [
        ("balance: 60, credit: 61", ""),
        (
            "balance: 60, treasury: t",
            'treasuries: {t: {at: "16:59", zone: Europe/Minsk, calendar: weekdays, lag: 9d}}',
        ),
        ("balance: 60", "facilities: {line: {kind: swap_line, system: s, rate: 0, limit: 1, banks: [a]}}"),
    ],
    ids=["credit", "treasury", "facility"],
)
def test_an_account_that_something_refills_is_not_told_as_dry(
    account: str, more: str, tmp_path: Path
) -> None:
    assert told(run(tmp_path, [f"holder: a, {account}", "holder: b"], DRY, more=more)) == []


def test_a_facility_for_others_refills_nothing(tmp_path: Path) -> None:
    line = "facilities: {line: {kind: swap_line, system: s, rate: 0, limit: 1, banks: [b]}}"
    assert told(run(tmp_path, ["holder: a, balance: 60", "holder: b"], DRY, more=line)) == [SENTENCE]


@pytest.mark.parametrize(("back", "count"), [("5 09:40 b a 1", 0), ("5 09:20 b a 1", 1)])
def test_an_account_still_fed_by_payments_is_not_dry_before_a_day_has_passed(
    back: str, count: int, tmp_path: Path
) -> None:
    accounts = ["holder: a, balance: 60", "holder: b, balance: 9"]
    assert len(told(run(tmp_path, accounts, [back, "5 09:30 a b 70"]))) == count


def test_what_waits_for_an_opening_or_behind_a_limit_is_not_told_as_dry(tmp_path: Path) -> None:
    late = ["5 18:00 a b 70"]
    assert told(run(tmp_path, ["holder: a, balance: 60", "holder: b"], late)) == []
    limited = ["holder: a, balance: 600, limits: {bilateral: {b: 20}}", "holder: b"]
    assert told(run(tmp_path, limited, DRY)) == []


def test_what_waits_for_a_netting_cycle_or_a_failed_bank_is_not_told_as_dry(tmp_path: Path) -> None:
    path = write(tmp_path, ["holder: a", "holder: b"], ["5 10:00 a b 70"])
    text = path.read_text("utf-8").replace("kind: rtgs", 'kind: dns, cycles: ["09:30"]')
    path.write_text(text, "utf-8")
    results = sim.run(path)
    assert results.payments["status"].tolist() == ["pending"]
    assert told(results) == []
    more = (
        "banks: {a: {hours: always}, b: {hours: always}}\n"
        "timeline: [{kind: failed_bank, at: 2024-03-05 08:00, bank: a}]"
    )
    assert told(run(tmp_path, ["holder: a", "holder: b"], ["4 10:00 a b 70"], more=more)) == []


def test_of_many_accounts_the_worst_five_are_told_and_the_others_counted(tmp_path: Path) -> None:
    banks = "abcdefg"
    payments = [f"4 10:0{n} {bank} z 5" for bank in banks for n in range(2 if bank == "g" else 1)]
    found = told(run(tmp_path, [f"holder: {bank}" for bank in (*banks, "z")], payments))
    assert [text.split("'")[1] for text in found[:-1]] == ["g@s", "a@s", "b@s", "c@s", "d@s"]
    assert found[-1] == "2 more accounts ran dry with nothing to refill them, where 2 payments wait"


NETWORK = """
name: network
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
fx: {kind: constant, rates: {CNY: 7}}
sides: {east: {functional_currency: CNY, hours: always}}
banks: {a: {side: east, hours: always}, b: {side: east, hours: always}}
desks: {}
systems: {s: {kind: rtgs, currency: CNY, hours: always}}
accounts: {s: [{holder: a, balance: 1_000_000}, {holder: b, balance: 1_000_000}]}
routes:
  first: {steps: [{kind: settle, system: s}, {kind: post, work: {kind: fixed, value: 0}}]}
firms:
  buyers: {side: east, count: 3, cities: {X: 1}, banks: {a: 1}}
  sellers: {side: east, count: 3, cities: {X: 1}, banks: {b: 1}}
flows:
  goods:
    {payer: buyers, payee: sellers, value: 1_000_000, currency: CNY, invoice: {kind: fixed, value: 300},
     invoicing: {CNY: 1}, terms: {only: {share: 1, days: [1, 1]}}}
"""
SECOND = (
    "  second: {MORE steps: [{kind: settle, system: s}, {kind: post, work: {kind: fixed, value: 0}}]}\nfirms:"
)


def network(folder: Path, *replaced: tuple[str, str]) -> Path:
    """The scenario with texts replaced, in a file."""
    text = NETWORK
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = folder / "network.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def second(more: str) -> tuple[str, str]:
    """A further route, with more keys."""
    return "firms:", SECOND.replace("MORE", more)


def validated(path: Path) -> list[str]:
    return list(build_world(load(path)).warnings)


def test_routes_that_share_payments_though_nobody_says_so_are_told(tmp_path: Path) -> None:
    assert validated(network(tmp_path)) == []
    found = validated(network(tmp_path, second("")))
    sentence = (
        "routes 'first' and 'second' share payments in CNY from 'east' to 'east', 50.0 % each: none states a "
        "'weight'; state one if that is meant, or what each 'carries'"
    )
    assert found == [sentence]
    assert told(sim.run(tmp_path / "network.yaml")) == found


@pytest.mark.parametrize(
    "more", ["weight: 1,", "weight: 0,", "carries: {currencies: [USD], payer_banks: [b]},"]
)
def test_routes_share_as_stated_where_one_has_a_weight_or_carries_other_payments(
    more: str, tmp_path: Path
) -> None:
    found = validated(network(tmp_path, second(more)))
    assert not any("share" in text for text in found)


def test_what_no_payment_can_come_to_is_told_before_the_run(tmp_path: Path) -> None:
    path = network(
        tmp_path,
        second("carries: {currencies: [USD]},"),
        ("\nbanks: {", "\nbanks: {c: {side: east, hours: always}, "),
        ("desks: {}", "desks: {idle: {bank: b}}"),
    )
    route = (
        "no payment can take route 'second': nothing here is paid in the currencies and between the sides and banks "
        "of 'carries'"
    )
    assert validated(path) == [
        route,
        "no payment can come to bank 'c': no firms with payments bank there, and no route of theirs leads over it",
        "no case can come to desk 'idle': no payment is reviewed at the bank of the desk",
    ]


def test_a_way_that_stands_by_and_its_banks_are_meant_to_be_idle(tmp_path: Path) -> None:
    review = "{kind: screen, at: c, probability: 1, work: {kind: fixed, value: 0}}, {kind: post"
    by = (SECOND[:-7].replace("MORE", "weight: 0,").replace("{kind: post", review)) + "\nfirms:"
    path = network(
        tmp_path,
        ("firms:", by),
        ("\nbanks: {", "\nbanks: {c: {side: east, hours: always}, "),
        ("desks: {}", "desks: {idle: {bank: c}}"),
    )
    assert told(sim.run(path)) == []


@pytest.mark.parametrize(("value", "enough"), [("2_000_000", True), ("100_000", False)])
def test_what_none_of_many_payments_came_to_is_told_after_the_run(
    value: str, enough: bool, tmp_path: Path
) -> None:
    screen = "{kind: screen, at: b, probability: 0.000001, work: {kind: fixed, value: 0}}"
    path = network(
        tmp_path,
        second("weight: 0.0000001,"),
        ("value: 1_000_000", f"value: {value}"),
        (
            "period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}",
            "period: {start: 2024-03-04, end: 2024-04-15}",
        ),
        ("banks: {a: 1}", "banks: {a: 0.999, c: 0.001}"),
        ("\nbanks: {", "\nbanks: {c: {side: east, hours: always}, "),
        ("accounts: {s: [", "accounts: {s: [{holder: c},"),
        ("desks: {}", "desks: {rare: {bank: b}}"),
        ("first: {steps: [", f"first: {{steps: [{screen}, "),
    )
    results = sim.run(path)
    count = f"{len(results.payments):,}"
    sentences = [
        f"no payment of {count} took route 'second'",
        f"no payment of {count} came to bank 'c'",
        f"no case of {count} payments came to desk 'rare'",
    ]
    assert told(results) == (sentences if enough else [])


def test_payments_of_ones_own_are_told_to_leave_a_bank_alone(tmp_path: Path) -> None:
    many = [f"4 10:{n % 60:02d} a b 1" for n in range(500)]
    banks = "banks: {a: {hours: always}, b: {hours: always}, c: {hours: always}}"
    accounts = ["holder: a, balance: 600", "holder: b", "holder: c"]
    assert told(run(tmp_path, accounts, many, more=banks)) == ["no payment of 500 came to bank 'c'"]


def test_the_baseline_without_its_treasuries_tells_which_accounts_ran_dry() -> None:
    short = ("period.end=2024-01-20", "run_in=0d", "horizon=5d", "accounts.*.*.treasury=null")
    *found, promise = told(sim.run(load("baseline", short), measures=[]))
    assert len(found) == 6
    assert all("ran dry" in text for text in found)
    # Whose account is dry does not settle on its value date.
    assert "promised value on the same day" in promise
    assert sum("nostro-cny" in text for text in found) > 1
