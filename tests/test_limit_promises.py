"""What bounds a bank is looked for again in the tables of every run, and whatever passes it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from builders import POST, Declared, Order, accounts, by_hand, declare, town
from telling import run_of
from tiny import tiny_run

import sim
from sim.engine.run import simulate
from sim.results import execute
from sim.results.limits import check_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sim.results.run import Run

pytestmark = pytest.mark.quick

Tables = dict[str, pd.DataFrame]
OFFICE = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["09:00-17:00"]}


def run(declared: Declared, *orders: Order, urgent: tuple[int, ...] = ()) -> Run:
    """The run of payments by hand in a system that is open from nine to five; `urgent` ones have priority 1."""
    declared["hours"] = {"office": OFFICE}
    declared["systems"]["gross"]["hours"] = "office"
    world = by_hand(declare(declared), *orders)
    world.payments.priority[list(urgent)] = 1
    world.journeys.payments.priority[list(urgent)] = 1
    return run_of(world, simulate(world))


def check(found: Run, tamper: Callable[[Tables], None] | None = None) -> None:
    """Look at the bounds of a run, of which some tables were tampered with."""
    names = ("accounts", "borrowings", "frozen", "payments", "postings", "sessions", "transfers")
    tables = {name: found[name].copy() for name in names}
    if tamper is not None:
        tamper(tables)
    check_limits(tables.__getitem__, found.scenario)


def bounded(**bounds: Any) -> Declared:  # noqa: ANN401 - what an account states
    """Three banks with 100 each, of which the first is bounded."""
    first, *others = accounts({"a": "100", "b": "100", "c": "100"})
    return town({"a": "0", "b": "0", "c": "0"}, accounts=[{**first, **bounds}, *others])


#: Each payment from a at 10:30 has to wait for the next day, or for more money.
BOUNDS: dict[str, tuple[Declared, tuple[Order, ...], str]] = {
    "bilateral": (
        {"limits": {"bilateral": {"b": "10"}}},
        (Order("2024-03-05 10:00", "a", "b", 800), Order("2024-03-05 10:30", "a", "b", 500)),
        "its limit of what it sends to b",
    ),
    "bilateral, beside another": (
        {"limits": {"bilateral": {"b": "10"}, "multilateral": "50"}},
        (
            Order("2024-03-05 09:30", "a", "c", 5000),
            Order("2024-03-05 10:00", "b", "a", 200),
            Order("2024-03-05 10:15", "a", "b", 1200),
            Order("2024-03-05 10:30", "a", "b", 1),
        ),
        "its limit of what it sends to b",
    ),
    "multilateral": (
        {"limits": {"bilateral": {"b": "50"}, "multilateral": "10"}},
        (
            Order("2024-03-05 09:30", "a", "b", 4000),
            Order("2024-03-05 10:00", "a", "c", 1000),
            Order("2024-03-05 10:30", "a", "c", 1),
        ),
        "its limit of what it sends to all others",
    ),
    "reserved": (
        {"reserved": "60"},
        (Order("2024-03-05 10:00", "a", "b", 4000), Order("2024-03-05 10:30", "a", "b", 1)),
        "what it has reserved",
    ),
}


@pytest.mark.parametrize("what", BOUNDS)
def test_a_payment_that_settles_although_a_bound_forbids_it_is_found(what: str) -> None:
    bounds, orders, told = BOUNDS[what]
    # Money, or another day, lets it go.
    more = Order("2024-03-05 16:00", "c", "a", 7000)
    found = run(bounded(**bounds), *orders, more)
    check(found)
    waited = found["transfers"]["queue_entry"].notna().to_numpy()
    assert waited.sum() == 1
    row = int(found["postings"]["payment_id"].eq(found["transfers"]["payment_id"][waited].iloc[0]).idxmax())

    def settle_at_once(tables: Tables) -> None:
        postings = tables["postings"]
        postings.loc[row, "posted_at"] = pd.Timestamp("2024-03-05 10:30", tz="Europe/Minsk")
        tables["postings"] = postings.sort_values("posted_at", kind="stable", ignore_index=True)

    with pytest.raises(sim.PromiseError, match=f"^account a@gross: posting {row} passed {told}$"):
        check(found, settle_at_once)


def test_urgent_payments_use_what_is_reserved_and_others_what_that_leaves() -> None:
    orders = (Order("2024-03-05 10:00", "a", "b", 5000), Order("2024-03-05 10:30", "a", "b", 4000))
    found = run(bounded(reserved="60"), *orders, urgent=(0,))
    check(found)
    assert found["payments"]["settled_at"].notna().all()

    def none_urgent(tables: Tables) -> None:
        tables["payments"]["priority"] = 0

    with pytest.raises(sim.PromiseError, match="posting 0 passed what it has reserved"):
        check(found, none_urgent)


def test_what_a_link_moves_is_beside_limits() -> None:
    """Its two movements are of one payment, in one batch, and none of them counts."""
    declared = bounded(limits={"multilateral": "10"})
    declared["systems"] |= {
        "roubles": {"kind": "rtgs", "currency": "BYN", "hours": "always"},
        "link": {"kind": "pvp", "legs": ["gross", "roubles"]},
    }
    declared["accounts"] += accounts({"a": "100", "b": "100"}, "roubles")
    declared["routes"]["linked"] = {"steps": [{"kind": "settle", "system": "link"}, POST]}
    found = run(declared, Order("2024-03-05 10:00", "a", "b", 5000, "linked"))
    assert len(found["postings"]) == 2
    check(found)

    def without_link(tables: Tables) -> None:
        tables["transfers"]["link"] = pd.Categorical([None, None])

    with pytest.raises(sim.PromiseError, match="to all others"):
        check(found, without_link)


def test_money_that_moves_on_a_frozen_account_is_found() -> None:
    declared = bounded() | {"timeline": [{"kind": "failed_bank", "at": "2024-03-05 12:00", "bank": "c"}]}
    orders = (Order("2024-03-05 11:59:59", "c", "a", 100), Order("2024-03-05 12:00", "a", "b", 100))
    found = run(declared, *orders)
    check(found)
    for side in ("debit", "credit"):

        def touch(tables: Tables, side: str = side) -> None:
            postings, row = tables["postings"], 1
            postings.loc[row, f"{side}_account"] = "c@gross"

        with pytest.raises(
            sim.PromiseError, match=r"^account c@gross: it is frozen since .* and posting 1 moves"
        ):
            check(found, touch)


@pytest.mark.parametrize(
    ("stated", "whose"),
    [
        ({"kind": "repo", "collateral": {"a": "50", "b": "50"}, "haircut": "0.1"}, "a"),
        ({"kind": "swap_line", "limit": "45", "banks": ["a", "b"]}, "all together"),
    ],
)
def test_a_facility_that_lends_more_than_its_limit_is_found(stated: Declared, whose: str) -> None:
    declared = town({"a": "0", "b": "0", "c": "100"})
    declared["facilities"] = {"window": {"system": "gross", "rate": "0.1", **stated}}
    orders = (Order("2024-03-05 10:00", "a", "c", 3000), Order("2024-03-05 11:00", "a", "c", 1500))
    found = run(declared, *orders)
    check(found)
    assert found["borrowings"]["amount"].tolist()[:2] == [3000, 1500]

    def lend_more(tables: Tables) -> None:
        amount = tables["borrowings"]["amount"]
        tables["borrowings"]["amount"] = amount + (amount.index == 1)

    with pytest.raises(
        sim.PromiseError, match=f"^facility window: {whose} owed 4501, more than its limit of 4500"
    ):
        check(found, lend_more)


def test_every_run_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever executes a scenario has its bounds looked for in the tables."""
    asked: list[object] = []
    monkeypatch.setattr(execute, "check_limits", lambda *given: asked.append(given))
    tiny_run(tmp_path)
    assert len(asked) == 1
