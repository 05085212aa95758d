"""What happens at one instant happens in an order that is stated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.agenda import Agenda, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

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
