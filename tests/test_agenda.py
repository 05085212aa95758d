"""What happens at one instant happens in an order that is stated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from builders import Order, accounts, by_hand, declare, instant, town
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.agenda import Agenda, Phase
from sim.engine.run import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.records import Records

pytestmark = pytest.mark.quick

START, END = 1_000, 2_000


def run(agenda: Agenda) -> None:
    """Let everything on an agenda happen, instant by instant."""
    while agenda.next_event < END:
        at = int(agenda.next_event)
        while agenda.due(at) is not None:
            agenda.take()(at)


@given(
    st.lists(
        st.tuples(
            st.integers(START, START + 2),
            st.sampled_from(Phase),
            st.lists(st.integers(-1, 1), max_size=3).map(tuple),
        )
    )
)
def test_calls_come_by_instant_phase_and_order_and_of_equals_the_first_scheduled(
    calls: list[tuple[int, Phase, tuple[int, ...]]],
) -> None:
    agenda = Agenda(START, END)
    happened: list[tuple[int, int]] = []
    for number, (at, phase, order) in enumerate(calls):
        agenda.schedule(at, phase, partial(lambda number, at: happened.append((at, number)), number), *order)
    run(agenda)
    expected = sorted(range(len(calls)), key=lambda number: (calls[number], number))
    assert happened == [(calls[number][0], number) for number in expected]


def test_what_is_scheduled_for_the_present_instant_takes_its_place_in_the_order() -> None:
    agenda, happened = Agenda(START, END), []

    def note(what: str) -> Callable[[int], None]:
        return lambda _: happened.append(what)

    def decide(at: int) -> None:
        happened.append("decision")
        agenda.schedule(at, Phase.SALE, note("sale"))
        agenda.schedule(at, Phase.DELIVERY, note("delivery"))

    agenda.schedule(START, Phase.CLOSING, note("closing"))
    agenda.schedule(START, Phase.TREASURY, decide)
    run(agenda)
    assert happened == ["decision", "delivery", "closing", "sale"]


@pytest.mark.parametrize(("at", "happens"), [(END - 1, True), (END, False)])
def test_nothing_happens_at_the_end_of_the_run(at: int, *, happens: bool) -> None:
    agenda, happened = Agenda(START, END), []
    agenda.schedule(at, Phase.DELIVERY, happened.append)
    run(agenda)
    assert happened == [at] * happens


def test_phases_come_in_the_order_that_the_page_of_the_model_states() -> None:
    assert [phase.name for phase in sorted(Phase)] == [
        "FAILURE",
        "LINK",
        "DELIVERY",
        "LOAN",
        "EXCHANGE",
        "REVIEW",
        "SUBMISSION",
        "NETTING",
        "DRAWING",
        "TREASURY",
        "CLOSING",
        "FUNDING",
        "SALE",
        "CASH_SALE",
    ]


NOON = "2024-03-05 12:00"
DAILY = {"zone": "Europe/Minsk", "calendar": "always"}


def at_noon(*orders: Order, system: dict[str, Any] | None = None, **sections: Any) -> Records:  # noqa: ANN401
    """What happens between a and b with 10 each, of which some, or all, happens at noon."""
    declared = town(
        {"a": "10", "b": "10"}, hours={"halves": {**DAILY, "sessions": ["09:00-12:00", "12:00-17:00"]}}
    )
    declared["systems"]["gross"] |= system or {}
    more = {"treasury": "desk"} if "treasuries" in sections else {}
    declared["accounts"] = accounts({"a": "10", "b": "10"}, **more)
    return simulate(by_hand(declare({**declared, **sections}), *orders))


#: More than either of them has, both ways.
BOTH_WAYS = (Order(NOON, "a", "b", 1_500), Order(NOON, "b", "a", 1_400))


@pytest.mark.parametrize(
    ("orders", "system"),
    [
        (BOTH_WAYS, {"kind": "dns", "cycles": ["12:00", "15:00"]}),
        (BOTH_WAYS, {"kind": "hybrid", "cycles": ["12:00", "15:00"]}),
        (
            (Order("2024-03-05 11:15", "a", "b", 1_500), BOTH_WAYS[1]),
            {"hours": "halves", "offsetting": {"kind": "multilateral", "every": "1h"}},
        ),
    ],
)
def test_netting_takes_in_what_is_submitted_at_its_instant(
    orders: tuple[Order, ...], system: dict[str, Any]
) -> None:
    records = at_noon(*orders, system=system)
    assert records.settled_at.tolist() == [instant(NOON)] * 2


def test_money_that_comes_at_an_instant_is_there_for_what_is_submitted_at_it() -> None:
    grant = {"kind": "liquidity", "holder": "a", "system": "gross", "at": NOON, "amount": "5"}
    records = at_noon(BOTH_WAYS[0], timeline=[grant])
    assert records.settled_at.tolist() == [instant(NOON)]
    assert records.submissions.queue_entry.tolist() == [-1]


def test_nobody_borrows_at_an_instant_for_what_is_netted_at_it() -> None:
    window = {"kind": "repo", "system": "gross", "rate": 0, "collateral": {"a": "50", "b": "50"}}
    offset = {"offsetting": {"kind": "multilateral"}}
    records = at_noon(*BOTH_WAYS, system=offset, facilities={"window": window})
    assert records.settled_at.tolist() == [instant(NOON)] * 2
    assert not len(records.loans.amount)
    # Without netting both do.
    assert at_noon(*BOTH_WAYS, facilities={"window": window}).loans.amount.tolist() == [500]


def test_a_treasury_decides_at_an_instant_when_all_is_submitted_and_lent() -> None:
    desk = {**DAILY, "at": "12:00", "lag": "1h"}
    records = at_noon(Order(NOON, "a", "b", 300), treasuries={"desk": desk})
    deals = records.funding
    assert deals.amount[deals.decided_at == instant(NOON)].tolist() == [300, -300]


def test_an_account_is_emptied_when_a_session_ends_after_what_the_next_one_begins_with() -> None:
    """Sessions meet at noon: what is submitted then settles, and what is left is taken."""
    records = at_noon(
        Order(NOON, "a", "b", 700),
        system={"hours": "halves", "zero_balance": True},
        period={"start": NOON, "end": "2024-03-06 09:00"},
    )
    assert records.settled_at.tolist() == [instant(NOON)]
