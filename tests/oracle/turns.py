"""Things that happen at one instant happen one after the other, in an order that is stated."""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

import simpy
from simpy.events import NORMAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Turn(IntEnum):
    """Who comes first at one instant."""

    FAILURE = 0
    LINK = 1
    DELIVERY = 2
    LOAN = 3
    EXCHANGE = 4
    REVIEW = 5
    SUBMISSION = 6
    NETTING = 7
    DRAWING = 8
    DECISION = 9
    CLOSING = 10
    FUNDING = 11
    SALE = 12
    CASH_SALE = 13


class Bell(simpy.Event):
    """Rings at the present instant, after everything else that is due at it."""

    def __init__(self, env: simpy.Environment, ring: Callable[[], None]) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        self.callbacks.append(lambda _: ring())
        env.schedule(self, priority=NORMAL + 1)


class Turns:
    """Everybody who wants to act at an instant asks for a turn; the smallest key is next.

    Who has been given a turn may cause others to ask for one at the same instant; they are sorted in among
    those who still wait.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._asked: list[tuple[tuple[int, ...], int, simpy.Event]] = []
        self._serial = count()

    def take(self, *key: int) -> simpy.Event:
        """The event that is one's turn."""
        turn = self._env.event()
        heappush(self._asked, (key, next(self._serial), turn))
        if len(self._asked) == 1:
            Bell(self._env, self._next)
        return turn

    def at(self, instant: int | None, *key: int) -> Iterator[simpy.Event]:
        """Wait until an instant, or forever, and then for one's turn."""
        yield self._env.event() if instant is None else self._env.timeout(instant - self._env.now)
        yield self.take(*key)

    def _next(self) -> None:
        heappop(self._asked)[-1].succeed()
        if self._asked:
            Bell(self._env, self._next)
