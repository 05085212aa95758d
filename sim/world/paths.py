"""Habits change gradually: between dated points a share or a volume moves in a straight line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import Seconds, to_instant
from sim.scenario.model.timeline import Mix, Volume, numbered
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Flow

Floats: TypeAlias = NDArray[np.float64]


@gives_effect_to(Mix)
def mix_at(
    scenario: Scenario, name: str, flow: Flow, at: Seconds, zone: ZoneInfo
) -> tuple[list[str], Floats]:
    """Currencies that a flow is ever invoiced in, and their shares at some instants: [instants, currencies]."""
    points = [
        (to_instant(point.at, zone), point.invoicing)
        for _, entry in numbered(scenario.timeline, Mix)
        if entry.flows is None or name in entry.flows
        for point in entry.path
    ]
    currencies = list(dict.fromkeys([*flow.invoicing, *(code for _, shares in points for code in shares)]))
    columns = [
        _path(
            float(flow.invoicing.get(code, 0)),
            [(instant, float(shares.get(code, 0))) for instant, shares in points],
            at,
        )
        for code in currencies
    ]
    return currencies, np.column_stack(columns)


@gives_effect_to(Volume)
def volume_at(scenario: Scenario, name: str, at: Seconds, zone: ZoneInfo) -> Floats | None:
    """Invoices of a flow at some instants as a multiple of the usual number; None if it never changes."""
    points = [
        (to_instant(point.at, zone), float(point.factor))
        for _, entry in numbered(scenario.timeline, Volume)
        if entry.flows is None or name in entry.flows
        for point in entry.path
    ]
    return _path(1.0, points, at) if points else None


def _path(before: float, points: list[tuple[int, float]], at: Seconds) -> Floats:
    """The value `before` up to the first point, then from point to point in straight lines."""
    if not points:
        return np.full(len(at), before)
    instants, values = zip(*points, strict=True)
    return np.where(at < instants[0], before, np.interp(at, instants, values))
