"""What every entry of the timeline tells of itself: when it says something, about what, and by which key."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self, TypeAlias

from pydantic import Field

from sim.core.clock import NEVER, to_instant
from sim.scenario.model.base import Declaration, Instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario

#: Keys and indices that lead from an entry to a value in it.
Path: TypeAlias = tuple[str | int, ...]
#: What an entry says something about, such as the review at a bank; the first word is most often the entry's kind.
Subject: TypeAlias = tuple[str, ...]


class Stretch(NamedTuple):
    """When an entry says something about a subject, `[since, until)`, and the keys of the entry that say so.

    Nothing may be said about any of `rivals` in that time; `said` tells the subject in words.
    """

    since: int
    until: int
    subject: Subject
    keys: Path
    said: str
    rivals: tuple[Subject, ...]

    @classmethod
    def alone(cls, since: int, until: int, subject: Subject, key: str | int, said: str) -> Self:
        """A stretch in which nothing else may be said about its subject."""
        return cls(since, until, subject, (key,), said, (subject,))


class Dated(Declaration):
    """What every kind of entry tells of itself; nobody else asks which one it is."""

    @abstractmethod
    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """When it says something, about what; `zone` is that of its local times."""

    def local_times(self) -> Iterator[tuple[Path, datetime]]:
        """The local times that it states, with their keys."""
        for key, field in (("at", "at"), ("from", "from_"), ("to", "to")):
            if (at := getattr(self, field, None)) is not None:
                yield (key,), at

    def disorder(self, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
        """Keys and words for each point of its path that does not come after the one before it."""
        del zone
        return iter(())

    def is_reversed(self, zone: ZoneInfo) -> bool:
        """Whether it ends before it starts, whatever recovery follows."""
        del zone
        return False


class Span(Dated):
    """Something that holds for a while, `[from, to)`."""

    from_: Instant = Field(alias="from")
    """First instant, local to the zone of the period."""
    to: Instant | None = None
    """First instant after it, local to the zone of the period; by default it lasts until the end of the run."""
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    @abstractmethod
    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """Whatever it says something about while it holds, and that in words."""

    def span(self, zone: ZoneInfo) -> tuple[int, int]:
        """The instants `[from, to)`."""
        return to_instant(self.from_, zone), NEVER if self.to is None else to_instant(self.to, zone)

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        since, until = self.span(zone)
        for subject, said in self.about(scenario):
            yield Stretch.alone(since, until, subject, "from", said)

    def is_reversed(self, zone: ZoneInfo) -> bool:
        """See `Dated`."""
        since, until = self.span(zone)
        return until <= since


class Point(Declaration):
    """Something that holds at an instant; from one point of a path to the next it moves in a straight line."""

    at: Instant
    """The instant, local to the zone of the period."""


class Moving(Dated):
    """Something of some flows, or of all of them, that moves along a path from its first point on."""

    moves: ClassVar[str]
    """What moves, in words."""

    if TYPE_CHECKING:
        # Fields of each of them, which declares them in the order of its own keys.
        kind: str
        flows: tuple[str, ...] | None
        path: tuple[Point, ...]

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        since = min(to_instant(point.at, zone) for point in self.path)
        for name in self.flows or scenario.flows:
            yield Stretch.alone(since, NEVER, (self.kind, name), "path", f"{self.moves} of {name!r}")

    def local_times(self) -> Iterator[tuple[Path, datetime]]:
        """See `Dated`."""
        for number, point in enumerate(self.path):
            yield ("path", number, "at"), point.at

    def disorder(self, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
        """See `Dated`."""
        for number, (one, other) in enumerate(pairwise(self.path), start=1):
            if to_instant(other.at, zone) <= to_instant(one.at, zone):
                yield ("path", number, "at"), "each point of a path comes after the one before it"
