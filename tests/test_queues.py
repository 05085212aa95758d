"""Who waits on an account goes in the order of its queue: a plain list, looked through anew, says the same."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from builders import Order, by_hand, declare
from examples import SYSTEMS, settling
from hypothesis import given
from hypothesis import strategies as st

from sim.core.clock import NEVER
from sim.engine.run import simulate
from sim.engine.systems.queues import QUEUES

pytestmark = pytest.mark.quick


class Payments(NamedTuple):
    """What queues look at of transfers, by number."""

    amount: list[int]
    priority: list[int]


class Plain:
    """A list of those who wait, in the order in which they came."""

    def __init__(self, discipline: str, payments: Payments) -> None:
        self.discipline = discipline
        self.payments = payments
        self.came: list[int] = []

    def in_order(self) -> list[int]:
        """By priority where that counts, then by arrival."""
        if self.discipline != "priority":
            return self.came
        return sorted(self.came, key=lambda number: -self.payments.priority[number])

    def admits(self, number: int) -> bool:
        """Nobody passes anybody, only those of lower priority, or everybody."""
        if self.discipline == "bypass":
            return True
        rank = self.payments.priority
        return not any(self.discipline == "fifo" or rank[one] >= rank[number] for one in self.came)

    def next(self, cover: int) -> int | None:
        """The first who is covered; if nobody passes, the first, if he is."""
        may_go = self.in_order() if self.discipline == "bypass" else self.in_order()[:1]
        return next((number for number in may_go if self.payments.amount[number] <= cover), None)


@pytest.mark.parametrize(("later", "passes"), [(-1, False), (0, False), (1, True)])
def test_nobody_passes_who_waits_with_the_same_or_a_higher_priority(later: int, *, passes: bool) -> None:
    payments = Payments([10, 1], [0, later])
    queue = QUEUES["priority"](payments)  # type: ignore[arg-type]
    queue.push(0)
    assert queue.admits(1) == passes
    queue.push(1)
    assert list(queue) == ([1, 0] if passes else [0, 1])


#: A payment comes, some leave (settled otherwise), or there is so much cover.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.integers(1, 6), st.integers(-1, 1)),
        st.tuples(st.just("comes"), st.integers(1, 6), st.integers(-1, 1)),
        st.tuples(st.just("leave"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("cover"), st.integers(0, 6), st.just(0)),
    ),
    max_size=40,
)


@pytest.mark.parametrize("discipline", QUEUES)
@given(steps)
def test_who_may_go_next_and_who_has_to_wait_is_as_the_order_of_the_queue_says(
    discipline: str, given_steps: list[tuple[str, int, int]]
) -> None:
    payments = Payments([], [])
    queue, plain = QUEUES[discipline](payments), Plain(discipline, payments)  # type: ignore[arg-type]
    for what, one, other in given_steps:
        if what == "comes":
            number = len(payments.amount)
            payments.amount.append(one)
            payments.priority.append(other)
            assert queue.admits(number) == plain.admits(number)
            queue.push(number)
            plain.came.append(number)
            assert queue.is_last(number) == (plain.in_order()[-1] == number)
        elif what == "leave":
            gone = {plain.came[place] for place in (one, other) if place < len(plain.came)}
            queue.remove(gone)
            plain.came = [number for number in plain.came if number not in gone]
        else:
            expected = plain.next(one)
            assert queue.pop(lambda number, cover=one: payments.amount[number] <= cover, one) == expected  # type: ignore[misc]
            plain.came = [number for number in plain.came if number != expected]
        assert list(queue) == plain.in_order()
        assert len(queue) == len(plain.came)
        if plain.came:
            assert queue.first() == plain.in_order()[0]


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_later_payment_passes_no_earlier_one_of_its_payer_in_a_system_of_any_kind(kind: str) -> None:
    """The account has or may owe 100: enough for the second, which comes later, and not for the first."""
    declared = settling(kind)
    if kind == "dns":
        # What a cap refuses waits like what lacks money.
        declared["accounts"][0]["net_debit_cap"] = "100"
    records = simulate(
        by_hand(
            declare(declared),
            Order("2024-03-05 10:00", "a", "b", 150_00),
            Order("2024-03-05 10:01", "a", "b", 10_00),
            Order("2024-03-05 13:00", "b", "a", 60_00),
        )
    )
    first, second, third = records.settled_at.tolist()
    assert third <= first <= second < NEVER
    of_gross = records.journal.payment[records.journal.debit == 0].tolist()
    assert of_gross == [0, 1]
