"""A route settles and then credits once; what is reviewed on it is reviewed at one desk of a bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.model.steps import ROLES, reviews
from sim.scenario.model.timeline import Review, numbered
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route


def check_routes(scenario: Scenario) -> Iterator[Finding]:
    """Routes that do not settle and credit, or not in this order."""
    for name, route in scenario.routes.items():
        path = ("routes", name, "steps")
        crediting = [number for number, step in enumerate(route.steps) if step.credits]
        if len(crediting) != 1:
            yield Finding(path, "a route needs exactly one 'post'")
        elif not any(step.moves for step in route.steps[: crediting[0]]):
            yield Finding(path, "a route needs a 'settle' before its 'post'")
        else:
            yield from _order(path, route, crediting[0])


def _order(path: tuple[str | int, ...], route: Route, post: int) -> Iterator[Finding]:
    """Nothing but the payee's conversion can follow the credit, and the payer's comes before settlement."""
    first_settle = next(k for k, step in enumerate(route.steps) if step.moves)
    for number, step in enumerate(route.steps):
        if step.exchanging() == "payee":
            if number < post:
                yield Finding((*path, number), "the payee can convert only after the 'post'")
        elif step.exchanging() == "payer" and number > first_settle:
            yield Finding((*path, number), "the payer converts before the first 'settle'")
        elif step.opens and number > 0:
            yield Finding((*path, number), f"{step.kind!r} is the first step of a route")
        elif number > post and not step.credits:
            yield Finding((*path, number), f"{step.kind!r} cannot follow the 'post'")


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
        if reviews(step) and step.return_after is None
    ]
    for number, entry in numbered(scenario.timeline, Review):
        if entry.return_probability and entry.return_after is None and silent:
            path = ("timeline", number, "return_probability")
            yield Finding(path, f"what is sent back needs 'return_after', here or in route {silent[0]!r}")


def _before_buying(scenario: Scenario) -> Iterator[Finding]:
    """When a payer buys is known beforehand, so nothing may hold its payment up before that."""
    changed = any(entry.return_probability for _, entry in numbered(scenario.timeline, Review))
    staffed = {desk.bank for desk in scenario.desks.values() if desk.staff is not None}
    for name, route in scenario.routes.items():
        buying = [n for n, step in enumerate(route.steps) if step.exchanging() == "payer"]
        for number, step in enumerate(route.steps[: buying[0]] if buying else ()):
            if not reviews(step):
                continue
            waits = bool(staffed) if step.at in ROLES else step.at in staffed
            if waits or step.return_probability or changed:
                message = "a review that may have to wait, or send back, comes after the payer's 'convert'"
                yield Finding(("routes", name, "steps", number), message)
