"""A firm's book holds what it is owed, what it owes, what it has, and what it has fixed by forwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.results.hedges import Forwards, forward_spans, forwards
from sim.results.spans import Spans, joined, open_spans, portions

if TYPE_CHECKING:
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld


class FirmBooks(NamedTuple):
    """What all firms are owed and owe in foreign currency, and the forwards behind part of it."""

    spans: Spans
    forwards: Forwards


def open_book(world: DrawnWorld, records: Records) -> FirmBooks:
    """The books of all firms over the run."""
    parts = portions(world, records)
    deals = forwards(world, parts)
    return FirmBooks(joined(open_spans(world, records, parts), forward_spans(world, deals)), deals)
