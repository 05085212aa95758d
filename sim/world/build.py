"""Everything random is drawn here: the world is a complete and frozen input to the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import Seconds
from sim.core.streams import stream
from sim.errors import Problem, ScenarioError
from sim.scenario.demands import demands, origins
from sim.scenario.model.network import Route, Settle
from sim.scenario.model.settlement import Clearing, Pvp
from sim.scenario.passage import obstacles
from sim.scenario.topology import Topology, books, legs
from sim.world.draws import draw_names
from sim.world.fx import FxPaths, fx_paths
from sim.world.history import load_history, observed_together
from sim.world.jumps import with_jumps
from sim.world.network import Network, build_network, system_hours
from sim.world.obligations import draw_obligations
from sim.world.own_payments import Setting, read_payments
from sim.world.prefund import prefunded
from sim.world.routing import choose_routes, divert, sides_of
from sim.world.timing import Openings, Window
from sim.world.trade import FirmTable, Obligations, draw_firms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.scenario.model import Scenario


@dataclass(frozen=True, slots=True, eq=False)
class Payments:
    """One row per payment, in order of instruction; the row number is the payment's number.

    Firms, banks and routes by number, −1 for an obligation that is not known. `draws` holds uniform draws by
    purpose, one per payment; `ids` the names that users gave to payments of their own.
    """

    obligation: NDArray[np.int64]
    route: NDArray[np.int64]
    payer_bank: NDArray[np.int64]
    payee_bank: NDArray[np.int64]
    currency: NDArray[np.int64]
    amount: NDArray[np.int64]
    priority: NDArray[np.int64]
    due_at: Seconds
    instructed_at: Seconds
    draws: dict[str, NDArray[np.float64]]
    ids: NDArray[np.object_] | None = None
    counter_amount: NDArray[np.int64] | None = None
    """What users state that payments of their own are exchanged for in a link; −1 where they do not."""

    def __len__(self) -> int:
        return len(self.amount)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A scenario with every draw made."""

    scenario: Scenario
    replication: int
    window: Window
    openings: Openings
    fx: FxPaths
    network: Network
    firms: FirmTable
    obligations: Obligations
    payments: Payments
    routes: dict[str, Route]
    warnings: tuple[str, ...]

    @property
    def functional_currency(self) -> NDArray[np.int64]:
        """Currency number by firm number."""
        sides = self.scenario.sides
        by_group = [
            self.fx.index(sides[group.side].functional_currency) for group in self.scenario.firms.values()
        ]
        return np.array(by_group, dtype=np.int64)[self.firms.group]


def build_world(scenario: Scenario, replication: int = 0) -> World:
    """Draw the world of one replication.

    Equal scenario, seed and replication give an equal world. `ScenarioError` if the scenario asks for
    something that its own time or data do not cover.
    """
    openings, fx = prepare(scenario, replication)
    window = openings.window
    firms = draw_firms(scenario, replication)
    obligations = draw_obligations(scenario, replication, openings, firms, fx)
    network = build_network(scenario, openings)
    routes = all_routes(scenario)
    if scenario.payments is None:
        payments = _payments(scenario, replication, window, fx, firms, obligations)
        sides = sides_of(scenario, firms, obligations, payments.obligation)
    else:
        payments = _own_payments(scenario, window, fx, network, routes)
        sides = None
    # Who plans his balance does not know of ways that will be closed.
    network = prefunded(scenario, openings, network, routes, payments, fx.currencies)
    diverted = divert(scenario, payments, network.banks, sides, fx, window.zone)
    return World(
        scenario=scenario,
        replication=replication,
        window=window,
        openings=openings,
        fx=fx,
        network=network,
        firms=firms,
        obligations=obligations,
        payments=replace(payments, route=diverted),
        routes=routes,
        warnings=(*openings.provisional_warnings(), *_without_rates(scenario)),
    )


def all_routes(scenario: Scenario) -> dict[str, Route]:
    """The declared routes and, for payments of one's own, a direct one for each system."""
    if scenario.payments is None:
        return scenario.routes
    direct = {
        f"direct-{name}": Route(steps=(Settle(kind="settle", system=name),)) for name in scenario.systems
    }
    return {**scenario.routes, **direct}


def prepare(scenario: Scenario, replication: int = 0) -> tuple[Openings, FxPaths]:
    """Opening hours and rates, without trade: what can still be wrong with a scenario that reads well.

    `ScenarioError` with every declaration that does not cover the run.
    """
    openings = Openings(scenario)
    problems = openings.problems()
    if not problems:
        problems += _never_open(scenario, openings)
    window = openings.window
    met = currencies(scenario)

    def paths(codes: Sequence[str]) -> FxPaths:
        return fx_paths(
            scenario.fx,
            codes,
            window.first_day,
            # Exposure is valued at the end itself, which may be the first instant of a day.
            window.last_day + timedelta(days=1),
            window.zone,
            scenario.seed,
            replication,
            # What payments of one's own are exchanged for may be stated.
            needed=scenario.payments is None,
        )

    try:
        fx = paths(met)
    except ValueError as error:
        problems.append(Problem("", "fx", str(error)))
    problems += _without_path(scenario, met, paths)
    problems += _risk_window(scenario)
    if problems:
        raise ScenarioError(problems)
    return openings, with_jumps(fx, scenario, window.zone)


def _without_path(
    scenario: Scenario, met: Sequence[str], paths: Callable[[Sequence[str]], FxPaths]
) -> list[Problem]:
    """Pairs of a currency that has no rates; of those that the run meets, `met`, that is said already."""
    problems = []
    quoted = [(name, pair) for name, market in scenario.markets.items() for pair in market.pairs]
    for name, pair in quoted:
        further = [code for code in pair.split("/") if code not in met]
        try:
            if further:
                paths(further)
        except ValueError as error:
            problems.append(Problem("", f"markets.{name}.pairs.{pair}", str(error)))
    return problems


def _risk_window(scenario: Scenario) -> list[Problem]:
    """Currencies, and pairs with a side's own, that the window of the value at risk does not show moving.

    Only those that history knows.
    """
    declared, history = scenario.risk.window, load_history()
    if declared is None:
        return []
    met = [code for code in currencies(scenario) if code in history]
    homes = {side.functional_currency for side in scenario.sides.values()}
    pairs = [pair for pair in combinations(met, 2) if not homes.isdisjoint(pair)]
    scarce: dict[str, int] = {}
    for codes in [(code,) for code in met] + pairs:
        days, _ = observed_together(codes, declared.first, declared.last)
        # A change needs two days; of who is not seen on two, nobody is seen with another.
        if len(days) < 2 and scarce.keys().isdisjoint(codes):  # noqa: PLR2004
            scarce[" and ".join(codes)] = len(days)
    return [
        Problem(
            "",
            "risk.window",
            f"{who} {'are' if ' ' in who else 'is'} observed on {count} days of the window; two are needed",
        )
        for who, count in scarce.items()
    ]


def _without_rates(scenario: Scenario) -> list[str]:
    """What a run of several currencies cannot tell if it has no exchange rates."""
    if scenario.fx is not None or len(currencies(scenario)) == 1:
        return []
    reported = scenario.reporting_currency
    return [
        f"there are no exchange rates: values count what is in {reported}, and leave other currencies out"
    ]


def _never_open(scenario: Scenario, openings: Openings) -> list[Problem]:
    """The links whose legs are not open together at any time of the run."""
    window = openings.window
    return [
        Problem("", f"systems.{name}.legs", "the two legs are never open at the same time")
        for name, system in scenario.systems.items()
        if isinstance(system, Pvp)
        and system_hours(name, scenario, openings).opens_at(window.start) >= window.end
    ]


def currencies(scenario: Scenario) -> tuple[str, ...]:
    """Every currency that a run of the scenario can meet, sorted."""
    found = {scenario.reporting_currency}
    found |= {code for side in scenario.sides.values() for code in (side.functional_currency, *side.vehicles)}
    found |= {treasury.against for treasury in scenario.treasuries.values() if treasury.against}
    for system in books(scenario).values():
        found.add(system.currency)
        if isinstance(system, Clearing) and system.settled_in is not None:
            found.add(system.settled_in)
    found |= {flow.currency for flow in scenario.flows.values()}
    found |= {demand.currency for demand in demands(scenario)}
    for route in scenario.routes.values():
        found |= {step.fee.currency for step in route.steps if step.fee is not None}
    return tuple(sorted(found))


def _payments(
    scenario: Scenario,
    replication: int,
    window: Window,
    fx: FxPaths,
    firms: FirmTable,
    obligations: Obligations,
) -> Payments:
    """The payments that discharge the obligations due before the end; firms instruct on the due date."""
    due = np.flatnonzero(obligations.due_at < window.end)
    rows = due[np.argsort(obligations.due_at[due], kind="stable")]
    flow, draw = obligations.flow[rows], obligations.draw[rows]
    names = draw_names(scenario.routes)
    draws = {name: np.zeros(len(rows)) for name in [*names, "route"]}
    for number, flow_name in enumerate(origins(scenario)):
        mine = np.flatnonzero(flow == number)
        if not len(mine):
            continue
        count = int(draw[mine].max()) + 1
        for name, column in draws.items():
            column[mine] = stream(scenario.seed, replication, f"{name}/{flow_name}").random(count)[draw[mine]]
    return Payments(
        obligation=rows,
        route=choose_routes(scenario, fx, firms, obligations, rows, draws["route"]),
        payer_bank=firms.bank[obligations.payer[rows]],
        payee_bank=firms.bank[obligations.payee[rows]],
        currency=obligations.currency[rows],
        amount=obligations.amount[rows],
        priority=np.array([origin.priority for origin in origins(scenario).values()], dtype=np.int64)[flow],
        due_at=obligations.due_at[rows],
        instructed_at=obligations.due_at[rows],
        draws=draws,
    )


def _own_payments(
    scenario: Scenario, window: Window, fx: FxPaths, network: Network, routes: dict[str, Route]
) -> Payments:
    """The user's payments; one without a route goes straight to its system."""
    declared = scenario.payments
    if declared is None:
        raise AssertionError("asked for only where there are payments of one's own")
    topology, kept = Topology(scenario), books(scenario)

    def obstacle(payer_bank: str, payee_bank: str, route: str, currency: str) -> str | None:
        found = next(obstacles(topology, scenario.routes[route], payer_bank, payee_bank, currency), None)
        return None if found is None else f"{found.message} (step {found.step} of {route!r})"

    table = read_payments(
        Path(declared.file),
        Setting(
            zone=window.zone,
            period_start=window.start,
            end=window.end,
            currencies_of_system={
                name: tuple(kept[leg].currency for leg in legs(scenario, name)) for name in scenario.systems
            },
            banks=network.banks,
            accounts={
                (bank, name)
                for bank in network.banks
                for name in scenario.systems
                if all((bank, leg) in network.accounts.number for leg in legs(scenario, name))
            },
            routes=list(scenario.routes),
            default_system=declared.system,
            default_route=declared.route,
            obstacle=obstacle,
            link_of_route={
                name: link for name, route in scenario.routes.items() if (link := _link(route, scenario))
            },
            rates=scenario.fx is not None,
        ),
    )
    direct = np.array([list(routes).index(f"direct-{name}") for name in scenario.systems], dtype=np.int64)
    currencies = {code: fx.index(code) for code in set(table.currency.tolist())}
    return Payments(
        obligation=np.full(len(table), -1, dtype=np.int64),
        route=np.where(table.route >= 0, table.route, direct[table.system]),
        payer_bank=table.payer_bank,
        payee_bank=table.payee_bank,
        currency=np.array([currencies[code] for code in table.currency.tolist()], dtype=np.int64),
        amount=table.amount,
        priority=table.priority,
        due_at=table.due_at,
        instructed_at=table.instructed_at,
        draws={
            name: stream(scenario.seed, 0, name).random(len(table))
            for name in [*draw_names(scenario.routes), "route"]
        },
        ids=table.payment_id,
        counter_amount=table.counter_amount,
    )


def _link(route: Route, scenario: Scenario) -> str | None:
    """The first link on a route, None if there is none."""
    systems = [step.system for step in route.steps if isinstance(step, Settle)]
    return next((name for name in systems if isinstance(scenario.systems[name], Pvp)), None)
