"""A calendar is made of others that are complete before it, and a time of day lies in a session or does not."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from sim.core.clock import DAY
from sim.core.hours import parse_session
from sim.scenario.check.finding import Finding
from sim.scenario.model.timing import seconds_after_midnight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.timing import Hours

#: Calendars that are joint of joint ones, so deep; each level is looked into by the one above it.
_DEEPEST_CALENDAR: Final = 50


def check_calendars(scenario: Scenario) -> Iterator[Finding]:
    """A calendar is made of others, each complete before it, and not of too many one upon the other."""
    parts = {name: set(declared.joint or ()) for name, declared in scenario.calendars.items()}
    deep: dict[str, int] = {}
    while len(deep) < len(parts):
        try:
            for name in TopologicalSorter(parts).static_order():
                deep[name] = 1 + max((deep[part] for part in parts.get(name, ())), default=0)
            break
        except CycleError as error:
            for name in sorted({*error.args[1]}):
                yield Finding(("calendars", name, "joint"), f"calendar {name!r} is joint with itself")
                del parts[name]
    for name in parts:
        if deep[name] == _DEEPEST_CALENDAR + 1:
            message = f"calendar {name!r} rests on more than {_DEEPEST_CALENDAR} others, one upon the other"
            yield Finding(("calendars", name, "joint"), message)


def check_auctions(scenario: Scenario) -> Iterator[Finding]:
    """An auction takes place while its market is open."""
    for name, market in scenario.markets.items():
        for number, text in enumerate(market.at):
            if not open_at(text, market.hours, scenario):
                yield Finding(("markets", name, "at", number), f"at {text} the market is closed")


def open_at(text: str, choice: str | Hours, scenario: Scenario) -> bool:
    """Whether a time of day lies in a session of some hours as they are declared."""
    if choice == "always":
        return True
    hours = scenario.hours[choice] if isinstance(choice, str) else choice
    sessions, at = [parse_session(session) for session in hours.sessions], seconds_after_midnight(text)
    return any(opens <= at + day < closes for opens, closes in sessions for day in (-DAY, 0, DAY))
