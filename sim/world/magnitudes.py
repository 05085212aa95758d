"""Amounts and rates beyond what can be counted exactly are refused before the simulation, at what states them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import DAY, YEAR_DAYS
from sim.core.currency import minor_digits
from sim.errors import Problem, ScenarioError
from sim.scenario.demands import origins
from sim.scenario.model.steps import moves, reviews
from sim.scenario.topology import book, books
from sim.world.reviews import highest
from sim.world.timeline import OtherReview, VolumeKnot
from sim.world.trade import longest_term, mean_invoice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.steps import Fee
    from sim.scenario.window import Window
    from sim.world.journeys import Journeys
    from sim.world.network import Network
    from sim.world.payments import Payments
    from sim.world.timeline import Timeline
    from sim.world.trade import Obligations

#: Most that all amounts of a currency together may come to, so that no sum of them passes 64 bits.
MOST_IN_ALL: Final = 2.0**61
#: Most that a conversion counts exactly, see `FxPaths.convert`.
_MOST_CONVERTED: Final = 2.0**53
#: A price is so many times mid at most; a forward's, over a year at the highest rate of interest, too.
_DEAREST: Final = 8.0
#: Units per USD of the dearest and the cheapest currency that anybody has ever paid with, and a margin.
_LEAST_RATE: Final = 1e-9
_LARGEST_RATE: Final = 1e12
#: Parts into which `split_above` may divide the payments of a run: more would not fit into memory.
_MOST_PARTS: Final = 50_000_000


def rate_problems(scenario: Scenario, fx: FxPaths, jumped: FxPaths) -> Iterator[Problem]:
    """Rates that leave what can be counted, by themselves or with the jumps of the timeline."""
    if scenario.fx is None:
        return
    for path, rates in (("fx", fx.per_usd), ("timeline", jumped.per_usd)):
        beyond = ~((rates >= _LEAST_RATE) & (rates <= _LARGEST_RATE))
        if beyond.any():
            day, currency = (int(place[0]) for place in np.nonzero(beyond))
            first = np.datetime64(int(jumped.day_starts[day]), "s").astype("datetime64[D]")
            message = (
                f"the rate of {fx.currencies[currency]} reaches {rates[day, currency]:.3g} per USD around {first}; "
                f"rates from {_LEAST_RATE:.0e} to {_LARGEST_RATE:.0e} can be counted with"
            )
            yield Problem("", path, message)
            return


def check_magnitudes(
    scenario: Scenario,
    window: Window,
    fx: FxPaths,
    network: Network,
    obligations: Obligations,
    payments: Payments,
) -> None:
    """ScenarioError if sums of the amounts of a run, or what they are worth elsewhere, could not be counted."""
    stated = _stated(scenario, network, fx, obligations, payments)
    years = max((window.end - window.start) / (365 * 86_400), 1.0)
    problems = [
        *_sums(stated, 1.0 + years * _dearest_rate(scenario)),
        *_conversions(scenario, fx, stated),
    ]
    if problems:
        raise ScenarioError(problems)


def check_parts(network: Network, routes: dict[str, Route], journeys: Journeys) -> None:
    """ScenarioError if a system would have to take payments in more parts than can be held."""
    amounts, of_route = journeys.payments.amount, journeys.payments.route
    parts: Counter[str] = Counter()
    largest = dict(zip(network.systems, network.split_above, strict=True))
    for number, route in enumerate(routes.values()):
        mine = amounts[of_route == number].astype(np.float64)
        for step in route.steps:
            if moves(step) and (limit := largest[step.system]) is not None and len(mine):
                parts[step.system] += int(np.ceil(mine / limit).sum())
    problems = [
        Problem(
            "", f"systems.{name}.split_above", f"payments would be split into more than {_MOST_PARTS:,} parts"
        )
        for name, count in parts.items()
        if count > _MOST_PARTS
    ]
    if problems:
        raise ScenarioError(problems)


class _Stated(NamedTuple):
    """Minor units by currency, and by the path that states them: money that moves, and mere limits to it."""

    money: dict[str, dict[str, float]]
    limits: dict[str, dict[str, float]]


def _stated(
    scenario: Scenario, network: Network, fx: FxPaths, obligations: Obligations, payments: Payments
) -> _Stated:
    found = _Stated({}, {})
    for currency, path, amount in _owed(scenario, fx, obligations, payments):
        _add(found.money, currency, path, amount)
    kept = books(scenario)
    for number, account in enumerate(scenario.accounts):
        currency, path = kept[account.system].currency, f"accounts.{number}"
        key = "balance" if account.prefund_days is None else "prefund_days"
        _add(found.money, currency, f"{path}.{key}", float(network.accounts.opening[number]))
        _add(found.money, currency, f"{path}.target", _minor(account.target, currency))
        if account.funding is not None:
            _add(found.money, currency, f"{path}.funding.to", _minor(account.funding.to, currency))
        _add(found.limits, currency, f"{path}.credit", float(network.accounts.lowest[number]))
        _add(found.limits, currency, f"{path}.reserved", _minor(account.reserved, currency))
    for name, facility in scenario.facilities.items():
        key, lent = facility.most()
        currency = kept[facility.system].currency
        _add(found.limits, currency, f"facilities.{name}.{key}", _minor(lent, currency))
    for shift in network.shifts:
        _add(found.money, network.accounts.currency[shift.account], "timeline", float(shift.amount))
    for path, fee in _fees(scenario):
        each = max(_minor(fee.flat, fee.currency), _minor(fee.minimum, fee.currency))
        _add(found.money, fee.currency, path, each * max(len(payments), 1))
    return found


def _owed(
    scenario: Scenario, fx: FxPaths, obligations: Obligations, payments: Payments
) -> Iterator[tuple[str, str, float]]:
    """What firms owe, and payments of one's own: currency, path, and minor units."""
    for number, (name, origin) in enumerate(origins(scenario).items()):
        path = f"{origin.section}.{name}.{origin.worth}"
        mine = obligations.flow == number
        for currency, amount in _by_currency(obligations.currency[mine], obligations.amount[mine], fx):
            yield currency, path, amount
    if scenario.payments is not None:
        for currency, amount in _by_currency(payments.currency, payments.amount, fx):
            yield currency, "payments.file", amount


def _by_currency(currencies: NDArray[np.int64], amounts: Amounts, fx: FxPaths) -> Iterator[tuple[str, float]]:
    totals = np.bincount(currencies, weights=amounts, minlength=len(fx.currencies))
    yield from zip(fx.currencies, totals.tolist(), strict=True)


def _fees(scenario: Scenario) -> Iterator[tuple[str, Fee]]:
    for name, route in scenario.routes.items():
        for number, step in enumerate(route.steps):
            if step.fee is not None:
                yield f"routes.{name}.steps.{number}.fee", step.fee


def _add(found: dict[str, dict[str, float]], currency: str, path: str, amount: float) -> None:
    here = found.setdefault(currency, {})
    here[path] = here.get(path, 0.0) + abs(amount)


def _minor(amount: Decimal | None, currency: str) -> float:
    return float(amount or 0) * 10.0 ** minor_digits(currency)


def _dearest_rate(scenario: Scenario) -> float:
    """The highest yearly price of money anywhere."""
    rates = [Decimal(0)]
    rates += [facility.rate + facility.penalty_rate for facility in scenario.facilities.values()]
    rates += [system.holding_rate for system in books(scenario).values()]
    for account in scenario.accounts:
        rates.append(account.holding_rate or Decimal(0))
        if account.funding is not None:
            rates.append(account.funding.rate)
        if account.intraday_credit is not None:
            rates += [account.intraday_credit.rate, account.intraday_credit.overnight_rate or Decimal(0)]
    return float(max(rates))


def _sums(stated: _Stated, interest: float) -> Iterator[Problem]:
    """Currencies in which everything together, with interest on it, could not be added up."""
    for currency in stated.money.keys() | stated.limits.keys():
        parts = stated.limits.get(currency, {}) | stated.money.get(currency, {})
        total = sum(parts.values()) * interest
        if total > MOST_IN_ALL:
            message = (
                f"amounts in {currency}, with interest, come to {_major(total, currency)} in all, "
                f"more than the {_major(MOST_IN_ALL, currency)} that can be added up"
            )
            yield Problem("", max(parts, key=lambda path: parts[path]), message)


def _conversions(scenario: Scenario, fx: FxPaths, stated: _Stated) -> Iterator[Problem]:
    """Currencies whose amounts, exchanged or reported in another one, could not be counted exactly."""
    if scenario.fx is None:
        return
    for currency, parts in stated.money.items():
        source, total = fx.index(currency), sum(parts.values())
        for other in sorted(_targets(scenario) - {currency}):
            target = fx.index(other)
            highest = float(np.max(fx.per_usd[:, target] / fx.per_usd[:, source]))
            shift = 10.0 ** (minor_digits(other) - minor_digits(currency))
            worth = total * highest * shift * _DEAREST
            if max(total, worth) > _MOST_CONVERTED:
                told = (
                    f"which may be worth {_major(worth, other)}"
                    if worth > total
                    else f"exchanged for {other}"
                )
                most = _major(_MOST_CONVERTED, other if worth > total else currency)
                message = (
                    f"amounts in {currency} come to {_major(total, currency)} in all, {told}; "
                    f"up to {most} can be exchanged exactly"
                )
                yield Problem("", max(parts, key=lambda path: parts[path]), message)
                break


def _targets(scenario: Scenario) -> set[str]:
    """Currencies into which amounts are exchanged, or in which they are reported."""
    found = {scenario.reporting_currency}
    for side in scenario.sides.values():
        found |= {side.functional_currency, *side.vehicles}
    found |= {treasury.against for treasury in scenario.treasuries.values() if treasury.against}
    found |= {fee.currency for _, fee in _fees(scenario)}
    for system in scenario.systems.values():
        if system.squaring is not None and system.squaring.settled_in is not None:
            found.add(system.squaring.settled_in)
        found |= {kept.currency for leg in system.linked if (kept := book(scenario, leg)) is not None}
    return found


def _major(minor: float, currency: str) -> str:
    return f"{currency} {minor / 10.0 ** minor_digits(currency):.3g}"


#: Drawn payments of one run, each counted as often as it is expected to be instructed; so many need most of two
#: gigabytes while they are drawn.
MOST_PAYMENTS: Final = 4_000_000
#: Invoices of the whole months of which a run holds some; they are drawn with these, and so many need as much.
_MOST_DRAWN: Final = 20_000_000
#: Instants at which something is done by the clock: treasuries, cycles, auctions, draws, rules.
MOST_INSTANTS: Final = 2_000_000
#: Days by which whole months exceed a stretch of time on average, both ends together.
_MONTHS_BESIDE: Final = 31
#: Firms of all groups together; so many already need most of two gigabytes.
_MOST_FIRMS: Final = 1_000_000
#: Accounts that there could be, of every bank in every system.
_MOST_PLACES: Final = 50_000_000


def size_problems(scenario: Scenario, window: Window, timeline: Timeline) -> Iterator[Problem]:
    """What the declarations ask for in such numbers that the run could not be held or ended, with an estimate."""
    again = _instructions(scenario, timeline)
    expected, drawn = _obligations(scenario, window, timeline)
    too_many = list(
        _too_many({path: count * again for path, count in expected.items()}, MOST_PAYMENTS, "payments")
    )
    yield from too_many or _too_many(
        drawn, _MOST_DRAWN, "invoices in the months of which the run holds a part"
    )
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


def _obligations(
    scenario: Scenario, window: Window, timeline: Timeline
) -> tuple[dict[str, float], dict[str, float]]:
    """Expected number of obligations by the path that asks for them, and of invoices drawn, in whole months."""
    found, drawn = {}, {}
    for name, flow in scenario.flows.items():
        days = (window.end - window.start) / DAY + longest_term(flow)
        daily = float(flow.value) / max(mean_invoice(flow), 1e-300) / YEAR_DAYS * _growth(name, timeline)
        path = f"flows.{name}.invoice.{flow.invoice.sized_by}"
        found[path], drawn[path] = daily * days, daily * (days + _MONTHS_BESIDE)
    for name, loan in scenario.loans.items():
        dates = loan.grace_months // loan.every_months + 2 * loan.instalments + len(loan.disbursements)
        found[f"loans.{name}.count"] = float(loan.count * dates)
    for name, project in scenario.projects.items():
        found[f"projects.{name}.count"] = float(project.count * (project.months + 2))
    return found, drawn


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
    for number, account in enumerate(scenario.accounts):
        if account.funding is not None:
            found[f"accounts.{number}.funding"] = days * _most_sessions(scenario, account.system)
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


def _most_sessions(scenario: Scenario, system: str) -> int:
    """The most sessions that a system has on a day as declared; hours that never end begin once."""
    declared = books(scenario)[system].hours
    hours = scenario.hours.get(declared) if isinstance(declared, str) else declared
    return 1 if hours is None else len(hours.sessions) + len(hours.after_break)
