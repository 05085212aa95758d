"""What no single declaration can see: whether the parts of a scenario fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from sim.scenario.check.bounds import check_bounds, open_at
from sim.scenario.check.finding import Finding
from sim.scenario.check.flows import check_flows
from sim.scenario.check.liquidity import check_liquidity
from sim.scenario.check.screening import check_screening
from sim.scenario.check.timeline import check_detours, check_run, check_timeline
from sim.scenario.crosses import find_quote
from sim.scenario.model import Scenario
from sim.scenario.model.base import nearest
from sim.scenario.model.markets import Quote
from sim.scenario.model.network import Account
from sim.scenario.model.settlement import Clearing, Correspondent, Hybrid, Pvp, Rtgs
from sim.scenario.model.steps import Convert, Originate, Post, Settle
from sim.scenario.model.timeline import ChangedQuote, Liquidity
from sim.scenario.partial import sound_findings
from sim.scenario.topology import Topology, books, legs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model.network import Route

#: Calendars that are joint of joint ones, so deep; each level is looked into by the one above it.
_DEEPEST_CALENDAR: Final = 50


def check(scenario: Scenario) -> list[Finding]:
    """Everything that does not fit together, in the order of the declarations."""
    return list(sound_findings(CHECKS, scenario))


def _calendars(scenario: Scenario) -> Iterator[Finding]:
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


def _own_payments(scenario: Scenario) -> Iterator[Finding]:
    """Own payments are between banks: nobody in them exchanges currency or is charged."""
    if scenario.payments is None:
        return
    for section in ("flows", "loans", "projects"):
        if getattr(scenario, section):
            yield Finding((section,), f"a scenario has either {section!r} or 'payments' of its own")
    system, declared = scenario.payments.system, scenario.payments.route
    if system is not None and declared is not None:
        passed = [step.system for step in scenario.routes[declared].steps if isinstance(step, Settle)]
        if not any(system in (name, *legs(scenario, name)) for name in passed):
            message = f"{declared!r}, the route of these payments, does not pass {system!r}"
            yield Finding(("payments", "system"), message)
    for name, route in scenario.routes.items():
        for number, step in enumerate(route.steps):
            if isinstance(step, Convert) or step.fee is not None:
                what = "a fee" if step.fee is not None else "'convert'"
                path = ("routes", name, "steps", number)
                yield Finding(path, f"{what} needs firms, which payments of one's own do not have")


def _rates(scenario: Scenario) -> Iterator[Finding]:
    for section in ("flows", "loans", "projects"):
        if scenario.fx is None and getattr(scenario, section):
            yield Finding((), f"'fx' is needed as soon as there are {section}")


def _origins(scenario: Scenario) -> Iterator[Finding]:
    """Loans and projects share a column of names with flows."""
    for section, earlier in (("loans", scenario.flows), ("projects", {**scenario.flows, **scenario.loans})):
        for name in getattr(scenario, section):
            if name in earlier:
                yield Finding(
                    (section, name), f"{name!r} is the name of something else that makes obligations"
                )


def _hedges(scenario: Scenario) -> Iterator[Finding]:
    """Parity prices a forward from the interest of both currencies."""
    for name, group in scenario.firms.items():
        if group.hedge is None:
            continue
        home = scenario.sides[group.side].functional_currency
        owed = {
            code
            for flow in scenario.flows.values()
            if name in (flow.payer, flow.payee)
            for code in flow.invoicing
        }
        foreign = owed - {home}
        if group.hedge.currencies is not None:
            foreign &= set(group.hedge.currencies)
        path = ("firms", name, "hedge")
        for code in sorted(({home} | foreign if foreign else set()) - scenario.interest_rates.keys()):
            yield Finding(
                path, f"forwards are priced from the interest of {code}; add it to 'interest_rates'"
            )


def _systems(scenario: Scenario) -> Iterator[Finding]:
    kept = books(scenario)
    for name, system in scenario.systems.items():
        if isinstance(system, Pvp):
            yield from _link(("systems", name, "legs"), system, scenario)
        elif (
            isinstance(system, Clearing)
            and system.settled_in not in (None, system.currency)
            and scenario.fx is None
        ):
            message = f"'fx' is needed to settle {system.currency} in {system.settled_in}"
            yield Finding(("systems", name, "settled_in"), message)
    for name, facility in scenario.facilities.items():
        if isinstance(scenario.systems[facility.system], Clearing):
            message = (
                f"nobody lends in {facility.system!r}, whose accounts are positions within a swing limit"
            )
            yield Finding(("facilities", name, "system"), message)
    for number, entry in enumerate(scenario.timeline):
        if isinstance(entry, Liquidity) and isinstance(scenario.systems[entry.system], Clearing):
            message = f"{entry.system!r} is a clearing account, to which nobody brings money"
            yield Finding(("timeline", number, "system"), message)
    for number, account in enumerate(scenario.accounts):
        if account.system not in kept:
            message = f"{account.system!r} is a link and keeps no accounts; declare them in its legs"
            yield Finding(("accounts", number, "system"), message)


def _link(path: tuple[str | int, ...], link: Pvp, scenario: Scenario) -> Iterator[Finding]:
    """Two systems of two currencies in which money moves at any instant."""
    declared = [scenario.systems[leg] for leg in link.legs]
    for number, (name, leg) in enumerate(zip(link.legs, declared, strict=True)):
        if not isinstance(leg, Rtgs | Correspondent | Hybrid):
            yield Finding((*path, number), f"{name!r} is no rtgs, correspondent or hybrid system")
    currencies = [leg.currency for leg in declared if not isinstance(leg, Pvp)]
    if len(currencies) == len(declared) and currencies[0] == currencies[1]:
        yield Finding(path, f"both legs settle {currencies[0]}; a link joins two currencies")


def _accounts(scenario: Scenario) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    kept = books(scenario)
    servicers = {(account.servicer, account.system) for account in scenario.accounts}
    for number, account in enumerate(scenario.accounts):
        path = ("accounts", number)
        if (account.holder, account.system) in seen:
            yield Finding((*path, "holder"), f"a second account of {account.holder!r} in {account.system!r}")
        seen.add((account.holder, account.system))
        if (account.holder, account.system) in servicers:
            yield Finding(
                (*path, "holder"), f"{account.holder!r} keeps accounts in {account.system!r} itself"
            )
        if scenario.banks:
            yield from _known_bank((*path, "holder"), account.holder, scenario)
        if account.system in kept:
            yield from _servicer(path, account, scenario)
            yield from _position(path, account, scenario)


def _position(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    """A position in a clearing account begins at zero, and nobody brings money to it."""
    if isinstance(scenario.systems[account.system], Clearing):
        stated = {
            "balance": account.balance,
            "credit": account.credit,
            "prefund_days": account.prefund_days,
            "treasury": account.treasury,
            "intraday_credit": account.intraday_credit,
        }
        for key, value in stated.items():
            if value:
                yield Finding(
                    (*path, key), f"an account in {account.system!r} is a position, which begins at zero"
                )


def _servicer(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    if isinstance(scenario.systems[account.system], Correspondent):
        if account.servicer is None:
            yield Finding(path, "an account in a correspondent system needs a 'servicer'")
        elif scenario.banks:
            yield from _known_bank((*path, "servicer"), account.servicer, scenario)
    elif account.servicer is not None:
        yield Finding((*path, "servicer"), f"{account.system!r} is no correspondent system")


def _known_bank(path: tuple[str | int, ...], bank: str, scenario: Scenario) -> Iterator[Finding]:
    if bank not in scenario.banks:
        yield Finding(path, f"{bank!r} is not declared under 'banks'", nearest(bank, set(scenario.banks)))


def _liquidity(scenario: Scenario) -> Iterator[Finding]:
    held = {(account.holder, account.system) for account in scenario.accounts}
    for number, entry in enumerate(scenario.timeline):
        if isinstance(entry, Liquidity) and (entry.holder, entry.system) not in held:
            path = ("timeline", number, "holder")
            holders = {holder for holder, system in held if system == entry.system}
            message = f"{entry.holder!r} has no account in {entry.system!r}"
            yield Finding(path, message, nearest(entry.holder, holders))


def _quotes(scenario: Scenario) -> Iterator[Finding]:
    """A quote that the timeline changes must make sense as one that is declared."""
    for number, entry in enumerate(scenario.timeline):
        if not isinstance(entry, ChangedQuote):
            continue
        for pair, usual in scenario.markets[entry.market].pairs.items():
            if entry.pair in (None, pair):
                try:
                    Quote.model_validate(entry.applied_to(usual).model_dump())
                except ValidationError as error:
                    path = ("timeline", number, "spread_bps" if entry.depth is None else "depth")
                    yield Finding(path, f"{pair}: {error.errors()[0]['msg']}")


def _routes(scenario: Scenario) -> Iterator[Finding]:
    for name, route in scenario.routes.items():
        path = ("routes", name, "steps")
        kinds = [step.kind for step in route.steps]
        if kinds.count("post") != 1:
            yield Finding(path, "a route needs exactly one 'post'")
        elif "settle" not in kinds[: kinds.index("post")]:
            yield Finding(path, "a route needs a 'settle' before its 'post'")
        else:
            yield from _order(path, route, kinds.index("post"))


def _order(path: tuple[str | int, ...], route: Route, post: int) -> Iterator[Finding]:
    """Nothing but the payee's conversion can follow the credit, and the payer's comes before settlement."""
    first_settle = next(k for k, step in enumerate(route.steps) if isinstance(step, Settle))
    for number, step in enumerate(route.steps):
        if isinstance(step, Convert) and step.by == "payee":
            if number < post:
                yield Finding((*path, number), "the payee can convert only after the 'post'")
        elif isinstance(step, Convert) and number > first_settle:
            yield Finding((*path, number), "the payer converts before the first 'settle'")
        elif isinstance(step, Originate) and number > 0:
            yield Finding((*path, number), "'originate' is the first step of a route")
        elif number > post and not isinstance(step, Post):
            yield Finding((*path, number), f"{step.kind!r} cannot follow the 'post'")


def _vehicles(scenario: Scenario) -> Iterator[Finding]:
    for name, side in scenario.sides.items():
        for number, vehicle in enumerate(side.vehicles):
            if find_quote(scenario, name, {vehicle, side.functional_currency}) is None:
                message = f"no market of {name!r} trades {vehicle}/{side.functional_currency}"
                yield Finding(("sides", name, "vehicles", number), message)


def _auctions(scenario: Scenario) -> Iterator[Finding]:
    """An auction takes place while its market is open."""
    for name, market in scenario.markets.items():
        for number, text in enumerate(market.at):
            if not open_at(text, market.hours, scenario):
                yield Finding(("markets", name, "at", number), f"at {text} the market is closed")


def _flows(scenario: Scenario) -> Iterator[Finding]:
    yield from check_flows(scenario, Topology(scenario))


def _dates(scenario: Scenario) -> Iterator[Finding]:
    yield from (Finding(*found) for found in check_run(scenario))
    yield from (Finding(*found) for found in check_timeline(scenario))


#: Each for itself, for one may ask for a section that is wrong and then tells nothing.
CHECKS: Final[tuple[Callable[[Scenario], Iterable[Finding]], ...]] = (
    _calendars,
    _rates,
    _systems,
    _own_payments,
    _origins,
    _accounts,
    _liquidity,
    _quotes,
    check_bounds,
    check_liquidity,
    check_screening,
    _routes,
    _vehicles,
    _auctions,
    _flows,
    _dates,
    _hedges,
    check_detours,
)
