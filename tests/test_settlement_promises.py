"""What every system promises, whatever its rules: money stays, bounds hold, nothing settles twice."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_bounds import bounded

import sim
from sim.engine.netting import bilateral, multilateral, optimal, singly

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from sim.engine.netting import Limits, Queue

pytestmark = pytest.mark.quick

SCENARIO = """
name: promises
period: {{start: 2024-03-04 09:00, end: 2024-03-06 17:00, zone: Europe/Minsk}}
systems:
  s:
    {{{system}, currency: BYN, hours: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
"""


class Member(NamedTuple):
    """An account, and what bounds it besides its balance."""

    balance: int
    credit: int
    bilateral: tuple[int, int] | None
    multilateral: int | None
    reserved: int
    below: int | None
    cap: int | None

    def text(self, number: int, kind: str) -> str:
        """As it stands in a scenario; each kind of system has bounds of its own."""
        parts = [f"holder: b{number}", "system: s", f"balance: {self.balance}", f"credit: {self.credit}"]
        if kind == "dns" and self.cap is not None:
            parts.append(f"net_debit_cap: {self.cap}")
        if kind == "rtgs":
            limits = (
                []
                if self.bilateral is None
                else [f"bilateral: {{b{self.partner(number)}: {self.bilateral[1]}}}"]
            )
            limits += [] if self.multilateral is None else [f"multilateral: {self.multilateral}"]
            parts += [f"limits: {{{', '.join(limits)}}}", f"reserved: {self.reserved}"]
            if self.below is not None:
                parts.append(f"holds: {{below: {self.below}, until: '{UNTIL}'}}")
        return f"  - {{{', '.join(parts)}}}"

    def partner(self, number: int) -> int:
        """The bank towards which the bilateral limit holds."""
        return (number + (self.bilateral or (1, 0))[0]) % BANKS


BANKS = 4
#: When banks that hold back let go, in the middle of the minutes in which payments come.
UNTIL = "09:12"

amounts = st.integers(0, 60)
members = st.builds(
    Member,
    balance=amounts,
    credit=st.sampled_from([0, 0, 25]),
    bilateral=st.none() | st.tuples(st.integers(1, BANKS - 1), amounts),
    multilateral=st.none() | amounts,
    reserved=st.sampled_from([0, 0, 10, 30]),
    below=st.none() | st.integers(1, 60),
    cap=st.none() | amounts,
)
offsettings = st.builds(
    "offsetting: {{kind: {}{}}}".format,
    st.sampled_from(["none", "bilateral", "multilateral", "optimal"]),
    st.sampled_from(["", ", when: entry", ", every: 7min", ", size: 4"]),
)
systems = st.one_of(
    st.builds(
        "kind: rtgs, queue: {}, {}".format, st.sampled_from(["fifo", "bypass", "priority"]), offsettings
    ),
    st.builds(
        'kind: dns, cycles: ["09:20", "13:30"], shortfall: {}'.format, st.sampled_from(["unwind", "pool"])
    ),
    st.just('kind: hybrid, cycles: ["09:20", "13:30"]'),
)
payments = st.lists(
    st.tuples(
        st.integers(4, 5),
        st.integers(0, BANKS - 1),
        st.integers(1, BANKS - 1),
        st.integers(1, 90),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(system=systems, given_members=st.lists(members, min_size=BANKS, max_size=BANKS), rows=payments)
def test_money_stays_bounds_hold_and_nothing_settles_twice(
    system: str, given_members: list[Member], rows: list[tuple[int, int, int, int, int]], tmp_path: Path
) -> None:
    kind = system.split()[1].rstrip(",")
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority"
    lines = [
        f"p{k},2024-03-0{day}T09:{k % 60:02d},b{payer},b{(payer + step) % BANKS},{amount},{priority}"
        for k, (day, payer, step, amount, priority) in enumerate(rows)
    ]
    (tmp_path / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    accounts = "\n".join(member.text(number, kind) for number, member in enumerate(given_members))
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO.format(system=system, accounts=accounts), encoding="utf-8")
    results = sim.run(path)

    replay = Replay(given_members, kind)
    urgent = {f"p{k}": priority >= 1 for k, (*_, priority) in enumerate(rows)}
    for _, together in results.postings.groupby("batch", sort=True):
        replay.together(
            together["posted_at"].iloc[0].tz_convert("Europe/Minsk"),
            [
                Moved(
                    int(row.debit_account[1]),
                    int(row.credit_account[1]),
                    row.amount,
                    urgent.get(row.payment_id),
                )
                for row in together.itertuples()
            ],
        )
    assert sum(replay.balance) == 100 * sum(member.balance for member in given_members)
    assert replay.balance == results.accounts["closing_balance"].tolist()
    posted = results.postings["payment_id"].dropna()
    assert posted.is_unique
    table = results.payments
    assert set(posted) == set(table.loc[table["status"] == "settled", "payment_id"])


class Moved(NamedTuple):
    """A posting; `urgent` is None for money of no payment."""

    payer: int
    payee: int
    amount: int
    urgent: bool | None


class Replay:
    """The bounds put plainly: what holds after whatever took effect together."""

    def __init__(self, given_members: list[Member], kind: str) -> None:
        self.balance = [100 * member.balance for member in given_members]
        self._members = given_members
        self._bounded = kind == "rtgs"
        self._day = ""

    def together(self, at: pd.Timestamp, moved: list[Moved]) -> None:
        """Check what settled at once at an instant."""
        day = str(at.date())
        if day != self._day:
            self._day = day
            self._sent: defaultdict[tuple[int, int], int] = defaultdict(int)
            self._reserved = [100 * member.reserved for member in self._members]
        for payer, payee, amount, urgent in moved:
            self.balance[payer] -= amount
            self.balance[payee] += amount
            self._sent[payer, payee] += amount
            self._sent[payee, payer] -= amount
            if urgent:
                self._reserved[payer] = max(self._reserved[payer] - amount, 0)
        for number, member in enumerate(self._members):
            assert self.balance[number] >= -100 * member.credit
        for payer, payee, _, urgent in moved if self._bounded else ():
            member = self._members[payer]
            partner = member.partner(payer) if member.bilateral is not None else None
            if payee == partner:
                assert self._sent[payer, payee] <= 100 * member.bilateral[1]
            elif member.multilateral is not None:
                others = [other for other in range(BANKS) if other != partner]
                assert sum(self._sent[payer, other] for other in others) <= 100 * member.multilateral
            if not urgent:
                assert self.balance[payer] >= self._reserved[payer] - 100 * member.credit
                if member.below is not None and f"{at:%H:%M}" < UNTIL:
                    # Urgent payments that settle with it may go below.
                    before = sum(one.amount for one in moved if one.urgent and one.payer == payer)
                    assert self.balance[payer] + before >= 100 * member.below


@given(bounded())
@settings(max_examples=examples(60))
def test_of_one_queue_optimal_settles_most_and_multilateral_most_in_order(
    queued: tuple[Queue, np.ndarray, Limits],
) -> None:
    queue, available, limits = queued
    for within in (None, limits):
        best = optimal(queue, available, limits=within, time_limit=60.0).value
        in_order = queue.value(multilateral(queue, available, within))
        pairs = queue.value(bilateral(queue, available, by_pair=False, limits=within))
        passing = queue.value(bilateral(queue, available, by_pair=True, limits=within))
        fifo = queue.value(singly(queue, available, within))
        assert best >= max(in_order, passing)
        assert in_order >= max(pairs, fifo)
