"""Payments that wait on one account, and which of them may go next."""

from __future__ import annotations

from bisect import insort
from collections import deque
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from sim.engine.netting.queue import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from sim.engine.systems.base import Movements


class Queue(Protocol):
    """Waiting transfers of one account, by number."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[int]:
        """In the order in which they would go."""
        ...

    def first(self) -> int:
        """The transfer at the head of a queue that is not empty."""
        ...

    def is_last(self, number: int) -> bool:
        """Whether a transfer stands at the end."""
        ...

    def push(self, number: int) -> None:
        """Put a transfer in its place."""
        ...

    def admits(self, number: int) -> bool:
        """Whether a new transfer need not wait behind those in the queue."""
        ...

    def pop(self, covers: Callable[[int], bool], most: int) -> int | None:
        """Take out the next transfer that may go; None if none may.

        `covers` tells which the account covers; none of more than `most` is.
        """
        ...

    def remove(self, numbers: Collection[int]) -> None:
        """Take out transfers that settled otherwise; all of them are here."""
        ...


class FifoQueue:
    """First in, first out: the head blocks everybody behind it."""

    def __init__(self, _floor: Movements) -> None:
        self._line: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[int]:
        return iter(self._line)

    def first(self) -> int:
        """See `Queue`."""
        return self._line[0]

    def is_last(self, number: int) -> bool:
        """See `Queue`."""
        return self._line[-1] == number

    def push(self, number: int) -> None:
        """See `Queue`."""
        self._line.append(number)

    def admits(self, _number: int) -> bool:
        """See `Queue`."""
        return not self._line

    def pop(self, covers: Callable[[int], bool], _most: int) -> int | None:
        """See `Queue`."""
        return self._line.popleft() if self._line and covers(self._line[0]) else None

    def remove(self, numbers: Collection[int]) -> None:
        """See `Queue`."""
        self._line = _without(self._line, numbers)


def _without(line: deque[int], numbers: Collection[int]) -> deque[int]:
    """What is left of a line; what leaves mostly stands at its head."""
    left = len(numbers)
    while line and line[0] in numbers:
        line.popleft()
        left -= 1
    return deque(number for number in line if number not in numbers) if left else line


class BypassQueue:
    """In order of arrival, but whoever is covered may pass those who are not.

    The least amount of each stretch of the line stands in a tree over it (node k above 2k and 2k + 1), so that
    the first payment of at most some amount is found without looking at all those before it.
    """

    def __init__(self, floor: Movements) -> None:
        self._amount = floor.amount
        self._line: list[int] = []
        self._place: dict[int, int] = {}
        self._size = 1
        self._least: list[float] = [inf, inf]

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[int]:
        return iter(self._place)

    def first(self) -> int:
        """See `Queue`."""
        place = self._next(0, MOST)
        if place is None:
            raise IndexError("nobody waits")
        return self._line[place]

    def is_last(self, number: int) -> bool:
        """See `Queue`."""
        return self._line[-1] == number

    def push(self, number: int) -> None:
        """See `Queue`."""
        if len(self._line) == self._size:
            self._rebuild()
        self._place[number] = len(self._line)
        self._line.append(number)
        self._put(self._place[number], self._amount[number])

    def admits(self, _number: int) -> bool:
        """See `Queue`."""
        return True

    def pop(self, covers: Callable[[int], bool], most: int) -> int | None:
        """See `Queue`."""
        place = self._next(0, most)
        while place is not None:
            number = self._line[place]
            if covers(number):
                self._take(number)
                return number
            place = self._next(place + 1, most)
        return None

    def remove(self, numbers: Collection[int]) -> None:
        """See `Queue`."""
        for number in numbers:
            self._take(number)

    def _take(self, number: int) -> None:
        self._put(self._place.pop(number), inf)

    def _put(self, place: int, amount: float) -> None:
        least, node = self._least, self._size + place
        least[node] = amount
        while node > 1:
            node //= 2
            smaller = min(least[2 * node], least[2 * node + 1])
            if least[node] == smaller:
                return
            least[node] = smaller

    def _next(self, place: int, most: int) -> int | None:
        """The first place from `place` on where a payment of at most `most` waits."""
        if place == self._size:
            return None
        least, node = self._least, self._size + place
        while least[node] > most:
            # On to the next stretch, one row up wherever this one was the second of two.
            while node & 1:
                node //= 2
            if node == 0:
                return None
            node += 1
        while node < self._size:
            node *= 2
            if least[node] > most:
                node += 1
        return node - self._size

    def _rebuild(self) -> None:
        """Close the gaps, and make room for at least as many more."""
        self._line = list(self._place)
        self._place = {number: place for place, number in enumerate(self._line)}
        # A power of two, so that each row of the tree has stretches of one length.
        self._size = 1 << (2 * len(self._line)).bit_length()
        least: list[float] = [inf] * (2 * self._size)
        for place, number in enumerate(self._line):
            least[self._size + place] = self._amount[number]
        for node in range(self._size - 1, 0, -1):
            least[node] = min(least[2 * node], least[2 * node + 1])
        self._least = least


class PriorityQueue:
    """Higher priority first, then first in, first out; the head blocks everybody behind it."""

    def __init__(self, floor: Movements) -> None:
        self._priority = floor.priority
        self._lines: dict[int, deque[int]] = {}
        #: The priorities of those who wait, the highest last.
        self._waiting: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable([self._lines[priority] for priority in reversed(self._waiting)])

    def first(self) -> int:
        """See `Queue`."""
        return self._lines[self._waiting[-1]][0]

    def is_last(self, number: int) -> bool:
        """See `Queue`."""
        return self._lines[self._waiting[0]][-1] == number

    def push(self, number: int) -> None:
        """See `Queue`."""
        priority = self._priority[number]
        line = self._lines.setdefault(priority, deque())
        if not line:
            insort(self._waiting, priority)
        line.append(number)
        self._count += 1

    def admits(self, number: int) -> bool:
        """See `Queue`."""
        return not self._waiting or self._priority[number] > self._waiting[-1]

    def pop(self, covers: Callable[[int], bool], _most: int) -> int | None:
        """See `Queue`."""
        if not self._count or not covers(self.first()):
            return None
        self._count -= 1
        line = self._lines[self._waiting[-1]]
        number = line.popleft()
        if not line:
            del self._waiting[-1]
        return number

    def remove(self, numbers: Collection[int]) -> None:
        """See `Queue`."""
        mine: dict[int, set[int]] = {}
        for number in numbers:
            mine.setdefault(self._priority[number], set()).add(number)
        for priority, gone in mine.items():
            self._lines[priority] = _without(self._lines[priority], gone)
        self._waiting = [priority for priority in self._waiting if self._lines[priority]]
        self._count -= len(numbers)


QUEUES: Final[dict[str, Callable[[Movements], Queue]]] = {
    "fifo": FifoQueue,
    "bypass": BypassQueue,
    "priority": PriorityQueue,
}
