"""A run that would need far more memory or time than there is, is refused before anything is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.core.clock import DAY, YEAR_DAYS
from sim.errors import Problem
from sim.scenario.model.steps import reviews
from sim.world.reviews import highest
from sim.world.timeline import OtherReview, VolumeKnot
from sim.world.trade import longest_term, mean_invoice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.window import Window
    from sim.world.timeline import Timeline

#: Drawn payments of one run, each counted as often as it is expected to be instructed; so many need most of two
#: gigabytes while they are drawn.
MOST_PAYMENTS: Final = 4_000_000
#: Instants at which something is done by the clock: treasuries, cycles, auctions, draws, rules.
MOST_INSTANTS: Final = 2_000_000
#: Firms of all groups together; so many already need most of two gigabytes.
_MOST_FIRMS: Final = 1_000_000
#: Accounts that there could be, of every bank in every system.
_MOST_PLACES: Final = 50_000_000


def size_problems(scenario: Scenario, window: Window, timeline: Timeline) -> Iterator[Problem]:
    """What the declarations ask for in such numbers that the run could not be held or ended, with an estimate."""
    again = _instructions(scenario, timeline)
    expected = {path: count * again for path, count in _obligations(scenario, window, timeline).items()}
    yield from _too_many(expected, MOST_PAYMENTS, "payments")
    yield from _too_many(_instants(scenario, window), MOST_INSTANTS, "instants at which something is done")
    firms = {f"firms.{name}.count": float(group.count) for name, group in scenario.firms.items()}
    yield from _too_many(firms, _MOST_FIRMS, "firms")
    banks = {holder for account in scenario.accounts for holder in (account.holder, account.servicer)}
    places = len(banks | {*scenario.banks}) * len(scenario.systems)
    yield from _too_many({"systems": places}, _MOST_PLACES, "places for accounts, one per bank and system,")


def _too_many(asked: dict[str, float], most: int, what: str) -> Iterator[Problem]:
    """The declarations that ask for too much each for itself, or the largest if only all together do."""
    total = sum(asked.values())
    if total <= most:
        return
    blamed = [path for path, count in asked.items() if count > most]
    for path in blamed or [max(asked, key=lambda path: asked[path])]:
        more = "" if blamed else f", of {_about(total)} in all"
        yield Problem("", path, f"this makes {_about(asked[path])} {what}{more}; a run can have {most:,}")


def _about(count: float) -> str:
    return f"about {count:,.0f}" if count < 1e15 else f"about {count:.0e}"  # noqa: PLR2004 - readable up to there


def _obligations(scenario: Scenario, window: Window, timeline: Timeline) -> dict[str, float]:
    """Expected number of obligations by the path that asks for them."""
    found = {}
    for name, flow in scenario.flows.items():
        years = (window.end - window.start + longest_term(flow) * DAY) / (YEAR_DAYS * DAY)
        invoices = float(flow.value) * years / max(mean_invoice(flow), 1e-300)
        found[f"flows.{name}.invoice.{flow.invoice.sized_by}"] = invoices * _growth(name, timeline)
    for name, loan in scenario.loans.items():
        dates = loan.grace_months // loan.every_months + 2 * loan.instalments + len(loan.disbursements)
        found[f"loans.{name}.count"] = float(loan.count * dates)
    for name, project in scenario.projects.items():
        found[f"projects.{name}.count"] = float(project.count * (project.months + 2))
    return found


def _growth(flow: str, timeline: Timeline) -> float:
    """The most that the timeline multiplies the invoices of a flow by; at least 1."""
    return max([1.0, *(point.factor for point in timeline.of(VolumeKnot) if point.flow == flow)])


def _instructions(scenario: Scenario, timeline: Timeline) -> float:
    """How often a payment is expected to be instructed at most, of those that are sent back again and again."""
    changed = timeline.of(OtherReview)
    most = 1.0
    for route in scenario.routes.values():
        for step in route.steps:
            if reviews(step):
                reviewed = highest(step, changed, "probability")
                returned = highest(step, changed, "return_probability")
                most = max(most, sum((reviewed * returned) ** k for k in range(step.attempts)))
    return most


def _instants(scenario: Scenario, window: Window) -> dict[str, float]:
    """Number of instants by the path that states how often they come."""
    days = (window.end - window.start) / DAY + 1
    found: dict[str, float] = {}
    cared = {(account.treasury, account.system) for account in scenario.accounts if account.treasury}
    for treasury, _ in cared:
        path = f"treasuries.{treasury}.at"
        found[path] = found.get(path, 0.0) + len(scenario.treasuries[treasury].at) * days
    for name, market in scenario.markets.items():
        found[f"markets.{name}.at"] = len(market.at) * days
    for name, facility in scenario.facilities.items():
        if facility.daily is not None:
            found[f"facilities.{name}.draw"] = days
    for name, system in scenario.systems.items():
        found[f"systems.{name}.cycles"] = len(system.netted_at) * days
        found[f"systems.{name}.throughput"] = len(system.rule) * days
        if system.offset_every is not None:
            found[f"systems.{name}.offsetting.every"] = days * DAY / system.offset_every
    return found
