"""What several models of rates are made of: days, draws, correlated shocks, first rates, and the place of a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import YEAR_DAYS
from sim.core.kinds import Halves
from sim.core.rates import Floats
from sim.world.draws import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.core.calendars import Days
    from sim.core.history import History
    from sim.scenario.model.fx import Model
    from sim.scenario.model.fx.parts import Drawn

#: Draws are numbered from here, so that a date meets the same ones wherever a run starts.
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one replication by name of a stream and day; ValueError for days before 1970."""

    seed: int
    replication: int

    def normal(self, name: str, days: Days) -> Floats:
        """One standard normal draw of the stream `fx/<name>` for each of consecutive `days`."""
        place = day_numbers(days)
        generator = stream(self.seed, self.replication, f"fx/{name}")
        return np.asarray(generator.standard_normal(int(place[-1]) + 1)[place])

    def uniform(self, name: str, until: int) -> Floats:
        """Two uniform draws in [0, 1) for each of the steps 0 to `until`, [steps, 2]."""
        return stream(self.seed, self.replication, f"fx/{name}").random((until + 1, 2))


def day_numbers(days: Days) -> NDArray[np.int64]:
    """Days since 1970-01-01; ValueError for days before it, for which nothing is drawn."""
    numbers = (days - np.datetime64(_EPOCH, "D")).astype(np.int64)
    if len(numbers) and numbers[0] < 0:
        raise ValueError(f"rates can be drawn from {_EPOCH} on only")
    return np.asarray(numbers)


@dataclass(frozen=True, slots=True)
class Frame:
    """The days on which rates are wanted, and what they are made from.

    `days` are consecutive, and hold the anchor of every model; `opens` is the first day of the period. History must
    know the days of the run, from `run[0]` to `run[1]`; before them its first known rate holds.
    """

    days: Days
    opens: date
    run: tuple[date, date]
    draws: Draws
    history: History

    @property
    def unit(self) -> str:
        """The currency in which the others are stated."""
        return self.history.unit

    def anchor(self, declared: Model) -> np.datetime64:
        """The day from which a model is drawn in both directions."""
        return np.datetime64(declared.anchor() or self.opens, "D")

    def place(self, declared: Model) -> int:
        """Where that day stands."""
        return int((self.anchor(declared) - self.days[0]).astype(np.int64))


#: Called with the declaration, the currencies wanted (of a layer: the rates of its base) and the frame; gives units per
#: USD by day of the currencies wanted, and perhaps of others that they depend on.
MODELS: Final[Halves[Callable[..., dict[str, Floats]]]] = Halves(
    "model of exchange rates", "paths in the world"
)


#: A share of variance this small is rounding, and the currency moves wholly with the ones before it.
_SINGULAR: Final = 1e-12


def daily(annual: float) -> float:
    """The standard deviation of a day's move, of an annual one; time runs on weekends, too."""
    return float(annual / np.sqrt(YEAR_DAYS))


def correlated(correlations: Floats, place: int, normal: Mapping[str, Floats]) -> Floats:
    """Shocks of unit variance to the currency at `place`, from independent draws by currency in that order.

    Summed one by one, not as a matrix product, so that further currencies change no bit.
    """
    weights = lower_factor(correlations)[place, : place + 1]
    shocks = np.zeros(len(next(iter(normal.values()))))
    for weight, draw in zip(weights, normal.values(), strict=False):
        shocks += weight * draw
    return shocks


def lower_factor(matrix: Floats) -> Floats:
    """The lower triangular L with L·Lᵀ = `matrix`, semidefinite; its leading rows ignore what comes after.

    Cholesky's factor, row by row: the library's refuses a singular matrix, which perfect correlation is.
    """
    lower = np.zeros_like(matrix)
    for i, j in zip(*np.tril_indices(len(matrix)), strict=True):
        rest = matrix[i, j] - lower[i, :j] @ lower[j, :j]
        if i == j:
            lower[i, i] = np.sqrt(max(rest, 0.0)) if rest > _SINGULAR else 0.0
        elif lower[j, j] > 0.0:
            lower[i, j] = rest / lower[j, j]
    return lower


def place_of(currency: str, order: Sequence[str]) -> int:
    """Where a currency stands; ValueError if the model says nothing about it."""
    if currency not in order:
        known = ", ".join(order)
        raise ValueError(f"no volatility of {currency} is declared or can be estimated; there is {known}")
    return list(order).index(currency)


def outwards(moves: Floats, anchor: int) -> Floats:
    """Log rates less that of the day at `anchor`, of the move into each day: summed up from there in both directions.

    So no sum depends on where the days begin or end. The move into the first day is that of a day before.
    """
    sums = np.zeros(len(moves))
    sums[anchor + 1 :] = np.cumsum(moves[anchor + 1 :])
    sums[:anchor] = -np.cumsum(moves[anchor:0:-1])[::-1]
    return sums


def first_rate(declared: Drawn, currency: str, frame: Frame) -> float:
    """Units per USD on the anchor: stated, or observed last at or before it; ValueError if neither."""
    rates = declared.first_rates()
    if rates == "history":
        return last_observed(frame.history, currency, frame.anchor(declared))
    return stated_rate(rates, currency)


def last_observed(history: History, currency: str, day: np.datetime64) -> float:
    """Units per USD observed last at or before a day; ValueError if there are none."""
    observed = history.observations(currency)
    place = int(np.searchsorted(observed.days, day, side="right")) - 1
    if place < 0:
        known = (
            f"knows {currency} from {observed.first} on"
            if len(observed.days)
            else f"has no {currency} per {history.unit}"
        )
        raise ValueError(f"{history.name} {known}, and rates start on {day}; state them under 'start'")
    return float(observed.per_usd[place])


def stated_rate(rates: Mapping[str, Decimal], currency: str) -> float:
    """The declared rate of a currency; ValueError if there is none."""
    if currency not in rates:
        raise ValueError(f"no rate of {currency} is declared; add it to {', '.join(rates) or 'the rates'}")
    return float(rates[currency])


class FxError(ValueError):
    """A model cannot give the rates of a run; `path` leads to the key at fault, from the model on top."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        """What is wrong, without the place."""
        return self.message


@contextmanager
def below(*steps: str | int) -> Iterator[None]:
    """Whatever is wrong within lies below this key of the model."""
    try:
        yield
    except ValueError as error:
        path = error.path if isinstance(error, FxError) else ()
        raise FxError(str(error), (*steps, *path)) from None
