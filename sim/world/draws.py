"""One uniform draw per payment and purpose; a distribution turns it into a duration or a choice."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from math import log
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.core.clock import LONGEST
from sim.core.currency import round_half_even
from sim.core.kinds import complete
from sim.scenario.demands import origins
from sim.scenario.model.kinds import kinds
from sim.scenario.model.timing import Durations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.timing import Lognormal, Triangular

    Floats = NDArray[np.float64]

    #: A draw for each payment or obligation, from the streams of a name.
    Uniform = Callable[[str], NDArray[np.float64]]


def stream(seed: int, replication: int, name: str) -> np.random.Generator:
    """The generator of the stream `name`, e.g. `trade/potash`; equal arguments give equal draws.

    The name enters the seed by a stable hash (BLAKE2b), never by `hash()`, which differs between processes.
    """
    return np.random.Generator(_bits(seed, replication, name))


def _bits(seed: int, replication: int, name: str) -> np.random.PCG64:
    digest = blake2b(name.encode(), digest_size=16).digest()
    words = tuple(int.from_bytes(digest[k : k + 4], "little") for k in range(0, 16, 4))
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(replication, *words)))


#: Standard normal quantile of 0.95, which turns a stated p95 into the scale of a lognormal.
_Z95 = 1.6448536269514722


def standard_normal(uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantiles of uniform draws in [0, 1); the draw 0 itself is moved by half a step of 2⁻⁵³."""
    from scipy.special import ndtri  # noqa: PLC0415 - scipy loads where it is used

    return np.asarray(ndtri(np.maximum(uniform, 2.0**-54)), dtype=np.float64)


def lognormal(uniform: Floats, median: float, sigma: float, most: float | Decimal | None) -> Floats:
    """Values whose logarithm is normal with the deviation `sigma`; those above `most` are cut to it."""
    values = median * np.exp(sigma * standard_normal(uniform))
    return values if most is None else np.minimum(values, float(most))


class Distribution(NamedTuple):
    """What becomes of the declaration of a distribution: its mean, and its values at uniform draws."""

    mean: Callable[[Any], float]
    values: Callable[[Any, Floats], Floats]


def durations(declared: Durations, uniform: NDArray[np.float64]) -> Seconds:
    """Whole seconds, by the inverse of the distribution function, so that equal draws stay equally ranked."""
    # A century outlasts every run, and leaves room for sums.
    return round_half_even(np.minimum(SECONDS[declared.kind](declared, uniform), float(LONGEST)))


def _lognormal(declared: Lognormal, uniform: Floats) -> Floats:
    sigma = log(declared.p95 / declared.median) / _Z95
    return lognormal(uniform, declared.median, sigma, declared.longest)


def _triangular(declared: Triangular, uniform: Floats) -> Floats:
    low, mode, high = float(declared.low), float(declared.mode), float(declared.high)
    turn = (mode - low) / (high - low)
    rising = low + np.sqrt(uniform * (high - low) * (mode - low))
    falling = high - np.sqrt((1.0 - uniform) * (high - low) * (high - mode))
    return np.where(uniform < turn, rising, falling)


#: The seconds at each uniform draw, by the `kind` of a duration.
SECONDS: Final[dict[str, Callable[[Any, Floats], Floats]]] = {
    "fixed": lambda declared, uniform: np.full(uniform.shape, float(declared.value)),
    "triangular": _triangular,
    "lognormal": _lognormal,
    "exponential": lambda declared, uniform: -declared.mean * np.log1p(-uniform),
}
complete(kinds(Durations), SECONDS, of="kind of duration", what="values in the world")


def draws_by_id(seed: int, replication: int, ids: NDArray[np.object_]) -> Uniform:
    """Draws of what has a name of its own: each keeps its own, whichever others there are, and in whatever order.

    The upper 53 bits of SipHash (Aumasson and Bernstein, 2012) of the name, under a key of each stream.
    """
    from pandas.util import hash_array  # noqa: PLC0415 - only for payments of one's own

    def drawn(name: str) -> Floats:
        key = blake2b(f"{seed}/{replication}/{name}".encode(), digest_size=8).hexdigest()
        return np.asarray((hash_array(ids, hash_key=key, categorize=False) >> 11) * 2.0**-53)

    return cache(drawn)


class Pieces(NamedTuple):
    """Parts of a stream that are the same in every run: months of a flow, the contracts of a loan or project.

    `numbers` are theirs, ascending and not negative, and `counts` how many draws of each are wanted.
    """

    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """How many draws are wanted of all of them together."""
        return int(self.counts.sum())

    def places(self) -> NDArray[np.int64]:
        """The place of each draw in its piece, from 0 on."""
        begins = np.cumsum(self.counts) - self.counts
        return np.arange(self.total) - np.repeat(begins, self.counts)


#: Where a piece begins in its stream: no piece is longer.
_PIECE: Final = 2**32


def uniform(seed: int, replication: int, name: str, pieces: Pieces) -> Floats:
    """Uniform draws in [0, 1) of the stream `name`, one piece after the other.

    Each piece begins at a place of its own in the stream, so a longer run adds pieces and moves none, and more draws
    of one leave the others where they were.
    """
    bits = _bits(seed, replication, name)
    generator, passed, parts = np.random.Generator(bits), 0, [np.zeros(0)]
    for number, count in zip(pieces.numbers.tolist(), pieces.counts.tolist(), strict=True):
        bits.advance(number * _PIECE - passed)
        parts.append(generator.random(count))
        passed = number * _PIECE + count
    return np.concatenate(parts)


def draws_by_piece(
    scenario: Scenario,
    replication: int,
    flow: NDArray[np.int64],
    piece: NDArray[np.int64],
    draw: NDArray[np.int64],
) -> Uniform:
    """Draws of obligations from streams of their flows: each keeps its own, whichever others there are.

    `flow`, `piece` and `draw` are as in `Obligations`.
    """
    found = []
    for number, name in enumerate(origins(scenario)):
        mine = np.flatnonzero(flow == number)
        if len(mine):
            numbers, of = np.unique(piece[mine], return_inverse=True)
            counts = np.zeros(len(numbers), dtype=np.int64)
            np.maximum.at(counts, of, draw[mine] + 1)
            place = (np.cumsum(counts) - counts)[of] + draw[mine]
            found.append((name, mine, place, Pieces(numbers, counts)))

    def drawn(name: str) -> Floats:
        column = np.zeros(len(flow))
        for origin, mine, place, pieces in found:
            column[mine] = uniform(scenario.seed, replication, f"{name}/{origin}", pieces)[place]
        return column

    return cache(drawn)


def choose(
    weights: Iterable[Decimal] | NDArray[np.float64], uniform: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Index of the weight into whose stretch of [0, 1) each draw falls; never one of weight 0."""
    cumulative = np.cumsum(np.array([float(weight) for weight in weights], dtype=np.float64))
    index: NDArray[np.int64] = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return np.minimum(index, int(np.flatnonzero(np.diff(cumulative, prepend=0.0))[-1]))


def choose_growing(weights: Floats, count: int, uniform: Callable[[int], Floats]) -> NDArray[np.int64]:
    """Index of one of the weights for each of `count` choices, with probability in proportion to it.

    A further weight at the end takes some of the choices, and leaves all others as they were. `uniform(k)` gives the
    k-th draw of each. Where a weight is held of those that sum up to s, the next one that takes the choice is the
    first with which the sum reaches s / u: that none up to the sum t does has the probability s / t. This is the
    sequence of records of Rényi (1962), "Théorie des éléments saillants d'une suite d'observations", with weights.
    """
    reached = np.cumsum(weights)
    chosen, open_, turn = np.zeros(count, dtype=np.int64), np.arange(count), 0
    while len(open_):
        with np.errstate(divide="ignore"):
            following = np.searchsorted(reached, reached[chosen[open_]] / uniform(turn)[open_])
        taken = following < len(reached)
        open_ = open_[taken]
        chosen[open_] = following[taken]
        turn += 1
    return chosen


def choose_each(weights: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """As `choose`, with weights of its own for each draw: [draws, options]."""
    cumulative = np.cumsum(weights, axis=1)
    index = np.sum(cumulative <= uniform[:, None] * cumulative[:, -1:], axis=1)
    last = weights.shape[1] - 1 - np.argmax(weights[:, ::-1] > 0, axis=1)
    return np.asarray(np.minimum(index, last), dtype=np.int64)


def route_draws(route: Route) -> list[tuple[str, ...]]:
    """Draw names of each step of a route; a second step of the same kind and place has draws of its own."""
    seen: dict[str, int] = {}
    names = []
    for step in route.steps:
        numbered = []
        for purpose in step.draws():
            seen[purpose] = seen.get(purpose, 0) + 1
            numbered.append(purpose if seen[purpose] == 1 else f"{purpose}/{seen[purpose]}")
        names.append(tuple(numbered))
    return names


def draw_names(routes: Mapping[str, Route]) -> list[str]:
    """Every draw that any route needs, sorted."""
    return sorted({name for route in routes.values() for names in route_draws(route) for name in names})
