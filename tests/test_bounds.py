"""Limits and reservations hold whatever settles, and begin anew on each day of the system's hours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.engine.netting import Limits, Queue, bilateral, multilateral, optimal, singly
from sim.errors import ScenarioError
from sim.world.build import build_world

SCENARIO = """
name: bounded
period: {{start: 2024-03-04 09:00, end: 2024-03-06 17:00, zone: Europe/Minsk}}
systems:
  s: {{{system}, currency: BYN, hours: {{zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}}}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
"""
RTGS = "kind: rtgs"


def scenario(folder: Path, accounts: list[str], rows: list[str], system: str = RTGS) -> Path:
    """Rows are `time,payer,payee,amount,priority` on 4 March; accounts `holder, balance: …`."""
    header = "payment_id,instructed_at,payer_bank,payee_bank,amount,priority"
    lines = [f"p{number},2024-03-04T{row}" for number, row in enumerate(rows, start=1)]
    (folder / "payments.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {{system: s, holder: {account}}}" for account in accounts)
    path.write_text(SCENARIO.format(system=system, accounts=listed), encoding="utf-8")
    return path


def times(results: sim.Results) -> list[str | None]:
    """Local day and time of settlement by payment, none for those that still wait."""
    settled = results.payments["settled_at"].dt.tz_convert("Europe/Minsk")
    return [None if pd.isna(at) else at.strftime("%d %H:%M") for at in settled]


def test_a_bilateral_limit_bounds_what_is_sent_net_of_what_was_received(tmp_path: Path) -> None:
    accounts = ["A, balance: 100, limits: {bilateral: {B: 10}}", "B, balance: 100", "C, balance: 100"]
    rows = ["09:01,A,B,8,0", "09:02,A,B,5,0", "09:03,B,A,3,0", "09:04,A,B,1,0"]
    # 8 is within 10, 5 more is not; 3 come back and make room for it, and then none is left: a new day.
    assert times(sim.run(scenario(tmp_path, accounts, rows))) == [
        "04 09:01",
        "04 09:03",
        "04 09:03",
        "05 09:00",
    ]


def test_a_multilateral_limit_is_for_all_banks_without_one_of_their_own(tmp_path: Path) -> None:
    accounts = ["A, balance: 100, limits: {bilateral: {B: 50}, multilateral: 10}", "B", "C", "D"]
    rows = ["09:01,A,B,40,0", "09:02,A,C,6,0", "09:03,A,D,6,0", "09:04,A,B,5,0"]
    fifo = times(sim.run(scenario(tmp_path, accounts, rows)))
    assert fifo == ["04 09:01", "04 09:02", "05 09:00", "05 09:00"]
    bypass = times(sim.run(scenario(tmp_path, accounts, rows, f"{RTGS}, queue: bypass")))
    assert bypass == ["04 09:01", "04 09:02", "05 09:00", "04 09:04"]


def test_only_urgent_payments_use_what_is_reserved_and_it_is_reserved_anew_each_day(tmp_path: Path) -> None:
    accounts = ["A, balance: 100, reserved: 60", "B, balance: 50"]
    rows = ["09:01,A,B,50,0", "09:02,A,B,50,1", "09:03,B,A,10,0"]
    results = sim.run(scenario(tmp_path, accounts, rows, f"{RTGS}, queue: priority"))
    # Of 100 an ordinary payment may use 40. The urgent one leaves 50, of which 10 stay reserved; with 10 more
    # the ordinary one has its 50.
    assert times(results) == ["04 09:03", "04 09:02", "04 09:03"]


def test_a_reservation_does_not_bound_what_urgent_payments_use_beyond_it(tmp_path: Path) -> None:
    accounts = ["A, balance: 100, reserved: 60", "B"]
    assert times(sim.run(scenario(tmp_path, accounts, ["09:01,A,B,100,1"]))) == ["04 09:01"]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("bound", "rows", "expected"),
    [
        *(
            # There is room again on the next day, neither at noon nor later.
            (bound, ["09:01,A,B,10,0", "09:02,A,B,10,0"], ["04 09:01", "05 09:00"])
            for bound in ("limits: {bilateral: {B: 10}}", "limits: {multilateral: 10}")
        ),
        # What was reserved is used up, until the next day.
        (
            "reserved: 90",
            ["09:01,A,B,90,1", "14:30,B,A,85,0", "15:00,A,B,80,0"],
            ["04 09:01", "04 14:30", "04 15:00"],
        ),
    ],
)
def test_bounds_begin_anew_with_the_first_session_of_a_day_and_not_with_its_others(
    bound: str, rows: list[str], expected: list[str], tmp_path: Path
) -> None:
    path = scenario(tmp_path, [f"A, balance: 100, {bound}", "B"], rows)
    text = path.read_text("utf-8").replace('"09:00-17:00"', '"09:00-12:00", "12:00-13:00", "14:00-17:00"')
    path.write_text(text, "utf-8")
    assert times(sim.run(path)) == expected


@pytest.mark.parametrize("kind", ["bilateral", "multilateral", "optimal"])
def test_offsetting_keeps_within_limits(kind: str, tmp_path: Path) -> None:
    rows = ["09:01,A,B,50,0", "09:02,B,A,30,0"]
    system = f"{RTGS}, offsetting: {{kind: {kind}}}"
    for limit, expected in ((20, "04 09:02"), (19, None)):
        accounts = [f"A, balance: 20, limits: {{multilateral: {limit}}}", "B"]
        assert times(sim.run(scenario(tmp_path, accounts, rows, system))) == [expected, expected]


def test_a_limit_turns_a_gridlock_into_a_deadlock(tmp_path: Path) -> None:
    rows = ["09:01,A,B,50,0", "09:02,B,A,50,0"]
    # Until B wants to pay, too, it is a shortage.
    for limit, locks in (
        ("", [1, 0, 1]),
        (", limits: {bilateral: {B: 0}}", [1, 0, 1]),
        (", reserved: 1", [0, 1, 1]),
    ):
        results = sim.run(scenario(tmp_path, [f"A{limit}", "B"], rows))
        names = ("gridlocks", "deadlocks", "shortages")
        assert [results.measures[name].value["s"] for name in names] == locks, limit


@pytest.mark.parametrize(
    ("account", "system", "told"),
    [
        ("A, limits: {bilateral: {Bb: 1}}", RTGS, "limits.bilateral.Bb: 'Bb' has no account in 's'"),
        (
            "A, limits: {bilateral: {A: 1}}",
            RTGS,
            "limits.bilateral.A: 'A' cannot limit what it sends to itself",
        ),
        ("A, limits: {bilateral: {B: -1}}", RTGS, "limits.bilateral.B"),
        ("A, limits: {multilateral: -1}", RTGS, "limits.multilateral"),
        ("A, limits: {multilateral: 1.001}", RTGS, "limits.multilateral: "),
        ("A, limits: {bilateral: {B: 0.001}}", RTGS, "limits.bilateral.B: "),
        ("A, limits: {bilateral: {B: 1e30}}", RTGS, "more than this simulator can count"),
        ("A, reserved: -1", RTGS, "reserved"),
        ("A, reserved: 0.001", RTGS, "reserved"),
        ("A, reserved: 1", 'kind: dns, cycles: ["12:00"]', "'s' is no rtgs and does not know 'reserved'"),
        ("A, limits: {multilateral: 1}", 'kind: hybrid, cycles: ["12:00"]', "does not know 'limits'"),
    ],
)
def test_bounds_that_make_no_sense_are_told_with_their_place(
    account: str, system: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError) as caught:
        sim.load(scenario(tmp_path, [account, "B"], ["09:01,A,B,1,0"], system))
    (problem,) = caught.value.problems
    assert told in str(problem)
    assert str(problem).startswith(f"{tmp_path / 'scenario.yaml'}:7:")


# The rules against every subset of small queues.


@st.composite
def bounded(draw: st.DrawFn) -> tuple[Queue, np.ndarray, Limits]:
    """A queue whose banks have limits and reservations of all kinds."""
    n, size = draw(st.integers(2, 4)), draw(st.integers(0, 9))
    bank, amount = st.integers(0, n - 1), st.integers(1, 9)
    rows = draw(st.lists(st.tuples(bank, st.integers(1, n - 1), amount), min_size=size, max_size=size))
    payer, step, amounts = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    payee = (payer + step) % n
    available = np.array(draw(st.lists(st.integers(0, 12), min_size=n, max_size=n)), dtype=np.int64)
    # Of each bank one limit towards one partner or all, and one that is what it does not reserve.
    partner = np.array(draw(st.lists(st.integers(-1, n - 1), min_size=n, max_size=n)), dtype=np.int64)
    room = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    reserved = np.array(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), dtype=np.int64)
    urgent = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=bool)
    there = np.where((partner[payer] < 0) | (partner[payer] == payee), payer, -1)
    back = np.where((partner[payee] < 0) | (partner[payee] == payer), payee, -1)
    limits = Limits(
        owner=np.concatenate([np.arange(n), np.arange(n)]),
        left=np.concatenate([np.array(room, dtype=np.int64), available - reserved]),
        takes=np.column_stack([there, np.where(urgent, -1, payer + n)]),
        brings=np.column_stack([back, payee + n]),
    )
    return Queue(payer, payee, amounts), available, limits


def allowed(queue: Queue, available: np.ndarray, limits: Limits, mask: np.ndarray) -> bool:
    """The rule put plainly: no balance below zero, and no limit that is used."""
    balance, left, used = available.tolist(), limits.left.tolist(), set()
    for row in np.flatnonzero(mask).tolist():
        amount = int(queue.amount[row])
        balance[queue.payer[row]] -= amount
        balance[queue.payee[row]] += amount
        for limit in limits.takes[row][limits.takes[row] >= 0]:
            left[limit] -= amount
            used.add(int(limit))
        for limit in limits.brings[row][limits.brings[row] >= 0]:
            left[limit] += amount
    return min(balance) >= 0 and all(left[limit] >= 0 for limit in used)


def subsets(queue: Queue, available: np.ndarray, limits: Limits) -> list[np.ndarray]:
    size = len(queue)
    masks = (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)
    return [mask for mask in masks if allowed(queue, available, limits, mask)]


def in_order(queue: Queue, mask: np.ndarray) -> bool:
    return all((np.diff(mask[queue.payer == bank].astype(int)) <= 0).all() for bank in np.unique(queue.payer))


@given(bounded())
def test_limits_beyond_what_is_owed_are_like_none(given: tuple[Queue, np.ndarray, Limits]) -> None:
    queue, available, limits = given
    ample = replace(limits, left=np.full_like(limits.left, int(queue.amount.sum())))
    for one in (ample, Limits.none(len(queue))):
        for rule in (singly, multilateral):
            assert (rule(queue, available, one) == rule(queue, available)).all()
        for by_pair in (False, True):
            found = bilateral(queue, available, by_pair=by_pair, limits=one)
            assert (found == bilateral(queue, available, by_pair=by_pair)).all()
        best = optimal(queue, available, limits=one, time_limit=60.0)
        assert best.value == optimal(queue, available, time_limit=60.0).value


@given(bounded())
def test_within_limits_there_is_one_largest_set_in_order(given: tuple[Queue, np.ndarray, Limits]) -> None:
    queue, available, limits = given
    found = multilateral(queue, available, limits)
    prefixes = [mask for mask in subsets(*given) if in_order(queue, mask)]
    assert any((mask == found).all() for mask in prefixes)
    assert all((mask <= found).all() for mask in prefixes)
    for weaker in (
        singly(queue, available, limits),
        bilateral(queue, available, by_pair=False, limits=limits),
    ):
        assert allowed(*given, weaker)
        assert in_order(queue, weaker)
        assert (weaker <= found).all()
    assert allowed(*given, bilateral(queue, available, by_pair=True, limits=limits))


@given(bounded())
@settings(max_examples=examples(60))
def test_within_limits_the_optimum_is_the_best_of_all_subsets(
    given: tuple[Queue, np.ndarray, Limits],
) -> None:
    queue, available, limits = given
    found = optimal(queue, available, limits=limits, time_limit=60.0)
    best = max(queue.value(mask) for mask in subsets(*given))
    assert allowed(*given, found.mask)
    assert (found.value, found.bound, found.status) == (best, best, "optimal")


def test_payments_of_a_flow_have_its_priority() -> None:
    short = ["period.end=2024-01-15", "run_in=5d", "horizon=5d"]
    world = build_world(sim.load("baseline", [*short, "flows.goods.priority=2"]))
    flow = world.obligations.flow[world.payments.obligation]
    goods = flow == list(world.scenario.flows).index("goods")
    assert set(world.payments.priority[goods]) == {2}
    assert set(world.payments.priority[~goods]) == {0}
