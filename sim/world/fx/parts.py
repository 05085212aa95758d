"""What several models of rates are made of: draws, correlated shocks, first rates, and the place of what is wrong."""

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
from sim.core.history import observations
from sim.core.kinds import Halves
from sim.core.rates import Floats
from sim.world.draws import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.core.calendars import Days
    from sim.scenario.model.fx import Fx, Start

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


#: Called with the declaration, the currencies wanted (of a layer: the rates of its base), the days and the draws; gives
#: units per USD by day of the currencies wanted, and perhaps of others that they depend on.
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


def first_rate(start: Start, currency: str, day: np.datetime64) -> float:
    """Units per USD on the first day: stated, or observed last at or before `day`; ValueError if neither."""
    if start != "history":
        return stated_rate(start, currency)
    observed = observations(currency)
    place = int(np.searchsorted(observed.days, day, side="right")) - 1
    if place < 0:
        raise ValueError(f"history knows {currency} from {observed.first} on, the run starts on {day}")
    return float(observed.per_usd[place])


def stated_rate(rates: Mapping[str, Decimal], currency: str) -> float:
    """The declared rate of a currency; ValueError if there is none."""
    if currency not in rates:
        raise ValueError(f"no rate of {currency} is declared; add it to {', '.join(rates) or 'the rates'}")
    return float(rates[currency])


def day_of_history(declared: Fx, days: Days) -> np.datetime64:
    """The day whose rates the first of `days` takes: itself, unless history is moved to another time."""
    moved = declared.moved_to()
    return np.datetime64(days[0] if moved is None else moved, "D")


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
