"""Payments that wait on one account, and which of them may go next."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


class Queue(Protocol):
    """Waiting transfers of one account, by number."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[int]:
        """In the order in which they would go."""
        ...

    def push(self, number: int) -> None:
        """Put a transfer in its place."""
        ...

    def admits(self, number: int) -> bool:
        """Whether a new transfer need not wait behind those in the queue."""
        ...

    def pop(self, covers: Callable[[int], bool]) -> int | None:
        """Take out the next transfer that may go, given what the account covers; None if none may."""
        ...

    def remove(self, numbers: Collection[int]) -> None:
        """Take out transfers that settled otherwise."""
        ...


class FifoQueue:
    """First in, first out: the head blocks everybody behind it."""

    def __init__(self, haste: list[int]) -> None:
        del haste  # every queue is made alike
        self._line: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[int]:
        return iter(self._line)

    def push(self, number: int) -> None:
        """See `Queue`."""
        self._line.append(number)

    def admits(self, number: int) -> bool:
        """See `Queue`."""
        del number
        return not self._line

    def pop(self, covers: Callable[[int], bool]) -> int | None:
        """See `Queue`."""
        return self._line.popleft() if self._line and covers(self._line[0]) else None

    def remove(self, numbers: Collection[int]) -> None:
        """See `Queue`."""
        self._line = deque(number for number in self._line if number not in numbers)


class BypassQueue(FifoQueue):
    """In order of arrival, but whoever is covered may pass those who are not."""

    def admits(self, number: int) -> bool:
        """See `Queue`."""
        del number
        return True

    def pop(self, covers: Callable[[int], bool]) -> int | None:
        """See `Queue`."""
        for place, number in enumerate(self._line):
            if covers(number):
                del self._line[place]
                return number
        return None


class PriorityQueue:
    """Higher priority first, then first in, first out; the head blocks everybody behind it."""

    def __init__(self, haste: list[int]) -> None:
        self._haste = haste
        self._line: list[tuple[int, int, int]] = []
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[int]:
        return (number for _, _, number in self._line)

    def push(self, number: int) -> None:
        """See `Queue`."""
        self._arrived += 1
        insort(self._line, (self._haste[number], self._arrived, number))

    def admits(self, number: int) -> bool:
        """See `Queue`."""
        return not self._line or self._haste[number] < self._line[0][0]

    def pop(self, covers: Callable[[int], bool]) -> int | None:
        """See `Queue`."""
        return self._line.pop(0)[2] if self._line and covers(self._line[0][2]) else None

    def remove(self, numbers: Collection[int]) -> None:
        """See `Queue`."""
        self._line = [entry for entry in self._line if entry[2] not in numbers]


QUEUES: Final[dict[str, Callable[[list[int]], Queue]]] = {
    "fifo": FifoQueue,
    "bypass": BypassQueue,
    "priority": PriorityQueue,
}
