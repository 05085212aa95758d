"""Who owes whom: firms, the flows of obligations between them, and how firms hedge what they owe."""

from __future__ import annotations

from abc import abstractmethod
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from sim.scenario.model.base import (
    Amount,
    Currency,
    Declaration,
    Duration,
    Number,
    Priority,
    Share,
    Whole,
    check_amounts,
    check_shares,
    nearest,
    reference,
    wrong,
)
from sim.scenario.model.fx.parts import EstimationWindow
from sim.scenario.model.kinds import check_stated
from sim.scenario.model.network import BankName, MarketName
from sim.scenario.model.settlement import TimeOfDay
from sim.scenario.model.steps import SideName
from sim.scenario.model.timing import Zone


class InterestRate(Declaration):
    """What money of a currency earns; a plain number may stand in its place."""

    rate: Number = Field(ge=Decimal("-0.05"), le=5)
    """Simple interest per year of 365 days (0.095 is 9.5 % a year)."""
    source: str | None = None
    """Where the number comes from, or the word assumption."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, written: Any) -> Any:  # noqa: ANN401 - whatever was written
        return written if isinstance(written, dict | InterestRate) else {"rate": written}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Allow the plain number in the schema, too."""
        declared = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "number"}, dict(declared)], "description": declared.get("description", "")}


class Hedge(Declaration):
    """How a group of firms covers what it owes or is owed in foreign currency: by forwards, on invoice."""

    ratio: Share
    """Part of each obligation that is covered."""
    spread_bps: Number = Field(ge=0, lt=10_000)
    """Ask less bid of a forward, in basis points of its rate; a firm deals half of it away from parity."""
    currencies: tuple[Currency, ...] | None = None
    """Currencies that are covered; by default all foreign ones."""
    minimum_term: Annotated[Duration, Field(ge=0)] = 0
    """Obligations that fall due sooner after the invoice are not covered."""
    roll_days: Whole = Field(default=7, ge=1, le=366)
    """Term of a forward that follows one which matured before the currency was exchanged, in days of 24 h."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class Risk(Declaration):
    """What is asked of the open positions: how much they can lose, how soon, and how surely not more."""

    horizons_days: tuple[Annotated[Whole, Field(ge=1, le=366)], ...] = (1, 10)
    """Calendar days over which a position is held."""
    levels: tuple[Annotated[Number, Field(ge=Decimal("0.5"), lt=1)], ...] = (Decimal("0.95"), Decimal("0.99"))
    """Probabilities that the loss is no larger than the value at risk."""
    window: EstimationWindow | None = None
    """Stretch of history (of the file of rates, if `fx` names one) that tells how rates move; by default all of it."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field in ("horizons_days", "levels"):
            values = getattr(self, field)
            if len(set(values)) < len(values):
                raise wrong("a number stands here twice", field=field)
        return self


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

#: In the order of the calendar's numbers, Monday first.
WEEKDAYS: Final = get_args(Weekday)

#: Nobody pays earlier: due dates are known exactly for as long as this after the end of a run.
_EARLIEST_DAYS: Final = 30

FirmGroup = Annotated[str, AfterValidator(reference("firms"))]


def check_days(days: tuple[int, int]) -> None:
    """Refuse a range of days that ends before it begins."""
    if days[1] < days[0]:
        raise wrong("the most days are fewer than the least", field="days")


class _Selling(Declaration):
    """What every way of selling tells of itself; nobody else asks which one it is."""

    keeps: ClassVar[bool]
    """Whether what is not sold at once, the `surrender_share`, becomes foreign cash."""


class OnCredit(_Selling):
    """What is earned in a foreign currency is sold as soon as it is credited."""

    keeps: ClassVar = False
    surrender_share: ClassVar = Decimal(1)

    kind: Literal["on_credit"]
    """Everything is sold on credit."""


class _Kept(_Selling):
    keeps: ClassVar = True

    surrender_share: Share = Decimal(0)
    """Part of each credit that is sold at once; the rest becomes foreign cash, spent on payables first."""


class Weekly(_Kept):
    """Foreign cash is sold once a week."""

    kind: Literal["weekly"]
    """What has not been spent is sold once a week."""
    weekday: Weekday
    """Day of the sale."""
    at: TimeOfDay
    """Local time of the sale."""
    zone: Zone
    """Zone of `at`."""


class Keep(_Kept):
    """Foreign cash is kept until it is spent."""

    kind: Literal["keep"]
    """What has not been spent is kept."""


Selling = Annotated[OnCredit | Weekly | Keep, Field(discriminator="kind")]

check_stated(Selling, "way of selling")


class Exchange(Declaration):
    """When firms exchange currency."""

    buys: Literal["on_invoice", "on_due", "on_instruction"] = "on_instruction"
    """When a payer turns to the market: at the invoice, on the due date (or with an earlier order of the
    payment), or when the payment gets there."""
    sells: Selling = OnCredit(kind="on_credit")
    """What a payee does with what it is credited."""
    markets: dict[MarketName, Share] | None = Field(default=None, min_length=1)
    """Share of the firms by the market of their side to which they turn first, such as a counter or the exchange.

    What that does not trade, and all that other groups exchange, goes to the first of the side's markets that does."""
    source: str | None = None
    """Where the choices come from, or the word assumption."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.markets is not None:
            check_shares(self.markets, "markets")
        return self


class Deviation(Declaration):
    """Payments that are ordered on another day than the one on which they fall due."""

    share: Share
    """Part of the payments that firms of the group owe."""
    days: tuple[Annotated[Whole, Field(ge=1, le=366)], Annotated[Whole, Field(ge=1, le=366)]]
    """Least and most calendar days from the due date, all equally likely; then the payer's next working day."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_days(self.days)
        return self


class Pays(Declaration):
    """When firms order what they owe; what is neither early nor late is ordered on the due date."""

    early: Deviation | None = None
    """Payments ordered before the due date, at most 30 days and never before the invoice."""
    late: Deviation | None = None
    """Payments ordered after it."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.early is None and self.late is None:
            raise wrong("'early' or 'late' is needed")
        if self.early is not None and self.early.days[1] > _EARLIEST_DAYS:
            raise wrong(f"at most {_EARLIEST_DAYS} days early", field="early.days")
        if self.early is not None and self.late is not None and self.early.share + self.late.share > 1:
            raise wrong("the shares of early and late payments exceed 1", field="late.share")
        return self


class Orders(Declaration):
    """At what time of the day firms order, where their bank has a cut-off."""

    before_cutoff: Share
    """Part of their payments that they order with the cut-off of the route in mind: as far into what is left of their
    hours before it as they would otherwise be into the whole. The others are ordered as if there was none."""
    source: str | None = None
    """Where the number comes from, or the word assumption."""


class Firms(Declaration):
    """A group of firms of one side that trade alike."""

    side: SideName
    """Economy they belong to."""
    count: Whole = Field(ge=1, le=1_000_000)
    """How many firms."""
    size_sigma: Number = Field(default=Decimal(0), ge=0, le=5)
    """Standard deviation of the logarithm of their sizes; 0 makes all equal."""
    cities: dict[str, Share] = Field(min_length=1)
    """Where they are: share of firms by city."""
    banks: dict[BankName, Share] = Field(min_length=1)
    """Their home banks: share of firms by bank."""
    pays: Pays | None = None
    """Which of their payments they order early or late; by default all are ordered on the due date."""
    orders: Orders | None = None
    """Whether they know the cut-offs of their banks; by default they order at any time of their day."""
    banks_by_city: dict[str, dict[BankName, Share]] = Field(default_factory=dict)
    """Home banks of the firms of some cities, where they differ: share of firms by bank, by city."""
    exchange: Exchange = Exchange()
    """When they exchange currency."""
    hedge: Hedge | None = None
    """How they cover obligations in foreign currency; none leaves them open."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        check_shares(self.cities, "cities")
        check_shares(self.banks, "banks")
        for city, banks in self.banks_by_city.items():
            if city not in self.cities:
                message, suggestion = f"{city!r} is none of the group's cities", nearest(city, self.cities)
                raise wrong(message, field=f"banks_by_city.{city}", suggestion=suggestion)
            check_shares(banks, f"banks_by_city.{city}")
        return self

    def home_banks(self) -> list[str]:
        """Every bank that a firm of the group can have, in the order of the declarations."""
        by_city = [self.banks_by_city.get(city, self.banks) for city in self.cities]
        return list(dict.fromkeys(bank for banks in by_city for bank in banks))


class _Invoice(Declaration):
    sized_by: ClassVar[str]
    """The key that tells how large an invoice is."""


class FixedAmount(_Invoice):
    """Every invoice alike."""

    sized_by: ClassVar = "value"

    kind: Literal["fixed"]
    """Kind of distribution."""
    value: Amount = Field(gt=0)
    """Amount of an invoice, in the flow's currency."""


class LognormalAmount(_Invoice):
    """Invoices whose logarithm is normal."""

    sized_by: ClassVar = "median"

    kind: Literal["lognormal"]
    """Kind of distribution."""
    median: Amount = Field(gt=0)
    """Half of all invoices are smaller, in the flow's currency."""
    sigma: Number = Field(gt=0, le=4)
    """Standard deviation of the logarithm."""
    largest: Amount | None = Field(default=None, gt=0)
    """Larger draws are cut to this amount."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.largest is not None and self.largest < self.median:
            raise wrong("the largest is smaller than the median", field="largest")
        return self


InvoiceAmount = Annotated[FixedAmount | LognormalAmount, Field(discriminator="kind")]

check_stated(InvoiceAmount, "kind of invoice")


class Term(Declaration):
    """How long after the invoice an obligation falls due."""

    share: Share
    """Part of the invoices under this term."""
    days: tuple[Annotated[Whole, Field(ge=0, le=3_650)], Annotated[Whole, Field(ge=0, le=3_650)]]
    """Least and most calendar days, all equally likely; then the payer's next working day."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_days(self.days)
        return self


class Obliging(Declaration):
    """What everything tells of itself that makes obligations: trade, loans and projects."""

    section: ClassVar[str]
    """The section of a scenario in which it stands."""
    worth: ClassVar[str]
    """The key that states how much all of its obligations come to."""

    @property
    @abstractmethod
    def term_names(self) -> tuple[str, ...]:
        """Why it owes something, by the number of the term."""


class Flow(Obliging):
    """A stream of obligations from one group of firms to another."""

    section: ClassVar = "flows"
    worth: ClassVar = "value"

    payer: FirmGroup
    """Firms that buy and pay."""
    payee: FirmGroup
    """Firms that sell and are paid."""
    value: Amount = Field(gt=0)
    """Value invoiced per year of 365.25 days, in `currency`."""
    currency: Currency
    """Currency in which `value` and `invoice` are stated."""
    invoice: InvoiceAmount
    """Size of one invoice."""
    invoicing: dict[Currency, Share] = Field(min_length=1)
    """Currencies in which the contracts are written: share of invoices."""
    terms: dict[str, Term] = Field(min_length=1)
    """Payment terms by name."""
    months: tuple[Annotated[Number, Field(ge=0)], ...] = Field(
        default=(Decimal(1),) * 12, min_length=12, max_length=12
    )
    """Weight of an invoicing day in January … December; 1 throughout is no season."""
    priority: Priority = 0
    """Priority of its payments in settlement systems: higher goes first, and 1 or more is urgent."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        check_amounts(self, self.currency, "value")
        check_shares(self.invoicing, "invoicing")
        check_shares({name: term.share for name, term in self.terms.items()}, "terms")
        if not any(self.months):
            raise wrong("at least one month needs a weight above zero", field="months")
        return self

    @property
    def term_names(self) -> tuple[str, ...]:
        """See `Obliging`."""
        return tuple(self.terms)
