"""Who holds money where: banks, settlement systems, accounts, foreign-exchange markets, routes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from sim.core.currency import minor_digits
from sim.scenario.model.base import (
    Amount,
    Currency,
    Declaration,
    Duration,
    Number,
    Share,
    Truth,
    Whole,
    check_amounts,
    or_mapping,
    reference,
    written_currency,
    wrong,
)
from sim.scenario.model.settlement import Rate, SystemName, TimeOfDay, Times, lendable
from sim.scenario.model.steps import AnyBank, SideName, Step, not_a_role
from sim.scenario.model.timing import CalendarName, HoursChoice, Zone
from sim.scenario.model.value import ValueDates

BankName = Annotated[str, AfterValidator(reference("banks"))]
MarketName = Annotated[str, AfterValidator(reference("markets"))]


class Side(Declaration):
    """One of the economies that trade with each other."""

    functional_currency: Currency
    """Currency in which its firms keep their books and bear no exchange risk."""
    hours: HoursChoice
    """When its firms give payment orders."""
    markets: tuple[MarketName, ...] = ()
    """Foreign-exchange markets open to its firms, the preferred one first."""
    vehicles: tuple[Currency, ...] = ()
    """Currencies through which its firms may cross where that is cheaper, or where nobody trades the pair."""

    @model_validator(mode="after")
    def _another_vehicle(self) -> Self:
        if self.functional_currency in self.vehicles:
            raise wrong(f"{self.functional_currency} is no vehicle to itself", field="vehicles")
        return self


class Bank(Declaration):
    """An agent of firms, or a correspondent of other banks."""

    side: SideName | None = None
    """Economy whose firms it serves; none for a third-country correspondent."""
    hours: HoursChoice
    """When its back office works."""


class Desk(Declaration):
    """The people of a bank who review payments."""

    bank: BankName
    """Bank whose `screen` steps they do; a bank without a desk has as many people as it takes, in its own hours."""
    hours: HoursChoice | None = None
    """When they work; by default in the hours of the bank. A case in work rests in between."""
    staff: Whole | None = Field(default=None, ge=1, le=100_000)
    """How many there are, each at work on one case; none stated: as many as it takes."""
    queue: Literal["fifo", "priority"] = "fifo"
    """Who is next: the case that came first, or the first of the highest priority."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class Treasury(Declaration):
    """Restores the accounts in its care to their targets at stated times of a working day."""

    at: Times
    """Local time of the decision, or several."""
    zone: Zone
    """Zone of `at`."""
    calendar: CalendarName
    """Days of the decision."""
    lag: Duration = 0
    """From the deal until bought money is on the account, at an opening of the system."""
    sweep: Truth = True
    """Whether money above the target is sold at the decision."""
    market: MarketName | None = None
    """Market at whose next opening it deals, half the spread away from mid; without one its deals cost nothing."""
    against: Currency | None = None
    """Currency that it pays with and is paid in at the market; by default the functional one of the bank's side."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _at_a_market(self) -> Self:
        if self.against is not None and self.market is None:
            raise wrong("'against' needs a 'market'", field="against")
        return self


def _system_may_stand_above(schema: dict[str, Any]) -> None:
    """Where accounts are grouped by system, an editor need not ask for it in each."""
    schema["required"].remove("system")


class Limits(Declaration):
    """How much a bank is willing to have sent, net of what it has received, on a day of the system's hours."""

    bilateral: dict[str, Annotated[Amount, Field(ge=0)]] = Field(default_factory=dict)
    """To single banks, by name."""
    multilateral: Annotated[Amount, Field(ge=0)] | None = None
    """To all banks without a bilateral limit together."""


class Holds(Declaration):
    """A bank that holds back what it pays while its balance is low."""

    below: Amount
    """Balance below which no ordinary payment (of priority 0 or less) takes the account; may be negative, in credit."""
    until: TimeOfDay
    """Local time, in the zone of the system's hours, from which on that day it holds back no more."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class IntradayCredit(Declaration):
    """How far an account may fall below zero, beyond its `credit`, and what that costs."""

    limit: Amount | None = Field(default=None, ge=0)
    """Most that may be used."""
    collateral: Amount | None = Field(default=None, ge=0)
    """Value pledged for it, in the account's currency; the limit is this less the haircut."""
    haircut: Share = Decimal(0)
    """Part of the collateral's value that is not lent against."""
    rate: Rate = Decimal(0)
    """Price per year of what is used, for the time that it is used within a day of the system; 0 is free."""
    overnight_rate: Rate | None = None
    """Price per year of what is used between two days of the system; by default `rate`."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.limit is None) == (self.collateral is None):
            raise wrong("state either 'limit' or 'collateral'")
        if self.haircut and self.collateral is None:
            raise wrong("a haircut needs 'collateral'", field="haircut")
        return self

    def available(self, currency: str) -> Decimal:
        """The limit in units of the account's currency."""
        if self.limit is not None:
            return self.limit
        minor = lendable(self.collateral or Decimal(0), self.haircut, currency)
        return Decimal(minor).scaleb(-minor_digits(currency))


class Funding(Declaration):
    """Money that an account is given as each session of its system begins, from an account in another system."""

    from_: SystemName = Field(alias="from")
    """System of the account that pays, in the same currency; both systems have an operator, as `rtgs` has."""
    to: Amount = Field(gt=0)
    """Balance that the account is brought to at each opening.

    What the account that pays does not cover then comes after its next credits."""
    through: Annotated[str, AfterValidator(not_a_role)] | None = None
    """Participant whose account in `from` pays and is paid back, such as a custodian; by default the holder itself."""
    hours: HoursChoice | None = None
    """When `from` pays for this; by default in the hours of that system."""
    rate: Rate = Decimal(0)
    """Price per year of what is moved, from then to the end of the session; 0 is none."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class Account(Declaration):
    """An account of a bank in a system."""

    model_config = ConfigDict(json_schema_extra=_system_may_stand_above)

    holder: Annotated[str, AfterValidator(not_a_role)]
    """Bank that holds the account."""
    system: SystemName
    """System that carries it; its currency is the account's."""
    servicer: str | None = None
    """Bank that keeps the account, in a correspondent system."""
    balance: Amount | None = None
    """Opening balance; zero if neither this nor `prefund_days` is stated."""
    prefund_days: Annotated[Number, Field(ge=0, le=36_525)] | None = None
    """Opening balance in days of the account's mean payouts, instead of `balance`.

    The mean is that of the payments due in the period, per working day of the system's hours.
    """
    credit: Amount = Field(default=Decimal(0), ge=0)
    """How far the balance may fall below zero, free of charge."""
    intraday_credit: IntradayCredit | None = None
    """Credit beyond that, free or priced, with or without collateral."""
    holding_rate: Rate | None = None
    """Price per year of a positive balance; by default that of the system."""
    treasury: Annotated[str, AfterValidator(reference("treasuries"))] | None = None
    """Treasury that looks after the account; none leaves it to its payments."""
    target: Amount | None = Field(default=None, ge=0)
    """Balance that the treasury restores, beyond what waits in the queue; by default the opening balance."""
    funding: Funding | None = None
    """How the account is funded at each opening, in the place of a treasury; what `zero_balance` takes goes back."""
    net_debit_cap: Amount | None = Field(default=None, ge=0)
    """How much the bank may owe on balance between two cycles of a `dns`; nothing stated is no cap."""
    limits: Limits = Limits()
    """Bounds of what the bank sends in an `rtgs` to others, net of what it receives from them; none by default."""
    reserved: Amount = Field(default=Decimal(0), ge=0)
    """Money in an `rtgs` that only urgent payments (of priority 1 or more) may use.

    What they use of it is no longer reserved, until the next day of the system's hours."""
    holds: Holds | None = None
    """How the bank holds back payments in an `rtgs` or `correspondent` system; by default it does not."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _amounts(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "balance", "credit", "target", "net_debit_cap", "reserved")
            if self.intraday_credit is not None:
                check_amounts(self.intraday_credit, currency, "limit", "collateral", under="intraday_credit.")
            if self.funding is not None:
                check_amounts(self.funding, currency, "to", under="funding.")
            if self.holds is not None:
                check_amounts(self.holds, currency, "below", under="holds.")
                if self.holds.below <= -self.line(currency):
                    raise wrong("the balance cannot fall below that anyway", field="holds.below")
        if self.balance is not None and self.prefund_days is not None:
            raise wrong("state either 'balance' or 'prefund_days'", field="prefund_days")
        if self.balance is not None and currency is not None and self.balance < -self.line(currency):
            raise wrong("the opening balance is beyond the credit line", field="balance")
        if self.funding is not None and self.treasury is not None:
            raise wrong("state either 'funding' or 'treasury'", field="funding")
        if self.target is not None and self.treasury is None:
            raise wrong("a target needs a 'treasury'", field="target")
        return self

    def line(self, currency: str) -> Decimal:
        """How far the balance may fall below zero, in units of the account's currency."""
        used = self.intraday_credit
        return self.credit + (Decimal(0) if used is None else used.available(currency))


class RouteUse(Declaration):
    """Which payments a route can carry; what is not stated does not matter."""

    currencies: tuple[Currency, ...] | None = None
    """Currencies of the payment."""
    payer: SideName | None = None
    """Side of the payer."""
    payee: SideName | None = None
    """Side of the payee."""
    payer_banks: tuple[AnyBank, ...] | None = None
    """Banks of the payer, such as the participants of the route's system."""
    payee_banks: tuple[AnyBank, ...] | None = None
    """Banks of the payee."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        for field in ("payer_banks", "payee_banks"):
            if getattr(self, field) == ():
                raise wrong("a route that is for no bank carries nothing", field=field)
        return self


def _steps_may_have_names(schema: dict[str, Any]) -> None:
    """Tell in the JSON Schema that steps may stand below names."""
    or_mapping(schema, "steps", several=False)


class Route(Declaration):
    """An ordered list of steps from the order to the payee's account."""

    model_config = ConfigDict(json_schema_extra=_steps_may_have_names)

    carries: RouteUse = RouteUse()
    """Which payments it can carry."""
    weight: Number = Field(default=Decimal(1), ge=0)
    """Share among the routes that can carry the same payment."""
    value: ValueDates | None = None
    """On which day a payment may settle: one promise, or one for each side of payers; by default at any time."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """What happens, in order: a list, or a mapping from names to steps, so that a variant can change one."""
