"""Postings lead from the opening balances to all others, and no declared account is overdrawn."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from builders import Order, by_hand, declare, town
from outsider import MINOR, Saved
from telling import run_of

from sim.engine.run import simulate


class Replay(NamedTuple):
    """What postings leave on the accounts; days count from the first one of the run."""

    balance: dict[str, int]
    lowest: dict[str, int]
    closing_of: dict[str, dict[int, int]]
    after: dict[str, dict[pd.Timestamp, int]]


def midnight_of(date: pd.Timestamp) -> pd.Timestamp:
    """When a date begins in the zone of the period."""
    return date.tz_localize("Europe/Minsk").tz_convert("UTC")


@pytest.fixture(scope="module")
def replay(saved: Saved) -> Replay:
    balance = dict(zip(saved.accounts["account"], saved.accounts["opening_balance"].tolist(), strict=True))
    lowest = dict(balance)
    closing_of: dict[str, dict[int, int]] = defaultdict(dict)
    after: dict[str, dict[pd.Timestamp, int]] = defaultdict(dict)
    first = midnight_of(saved.balances["date"].min())
    day = (saved.postings["posted_at"] - first) // pd.Timedelta(days=1)
    for when, at, debit, credit, amount in zip(
        day.tolist(),
        saved.postings["posted_at"],
        saved.postings["debit_account"],
        saved.postings["credit_account"],
        saved.postings["amount"].tolist(),
        strict=True,
    ):
        for account, change in ((debit, -amount), (credit, amount)):
            balance[account] += change
            lowest[account] = min(lowest[account], balance[account])
            closing_of[account][when] = balance[account]
            after[account][at] = balance[account]
    return Replay(balance, lowest, closing_of, after)


def test_postings_lead_from_opening_to_closing_balances(saved: Saved, replay: Replay) -> None:
    told = dict(zip(saved.accounts["account"], saved.accounts["closing_balance"], strict=True))
    assert replay.balance == told
    by_currency = saved.accounts.groupby("currency")[["opening_balance", "closing_balance"]].sum()
    assert (by_currency["opening_balance"] == by_currency["closing_balance"]).all()


def test_no_declared_account_is_overdrawn(saved: Saved, replay: Replay) -> None:
    declared = saved.scenario["accounts"]
    assert len(declared) < len(saved.accounts)
    for account in declared:
        assert replay.lowest[f"{account['holder']}@{account['system']}"] >= -account["credit"] * MINOR


def test_daily_balances(saved: Saved, replay: Replay) -> None:
    opening = saved.accounts.set_index("account")["opening_balance"]
    for account, told in saved.balances.groupby("account"):
        closing = int(opening[account])
        closings, lowests = [], []
        # Of each instant only what it leaves behind, the first of the day included.
        of_day: dict[int, list[int]] = defaultdict(list)
        for at, balance in replay.after[account].items():
            of_day[(at - midnight_of(told["date"].min())) // pd.Timedelta(days=1)].append(balance)
        for day, date in enumerate(told["date"]):
            at_midnight = replay.after[account].get(midnight_of(date), closing)
            lowests.append(min([*of_day[day], at_midnight]))
            closing = replay.closing_of[account].get(day, closing)
            closings.append(closing)
        assert told["closing_balance"].tolist() == closings
        assert told["lowest_balance"].tolist() == lowests


def test_liquidity_used_from_postings(saved: Saved, replay: Replay) -> None:
    opening = saved.accounts.set_index("account")["opening_balance"]
    declared = [f"{account['holder']}@{account['system']}" for account in saved.scenario["accounts"]]
    told = saved.measures["liquidity_used"]
    assert list(told) == declared
    for account in declared:
        lowest = min([opening[account], *replay.after[account].values()])
        assert told[account] == pytest.approx((int(opening[account]) - lowest) / MINOR)


def test_each_settling_step_of_a_settled_payment_is_one_posting_of_its_amount(saved: Saved) -> None:
    payments = saved.payments.set_index("payment_id")
    postings = saved.postings[saved.postings["payment_id"].notna()]
    row = payments.loc[postings["payment_id"].astype(np.int64)].reset_index()
    assert (postings["amount"].to_numpy() == row["amount"].to_numpy()).all()
    assert (postings["currency"].to_numpy() == row["currency"].to_numpy()).all()
    assert not postings.duplicated(["payment_id", "step"]).any()
    systems = {
        (route, number): step["system"]
        for route, declared in saved.scenario["routes"].items()
        for number, step in enumerate(declared["steps"])
        if step["kind"] == "settle"
    }
    for side in ("debit_account", "credit_account"):
        told = postings[side].str.split("@").str[1]
        wanted = [systems[key] for key in zip(row["route"], postings["step"].astype(int), strict=True)]
        assert told.tolist() == wanted
    last = postings.sort_values("step").groupby("payment_id")["posted_at"].last()
    settled = payments["settled_at"].reindex(last.index.astype(np.int64)).dropna()
    # A transfer from a bank to itself moves nothing, so a payment may be final later than its last posting.
    assert (settled >= last.loc[settled.index]).all()


@pytest.mark.quick
@pytest.mark.parametrize(("beside", "day"), [(-1, 0), (0, 1), (1, 1)])
def test_what_moves_at_midnight_belongs_to_the_day_that_begins(beside: int, day: int) -> None:
    at = pd.Timestamp("2024-03-05 00:00") + pd.Timedelta(seconds=beside)
    world = by_hand(declare(town({"a": "10", "b": "0"})), Order(str(at), "a", "b", 700))
    table = run_of(world, simulate(world))["balances"]
    mine = table[table["account"] == "a@gross"]
    assert mine["date"].dt.day.tolist()[:3] == [4, 5, 6]
    expected = [300 if number >= day else 1_000 for number in range(3)]
    assert mine["closing_balance"].tolist()[:3] == expected
    assert mine["lowest_balance"].tolist()[:3] == expected
