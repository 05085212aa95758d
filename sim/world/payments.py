"""A payment discharges an obligation, or is one of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import Seconds
from sim.scenario.demands import origins
from sim.scenario.model.steps import moves
from sim.scenario.topology import Passenger, Topology, books, legs, obstacles
from sim.world.cutoffs import heeding_cutoffs
from sim.world.draws import draw_names, draws_by_id, draws_by_piece
from sim.world.own_payments import Setting, read_payments
from sim.world.routing import choose_routes
from sim.world.trade import days_after

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.trade import Deviation
    from sim.scenario.window import Window
    from sim.world.draws import Uniform
    from sim.world.network import Network
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable, Obligations


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


def trade_payments(
    scenario: Scenario,
    replication: int,
    openings: Openings,
    fx: FxPaths,
    firms: FirmTable,
    obligations: Obligations,
) -> tuple[Payments, Uniform]:
    """The payments that firms order before the end, in that order, and further draws for them."""
    instructed_at = instruction_instants(scenario, replication, openings, firms, obligations)
    instructed_at = heeding_cutoffs(scenario, replication, openings, fx, firms, obligations, instructed_at)
    ordered = np.flatnonzero(instructed_at < openings.window.end)
    rows = ordered[np.argsort(instructed_at[ordered], kind="stable")]
    uniform = draws_by_piece(
        scenario, replication, obligations.flow[rows], obligations.piece[rows], obligations.draw[rows]
    )
    draws = {name: uniform(name) for name in [*draw_names(scenario.routes), "route"]}
    priorities = np.array([origin.priority for origin in origins(scenario).values()], dtype=np.int64)
    payments = Payments(
        obligation=rows,
        route=choose_routes(scenario, fx, firms, obligations, rows, draws["route"]),
        payer_bank=firms.bank[obligations.payer[rows]],
        payee_bank=firms.bank[obligations.payee[rows]],
        currency=obligations.currency[rows],
        amount=obligations.amount[rows],
        priority=priorities[obligations.flow[rows]],
        due_at=obligations.due_at[rows],
        instructed_at=instructed_at[rows],
        draws=draws,
    )
    return payments, uniform


def own_payments(
    scenario: Scenario,
    replication: int,
    window: Window,
    fx: FxPaths,
    network: Network,
    routes: dict[str, Route],
    max_input: int,
) -> tuple[Payments, Uniform]:
    """The user's payments, and further draws for them; one without a route goes straight to its system.

    Reading them takes at most `max_input` bytes.
    """
    declared = scenario.payments
    if declared is None:
        raise AssertionError("asked for only where there are payments of one's own")
    topology, kept = Topology(scenario), books(scenario)

    def obstacle(payer_bank: str, payee_bank: str, route: str, currency: str) -> str | None:
        passenger = Passenger(currency, payer_bank, payee_bank, None)
        if not topology.carries(scenario.routes[route], passenger):
            return f"{route!r} does not carry {currency} from {payer_bank!r} to {payee_bank!r}"
        found = next(obstacles(topology, scenario.routes[route], passenger), None)
        return None if found is None else f"{found.message} (step {found.step} of {route!r})"

    of_system = {name: tuple(kept[leg].currency for leg in legs(scenario, name)) for name in scenario.systems}
    passes = {name: _systems(route) for name, route in scenario.routes.items()}
    table = read_payments(
        Path(declared.file),
        Setting(
            zone=window.zone,
            period_start=window.start,
            end=window.end,
            currencies_of_system=of_system,
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
            systems_of_route={
                name: {place for system in passed for place in (system, *legs(scenario, system))}
                for name, passed in passes.items()
            },
            currencies_of_route={
                name: tuple(
                    code for code in of_system[passed[0]] if all(code in of_system[k] for k in passed)
                )
                for name, passed in passes.items()
                if passed
            },
            obstacle=obstacle,
            link_of_route={
                name: link for name, passed in passes.items() if (link := _link(passed, scenario))
            },
            rates=scenario.fx is not None,
        ),
        max_input,
    )
    direct = np.array([list(routes).index(f"direct-{name}") for name in scenario.systems], dtype=np.int64)
    currencies = {code: fx.index(code) for code in set(table.currency.tolist())}
    ids = table.payment_id.to_numpy(zero_copy_only=False)
    uniform = draws_by_id(scenario.seed, replication, ids)
    payments = Payments(
        obligation=np.full(len(table), -1, dtype=np.int64),
        route=np.where(table.route >= 0, table.route, direct[table.system]),
        payer_bank=table.payer_bank,
        payee_bank=table.payee_bank,
        currency=np.array([currencies[code] for code in table.currency.tolist()], dtype=np.int64),
        amount=table.amount,
        priority=table.priority,
        due_at=table.due_at,
        instructed_at=table.instructed_at,
        draws={name: uniform(name) for name in [*draw_names(scenario.routes), "route"]},
        ids=ids,
        counter_amount=table.counter_amount,
    )
    return payments, uniform


def _systems(route: Route) -> list[str]:
    """The systems, or links, that a route passes."""
    return [step.system for step in route.steps if moves(step)]


def _link(systems: list[str], scenario: Scenario) -> str | None:
    """The first link among the systems of a route, None if there is none."""
    return next((name for name in systems if scenario.systems[name].linked), None)


def instruction_instants(
    scenario: Scenario, replication: int, openings: Openings, firms: FirmTable, obligations: Obligations
) -> Seconds:
    """When the payer of each obligation orders its payment: when it is due, or as its group's `pays` says.

    The day moves by whole days, then to the payer's next working day; the part of the session that has passed
    stays. Not before the invoice or the start of the run. One draw says who is early (the lowest draws) and
    who is late (the highest), so a larger share takes in further payments; another draw says by how much.
    """
    at = obligations.due_at
    groups = [
        (number, group.side, group.pays)
        for number, group in enumerate(scenario.firms.values())
        if group.pays is not None
    ]
    if not groups:
        return at
    at = at.copy()
    uniform = draws_by_piece(scenario, replication, obligations.flow, obligations.piece, obligations.draw)
    when, days = uniform("instruction/when"), uniform("instruction/days")
    payer_group = firms.group[obligations.payer]
    for number, side, pays in groups:
        hours = openings.ordinary_hours(scenario.sides[side].hours)
        mine = payer_group == number
        if pays.early is not None:
            rows = np.flatnonzero(mine & (when < float(pays.early.share)))
            moved = _moved(hours, openings, obligations, rows, -_days(pays.early, days[rows]))
            at[rows] = np.minimum(moved, at[rows])
        if pays.late is not None:
            rows = np.flatnonzero(mine & (when >= float(1 - pays.late.share)))
            moved = _moved(hours, openings, obligations, rows, _days(pays.late, days[rows]))
            at[rows] = np.maximum(moved, at[rows])
    return at


def _days(declared: Deviation, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    low, high = declared.days
    return low + (uniform * (high - low + 1)).astype(np.int64)


def _moved(
    hours: OpeningHours,
    openings: Openings,
    obligations: Obligations,
    rows: NDArray[np.intp],
    days: NDArray[np.int64],
) -> Seconds:
    """The due instants of some obligations so many days later."""
    due_at = obligations.due_at[rows]
    earliest = np.maximum(days_after(openings, due_at, days), obligations.invoiced_at[rows])
    lengths = hours.ends - hours.starts
    old = np.maximum(np.searchsorted(hours.starts, due_at, side="right") - 1, 0)
    new = np.searchsorted(hours.starts, np.maximum(earliest, openings.window.start), side="left")
    new = np.minimum(new, len(hours.starts) - 1)
    # What is due outside of all sessions, beyond the hours that are known, moves to the end of one.
    passed = np.clip(due_at - hours.starts[old], 0, lengths[old])
    moved: Seconds = hours.starts[new] + passed * lengths[new] // lengths[old]
    return moved
