"""What no single declaration can see: whether the parts of a scenario fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.dates import check_timeline
from sim.scenario.model.base import nearest
from sim.scenario.model.network import Convert, Originate, Post, Settle
from sim.scenario.model.settlement import Correspondent
from sim.scenario.passage import obstacles
from sim.scenario.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account, Route
    from sim.scenario.model.trade import Flow


class Finding(NamedTuple):
    """A part that does not fit: where it is, what is wrong, and perhaps what was meant."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str | None = None


def check(scenario: Scenario) -> list[Finding]:
    """Everything that does not fit together, in the order of the declarations."""
    topology = Topology(scenario)
    return [
        *_calendars(scenario),
        *_rates(scenario),
        *_own_payments(scenario),
        *_accounts(scenario),
        *_routes(scenario),
        *_flows(scenario, topology),
        *(Finding(*found) for found in check_timeline(scenario)),
    ]


def _calendars(scenario: Scenario) -> Iterator[Finding]:
    for name in scenario.calendars:
        if name in _joined_with(scenario, name, set()):
            yield Finding(("calendars", name, "joint"), f"calendar {name!r} is joint with itself")


def _joined_with(scenario: Scenario, name: str, seen: set[str]) -> set[str]:
    """Every calendar that `name` is made of, directly or not."""
    declared = scenario.calendars.get(name)
    for other in (declared.joint or ()) if declared else ():
        if other not in seen:
            seen.add(other)
            _joined_with(scenario, other, seen)
    return seen


def _own_payments(scenario: Scenario) -> Iterator[Finding]:
    """Own payments are between banks: nobody in them exchanges currency or is charged."""
    if scenario.payments is None:
        return
    if scenario.flows:
        yield Finding(("flows",), "a scenario has either 'flows' or 'payments' of its own")
    for name, route in scenario.routes.items():
        for number, step in enumerate(route.steps):
            if isinstance(step, Convert) or step.fee is not None:
                what = "a fee" if step.fee is not None else "'convert'"
                path = ("routes", name, "steps", number)
                yield Finding(path, f"{what} needs firms, which payments of one's own do not have")


def _rates(scenario: Scenario) -> Iterator[Finding]:
    if scenario.fx is None and scenario.flows:
        yield Finding((), "'fx' is needed as soon as there are flows")


def _accounts(scenario: Scenario) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
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
        yield from _servicer(path, account, scenario)


def _servicer(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    if isinstance(scenario.systems[account.system], Correspondent):
        if account.servicer is None:
            yield Finding(path, "an account in a correspondent system needs a 'servicer'")
        else:
            yield from _known_bank((*path, "servicer"), account.servicer, scenario)
    elif account.servicer is not None:
        yield Finding((*path, "servicer"), f"{account.system!r} is no correspondent system")


def _known_bank(path: tuple[str | int, ...], bank: str, scenario: Scenario) -> Iterator[Finding]:
    if bank not in scenario.banks:
        yield Finding(path, f"{bank!r} is not declared under 'banks'", nearest(bank, set(scenario.banks)))


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


def _flows(scenario: Scenario, topology: Topology) -> Iterator[Finding]:
    told: set[Finding] = set()
    for name, flow in scenario.flows.items():
        sides = (scenario.firms[flow.payer].side, scenario.firms[flow.payee].side)
        for currency in flow.invoicing:
            path = ("flows", name, "invoicing", currency)
            yield from _markets(path, currency, sides, scenario)
            candidates = topology.candidates(currency, *sides)
            if not candidates:
                yield Finding(path, f"no route carries {currency} from {sides[0]!r} to {sides[1]!r}")
            for route in candidates:
                for finding in _paths(route, currency, flow, topology):
                    if finding not in told:
                        told.add(finding)
                        yield finding


def _markets(
    path: tuple[str | int, ...], currency: str, sides: tuple[str, str], scenario: Scenario
) -> Iterator[Finding]:
    for side in sorted(set(sides)):
        functional = scenario.sides[side].functional_currency
        pairs = [
            set(pair.split("/"))
            for market in scenario.sides[side].markets
            for pair in scenario.markets[market].pairs
        ]
        if functional != currency and {functional, currency} not in pairs:
            yield Finding(path, f"no market of {side!r} trades {currency}/{functional}")


def _paths(name: str, currency: str, flow: Flow, topology: Topology) -> Iterator[Finding]:
    """Accounts that a route would need and that the banks of a flow do not have."""
    scenario = topology.scenario
    route = scenario.routes[name]
    payers, payees = (scenario.firms[group].banks for group in (flow.payer, flow.payee))
    for party, group in (("payer", flow.payer), ("payee", flow.payee)):
        functional = scenario.sides[scenario.firms[group].side].functional_currency
        converts = any(isinstance(step, Convert) and step.by == party for step in route.steps)
        if functional != currency and not converts:
            yield Finding(
                ("routes", name, "steps"), f"the {party} keeps {functional} and has no 'convert' here"
            )
    for payer in payers:
        for payee in payees:
            for step, key, message in obstacles(topology, route, payer, payee, currency):
                yield Finding(("routes", name, "steps", step, *([key] if key else [])), message)
