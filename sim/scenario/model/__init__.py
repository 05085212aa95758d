"""The declarations a scenario is made of; no behaviour."""

from sim.scenario.model.scenario import Scenario

__all__ = ["Scenario"]
