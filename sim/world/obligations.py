"""What is owed comes from trade, and from loans and projects, whose dates are agreed beforehand; parties are drawn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.calendars import months_after
from sim.core.clock import NEVER, local_instant
from sim.core.currency import round_half_even, to_minor
from sim.world.draws import Pieces
from sim.world.trade import Basis, Obligations, TradeDraws, draw_trade

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.credit import Loan, Project
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable


class _Contract(NamedTuple):
    """What equal contracts have in common; the first group pays, but for what goes back."""

    name: str
    currency: str
    groups: tuple[str, str]


class Due(NamedTuple):
    """An amount in minor units that is owed from one date on and due on another; `back` is to the lender."""

    term: int
    since: date
    due: date
    amount: int
    back: bool = False


def draw_schedules(basis: Basis) -> list[TradeDraws]:
    """The obligations of all loans, then of all projects, one table for each."""
    scenario = basis.scenario
    loans = [
        _table(
            [
                loan_dues(loan, amount)
                for amount in equal_parts(to_minor(loan.principal, loan.currency), loan.count)
            ],
            _Contract(name, loan.currency, (loan.lender, loan.borrower)),
            basis,
        )
        for name, loan in scenario.loans.items()
    ]
    projects = [
        _table(
            [
                project_dues(project, amount)
                for amount in equal_parts(to_minor(project.value, project.currency), project.count)
            ],
            _Contract(name, project.currency, (project.payer, project.payee)),
            basis,
        )
        for name, project in scenario.projects.items()
    ]
    return loans + projects


def loan_dues(loan: Loan, principal: int) -> list[Due]:
    """Everything that a loan of `principal` minor units makes due, in order of the dates.

    Interest is what was owed on each day since the last date of payment, times the yearly rate, divided by
    the days in a year, in whole minor units, halves to the even one. It is owed from the beginning of its
    period on, an instalment from the last disbursement before it on.
    """
    first = loan.disbursements[0].date
    parts = weighted_parts(principal, [float(part.share) for part in loan.disbursements])
    paid_out = [(part.date, amount) for part, amount in zip(loan.disbursements, parts, strict=True)]
    dues = [Due(0, first, day, amount) for day, amount in paid_out]
    instalments = equal_parts(principal, loan.instalments)
    graced = loan.grace_months // loan.every_months
    repaid: list[tuple[date, int]] = []
    since = first
    for number in range(1, graced + loan.instalments + 1):
        day = months_after(first, number * loan.every_months)
        interest = _interest(loan, paid_out, repaid, since, day)
        if interest:
            dues.append(Due(2, since, day, interest, back=True))
        if number > graced:
            amount = instalments[number - graced - 1]
            dues.append(Due(1, paid_out[-1][0], day, amount, back=True))
            repaid.append((day, amount))
        since = day
    return dues


def project_dues(project: Project, value: int) -> list[Due]:
    """Everything that a contract of `value` minor units makes due: advance, monthly progress, retention."""
    shares = [
        float(project.advance),
        1 - float(project.advance + project.retention),
        float(project.retention),
    ]
    advance, progress, retention = weighted_parts(value, shares)
    dues = [Due(0, project.start, project.start + timedelta(project.due_days), advance)]
    for number, amount in enumerate(equal_parts(progress, project.months), start=1):
        day = months_after(project.start, number)
        dues.append(Due(1, day, day + timedelta(project.due_days), amount))
    end = months_after(project.start, project.months)
    dues.append(Due(2, end, months_after(end, project.retained_months), retention))
    return [due for due in dues if due.amount]


def equal_parts(total: int, count: int) -> list[int]:
    """`total` in equal whole parts; what does not divide goes to the last ones, one unit each."""
    part, rest = divmod(total, count)
    return [part + (number >= count - rest) for number in range(count)]


def weighted_parts(total: int, shares: list[float]) -> list[int]:
    """`total` in whole parts by shares that add up to one: differences of the rounded running total."""
    reached = round_half_even(total * np.cumsum(shares))
    reached[-1] = total
    return [int(part) for part in np.diff(reached, prepend=0)]


def _interest(
    loan: Loan, paid_out: list[tuple[date, int]], repaid: list[tuple[date, int]], since: date, until: date
) -> int:
    changes = [*paid_out, *((day, -amount) for day, amount in repaid)]
    # Each change counts for the days of the period on which it has taken place.
    owed_days = sum(amount * max((until - max(day, since)).days, 0) for day, amount in changes)
    return int(round_half_even(owed_days * float(loan.interest) / loan.days_in_year))


def _table(contracts: list[list[Due]], contract: _Contract, basis: Basis) -> TradeDraws:
    """All that equal contracts make due; the parties of each are drawn."""
    rows = [due for dues in contracts for due in dues]
    number = np.repeat(np.arange(len(contracts)), [len(dues) for dues in contracts])
    each = Pieces(np.arange(len(contracts)), np.ones(len(contracts), dtype=np.int64))
    parties = [
        basis.firms_of(group, f"trade/{contract.name}/{party}", each, np.arange(len(contracts)))[number]
        for party, group in zip(("payer", "payee"), contract.groups, strict=True)
    ]
    hours = [basis.hours(group) for group in contract.groups]
    back = np.array([due.back for due in rows], dtype=np.bool_)
    window = basis.openings.window
    invoiced_at = np.array([local_instant(due.since, 0, window.zone) for due in rows], dtype=np.int64)
    due_at = np.array([_opening(hours[due.back], due.due, window.zone) for due in rows], dtype=np.int64)
    return TradeDraws(
        piece=number,
        draw=np.concatenate([np.arange(len(dues)) for dues in contracts]),
        invoiced_at=invoiced_at,
        due_at=due_at,
        # What goes back is paid by the second party.
        payer=np.where(back, parties[1], parties[0]),
        payee=np.where(back, parties[0], parties[1]),
        currency=np.full(len(rows), basis.fx.index(contract.currency), dtype=np.int64),
        amount=np.array([due.amount for due in rows], dtype=np.int64),
        term=np.array([due.term for due in rows], dtype=np.int64),
    )


def _opening(hours: OpeningHours, day: date, zone: ZoneInfo) -> int:
    """When somebody opens on a day or on the next working day; midnight, beyond the days that are known."""
    midnight = local_instant(day, 0, zone)
    opens = hours.opens_at(midnight)
    return midnight if opens == NEVER else opens


def draw_obligations(
    scenario: Scenario, replication: int, openings: Openings, firms: FirmTable, fx: FxPaths
) -> Obligations:
    """The obligations of all flows, loans and projects that concern the run; `flow` numbers them in this order."""
    basis = Basis(scenario, replication, openings, firms, fx)
    rows = list(enumerate([*draw_trade(basis), *draw_schedules(basis)]))
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return Obligations(*([empty] * 10))
    flow = np.concatenate([np.full(len(draws.amount), number, dtype=np.int64) for number, draws in rows])
    merged = TradeDraws(
        *(np.concatenate(columns) for columns in zip(*(draws for _, draws in rows), strict=True))
    )
    order = np.flatnonzero(openings.window.concerns(merged.invoiced_at, merged.due_at))
    keys = (merged.draw, merged.piece, flow, merged.invoiced_at)
    order = order[np.lexsort([key[order] for key in keys])]
    chosen = {name: column[order] for name, column in merged._asdict().items()}
    return Obligations(flow=flow[order], **chosen)
