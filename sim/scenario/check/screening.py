"""A bank reviews payments at one desk, and what it sends back must have something to go back by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.check.finding import Finding
from sim.scenario.model.steps import ROLES, Convert, Screen
from sim.scenario.model.timeline import Review

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario


def check_screening(scenario: Scenario) -> Iterator[Finding]:
    """What is wrong with desks, and with reviews on routes."""
    seen: set[str] = set()
    for name, desk in scenario.desks.items():
        if desk.bank in seen:
            yield Finding(("desks", name, "bank"), f"a second desk of {desk.bank!r}")
        seen.add(desk.bank)
    yield from _changes(scenario)
    yield from _before_buying(scenario)


def _changes(scenario: Scenario) -> Iterator[Finding]:
    """A change that sends payments back must say when they go back, unless every route does."""
    silent = [
        name
        for name, route in scenario.routes.items()
        for step in route.steps
        if isinstance(step, Screen) and step.return_after is None
    ]
    for number, entry in enumerate(scenario.timeline):
        if isinstance(entry, Review) and entry.return_probability and entry.return_after is None and silent:
            path = ("timeline", number, "return_probability")
            yield Finding(path, f"what is sent back needs 'return_after', here or in route {silent[0]!r}")


def _before_buying(scenario: Scenario) -> Iterator[Finding]:
    """When a payer buys is known beforehand, so nothing may hold its payment up before that."""
    changed = any(isinstance(entry, Review) and entry.return_probability for entry in scenario.timeline)
    staffed = {desk.bank for desk in scenario.desks.values() if desk.staff is not None}
    for name, route in scenario.routes.items():
        buying = [n for n, step in enumerate(route.steps) if isinstance(step, Convert) and step.by == "payer"]
        for number, step in enumerate(route.steps[: buying[0]] if buying else ()):
            if not isinstance(step, Screen):
                continue
            waits = bool(staffed) if step.at in ROLES else step.at in staffed
            if waits or step.return_probability or changed:
                message = "a review that may have to wait, or send back, comes after the payer's 'convert'"
                yield Finding(("routes", name, "steps", number), message)
