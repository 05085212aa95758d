"""Of what is assumed, each replication has its own draw, and all scenarios that are compared have the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.varied import Varied, varied
from sim.world.draws import stream

if TYPE_CHECKING:
    from sim.scenario.model import Scenario
    from sim.scenario.varied import Quantiles


def quantiles(scenario: Scenario, replication: int) -> Quantiles:
    """Where each assumption of a scenario stands in a replication, from 0 to 1, by name.

    One draw each from a stream of its own, so that another assumption moves none of them.
    """
    return {
        name: float(stream(scenario.seed, replication, f"uncertain/{name}").random())
        for name in scenario.uncertain
    }


def assumed(scenario: Scenario, replication: int) -> Varied:
    """The scenario with its assumptions as they are drawn in a replication.

    `ScenarioError` if these values make no valid scenario.
    """
    return varied(scenario, quantiles(scenario, replication))
