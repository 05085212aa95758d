"""Firms owe one another money because goods were invoiced; here all invoices of a run are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import DAY, YEAR_DAYS, Seconds
from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.core.kinds import complete
from sim.errors import Problem, ScenarioError
from sim.scenario.model.kinds import kinds
from sim.scenario.model.trade import InvoiceAmount
from sim.world.draws import (
    Distribution,
    Pieces,
    choose,
    choose_each,
    choose_growing,
    lognormal,
    standard_normal,
    stream,
    uniform,
)
from sim.world.timeline import mix_at, volume_at

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Firms, Flow, LognormalAmount
    from sim.world.timing import Openings


@dataclass(frozen=True, slots=True, eq=False)
class FirmTable:
    """One row per firm, all groups one after the other; banks, sides and groups by number.

    `market` is where a firm turns to first, −1 if it has no choice of its own.
    """

    groups: tuple[str, ...]
    group: NDArray[np.int64]
    city: tuple[str, ...]
    bank: NDArray[np.int64]
    market: NDArray[np.int64]
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

    `piece` is the part of its flow with which it was drawn: a month, counted from January 1970, or the number of the
    contract of a loan or project. `draw` is its place in there. The three tell it apart in any run of the same trade,
    and are how what is drawn for it is found again.
    """

    flow: NDArray[np.int64]
    piece: NDArray[np.int64]
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
    """What one flow draws, one row per invoice; see `Obligations` for `piece` and `draw`."""

    piece: NDArray[np.int64]
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
    market: list[int] = []
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
        market += _first_markets(scenario, name, replication)
    return FirmTable(
        groups=tuple(scenario.firms),
        group=np.array(group, dtype=np.int64),
        city=tuple(city),
        bank=np.array(bank, dtype=np.int64),
        market=np.array(market, dtype=np.int64),
        size=np.concatenate(size) if size else np.zeros(0),
        first=first,
    )


def _first_markets(scenario: Scenario, group: str, replication: int) -> list[int]:
    """The market to which each firm of a group turns first, by a stream of its own."""
    declared, known = scenario.firms[group], list(scenario.markets)
    if declared.exchange.markets is None:
        return [-1] * declared.count
    uniform = stream(scenario.seed, replication, f"firms/{group}/market").random(declared.count)
    return [known.index(market) for market in _pick(declared.exchange.markets, uniform)]


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

    def uniform(self, name: str, pieces: Pieces) -> NDArray[np.float64]:
        """Draws of the stream `name` for the obligations of some pieces, one piece after the other."""
        return uniform(self.scenario.seed, self.replication, name, pieces)

    def firms_of(self, group: str, name: str, pieces: Pieces, kept: NDArray[np.intp]) -> NDArray[np.int64]:
        """A firm of a group for each obligation `kept` of some pieces, by size; a further one moves none of them."""
        first = self.firms.first[group]
        sizes = self.firms.size[first : first + self.scenario.firms[group].count]
        return first + choose_growing(
            sizes, len(kept), lambda turn: self.uniform(f"{name}/{turn}", pieces)[kept]
        )


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
    """One flow, month by month: the number of invoices is the expected one, their dates, sizes and parties are drawn.

    Where its volume changes, some of the usual invoices are left out and others come in addition, which have
    draws of their own: those that are there anyway stay as they are.
    """
    sessions = _invoicing_sessions(name, flow, basis)
    frame = _months(flow, basis)
    january = 12 * sessions.years[0]
    # So many invoices since 1970 at the beginning of each year, and of the year after the last.
    reached = _years_since_1970(np.append(sessions.years, sessions.years[-1] + 1))
    reached *= float(flow.value) / mean_invoice(flow)
    count = _counts(sessions, sessions.weights, reached[:-1], np.diff(reached))
    pieces = Pieces(frame, count[frame - january])
    usual, session = _draw_invoices(f"trade/{name}", name, flow, basis, sessions, pieces)
    volume = volume_at(basis.openings.timeline, name, sessions.starts)
    if volume is None:
        return usual
    place = np.searchsorted(pieces.numbers, usual.piece)
    begins = np.cumsum(pieces.counts) - pieces.counts
    kept = basis.uniform(f"trade/{name}/volume", pieces)[begins[place] + usual.draw] < volume[session]
    usual = TradeDraws(*(column[kept] for column in usual))
    further = sessions._replace(weights=sessions.weights * np.maximum(volume - 1.0, 0.0))
    # Counted from the beginning of each year: what came before it needs calendars that nobody else does.
    more = _counts(sessions, further.weights, np.zeros(len(sessions.years)), np.diff(reached))
    added = Pieces(frame, more[frame - january])
    extra, _ = _draw_invoices(f"trade/{name}/more", name, flow, basis, further, added)
    extra = extra._replace(draw=extra.draw + count[extra.piece - january])
    return TradeDraws(*(np.concatenate(columns) for columns in zip(usual, extra, strict=True)))


def _counts(
    sessions: Sessions, weights: NDArray[np.float64], before: NDArray[np.float64], usual: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Invoices of each month of the years of `sessions`: differences of rounded sums, so that no rest is lost.

    A year that begins after `before` invoices has `usual` ones if the `weights` are those of the sessions; they are
    spread over these by weight. A year without sessions has none.
    """
    months = sessions.months - 12 * sessions.years[0]
    size = 12 * len(before)
    whole = np.bincount(months, sessions.weights, size).reshape(-1, 12).sum(axis=1)
    within = np.cumsum(np.bincount(months, weights, size).reshape(-1, 12), axis=1)
    share = np.divide(within, whole[:, None], out=np.zeros_like(within), where=whole[:, None] > 0)
    reached = np.rint(before[:, None] + usual[:, None] * share)
    counts = np.diff(reached, prepend=np.rint(before)[:, None], axis=1)
    return np.asarray(counts.ravel(), dtype=np.int64)


def _months(flow: Flow, basis: Basis) -> NDArray[np.int64]:
    """The months, counted from January 1970, in which something may be invoiced that matters to the run."""
    window, hours = basis.openings.window, basis.hours(flow.payer)
    # What is due in or after the session of the payer that is under way as the run starts, or the first one after it.
    place = int(np.searchsorted(hours.ends, window.start, side="right")) - 1
    first = int(hours.starts[place]) - longest_term(flow) * DAY if place >= 0 else window.trade_start
    # A session may begin a day before its working day, or end a day after it.
    days = np.array([first - 2 * DAY, window.end + 2 * DAY]).astype("datetime64[s]")
    low, high = (int(month) for month in days.astype("datetime64[M]").astype(np.int64))
    years = window.years()
    return np.arange(max(low, 12 * years[0]), min(high, 12 * years[-1] + 11) + 1)


def _draw_invoices(
    streams: str, name: str, flow: Flow, basis: Basis, sessions: Sessions, pieces: Pieces
) -> tuple[TradeDraws, NDArray[np.int64]]:
    """The invoices of some months of a flow, from the streams whose names begin with `streams`, and their sessions."""

    def uniform(purpose: str) -> NDArray[np.float64]:
        return basis.uniform(f"{streams}/{purpose}", pieces)

    fx = basis.fx
    session = _chosen_sessions(sessions, pieces, uniform("day"))
    starts, length = sessions.starts[session], (sessions.ends - sessions.starts)[session]
    invoiced_at = starts + (uniform("invoiced_at") * length).astype(np.int64)
    term = choose([t.share for t in flow.terms.values()], uniform("term"))
    due_at = _due_instants(flow, basis, invoiced_at, term, uniform("days"), uniform("due_at"))
    # Whole months are drawn; rates are known for what matters only.
    kept = np.flatnonzero(basis.openings.window.concerns(invoiced_at, due_at))
    invoiced_at, due_at, term, session = invoiced_at[kept], due_at[kept], term[kept], session[kept]
    currencies, shares = mix_at(basis.openings.timeline, name, flow, invoiced_at)
    numbers = np.array([fx.index(code) for code in currencies], dtype=np.int64)
    currency = numbers[choose_each(shares, uniform("currency")[kept])]
    stated = _invoice_amounts(flow, uniform("amount")[kept])
    try:
        amount = fx.convert(stated, fx.index(flow.currency), currency, invoiced_at)
    except ValueError:
        message = "at the rates of this run some invoices come to more than can be counted exactly"
        raise ScenarioError([Problem("", f"flows.{name}.invoice", message)]) from None
    draws = TradeDraws(
        piece=np.repeat(pieces.numbers, pieces.counts)[kept],
        draw=pieces.places()[kept],
        invoiced_at=invoiced_at,
        due_at=due_at,
        payer=basis.firms_of(flow.payer, f"{streams}/payer", pieces, kept),
        payee=basis.firms_of(flow.payee, f"{streams}/payee", pieces, kept),
        currency=currency,
        amount=np.maximum(amount, 1),
        term=term,
    )
    return draws, session


class Sessions(NamedTuple):
    """Sessions of whole `years` in which a flow may be invoiced, with their weights, in order of `months`.

    That is the month of the working day to which each belongs, counted from January 1970, as years are from 1970.
    """

    weights: NDArray[np.float64]
    starts: Seconds
    ends: Seconds
    months: NDArray[np.int64]
    years: NDArray[np.int64]


def _invoicing_sessions(name: str, flow: Flow, basis: Basis) -> Sessions:
    """The sessions of the payee's hours in the years of the run; a weight is the length, times the month's."""
    hours, window = basis.hours(flow.payee), basis.openings.window
    years, months = window.years(), hours.value_dates.astype("datetime64[M]").astype(np.int64)
    order = np.argsort(months, kind="stable")
    order = order[(months[order] >= 12 * years[0]) & (months[order] < 12 * (years[-1] + 1))]
    starts, ends, months = hours.starts[order], hours.ends[order], months[order]
    weights = np.array([float(weight) for weight in flow.months])[months % 12] * (ends - starts)
    touched = (ends > window.trade_start) & (starts < window.end)
    if not weights[touched].any():
        raise ScenarioError(
            [Problem("", f"flows.{name}", "no invoicing day of the payee lies within the run")]
        )
    return Sessions(weights, starts, ends, months, np.array(years))


def _years_since_1970(years: NDArray[np.int64]) -> NDArray[np.float64]:
    """Years of 365.25 days from the beginning of 1970 to that of each of some years."""
    january = years.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(january.astype(np.int64) / YEAR_DAYS)


def _chosen_sessions(sessions: Sessions, pieces: Pieces, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """A session of its month for each invoice, by weight."""
    bounds = np.searchsorted(sessions.months, [pieces.numbers, pieces.numbers + 1])
    chosen = np.zeros(pieces.total, dtype=np.int64)
    ends = np.cumsum(pieces.counts)
    for first, last, end, count in zip(*bounds.tolist(), ends.tolist(), pieces.counts.tolist(), strict=True):
        if count:
            mine = slice(end - count, end)
            chosen[mine] = first + choose(sessions.weights[first:last], uniform[mine])
    return chosen


def days_after(openings: Openings, at: Seconds, days: NDArray[np.int64]) -> Seconds:
    """The local midnight that begins the day so many days after that of each instant, in the period's zone."""
    every = openings.ordinary_hours("always")
    day = every.value_dates[np.searchsorted(every.starts, at, side="right") - 1] + days
    place = np.searchsorted(every.value_dates, day)
    return np.asarray(every.starts[np.minimum(place, len(every.starts) - 1)])


def _due_instants(
    flow: Flow,
    basis: Basis,
    invoiced_at: Seconds,
    term: NDArray[np.int64],
    days: NDArray[np.float64],
    moment: NDArray[np.float64],
) -> Seconds:
    """An instant within the payer's hours on the due date, or on its next working day."""
    hours = basis.hours(flow.payer)
    low, high = np.array([t.days for t in flow.terms.values()], dtype=np.int64).T
    after = low[term] + (days * (high - low + 1)[term]).astype(np.int64)
    midnight = days_after(basis.openings, invoiced_at, after)
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
