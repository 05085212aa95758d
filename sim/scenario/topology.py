"""Which accounts, routes and markets a payment can use follows from the declarations alone, before any draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from sim.scenario.model.operations import Closure
from sim.scenario.model.settlement import is_book
from sim.scenario.model.steps import ROLES, moves
from sim.scenario.model.timeline import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account, Route
    from sim.scenario.model.settlement import Books
    from sim.scenario.model.steps import Settle
    from sim.scenario.model.timing import HoursChoice

#: Holder that stands for everybody outside the scenario: it sells and buys the money of treasuries.
MARKET: Final = "market"


def books(scenario: Scenario) -> dict[str, Books]:
    """The systems that keep accounts, by name: all of them but links."""
    return {name: system for name, system in scenario.systems.items() if is_book(system)}


def holders(scenario: Scenario) -> dict[str, set[str]]:
    """Who has an account in each system in which anybody has."""
    found: dict[str, set[str]] = {}
    for account in scenario.accounts:
        found.setdefault(account.system, set()).add(account.holder)
    return found


def book(scenario: Scenario, system: str) -> Books | None:
    """The system of that name if it keeps accounts; None for a link."""
    declared = scenario.systems[system]
    return declared if is_book(declared) else None


def legs(scenario: Scenario, system: str) -> tuple[str, ...]:
    """The books in which a settlement moves money: the two legs of a link, or the system itself."""
    return scenario.systems[system].linked or (system,)


def hours_zone(scenario: Scenario, choice: HoursChoice) -> ZoneInfo:
    """The zone of opening hours; those that are built in go by the zone of the period."""
    hours = scenario.hours.get(choice) if isinstance(choice, str) else choice
    return ZoneInfo(scenario.period.zone if hours is None else hours.zone)


def bank_zone(scenario: Scenario, bank: str) -> ZoneInfo:
    """The zone of a bank's hours; that of the period for one that never closes, as banks do that are not declared."""
    declared = scenario.banks.get(bank)
    return hours_zone(scenario, "always" if declared is None else declared.hours)


def zone_of(scenario: Scenario, system: str) -> ZoneInfo:
    """The zone of a system's hours; hours that are built in go by the zone of the period."""
    declared = book(scenario, system)
    return hours_zone(scenario, "always" if declared is None else declared.hours)


def home_currencies(scenario: Scenario) -> dict[str, str]:
    """The currency in which each bank keeps its books, by bank; one without a side keeps none that is known."""
    return {
        name: scenario.sides[bank.side].functional_currency
        for name, bank in scenario.banks.items()
        if bank.side is not None
    }


class Passenger(NamedTuple):
    """What decides about the ways of a payment: its currency, its banks, and the sides of its parties, if any."""

    currency: str
    payer_bank: str
    payee_bank: str
    sides: tuple[str, str] | None


class Topology:
    """Accounts by holder and system, and the banks that stand behind the roles of a route."""

    def __init__(self, scenario: Scenario) -> None:
        self._accounts: dict[tuple[str, str], Account] = {
            (account.holder, account.system): account for account in scenario.accounts
        }
        self._correspondent_systems = {name for name, system in scenario.systems.items() if system.serviced}
        self._servicers = {
            (account.servicer, account.system) for account in scenario.accounts if account.servicer
        }
        self.scenario = scenario
        self._candidates: dict[Passenger, list[str]] = {}

    def holds(self, bank: str, system: str) -> bool:
        """Whether `bank` has an account in `system`; a servicer has its own position in its books."""
        return (bank, system) in self._accounts or (bank, system) in self._servicers

    def servicer(self, bank: str, system: str) -> str | None:
        """Who keeps the account of `bank` in a correspondent system; a servicer keeps its own."""
        account = self._accounts.get((bank, system))
        if account is not None:
            return account.servicer
        return bank if (bank, system) in self._servicers else None

    def correspondent(self, bank: str, route: Route) -> str | None:
        """The bank that keeps the account of `bank` in the first correspondent system of `route`."""
        for step in route.steps:
            if moves(step) and step.system in self._correspondent_systems:
                found = self.servicer(bank, step.system)
                if found is not None and found != bank:
                    return found
        return None

    def in_role(self, role: str, payer_bank: str, payee_bank: str, route: Route) -> str | None:
        """The bank that plays `role` (`payer_bank`, `payee_correspondent` …), or the bank of that name.

        None if nobody plays the role.
        """
        if role not in ROLES:
            return role
        party = payer_bank if role.startswith("payer") else payee_bank
        return party if role.endswith("bank") else self.correspondent(party, route)

    def carries(self, route: Route, passenger: Passenger) -> bool:
        """Whether `route` is for such a payment; where parties have no sides, these do not matter."""
        use, sides = route.carries, passenger.sides
        return (
            (use.currencies is None or passenger.currency in use.currencies)
            and (use.payer_banks is None or passenger.payer_bank in use.payer_banks)
            and (use.payee_banks is None or passenger.payee_bank in use.payee_banks)
            and (sides is None or (use.payer in (None, sides[0]) and use.payee in (None, sides[1])))
        )

    def kept_by(self, bank: str, route: str, passenger: Passenger) -> bool:
        """Whether a payment would be booked, on a route, in accounts that `bank` keeps."""
        declared = self.scenario.routes[route]
        for step in declared.steps:
            if moves(step) and step.system in self._correspondent_systems:
                for role in (step.debit, step.credit):
                    holder = self.in_role(role, passenger.payer_bank, passenger.payee_bank, declared)
                    if holder is not None and self.servicer(holder, step.system) == bank:
                        return True
        return False

    def candidates(self, passenger: Passenger) -> list[str]:
        """Names of the routes that can carry such a payment, as declared, those of no weight left out."""
        if passenger not in self._candidates:
            self._candidates[passenger] = [
                name
                for name, route in self.scenario.routes.items()
                if route.weight > 0 and self.carries(route, passenger)
            ]
        return self._candidates[passenger]


def deals_against(scenario: Scenario, account: Account) -> str | None:
    """Currency in which the treasury of an account pays at its market; None if it has no market, or none is known.

    The one that the treasury states, or the functional currency of the holder's side.
    """
    treasury = None if account.treasury is None else scenario.treasuries[account.treasury]
    if treasury is None or treasury.market is None or treasury.against is not None:
        return None if treasury is None else treasury.against
    bank = scenario.banks.get(account.holder)
    return None if bank is None or bank.side is None else scenario.sides[bank.side].functional_currency


class Listing(NamedTuple):
    """A pair, as a market writes it."""

    market: str
    pair: str


class Cross(NamedTuple):
    """A way between a side's functional currency and a foreign one; `abroad` is the deal beyond the vehicle."""

    home: Listing
    vehicle: str | None = None
    abroad: Listing | None = None


def crosses(scenario: Scenario, side: str, currency: str, first: str | None = None) -> list[Cross]:
    """Every way that firms of a side have to exchange a foreign currency, the direct one first.

    They are those of firms that turn to the market `first` where that trades a pair.
    """
    declared = scenario.sides[side]
    direct = find_quote(scenario, side, {currency, declared.functional_currency}, first)
    found = [] if direct is None else [Cross(direct)]
    for vehicle in declared.vehicles:
        home = find_quote(scenario, side, {vehicle, declared.functional_currency}, first)
        abroad = find_quote(scenario, side, {vehicle, currency}, first)
        if home is not None and abroad is not None:
            found.append(Cross(home, vehicle, abroad))
    return found


def find_quote(scenario: Scenario, side: str, pair: set[str], first: str | None = None) -> Listing | None:
    """Where firms of a side exchange two currencies: at `first`, or the first of their markets that trades them."""
    for market in (*([] if first is None else [first]), *scenario.sides[side].markets):
        for written in scenario.markets[market].pairs:
            if set(written.split("/")) == pair:
                return Listing(market, written)
    return None


class Obstacle(NamedTuple):
    """What keeps a payment from passing: the number of the step, the key to blame if it is one, and words."""

    step: int
    key: str | None
    message: str


def obstacles(topology: Topology, route: Route, passenger: Passenger) -> Iterator[Obstacle]:
    """Everything that keeps a payment from passing `route`, step by step."""
    parties = (passenger.payer_bank, passenger.payee_bank)
    for number, step in enumerate(route.steps):
        if moves(step):
            yield from _settle(topology, route, number, step, parties, passenger.currency)
            continue
        for role in step.acting():
            if topology.in_role(role, *parties, route) is None:
                yield _nobody(number, role, *parties)


def _settle(
    topology: Topology, route: Route, number: int, step: Settle, parties: tuple[str, str], currency: str
) -> Iterator[Obstacle]:
    """The currency, and in each of the books both accounts, with one servicer behind a book transfer."""
    places = legs(topology.scenario, step.system)
    kept = [book(topology.scenario, place) for place in places]
    currencies = [place.currency for place in kept if place is not None]
    if currency not in currencies:
        settles = " and ".join(currencies)
        yield Obstacle(number, "system", f"{step.system!r} settles {settles}, not {currency}")
    banks = [topology.in_role(role, *parties, route) for role in (step.debit, step.credit)]
    for role, bank in zip((step.debit, step.credit), banks, strict=True):
        if bank is None:
            yield _nobody(number, role, *parties)
    for place in places:
        holders = [bank for bank in banks if bank is not None and topology.holds(bank, place)]
        for bank in banks:
            if bank is not None and bank not in holders:
                yield Obstacle(number, None, f"{bank!r} has no account in {place!r}")
        if len(set(holders)) > 1 and len({topology.servicer(bank, place) for bank in holders}) > 1:
            debit, credit = holders
            yield Obstacle(number, None, f"{debit!r} and {credit!r} have no common servicer in {place!r}")


def _nobody(number: int, role: str, payer_bank: str, payee_bank: str) -> Obstacle:
    bank = payer_bank if role.startswith("payer") else payee_bank
    return Obstacle(number, None, f"{bank!r} has no correspondent on this route")


def closures(scenario: Scenario) -> Iterator[tuple[int, Closure]]:
    """The entries of the timeline that close a way, with their numbers."""
    return numbered(scenario.timeline, Closure)  # type: ignore[type-abstract]


def detours(entry: Closure, passenger: Passenger, topology: Topology) -> list[str]:
    """The listed routes that a payment can pass, in their order; by weight, those of none left out."""
    scenario = topology.scenario
    return [
        name
        for name in entry.fallback
        if not entry.closes(name, passenger, topology)
        and (entry.choice == "order" or scenario.routes[name].weight > 0)
        and topology.carries(scenario.routes[name], passenger)
        and not any(obstacles(topology, scenario.routes[name], passenger))
    ]
