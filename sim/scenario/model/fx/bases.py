"""Models that move rates by themselves: fixed, from history, or drawn, all currencies together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from sim.core.clock import DAY
from sim.scenario.model.base import Currency, Declaration, Duration, Number, wrong
from sim.scenario.model.fx.parts import (
    WITHOUT_USD,
    Correlation,
    Drawn,
    EstimationWindow,
    HistoryStart,
    Model,
    Rate,
    Rates,
    Start,
    Volatilities,
    Volatility,
    check_correlations,
)
from sim.scenario.model.own import RelativeFile


class LognormalFx(Drawn):
    """Correlated geometric Brownian motions; the price of a dollar in each currency is a martingale.

    The expected units per USD on any later day are those of the day from which they are drawn. A cross rate of two
    other currencies drifts by the little that convexity demands.
    """

    estimated: ClassVar = True

    kind: Literal["lognormal"]
    """Rates drawn from correlated geometric Brownian motions without drift."""
    start: Start = "history"
    """The day from which rates are drawn in both directions, and its rates: a date, by default the first day of the
    period; units per 1 USD, by default (`history`) the last observation at or before it; or `date` and `rates`."""
    file: RelativeFile | None = None
    """CSV file of rates in the place of the shipped history; see `history`."""
    window: EstimationWindow | None = None
    """Stretch of history from which volatilities and correlations are estimated."""
    volatility: Volatilities | None = None
    """Annual standard deviation of each log rate per USD, if they are not estimated."""
    correlation: tuple[Correlation, ...] = ()
    """Correlations of log rates per USD; a pair not named is uncorrelated."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.window is None) == (self.volatility is None):
            raise wrong("state either 'window' or 'volatility'")
        if self.volatility is not None:
            check_correlations(self.correlation, self.volatility)
        elif self.correlation:
            raise wrong("correlations need 'volatility'; a window estimates both", field="correlation")
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return {*(self.volatility or ())}


class Reversion(Declaration):
    """How one rate is drawn back: on average it loses half its distance to the level in a half-life."""

    level: Rate
    """Units per 1 USD to which the rate returns, the median that it has in the long run."""
    half_life: Annotated[Duration, Field(gt=0)]
    """Time in which half the distance of the log rate to the level is lost on average."""
    volatility: Volatility
    """Annual standard deviation of the shocks to the log rate."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class MeanRevertingFx(Drawn):
    """Log rates are correlated Ornstein–Uhlenbeck processes, each drawn back to a level of its own.

    The price of a dollar is no martingale: it is expected to return to its level.
    """

    estimated: ClassVar = True

    kind: Literal["mean_reverting"]
    """Rates that are drawn back to a level."""
    start: Start = "history"
    """The day from which rates are drawn in both directions, and its rates: a date, by default the first day of the
    period; units per 1 USD, by default (`history`) the last observation at or before it; or `date` and `rates`."""
    file: RelativeFile | None = None
    """CSV file of rates in the place of the shipped history; see `history`."""
    reversion: Annotated[dict[Currency, Reversion], WITHOUT_USD, Field(min_length=1)]
    """Level, half-life and volatility of each currency."""
    correlation: tuple[Correlation, ...] = ()
    """Correlations of the shocks; a pair not named is uncorrelated."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _correlated(self) -> Self:
        check_correlations(self.correlation, self.reversion)
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return {*self.reversion}


#: A state that lasts shorter could not be told from one day's shock.
_SHORTEST_STATE: Final = 2 * DAY


class Regime(Declaration):
    """One state of the markets, which lasts a geometric number of days."""

    mean_duration: Annotated[Duration, Field(ge=_SHORTEST_STATE)]
    """Mean time that the state lasts once it has begun."""
    volatility: Volatilities
    """Annual standard deviation of each log rate per USD in this state."""
    correlation: tuple[Correlation, ...] = ()
    """Correlations of log rates per USD in this state; a pair not named is uncorrelated."""

    @model_validator(mode="after")
    def _correlated(self) -> Self:
        check_correlations(self.correlation, self.volatility)
        return self


class RegimeFx(Drawn):
    """Calm and stressed times alternate, each with its volatilities and correlations.

    All currencies change state together. The price of a dollar in each currency is a martingale.
    """

    estimated: ClassVar = True

    kind: Literal["regime"]
    """Rates that know calm and stressed times."""
    start: Start = "history"
    """The day from which rates are drawn in both directions, and its rates: a date, by default the first day of the
    period; units per 1 USD, by default (`history`) the last observation at or before it; or `date` and `rates`."""
    file: RelativeFile | None = None
    """CSV file of rates in the place of the shipped history; see `history`."""
    initial: Literal["drawn", "calm", "stressed"] = "drawn"
    """State on the day from which rates are drawn; `drawn` by the share of time that each has in the long run."""
    calm: Regime
    """The calm state."""
    stressed: Regime
    """The stressed state."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _same_currencies(self) -> Self:
        calm, stressed = self.calm.volatility, self.stressed.volatility
        for currency in (*calm, *stressed):
            if (currency in calm) != (currency in stressed):
                lacking = "stressed" if currency in calm else "calm"
                raise wrong(f"{currency} has no volatility in this state", field=f"{lacking}.volatility")
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return {*self.calm.volatility}


class BootstrapFx(Drawn):
    """Weeks of history in a new order: blocks of consecutive weeks, all currencies together.

    The stationary bootstrap of Politis and Romano (1994), "The stationary bootstrap", Journal of the American
    Statistical Association 89: blocks start at random weeks and have geometric lengths; the last week of the
    window is followed by the first.
    """

    estimated: ClassVar = True

    kind: Literal["bootstrap"]
    """Rates made of weeks of history, all currencies together."""
    start: Start = "history"
    """The day from which rates are drawn in both directions, and its rates: a date, by default the first day of the
    period; units per 1 USD, by default (`history`) the last observation at or before it; or `date` and `rates`."""
    file: RelativeFile | None = None
    """CSV file of rates in the place of the shipped history; see `history`."""
    window: EstimationWindow = EstimationWindow(first=date(2016, 7, 1), last=date(2026, 9, 4))
    """Stretch of history whose weeks are drawn, those in which all its currencies were observed."""
    mean_block: Annotated[Number, Field(ge=1)] = Decimal(4)
    """Mean number of consecutive weeks that stay together; 1 draws every week alone."""
    drift: Literal["none", "history"] = "none"
    """Whether weeks keep the mean move that the window had, or none: then a dollar's price is a martingale
    from week to week where weeks are drawn alone."""
    source: str | None = None
    """Where the choices come from, or the word assumption."""

    def stated(self) -> set[str]:
        """See `Model`."""
        return set()


AnyDrawn = BootstrapFx | LognormalFx | MeanRevertingFx | RegimeFx


class ConstantFx(Model):
    """Rates that never move: whatever exposure costs, it is not this."""

    estimated: ClassVar = False

    kind: Literal["constant"]
    """Rates that never move."""
    rates: Rates
    """Units of each currency per 1 USD."""
    source: str | None = None
    """Where the rates come from, or the word assumption."""

    def stated(self) -> set[str]:
        """See `Model`."""
        return {*self.rates}


class Bridge(Declaration):
    """How a rate moves between two of its own observations, both of which it meets."""

    volatility: Volatility
    """Annual standard deviation of the log rate, beyond what it follows (0.04 is 4 % a year)."""
    follows: Annotated[dict[Currency, Number], WITHOUT_USD] = Field(default_factory=dict)
    """Currencies whose log moves against USD the rate repeats, each with its weight (RUB: 0.6, CNY: 0.1)."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class HistoryFx(Model):
    """Rates as observed; between observations they are held for up to six days, or bridged."""

    estimated: ClassVar = False

    kind: Literal["history"]
    """Rates as observed."""
    start: HistoryStart = "period"
    """Day of history whose rates the first day of the period takes; by default (`period`) that first day itself."""
    file: RelativeFile | None = None
    """CSV file of rates in the place of the shipped history; the path starts at the folder of this YAML file.

    Columns, in any order: date, rate, and the pair as base and quote (1 base is worth `rate` quote) or as currency (1
    USD is worth `rate` of it); optionally unit (for how many of the base the rate is) and source. A pair may be
    quoted in either direction; all currencies must be connected by pairs, and need no dollar."""
    bridge: Annotated[dict[Currency, Bridge], WITHOUT_USD] = Field(default_factory=dict)
    """How rates move between observations; needed for currencies observed less often than every six days."""
    source: str | None = None
    """Where the choices come from, or the word assumption."""

    @model_validator(mode="after")
    def _no_circle(self) -> Self:
        follows = {currency: set(bridge.follows) for currency, bridge in self.bridge.items()}
        while free := [currency for currency, others in follows.items() if not others & follows.keys()]:
            for currency in free:
                del follows[currency]
        if follows:
            circle = ", ".join(sorted(follows))
            raise wrong(f"currencies that follow each other in a circle: {circle}", field="bridge")
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return set()

    def moved_to(self) -> date | None:
        """See `Model`."""
        return None if self.start == "period" else self.start

    def own_file(self) -> str | None:
        """See `Model`."""
        return self.file

    def kept_in(self, file: str) -> Self:
        """See `Model`."""
        return self if self.file is None else self.model_copy(update={"file": file})


Given = ConstantFx | HistoryFx
