"""Firms owe one another money because goods were invoiced; here all invoices of a run are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import DAY, YEAR_DAYS, Seconds, from_instant
from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.core.kinds import complete
from sim.errors import Problem, ScenarioError
from sim.scenario.model.kinds import kinds
from sim.scenario.model.trade import InvoiceAmount
from sim.world.draws import Distribution, choose, choose_each, lognormal, standard_normal, stream
from sim.world.timeline import mix_at, volume_at

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Firms, Flow, LognormalAmount
    from sim.scenario.window import Window
    from sim.world.timing import Openings


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
    """What one flow draws, one row per invoice; see `Obligations` for `draw`."""

    draw: NDArray[np.int64]
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
        cities = _pick(declared.cities, uniform[:, 1])
        city += cities
        bank += [banks[name] for name in _home_banks(declared, cities, uniform[:, 2])]
    return FirmTable(
        groups=tuple(scenario.firms),
        group=np.array(group, dtype=np.int64),
        city=tuple(city),
        bank=np.array(bank, dtype=np.int64),
        size=np.concatenate(size) if size else np.zeros(0),
        first=first,
    )


def _home_banks(declared: Firms, cities: list[str], uniform: NDArray[np.float64]) -> list[str]:
    """Each firm's bank by its draw, which is the same whatever the shares of its city are."""
    found = _pick(declared.banks, uniform)
    for city, shares in declared.banks_by_city.items():
        local = _pick(shares, uniform)
        found = [local[k] if cities[k] == city else bank for k, bank in enumerate(found)]
    return found


def _pick(shares: dict[str, Decimal], uniform: NDArray[np.float64]) -> list[str]:
    names = list(shares)
    return [names[k] for k in choose(shares.values(), uniform)]


class Basis(NamedTuple):
    """What obligations are drawn from."""

    scenario: Scenario
    replication: int
    openings: Openings
    firms: FirmTable
    fx: FxPaths

    def hours(self, group: str) -> OpeningHours:
        """When the firms of a group trade."""
        side = self.scenario.sides[self.scenario.firms[group].side]
        return self.openings.ordinary_hours(side.hours)

    def uniform(self, name: str, count: int) -> NDArray[np.float64]:
        """Draws of the stream `name`."""
        return stream(self.scenario.seed, self.replication, name).random(count)

    def firms_of(self, group: str, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """Firms of a group, one per draw, by their sizes."""
        first = self.firms.first[group]
        sizes = self.firms.size[first : first + self.scenario.firms[group].count]
        return first + choose(sizes, uniform)


def draw_trade(basis: Basis) -> list[TradeDraws]:
    """The invoices of each flow."""
    return [_draw_flow(name, flow, basis) for name, flow in basis.scenario.flows.items()]


def mean_invoice(flow: Flow) -> float:
    """Mean invoice in units of the flow's currency."""
    return INVOICES[flow.invoice.kind].mean(flow.invoice)


def _lognormal_mean(invoice: LognormalAmount) -> float:
    """The mean is m = median · exp(σ²/2); cut to at most c it is m · Φ(z − σ) + c · (1 − Φ(z)).

    There, z = ln(c / median) / σ.
    """
    median, sigma = float(invoice.median), float(invoice.sigma)
    mean = median * exp(sigma**2 / 2)
    if invoice.largest is None:
        return mean
    largest, normal = float(invoice.largest), NormalDist()
    z = log(largest / median) / sigma
    return mean * normal.cdf(z - sigma) + largest * (1 - normal.cdf(z))


#: Sizes of invoices in units of currency, by their `kind`.
INVOICES: Final = {
    "fixed": Distribution(
        lambda size: float(size.value),
        lambda size, uniform: np.full(uniform.shape, float(size.value)),
    ),
    "lognormal": Distribution(
        _lognormal_mean,
        lambda size, uniform: lognormal(uniform, float(size.median), float(size.sigma), size.largest),
    ),
}
complete(kinds(InvoiceAmount), INVOICES, of="kind of invoice", what="a distribution in the world")


def longest_term(flow: Flow) -> int:
    """Most calendar days from an invoice to its due date."""
    return max(term.days[1] for term in flow.terms.values())


def _draw_flow(name: str, flow: Flow, basis: Basis) -> TradeDraws:
    """One flow: the number of invoices is the expected one, their dates, sizes and parties are drawn.

    Where its volume changes, some of the usual invoices are left out and others come in addition, which have
    draws of their own: those that are there anyway stay as they are.
    """
    # From its own longest term before the start on, so that the terms of other flows change nothing here.
    window = basis.openings.window
    since, until = window.start - longest_term(flow) * DAY, window.end
    years = (until - since) / (YEAR_DAYS * DAY)
    count = round(float(flow.value) * years / mean_invoice(flow))
    sessions = _invoicing_sessions(name, flow, basis.hours(flow.payee), since, until)
    usual = _draw_invoices(f"trade/{name}", name, flow, basis, sessions, count)
    volume = volume_at(basis.openings.timeline, name, sessions.starts)
    if volume is None:
        return usual
    session = np.searchsorted(sessions.starts, usual.invoiced_at, side="right") - 1
    kept = basis.uniform(f"trade/{name}/volume", count) < volume[session]
    usual = TradeDraws(*(column[kept] for column in usual))
    further = sessions._replace(weights=sessions.weights * np.maximum(volume - 1.0, 0.0))
    more = round(count * float(further.weights.sum()) / float(sessions.weights.sum()))
    if not more:
        return usual
    extra = _draw_invoices(f"trade/{name}/more", name, flow, basis, further, more)
    extra = extra._replace(draw=extra.draw + count)
    return TradeDraws(*(np.concatenate(columns) for columns in zip(usual, extra, strict=True)))


def _draw_invoices(
    streams: str, name: str, flow: Flow, basis: Basis, sessions: Sessions, count: int
) -> TradeDraws:
    """So many invoices of a flow, from the streams whose names begin with `streams`."""

    def uniform(purpose: str) -> NDArray[np.float64]:
        return basis.uniform(f"{streams}/{purpose}", count)

    window, fx = basis.openings.window, basis.fx
    session = choose(sessions.weights, uniform("day"))
    starts, length = sessions.starts[session], (sessions.ends - sessions.starts)[session]
    invoiced_at = starts + (uniform("invoiced_at") * length).astype(np.int64)
    term = choose([t.share for t in flow.terms.values()], uniform("term"))
    due_at = _due_instants(
        basis.hours(flow.payer), flow, window, invoiced_at, term, uniform("days"), uniform("due_at")
    )
    currencies, shares = mix_at(basis.openings.timeline, name, flow, invoiced_at)
    numbers = np.array([fx.index(code) for code in currencies], dtype=np.int64)
    currency = numbers[choose_each(shares, uniform("currency"))]
    stated = _invoice_amounts(flow, uniform("amount"))
    try:
        amount = fx.convert(stated, fx.index(flow.currency), currency, invoiced_at)
    except ValueError:
        message = "at the rates of this run some invoices come to more than can be counted exactly"
        raise ScenarioError([Problem("", f"flows.{name}.invoice", message)]) from None
    return TradeDraws(
        draw=np.arange(count, dtype=np.int64),
        invoiced_at=invoiced_at,
        due_at=due_at,
        payer=basis.firms_of(flow.payer, uniform("payer")),
        payee=basis.firms_of(flow.payee, uniform("payee")),
        currency=currency,
        amount=np.maximum(amount, 1),
        term=term,
    )


class Sessions(NamedTuple):
    """Sessions in which a flow may be invoiced, with their weights."""

    weights: NDArray[np.float64]
    starts: Seconds
    ends: Seconds


def _invoicing_sessions(name: str, flow: Flow, hours: OpeningHours, since: int, until: int) -> Sessions:
    """Sessions of the payee's hours in `[since, until)` with their weights: their length, times their month's."""
    inside = (hours.starts >= since) & (hours.ends <= until)
    starts, ends = hours.starts[inside], hours.ends[inside]
    months = (hours.value_dates[inside].astype("datetime64[M]").astype(np.int64)) % 12
    weights = np.array([float(weight) for weight in flow.months])[months] * (ends - starts)
    if not weights.any():
        raise ScenarioError(
            [Problem("", f"flows.{name}", "no invoicing day of the payee lies within the run")]
        )
    return Sessions(weights, starts, ends)


def midnights(window: Window, at: Seconds) -> Seconds:
    """The midnight before each instant in the period's zone, by the clock as it is at the run's start."""
    offset = from_instant(window.start, window.zone).utcoffset()
    shift = int(offset.total_seconds()) if offset else 0
    return (at + shift) // DAY * DAY - shift


def _due_instants(
    hours: OpeningHours,
    flow: Flow,
    window: Window,
    invoiced_at: Seconds,
    term: NDArray[np.int64],
    days: NDArray[np.float64],
    moment: NDArray[np.float64],
) -> Seconds:
    """An instant within the payer's hours on the due date, or on its next working day."""
    low, high = np.array([t.days for t in flow.terms.values()], dtype=np.int64).T
    after = low[term] + (days * (high - low + 1)[term]).astype(np.int64)
    midnight = midnights(window, invoiced_at) + after * DAY
    session = np.searchsorted(hours.starts, np.maximum(midnight, invoiced_at), side="left")
    session = np.minimum(session, len(hours.starts) - 1)
    due: Seconds = hours.starts[session] + (moment * (hours.ends[session] - hours.starts[session])).astype(
        np.int64
    )
    return due


def _invoice_amounts(flow: Flow, uniform: NDArray[np.float64]) -> Amounts:
    scale = 10.0 ** minor_digits(flow.currency)
    amount = INVOICES[flow.invoice.kind].values(flow.invoice, uniform)
    # Beyond 2^53 an amount is refused, whatever it is.
    return round_half_even(np.minimum(amount * scale, 2.0**60))
