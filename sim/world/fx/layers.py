"""A layer changes one thing about the rates of another model: it adds jumps, or ties or holds one rate."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.clock import YEAR_DAYS
from sim.core.kinds import complete
from sim.core.rates import Floats
from sim.scenario.model.fx import JumpFx, Size, is_layer
from sim.scenario.model.kinds import kinds
from sim.world.draws import Distribution, standard_normal
from sim.world.fx.parts import MODELS, below, daily, day_numbers, day_of_history, first_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.core.calendars import Days
    from sim.scenario.model.fx import BandFx, BasketFx, DatedJump, Fx, Jump
    from sim.world.fx.parts import Draws


def jumping(declared: JumpFx, base: Mapping[str, Floats], days: Days, draws: Draws) -> dict[str, Floats]:
    """The rates of the base, times what has jumped since the first day.

    Every entry has draws of its own for each date: whether it jumps, and how far. A higher intensity keeps
    the jumps of a lower one and adds to them. ValueError for a dated jump that is not within the run.
    """
    columns, names = dict(base), _names(declared)
    moves = [_moves(jump, next(names), days, draws) for jump in declared.jumps]
    for number, dated in enumerate(declared.dated):
        with below("dated", number, "date"):
            moves.append(_dated_move(dated, next(names), days, draws))
    for jump, logs in zip(declared.jumping(), moves, strict=True):
        columns[jump.currency] = columns[jump.currency] * np.exp(np.cumsum(logs))
    return columns


#: By the `kind` of size: the mean change of the rate, as a share of it, and how far the log rate jumps.
SIZES: Final = {
    "fixed": Distribution(
        lambda size: float(size.value),
        lambda size, uniform: np.full(np.shape(uniform), np.log1p(float(size.value))),
    ),
    "uniform": Distribution(
        lambda size: float(size.low + size.high) / 2.0,
        lambda size, uniform: np.log1p(float(size.low) + (float(size.high) - float(size.low)) * uniform),
    ),
    "normal": Distribution(
        lambda size: float(np.expm1(float(size.mean) + float(size.deviation) ** 2 / 2.0)),
        lambda size, uniform: float(size.mean) + float(size.deviation) * standard_normal(uniform),
    ),
}
complete(kinds(Size), SIZES, of="kind of jump size", what="a distribution in the world")


def _moves(jump: Jump, name: str, days: Days, draws: Draws) -> Floats:
    places = day_numbers(days)
    uniform = draws.uniform(name, int(places[-1]))[places]
    probability = float(jump.intensity) / YEAR_DAYS
    jumps = uniform[:, 0] < probability
    logs = np.where(jumps, SIZES[jump.size.kind].values(jump.size, uniform[:, 1]), 0.0)
    if jump.compensated:
        logs -= np.log1p(probability * SIZES[jump.size.kind].mean(jump.size))
    logs[0] = 0.0  # the move into the first day happened before the run
    return logs


def _dated_move(jump: DatedJump, name: str, days: Days, draws: Draws) -> Floats:
    place = int((np.datetime64(jump.date, "D") - days[0]).astype(np.int64))
    if not 0 < place < len(days):
        raise ValueError(
            f"the jump of {jump.currency} on {jump.date} is not within the run, whose rates reach from "
            f"{days[0]} to {days[-1]}; it can jump on any of these days but the first"
        )
    logs, uniform = np.zeros(len(days)), draws.uniform(name, 0)[0]
    if uniform[0] < float(jump.probability):
        logs[place] = float(SIZES[jump.size.kind].values(jump.size, uniform[1:])[0])
    return logs


def _names(declared: JumpFx) -> Iterator[str]:
    """The name of each jump's stream: an entry added after others renames none of them."""
    taken = Counter(_labels(declared.base))
    for jump in declared.jumping():
        yield f"{jump.label}/{taken[jump.label]}"
        taken[jump.label] += 1


def _labels(declared: Fx) -> list[str]:
    """The labels of all jumps of a model and those below it."""
    below = _labels(declared.base) if is_layer(declared) else []
    return [*below, *(jump.label for jump in declared.jumping())]


MODELS.add(jumping, "jump")


def following(declared: BasketFx, base: Mapping[str, Floats], days: Days, draws: Draws) -> dict[str, Floats]:
    """The rates of the base, and of the currency that follows: ln S = b + Σ weight · ln S of each part.

    b, the log price of the basket, is a Brownian motion whose exponential is a martingale.
    """
    scale = daily(float(declared.residual_volatility))
    moves = scale * draws.normal(f"{declared.currency}/residual", days) - 0.5 * scale**2
    moves[0] = 0.0  # the move into the first day happened before the run
    logs = np.cumsum(moves)
    for part, weight in declared.weights.items():
        if part != "USD":
            logs += float(weight) * np.log(base[part] / base[part][0])
    if declared.start == "history":
        first = first_rate("history", declared.currency, day_of_history(declared.base, days))
    else:
        first = float(declared.start)
    return {**base, declared.currency: first * np.exp(logs)}


MODELS.add(following, "basket")


def banded(declared: BandFx, base: Mapping[str, Floats], _days: Days, _draws: Draws) -> dict[str, Floats]:
    """The rates of the base, those of one currency held within a band around each day's fixing."""
    rates, _ = held(base[declared.currency], float(declared.width), float(declared.adjustment))
    return {**base, declared.currency: rates}


def held(free: Floats, width: float, adjustment: float) -> tuple[Floats, Floats]:
    """Rates and fixings of each day, from the rates that there would be without a band.

    The first fixing is the first rate. Within the band, from fixing · (1 − width) to fixing · (1 + width), the
    free rate stands to the bit.
    """
    rates, fixings = np.empty(len(free)), np.empty(len(free))
    fixing = rate = float(free[0])
    for day, wanted in enumerate(free.tolist()):
        fixing *= (rate / fixing) ** adjustment
        rate = min(max(wanted, fixing * (1.0 - width)), fixing * (1.0 + width))
        rates[day], fixings[day] = rate, fixing
    return rates, fixings


MODELS.add(banded, "band")
