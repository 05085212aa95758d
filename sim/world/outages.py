"""What is out does not work, whatever its hours say, and comes back by and by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.core.clock import HOUR, NEVER
from sim.core.currency import round_half_even
from sim.scenario.model.timeline import Outage, numbered
from sim.world.effects import gives_effect_to
from sim.world.failures import failures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario

Gaps: TypeAlias = "tuple[tuple[int, int], ...]"
#: What is out: its kind (`system`, `bank`, `market`) and its name.
Target: TypeAlias = "tuple[str, str]"


@gives_effect_to(Outage)
def outages(scenario: Scenario, zone: ZoneInfo) -> dict[Target, Gaps]:
    """When each thing that is out at some time does not work: half-open, in order, free of overlaps."""
    found: dict[Target, list[tuple[int, int]]] = {}
    for _, entry in numbered(scenario.timeline, Outage):
        found.setdefault(entry.target, []).extend(_gaps(entry, zone))
    for bank, at in failures(scenario, zone).items():
        found.setdefault(("bank", bank), []).append((at, NEVER))
    return {target: _merged(gaps) for target, gaps in found.items()}


def _gaps(entry: Outage, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """The outage itself, then the part of each hour of its recovery before things work again."""
    since, end = entry.span(zone)
    yield since, end
    for number, share in enumerate(entry.recovery):
        hour = end + number * HOUR
        yield hour, hour + int(round_half_even((1 - float(share)) * HOUR))


def _merged(gaps: list[tuple[int, int]]) -> Gaps:
    merged: list[tuple[int, int]] = []
    for since, until in sorted(gaps):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        elif since < until:
            merged.append((since, until))
    return tuple(merged)
