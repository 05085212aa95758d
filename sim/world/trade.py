"""Firms owe one another money because goods were invoiced; here all invoices of a run are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import DAY, YEAR_DAYS, Seconds, from_instant
from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.core.streams import stream
from sim.errors import Problem, ScenarioError
from sim.scenario.model.trade import FixedAmount
from sim.world.draws import choose, standard_normal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Firms, Flow
    from sim.world.fx import FxPaths
    from sim.world.timing import Openings, Window


@dataclass(frozen=True, slots=True, eq=False)
class FirmTable:
    """One row per firm, all groups one after the other; banks, sides and groups by number."""

    groups: tuple[str, ...]
    group: NDArray[np.int64]
    city: tuple[str, ...]
    bank: NDArray[np.int64]
    size: NDArray[np.float64]
    first: dict[str, int]

    def __len__(self) -> int:
        return len(self.city)

    @property
    def labels(self) -> list[str]:
        """A readable name of each firm: `group-0001`."""
        names = []
        for number, group in enumerate(self.group):
            name = self.groups[group]
            names.append(f"{name}-{number - self.first[name] + 1:04d}")
        return names


@dataclass(frozen=True, slots=True, eq=False)
class Obligations:
    """One row per obligation, in order of invoicing; amounts in minor units of `currency`.

    `draw` is the row's place among all draws of its flow, which is how draws made per flow are found again.
    """

    flow: NDArray[np.int64]
    draw: NDArray[np.int64]
    term: NDArray[np.int64]
    payer: NDArray[np.int64]
    payee: NDArray[np.int64]
    currency: NDArray[np.int64]
    amount: Amounts
    invoiced_at: Seconds
    due_at: Seconds

    def __len__(self) -> int:
        return len(self.amount)


class TradeDraws(NamedTuple):
    """What one flow draws, one row per invoice."""

    invoiced_at: Seconds
    due_at: Seconds
    payer: NDArray[np.int64]
    payee: NDArray[np.int64]
    currency: NDArray[np.int64]
    amount: Amounts
    term: NDArray[np.int64]


def draw_firms(scenario: Scenario, replication: int) -> FirmTable:
    """All firms; a further firm of a group leaves the others as they are."""
    banks = {name: number for number, name in enumerate(scenario.banks)}
    group: list[int] = []
    city: list[str] = []
    bank: list[int] = []
    size: list[NDArray[np.float64]] = []
    first: dict[str, int] = {}
    for number, (name, declared) in enumerate(scenario.firms.items()):
        first[name] = len(city)
        uniform = stream(scenario.seed, replication, f"firms/{name}").random((declared.count, 3))
        group += [number] * declared.count
        size.append(np.exp(float(declared.size_sigma) * standard_normal(uniform[:, 0])))
        city += _pick(list(declared.cities), declared.cities.values(), uniform[:, 1])
        bank += [banks[b] for b in _pick(list(declared.banks), declared.banks.values(), uniform[:, 2])]
    return FirmTable(
        groups=tuple(scenario.firms),
        group=np.array(group, dtype=np.int64),
        city=tuple(city),
        bank=np.array(bank, dtype=np.int64),
        size=np.concatenate(size) if size else np.zeros(0),
        first=first,
    )


def _pick(names: list[str], shares: Iterable[Decimal], uniform: NDArray[np.float64]) -> list[str]:
    return [names[k] for k in choose(shares, uniform)]


def draw_obligations(
    scenario: Scenario, replication: int, openings: Openings, firms: FirmTable, fx: FxPaths
) -> Obligations:
    """The obligations of all flows that can matter to the run.

    Left out are those due before the run starts, and those both invoiced and due after its end.
    """
    window = openings.window
    rows = [
        (number, _draw_flow(name, flow, scenario, replication, openings, firms, fx))
        for number, (name, flow) in enumerate(scenario.flows.items())
    ]
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return Obligations(*([empty] * 9))
    flow = np.concatenate([np.full(len(draws.amount), number, dtype=np.int64) for number, draws in rows])
    draw = np.concatenate([np.arange(len(draws.amount), dtype=np.int64) for _, draws in rows])
    merged = TradeDraws(
        *(np.concatenate(columns) for columns in zip(*(draws for _, draws in rows), strict=True))
    )
    kept = (merged.due_at >= window.start) & (
        (merged.due_at < window.end) | (merged.invoiced_at < window.period_end)
    )
    order = np.flatnonzero(kept)
    order = order[np.lexsort((draw[order], flow[order], merged.invoiced_at[order]))]
    return Obligations(
        flow=flow[order],
        draw=draw[order],
        term=merged.term[order],
        payer=merged.payer[order],
        payee=merged.payee[order],
        currency=merged.currency[order],
        amount=merged.amount[order],
        invoiced_at=merged.invoiced_at[order],
        due_at=merged.due_at[order],
    )


def mean_invoice(flow: Flow) -> float:
    """Mean invoice in units of the flow's currency.

    A lognormal's mean is m = median · exp(σ²/2); cut to at most c it is m · Φ(z − σ) + c · (1 − Φ(z)) with
    z = ln(c / median) / σ.
    """
    invoice = flow.invoice
    if isinstance(invoice, FixedAmount):
        return float(invoice.value)
    median, sigma = float(invoice.median), float(invoice.sigma)
    mean = median * exp(sigma**2 / 2)
    if invoice.largest is None:
        return mean
    largest, normal = float(invoice.largest), NormalDist()
    z = log(largest / median) / sigma
    return mean * normal.cdf(z - sigma) + largest * (1 - normal.cdf(z))


def longest_term(flow: Flow) -> int:
    """Most calendar days from an invoice to its due date."""
    return max(term.days[1] for term in flow.terms.values())


def _draw_flow(
    name: str,
    flow: Flow,
    scenario: Scenario,
    replication: int,
    openings: Openings,
    firms: FirmTable,
    fx: FxPaths,
) -> TradeDraws:
    """One flow: the number of invoices is the expected one, their dates, sizes and parties are drawn."""
    # From its own longest term before the start on, so that the terms of other flows change nothing here.
    since, until = openings.window.start - longest_term(flow) * DAY, openings.window.end
    years = (until - since) / (YEAR_DAYS * DAY)
    count = round(float(flow.value) * years / mean_invoice(flow))

    def uniform(purpose: str) -> NDArray[np.float64]:
        return stream(scenario.seed, replication, f"trade/{name}/{purpose}").random(count)

    payer_side = scenario.sides[scenario.firms[flow.payer].side]
    payee_side = scenario.sides[scenario.firms[flow.payee].side]
    weights, starts, ends = _invoicing_sessions(
        name, flow, openings.ordinary_hours(payee_side.hours), since, until
    )
    session = choose(weights, uniform("day"))
    invoiced_at = starts[session] + (uniform("invoiced_at") * (ends - starts)[session]).astype(np.int64)
    term = choose([t.share for t in flow.terms.values()], uniform("term"))
    due_at = _due_instants(
        openings.ordinary_hours(payer_side.hours),
        flow,
        openings.window,
        invoiced_at,
        term,
        uniform("days"),
        uniform("due_at"),
    )
    currency = _currency_numbers(flow, fx)[choose(flow.invoicing.values(), uniform("currency"))]
    stated = _invoice_amounts(flow, uniform("amount"))
    return TradeDraws(
        invoiced_at=invoiced_at,
        due_at=due_at,
        payer=_firms_of(flow.payer, scenario.firms[flow.payer], firms, uniform("payer")),
        payee=_firms_of(flow.payee, scenario.firms[flow.payee], firms, uniform("payee")),
        currency=currency,
        amount=np.maximum(fx.convert(stated, fx.index(flow.currency), currency, invoiced_at), 1),
        term=term,
    )


def _invoicing_sessions(
    name: str, flow: Flow, hours: OpeningHours, since: int, until: int
) -> tuple[NDArray[np.float64], Seconds, Seconds]:
    """Sessions of the payee's hours in `[since, until)` with their weights: their length, times their month's."""
    inside = (hours.starts >= since) & (hours.ends <= until)
    starts, ends = hours.starts[inside], hours.ends[inside]
    months = (hours.value_dates[inside].astype("datetime64[M]").astype(np.int64)) % 12
    weights = np.array([float(weight) for weight in flow.months])[months] * (ends - starts)
    if not weights.any():
        raise ScenarioError(
            [Problem("", f"flows.{name}", "no invoicing day of the payee lies within the run")]
        )
    return weights, starts, ends


def _due_instants(
    hours: OpeningHours,
    flow: Flow,
    window: Window,
    invoiced_at: Seconds,
    term: NDArray[np.int64],
    days: NDArray[np.float64],
    moment: NDArray[np.float64],
) -> Seconds:
    """An instant within the payer's hours on the due date, or on its next working day.

    A firm gives the order on the due date, so this is when the payment is instructed, too.
    """
    low, high = np.array([t.days for t in flow.terms.values()], dtype=np.int64).T
    after = low[term] + (days * (high - low + 1)[term]).astype(np.int64)
    offset = from_instant(window.start, window.zone).utcoffset()
    shift = int(offset.total_seconds()) if offset else 0
    midnight = (invoiced_at + shift) // DAY * DAY - shift + after * DAY
    session = np.searchsorted(hours.starts, np.maximum(midnight, invoiced_at), side="left")
    session = np.minimum(session, len(hours.starts) - 1)
    due: Seconds = hours.starts[session] + (moment * (hours.ends[session] - hours.starts[session])).astype(
        np.int64
    )
    return due


def _currency_numbers(flow: Flow, fx: FxPaths) -> NDArray[np.int64]:
    return np.array([fx.index(code) for code in flow.invoicing], dtype=np.int64)


def _invoice_amounts(flow: Flow, uniform: NDArray[np.float64]) -> Amounts:
    scale = 10.0 ** minor_digits(flow.currency)
    if isinstance(flow.invoice, FixedAmount):
        return round_half_even(np.full(uniform.shape, float(flow.invoice.value) * scale))
    amount = float(flow.invoice.median) * np.exp(float(flow.invoice.sigma) * standard_normal(uniform))
    if flow.invoice.largest is not None:
        amount = np.minimum(amount, float(flow.invoice.largest))
    return round_half_even(amount * scale)


def _firms_of(
    name: str, declared: Firms, firms: FirmTable, uniform: NDArray[np.float64]
) -> NDArray[np.int64]:
    first = firms.first[name]
    chosen: NDArray[np.int64] = first + choose(firms.size[first : first + declared.count], uniform)
    return chosen
