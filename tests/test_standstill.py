"""Gridlock, deadlock and shortage are what their definitions say of the tables of a run."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from test_systems import UBIN

import sim

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

STATES = ("gridlock", "deadlock", "shortage")
HEADER = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority,system"
HOURS = '{zone: Europe/Minsk, sessions: ["09:00-10:30", "11:00-12:30"], calendar: always}'
#: The same in hours of the local day; offices open at the first of them.
SESSIONS = ((9.0, 10.5), (11.0, 12.5))
DAYS = ("2024-03-04", "2024-03-05")

SCENARIO = """
name: standing
period: {{start: 2024-03-04 09:00, end: 2024-03-06 00:00, zone: Europe/Minsk}}
systems:
{systems}
treasuries: {{t: {{at: "09:40", zone: Europe/Minsk, calendar: always, lag: 20min}}}}
{timeline}
accounts:
{accounts}
payments: {{file: payments.csv}}
"""


def run(
    folder: Path, systems: dict[str, str], accounts: list[str], rows: list[str], timeline: str = ""
) -> Results:
    """Run payments, a row of `HEADER` each, through systems that keep the same hours."""
    (folder / "payments.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    told = [f"  {name}: {{{system}, currency: BYN, hours: {HOURS}}}" for name, system in systems.items()]
    listed = [f"  - {{{account}}}" for account in accounts]
    path.write_text(
        SCENARIO.format(systems="\n".join(told), accounts="\n".join(listed), timeline=timeline),
        encoding="utf-8",
    )
    return sim.run(path)


def one(
    folder: Path, balances: dict[str, int], payments: list[str], system: str = "kind: rtgs", **more: str
) -> dict[str, tuple[int, int]]:
    """Episodes and seconds by state of one system `s`; payments are `day time,payer,payee,amount`."""
    rows = [f"p{k},2024-03-{row.replace(' ', 'T')},0,s" for k, row in enumerate(payments, start=1)]
    accounts = [f"holder: {bank}, system: s, balance: {balance}" for bank, balance in balances.items()]
    return told(run(folder, {"s": system}, accounts, rows, **more), "s")


def told(results: Results, system: str) -> dict[str, tuple[int, int]]:
    """Episodes and seconds by state, as the measures and the table `systems` tell them."""
    row = results.systems.set_index("system").loc[system]
    found = {}
    for state in STATES:
        names = (f"{state}s", f"{state}_seconds")
        assert [results.measures[name].value[system] for name in names] == [row[name] for name in names]
        if row[f"{state}s"]:
            found[state] = (int(row[f"{state}s"]), int(row[f"{state}_seconds"]))
        else:
            assert row[f"{state}_seconds"] == 0
    return found


NONE = {"A": 0, "B": 0, "C": 0}


def test_a_ring_is_a_gridlock_that_multilateral_offsetting_dissolves(tmp_path: Path) -> None:
    ring = ["04 09:01,A,B,100", "04 09:02,B,C,100", "04 09:03,C,A,100"]
    # Two minutes of waiting before the ring is closed, then the rest of two days of three hours.
    assert one(tmp_path, NONE, ring) == {"shortage": (1, 120), "gridlock": (1, 6 * 3600 - 180)}
    for kind in ("bilateral", "multilateral", "optimal"):
        found = one(tmp_path, NONE, ring, f"kind: rtgs, offsetting: {{kind: {kind}}}")
        assert ("gridlock" in found) == (kind == "bilateral")
        assert found["shortage"] == (1, 120)


def test_a_ring_that_lacks_one_unit_is_a_deadlock(tmp_path: Path) -> None:
    ring = ["04 09:01,A,B,100", "04 09:02,B,C,101", "04 09:03,C,A,100"]
    assert one(tmp_path, NONE, ring) == {"shortage": (1, 120), "deadlock": (1, 6 * 3600 - 180)}
    assert "gridlock" in one(tmp_path, NONE | {"B": 1}, ring)


def test_what_goes_one_way_is_a_shortage(tmp_path: Path) -> None:
    chain = ["04 09:01,A,B,100", "04 09:02,B,C,100", "04 09:03,A,C,100"]
    assert one(tmp_path, NONE, chain) == {"shortage": (1, 6 * 3600 - 60)}


@pytest.mark.parametrize("case", UBIN)
def test_published_queues_stand_in_gridlock_if_their_banks_can_pay_in_order(
    case: str, tmp_path: Path
) -> None:
    balances, payments, in_order, _ = UBIN[case]
    banks = {f"b{number}": balance for number, balance in enumerate(balances, start=1)}
    rows = [f"04 09:00,b{payer},b{payee},{amount}" for payer, payee, amount in payments]
    # All of them come at once, and nobody can pay alone.
    assert one(tmp_path, banks, rows) == {"gridlock" if in_order else "deadlock": (1, 6 * 3600)}


def test_states_are_looked_at_when_all_of_an_instant_is_done(tmp_path: Path) -> None:
    assert one(tmp_path, NONE, ["04 09:01,A,B,5", "04 09:01,B,A,5"]) == {"gridlock": (1, 6 * 3600 - 60)}
    # What waits for nobody but the next payment of the same second does not wait.
    assert one(tmp_path, NONE | {"C": 5}, ["04 09:01,A,B,5", "04 09:01,C,A,5"]) == {}


def test_a_settlement_ends_an_episode_and_a_night_does_not(tmp_path: Path) -> None:
    banks = NONE | {"C": 5}
    through = one(tmp_path, banks, ["04 09:01,A,B,9"])
    assert through == {"shortage": (1, 6 * 3600 - 60)}
    # Other banks' payments settle at 12:00 and, submitted in the night, at the opening.
    split = one(tmp_path, banks, ["04 09:01,A,B,9", "04 12:00,C,B,2", "04 20:00,C,B,2"])
    assert split == {"shortage": (3, 6 * 3600 - 60)}


def test_payments_withdrawn_from_a_failed_bank_wait_no_more(tmp_path: Path) -> None:
    fails = """
banks: {A: {hours: always}, B: {hours: always}, C: {hours: always}}
timeline: [{kind: failed_bank, bank: B, at: "2024-03-04 10:00"}]
"""
    pair = ["04 09:01,A,B,5", "04 09:02,B,A,5", "04 09:03,C,A,7"]
    found = one(tmp_path, NONE, pair, timeline=fails)
    assert found == {"shortage": (2, 60 + 5 * 3600), "gridlock": (1, 58 * 60)}


def test_systems_that_settle_in_cycles_have_no_standstills(tmp_path: Path) -> None:
    for kind in ("dns", "hybrid"):
        found = one(tmp_path, NONE, ["04 09:01,A,B,5", "04 09:02,B,A,5"], f'kind: {kind}, cycles: ["12:00"]')
        assert found == {}


# Against the definitions, on random days.

CLOCKS = ("09:30", "10:15", "11:30")
OFFSETTINGS = ("none", "none", "multilateral, every: 5min", "bilateral", "optimal, size: 6")


def random_system(name: str, queue: str, random: np.random.Generator) -> tuple[str, list[str], list[str]]:
    """A system, its accounts and its payments: few banks that pay each other with hardly any money."""
    banks, payments = int(random.integers(2, 5)), int(random.integers(8, 26))
    amounts = random.integers(1, 9, payments)
    payer = random.integers(0, banks, payments)
    payee = (payer + random.integers(1, banks, payments)) % banks
    minutes = np.sort(random.integers(0, 150, payments))
    rows = [
        f"{name}-{k},{DAYS[random.integers(2)]}T{9 + minutes[k] // 60:02d}:{minutes[k] % 60:02d},"
        f"b{payer[k]},b{payee[k]},{amounts[k]},{random.integers(0, 3)},{name}"
        for k in range(payments)
    ]
    accounts = []
    for bank in range(banks):
        account = f"holder: b{bank}, system: {name}, balance: {random.integers(0, 8)}"
        if random.random() < 0.2:
            account += ", treasury: t"
        if random.random() < 0.25:
            account += f", reserved: {random.integers(1, 6)}"
        if random.random() < 0.25:
            account += f", holds: {{below: {random.integers(1, 12)}, until: '{random.choice(CLOCKS)}'}}"
        if random.random() < 0.3:
            account += f", limits: {{bilateral: {{b{(bank + 1) % banks}: {random.integers(0, 12)}}}"
            account += f", multilateral: {random.integers(0, 24)}}}" if random.random() < 0.7 else "}"
        accounts.append(account)
    more = ", zero_balance: true" if random.random() < 0.3 else ""
    more += ', throughput: [{share: 0.6, by: "10:00"}]' if random.random() < 0.3 else ""
    offsetting = OFFSETTINGS[random.integers(len(OFFSETTINGS))]
    return f"kind: rtgs, queue: {queue}, offsetting: {{kind: {offsetting}}}{more}", accounts, rows


class Record:
    """One system's tables in seconds since the first midnight, and its declared bounds."""

    def __init__(self, results: Results, system: str) -> None:
        def seconds(column: pd.Series) -> list[int]:
            since = (column - pd.Timestamp(DAYS[0], tz="Europe/Minsk")).dt.total_seconds()
            return since.fillna(1e9).astype(int).tolist()

        transfers = results.transfers[results.transfers["system"] == system]
        transfers = transfers.sort_values("queue_entry", kind="stable")
        priority = results.payments.set_index("payment_id")["priority"]
        self.transfers = list(
            zip(
                transfers["debit_account"].str.split("@").str[0],
                transfers["credit_account"].str.split("@").str[0],
                transfers["amount"],
                priority.loc[transfers["payment_id"]],
                seconds(transfers["submitted_at"]),
                seconds(transfers["settled_at"]),
                strict=True,
            )
        )
        if results.scenario.systems[system].queue == "priority":
            self.transfers.sort(key=lambda row: -row[3])
        accounts = results.accounts[results.accounts["system"] == system]
        self.opening = dict(zip(accounts["holder"], accounts["opening_balance"], strict=True))
        postings = results.postings[results.postings["debit_account"].isin(accounts["account"])]
        self.postings = list(
            zip(
                postings["debit_account"].str.split("@").str[0],
                postings["credit_account"].str.split("@").str[0],
                postings["amount"],
                seconds(postings["posted_at"]),
                strict=True,
            )
        )
        self.declared = {row.holder: row for row in results.scenario.accounts if row.system == system}
        instants = [row[k] for row in self.transfers for k in (4, 5)] + [row[3] for row in self.postings]
        clocks = [9.5, 10.25, 11.5]
        self.sessions = [
            (int(day * 86_400 + a * 3600), int(day * 86_400 + b * 3600))
            for day in (0, 1)
            for a, b in SESSIONS
        ]
        instants += [int(day * 86_400 + clock * 3600) for day in (0, 1) for clock in clocks]
        instants += [start for start, _ in self.sessions]
        self.instants = sorted({at for at in instants if any(a <= at < b for a, b in self.sessions)})

    def state(self, at: int) -> str | None:
        """The state after all of an instant, by the definitions alone."""
        waiting = [row for row in self.transfers if row[4] <= at < row[5]]
        if not waiting:
            return None
        if self.exists(waiting, at):
            return "gridlock"
        edges = {(row[0], row[1]) for row in waiting}
        reach = set(edges)
        for _ in self.opening:  # as many steps as there are banks
            reach |= {(a, d) for a, b in reach for c, d in edges if b == c}
        return "deadlock" if any(a == b for a, b in reach) else "shortage"

    def exists(self, waiting: list[Any], at: int) -> bool:
        """Whether some first payments of some queues leave nobody short, of all sets of such payments."""
        balance, day = dict(self.opening), at - at % 86_400
        for debit, credit, amount, posted in self.postings:
            if posted <= at:
                balance[debit] -= amount
                balance[credit] += amount
        today = [row for row in self.transfers if day <= row[5] <= at]
        lines = {bank: [row for row in waiting if row[0] == bank] for bank in self.opening}
        for lengths in product(*(range(len(line) + 1) for line in lines.values())):
            chosen = [row for line, n in zip(lines.values(), lengths, strict=True) for row in line[:n]]
            if chosen and all(self.bears(bank, balance, chosen, today, at) for bank in self.declared):
                return True
        return False

    def bears(self, bank: str, balance: dict[str, int], chosen: list[Any], today: list[Any], at: int) -> bool:
        """Whether an account and its bounds bear a set of payments that settle together."""
        paid = [row for row in chosen if row[0] == bank]
        brought = sum(row[2] for row in chosen if row[1] == bank)
        if balance[bank] + brought < sum(row[2] for row in paid):
            return False
        declared = self.declared[bank]
        ordinary = sum(row[2] for row in paid if row[3] <= 0)
        if ordinary and balance[bank] + brought - ordinary < self.kept(bank, today, at):
            return False
        limits = {other: {other} for other in declared.limits.bilateral}
        rest = set(self.opening) - set(limits)
        bounds = {other: most * 100 for other, most in declared.limits.bilateral.items()}
        if declared.limits.multilateral is not None:
            limits[""], bounds[""] = rest, declared.limits.multilateral * 100
        for name, others in limits.items():
            sent = [row[2] for row in paid if row[1] in others]
            net = sum(row[2] for row in [*today, *chosen] if row[0] == bank and row[1] in others)
            net -= sum(row[2] for row in [*today, *chosen] if row[1] == bank and row[0] in others)
            if sent and net > bounds[name]:
                return False
        return True

    def kept(self, bank: str, today: list[Any], at: int) -> int:
        """What ordinary payments must leave: what is still reserved, or what is held back if that is more."""
        declared, holds = self.declared[bank], self.declared[bank].holds
        urgent = sum(row[2] for row in today if row[0] == bank and row[3] > 0)
        held = 0
        if holds is not None:
            hour, minute = map(int, str(holds.until).split(":")[:2])
            held = int(holds.below * 100) if at % 86_400 < hour * 3600 + minute * 60 else 0
        return max(int(declared.reserved * 100) - urgent, 0, held)

    def told(self) -> dict[str, tuple[int, int]]:
        """Episodes and open seconds by state."""
        found: dict[str, tuple[int, int]] = {}
        before = None
        for at, following in pairwise([*self.instants, 10**9]):
            state = self.state(at)
            if state is not None:
                # What settled while the system was closed ended the state, too.
                settles = any(row[5] == at for row in self.transfers)
                lasts = sum(max(min(b, following) - max(a, at), 0) for a, b in self.sessions)
                episodes, seconds = found.get(state, (0, 0))
                found[state] = (episodes + (settles or state != before), seconds + lasts)
            before = state
        return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("queue", ["fifo", "bypass", "priority"])
def test_standstills_follow_from_the_definitions(queue: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng([seed, len(queue)])
    made = {f"s{k}": random_system(f"s{k}", queue, random) for k in range(20)}
    results = run(
        tmp_path,
        {name: system for name, (system, *_) in made.items()},
        [account for _, accounts, _ in made.values() for account in accounts],
        [row for *_, rows in made.values() for row in rows],
    )
    counted = dict.fromkeys(STATES, 0)
    for name, drawn in made.items():
        expected = Record(results, name).told()
        assert told(results, name) == expected, (name, drawn)
        for state, (episodes, _) in expected.items():
            counted[state] += episodes
    assert min(counted.values()) > 0
