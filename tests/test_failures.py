"""A bank that fails freezes what it holds and what waits for it, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders import POST, Order, accounts, by_hand, declare, instant, town
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from stays import assert_accounted, reasons
from strategies import scenarios
from telling import run_of

from sim.core.clock import HOUR, NEVER
from sim.engine.ledger import Ledger
from sim.engine.run import simulate
from sim.results.execute import execute
from sim.scenario.check import check
from sim.scenario.load import load
from sim.scenario.model import Scenario
from sim.world.build import build_world

if TYPE_CHECKING:
    from sim.engine.records import Records

FLOW = {
    "payer": "a",
    "payee": "b",
    "value": 10,
    "currency": "CNY",
    "invoice": {"kind": "fixed", "value": 1},
    "invoicing": {"CNY": 1},
    "terms": {"only": {"share": 1, "days": [0, 0]}},
}
KINDS: dict[str, dict[str, Any]] = {
    "fifo": {"kind": "rtgs", "queue": "fifo"},
    "bypass": {"kind": "rtgs", "queue": "bypass"},
    "offsetting": {"kind": "rtgs", "offsetting": {"kind": "multilateral"}},
    "dns": {"kind": "dns", "cycles": ["13:00", "20:00"]},
    "hybrid": {"kind": "hybrid", "cycles": ["13:00", "20:00"]},
}


def failing(
    kind: str = "fifo",
    at: str = "2024-03-05 12:00",
    bank: str = "c",
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    balances = changes.pop("balances", {"a": "10", "b": "10", "c": "10"})
    return town(
        balances,
        systems={"gross": {"currency": "CNY", "hours": "always", **KINDS[kind]}},
        timeline=[{"kind": "failed_bank", "at": at, "bank": bank}],
        flows={"trade": FLOW},
        reporting_currency="CNY",
        **changes,
    )


def done(records: Records) -> list[bool]:
    return (records.settled_at < NEVER).tolist()


def test_payments_from_and_to_the_bank_settle_before_it_fails_and_not_from_then_on() -> None:
    orders = [
        Order(f"2024-03-05 {at}", payer, payee, 100)
        for at in ("11:59", "12:00", "15:00")
        for payer, payee in (("a", "c"), ("c", "b"), ("a", "b"))
    ]
    records = simulate(by_hand(declare(failing()), *orders))
    assert done(records) == [True, True, True, False, False, True, False, False, True]
    left = instant("2024-03-11 00:00") - instant("2024-03-05 15:00")
    assert reasons(records, 6) == reasons(records, 7) == {"outage": left}
    assert reasons(records, 8) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_for_the_bank_stays_pending_and_what_waits_behind_it_does_not(kind: str) -> None:
    """Behind a payment to the failed bank, too large for its payer, there waits a small one to another."""
    world = by_hand(
        declare(failing(kind)),
        Order("2024-03-05 10:00", "a", "c", 5_000),
        Order("2024-03-05 10:30", "a", "b", 600),
        Order("2024-03-05 11:00", "c", "b", 9_000),
    )
    records = simulate(world)
    assert done(records) == [False, True, False]
    assert records.closing.tolist() == [400, 1_600, 1_000]
    waited = {"netting"} if kind == "dns" else {"liquidity", "netting"}
    for number, since in ((0, "10:00"), (2, "11:00")):
        found = reasons(records, number)
        assert found.pop("outage") == instant("2024-03-11 00:00") - instant("2024-03-05 12:00")
        assert sum(found.values()) == instant("2024-03-05 12:00") - instant(f"2024-03-05 {since}")
        assert found.keys() <= waited


def test_money_that_was_bought_for_the_bank_does_not_arrive_and_none_is_taken() -> None:
    balances = {"a": "10", "b": "10", "c": "10"}
    treasury = {"at": "10:00", "zone": "Europe/Minsk", "calendar": "always", "lag": "1d"}
    declared = failing(
        accounts=accounts(balances, treasury="desk", target="10"), treasuries={"desk": treasury}
    )
    records = simulate(
        by_hand(
            declare(declared),
            Order("2024-03-04 11:00", "c", "a", 300),
            Order("2024-03-05 09:00", "c", "b", 100),
            Order("2024-03-06 09:00", "a", "b", 100),
        )
    )
    # c buys 4.00 on the 5th for the 6th and fails; it gets nothing more and keeps what it has.
    assert records.closing.tolist()[:3] == [1_000, 1_000, 600]
    touched = (records.journal.debit == 2) | (records.journal.credit == 2)
    assert records.journal.at[touched].max() < instant("2024-03-05 12:00")


OFFICE = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]}
AT_TEN = {"zone": "Europe/Minsk", "calendar": "always"}
REPO = {"system": "gross", "kind": "repo", "collateral": {"c": "50"}, "rate": 0}


def grant(at: str, amount: str) -> dict[str, Any]:
    return {"kind": "liquidity", "holder": "c", "system": "gross", "at": at, "amount": amount}


#: What moves money on c's account beside payments, or would like to: keys of the system, or other sections.
MOVERS: dict[str, dict[str, Any]] = {
    "a pool": {"kind": "dns", "cycles": ["10:15", "20:00"], "shortfall": "pool"},
    "a cycle": {"kind": "hybrid", "cycles": ["10:15", "20:00"]},
    **{
        f"{kind} offsetting": {"offsetting": {"kind": kind, "every": "1h"}, "hours": "office"}
        for kind in ("bilateral", "multilateral", "optimal")
    },
    "the end of a session": {
        "zero_balance": True,
        "hours": "office",
        "timeline": [grant("2024-03-05 11:00", "5")],
    },
    "squaring": {"kind": "clearing", "swing": "100", "settled": "weekly", "at": "16:00"},
    "a loan": {"facilities": {"window": {**REPO, "lag": "1h"}}},
    "its repayment": {"facilities": {"window": {**REPO, "term": "2h"}}},
    "a treasury": {"treasuries": {"desk": {**AT_TEN, "at": ["11:45", "13:45"], "lag": "1h"}}},
    "a grant": {"timeline": [grant("2024-03-05 12:00", "7")]},
    "a withdrawal": {"timeline": [grant("2024-03-06 09:00", "-7")]},
}


@pytest.mark.quick
@pytest.mark.parametrize("what", MOVERS)
def test_nothing_moves_on_a_frozen_account_whatever_its_balance_and_credit(what: str) -> None:
    """Bank c owes and is owed, and could pay on credit; if it did not fail, money would move on its account."""
    more = {"kind": "rtgs", "timeline": [], **MOVERS[what]}
    sections = {key: more.pop(key) for key in ("facilities", "treasuries") if key in more}
    others = more.pop("timeline")
    system = {"currency": "CNY", "hours": "always", **more}
    declared = failing(hours={"office": OFFICE})
    declared["systems"] = {"gross": system}
    squares = system["kind"] == "clearing"
    declared["accounts"] = accounts(
        dict.fromkeys("abc", "0" if squares else "10"),
        **({} if squares else {"credit": "20"}),
        **({"treasury": "desk"} if "treasuries" in sections else {}),
    )
    declared |= sections
    orders = (
        Order("2024-03-05 10:00", "c", "b", 200),
        # More than c has: it waits, unless somebody lends.
        Order("2024-03-05 11:30", "c", "a", 3_800),
        Order("2024-03-05 11:30", "a", "c", 3_200),
        # Less than a has, until others' money helps.
        Order("2024-03-05 13:00", "a", "b", 4_500),
    )
    failed_at, numbers = instant("2024-03-05 12:00"), {}
    for fails in (False, True):
        world = by_hand(declare({**declared, "timeline": [*declared["timeline"] * fails, *others]}), *orders)
        records = simulate(world)
        journal = records.journal
        touched = (journal.debit == 2) | (journal.credit == 2)
        numbers[fails] = int((touched & (journal.at >= failed_at)).sum())
    assert numbers[False] > 0
    assert numbers[True] == 0


@pytest.mark.quick
@pytest.mark.parametrize("opening", [-30, 0, 100])
def test_nothing_is_available_on_a_frozen_account(opening: int) -> None:
    kept = by_hand(declare(failing(accounts=accounts({"a": "0", "b": "0", "c": "0"}, credit="50")))).network
    ledger = Ledger(kept.accounts)
    ledger.balance[2] = opening
    ledger.freeze(2)
    assert ledger.available(2) == 0
    assert not ledger.covers(2, 1)


@pytest.mark.quick
@pytest.mark.parametrize("bank", [("c", "b"), ("a", "c")])
def test_orders_from_or_to_the_bank_are_not_taken_up_from_the_very_instant_on(bank: tuple[str, str]) -> None:
    """What is taken up is charged at once, whatever becomes of it."""
    taken_up = {
        "kind": "originate",
        "work": {"kind": "fixed", "value": 0},
        "fee": {"currency": "CNY", "flat": 1},
    }
    steps = [taken_up, {"kind": "settle", "system": "gross"}, POST]
    orders = [Order(f"2024-03-05 {at}", *bank, 100) for at in ("11:59:59", "12:00:00", "12:00:01")]
    records = simulate(by_hand(declare(failing(routes={"direct": {"steps": steps}})), *orders))
    assert records.fees.payment.tolist() == [0]
    assert done(records) == [True, False, False]


@pytest.mark.quick
@pytest.mark.parametrize("work_at", ["originate", "post", "screen"])
def test_a_bank_that_has_failed_works_on_nothing_any_more(work_at: str) -> None:
    """Two hours of work that are done before it fails, and two that are not."""
    work = {"kind": "fixed", "value": "2h"}
    desk = {"at": "payee_bank", "probability": 1} if work_at == "screen" else {}
    step = {"kind": work_at, "work": work, **desk}
    settle = {"kind": "settle", "system": "gross"}
    steps = {"originate": [step, settle, POST], "screen": [settle, step, POST], "post": [settle, step]}
    declared = failing(routes={"direct": {"steps": steps[work_at]}})
    bank = ("c", "a") if work_at == "originate" else ("a", "c")
    orders = [Order(f"2024-03-05 {at}", *bank, 100) for at in ("09:59", "10:01")]
    records = simulate(by_hand(declare(declared), *orders))
    assert (records.credited_at < NEVER).tolist() == [True, False]
    # Work ends with the bank; what was left of it is never done.
    failed = instant("2024-03-05 12:00")
    assert reasons(records, 1) == {
        "work": failed - instant("2024-03-05 10:01"),
        "outage": instant("2024-03-11 00:00") - failed,
    }


@pytest.mark.quick
@pytest.mark.parametrize("fails", [False, True])
def test_nobody_buys_money_for_what_a_failed_correspondent_has_stopped_in_a_link(*, fails: bool) -> None:
    """The counter-movement is in the books of c; the payment itself would be in another system."""
    books = {"kind": "correspondent", "currency": "BYN", "hours": "always"}
    desk = {**AT_TEN, "at": "13:00"}
    declared = failing(
        accounts=[
            *accounts({"a": "1", "b": "1"}, treasury="desk"),
            *accounts({"a": "0", "b": "0"}, "books", servicer="c"),
        ],
        treasuries={"desk": desk},
        routes={"direct": {"steps": [{"kind": "settle", "system": "link"}, POST]}},
    )
    declared["systems"] |= {"books": books, "link": {"kind": "pvp", "legs": ["gross", "books"]}}
    declared["timeline"] *= fails
    records = simulate(by_hand(declare(declared), Order("2024-03-05 11:00", "a", "b", 500)))
    assert done(records) == [False]
    assert records.funding.amount.tolist() == ([] if fails else [500])


def test_a_failed_correspondent_freezes_the_accounts_that_it_keeps() -> None:
    declared = town(
        {"a": "10", "b": "10", "c": "10"},
        systems={
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            "books": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
        },
        accounts=[
            *accounts({"b": "10", "c": "10"}),
            {"holder": "a", "system": "books", "servicer": "c", "balance": "10"},
        ],
        routes={
            "direct": {
                "steps": [
                    {"kind": "settle", "system": "books", "credit": "payer_correspondent"},
                    {"kind": "message", "time": {"kind": "fixed", "value": "2h"}},
                    {"kind": "settle", "system": "gross", "debit": "payer_correspondent"},
                    POST,
                ]
            }
        },
        timeline=[{"kind": "failed_bank", "at": "2024-03-05 12:00", "bank": "c"}],
        flows={"trade": FLOW},
        reporting_currency="CNY",
    )
    world = by_hand(
        declare(declared),
        Order("2024-03-05 09:00", "a", "b", 100),
        Order("2024-03-05 11:00", "a", "b", 100),
        Order("2024-03-05 13:00", "a", "b", 100),
    )
    records = simulate(world)
    assert done(records) == [True, False, False]
    # The second had left its account and is stuck in between, the third never left.
    rest = instant("2024-03-11 00:00")
    assert reasons(records, 0) == {"work": 2 * HOUR}
    assert reasons(records, 1) == {"work": 2 * HOUR, "outage": rest - instant("2024-03-05 13:00")}
    assert reasons(records, 2) == {"outage": rest - instant("2024-03-05 13:00")}
    run = run_of(world, records)
    table = run["frozen"]
    assert dict(zip(table["account"], table["balance"], strict=True)) == {
        "a@books": 800,
        "c@books": 200,
        "c@gross": 900,
    }
    assert set(table["bank"]) == {"c"}
    # What stands in c's own books in its own name it owes to its clients.
    assert run.measure("frozen_value").value["c"]["balances"] == 17.0


def test_the_table_and_the_measure_tell_what_is_frozen() -> None:
    world = by_hand(
        declare(failing()),
        Order("2024-03-05 10:00", "a", "c", 5_000),
        Order("2024-03-05 11:00", "c", "b", 9_000),
        Order("2024-03-06 11:00", "c", "b", 200),
    )
    run = run_of(world, simulate(world))
    (row,) = run["frozen"].to_dict("records")
    assert (row["bank"], row["account"], row["balance"]) == ("c", "c@gross", 1_000)
    assert (row["pending_in"], row["pending_out"]) == (5_000, 9_000)
    measure = run.measure("frozen_value")
    assert measure.value == {"c": {"balances": 10.0, "payments": 142.0}}
    assert measure.unit == "CNY"


def test_a_failure_in_the_baseline_keeps_every_promise_and_moves_no_trade() -> None:
    days = ["period.end=2024-02-15 00:00", "run_in=20d", "horizon=20d"]
    usual = load("baseline", days)
    entry = {"kind": "failed_bank", "at": "2024-01-17 11:00", "bank": "minsk-b"}
    scenario = Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": [entry]})
    assert not list(check(scenario))
    # Running it checks that money is conserved and every second is accounted for.
    one, other = execute(usual), execute(scenario)
    for table in ("obligations", "fx"):
        assert one[table].equals(other[table])
    concerned = ((other.payments[["payer_bank", "payee_bank"]] == "minsk-b").any(axis=1)).to_numpy()
    late = other.payments["instructed_at"] >= other["frozen"]["frozen_at"].min()
    assert (other.payments.loc[concerned & late, "status"] == "pending").all()
    assert other.payments.loc[~concerned, "credited_at"].isna().sum() < 0.03 * (~concerned).sum()
    frozen = set(other["frozen"]["account"])
    assert frozen == {account for account in other.accounts["account"] if account.startswith("minsk-b@")}
    postings = other.postings
    touched = postings["debit_account"].isin(frozen) | postings["credit_account"].isin(frozen)
    assert postings.loc[touched, "posted_at"].max() < other["frozen"]["frozen_at"].min()
    # Others' payments that touch no common account are as they were.
    far = ~concerned & (other.payments["currency"] == "BYN") & (other.payments["payer_bank"] == "minsk-a")
    assert np.array_equal(
        one.payments.loc[far, "instructed_at"].to_numpy(), other.payments.loc[far, "instructed_at"].to_numpy()
    )
    assert other.measures["frozen_value"].value["minsk-b"]["balances"] > 0
    assert one.measures["frozen_value"].value == {}


@pytest.mark.parametrize(
    "timeline",
    [
        [{"kind": "failed_bank", "at": "2024-03-05 12:00", "bank": "c"}] * 2,
        [
            {"kind": "failed_bank", "at": "2024-03-05 12:00", "bank": "c"},
            {"kind": "outage", "from": "2024-03-06 12:00", "to": "2024-03-07 12:00", "bank": "c"},
        ],
    ],
)
def test_a_bank_fails_once(timeline: list[dict[str, Any]]) -> None:
    scenario = Scenario.model_validate({**failing(), "timeline": timeline})
    (found,) = check(scenario)
    assert found.path[:2] == ("timeline", 1)
    assert "whether 'c' works is changed by entry 0" in found.message


def test_who_waited_behind_goes_on_when_the_system_opens_if_the_bank_fails_at_night() -> None:
    declared = failing(at="2024-03-05 22:00")
    declared["systems"]["gross"]["hours"] = "office"
    declared["hours"] = {
        "office": {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}
    }
    records = simulate(
        by_hand(
            declare(declared),
            Order("2024-03-05 10:00", "a", "c", 5_000),
            Order("2024-03-05 10:30", "a", "b", 600),
        )
    )
    assert records.settled_at.tolist() == [NEVER, instant("2024-03-06 09:00")]
    assert reasons(records, 1) == {"liquidity": instant("2024-03-06 09:00") - instant("2024-03-05 10:30")}


@settings(max_examples=examples(40))
@given(scenarios(), st.data())
def test_whoever_fails_and_whenever_money_stays_and_every_second_is_accounted_for(
    usual: Scenario, data: st.DataObject
) -> None:
    bank = data.draw(st.sampled_from(sorted(usual.banks)))
    at = usual.period.start + timedelta(minutes=data.draw(st.integers(0, 3 * 24 * 60)))
    entry = {"kind": "failed_bank", "at": at.isoformat(sep=" "), "bank": bank}
    others = [entry for entry in usual.model_dump(by_alias=True)["timeline"] if entry.get("bank") != bank]
    scenario = Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": [*others, entry]})
    assert not list(check(scenario))
    world = build_world(scenario)
    records = simulate(world)
    balance = world.network.accounts.opening.tolist()
    frozen_since = world.network.frozen_at.tolist()
    for posted, debit, credit, amount in zip(
        *(getattr(records.journal, name).tolist() for name in ("at", "debit", "credit", "amount")),
        strict=True,
    ):
        balance[debit] -= amount
        balance[credit] += amount
        assert posted < min(frozen_since[debit], frozen_since[credit])
    assert balance == records.closing.tolist()
    assert_accounted(world, records)
    failed = instant(at.isoformat(sep=" "))
    number = world.network.banks.index(bank)
    mine = (world.payments.payer_bank == number) | (world.payments.payee_bank == number)
    assert not (mine & (world.payments.instructed_at >= failed) & (records.settled_at < NEVER)).any()
