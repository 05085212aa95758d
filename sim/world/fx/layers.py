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
from sim.world.fx.parts import MODELS, below, daily, day_numbers, last_observed, outwards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.scenario.model.fx import BandFx, BasketFx, DatedJump, Fx, Jump
    from sim.world.fx.parts import Frame


def jumping(declared: JumpFx, base: Mapping[str, Floats], frame: Frame) -> dict[str, Floats]:
    """The rates of the base, times what has jumped since the anchor, or over what jumps between then and the anchor.

    Every entry has draws of its own for each date: whether it jumps, and how far. A higher intensity keeps
    the jumps of a lower one and adds to them. ValueError for a dated jump that is not within the run.
    """
    columns, names = dict(base), _names(declared)
    moves = [_moves(jump, next(names), frame) for jump in declared.jumps]
    for number, dated in enumerate(declared.dated):
        with below("dated", number, "date"):
            moves.append(_dated_move(dated, next(names), frame))
    for jump, logs in zip(declared.jumping(), moves, strict=True):
        columns[jump.currency] = columns[jump.currency] * np.exp(outwards(logs, frame.place(declared)))
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


def _moves(jump: Jump, name: str, frame: Frame) -> Floats:
    places = day_numbers(frame.days)
    uniform = frame.draws.uniform(name, int(places[-1]))[places]
    probability = float(jump.intensity) / YEAR_DAYS
    jumps = uniform[:, 0] < probability
    logs = np.where(jumps, SIZES[jump.size.kind].values(jump.size, uniform[:, 1]), 0.0)
    if jump.compensated:
        logs -= np.log1p(probability * SIZES[jump.size.kind].mean(jump.size))
    return logs


def _dated_move(jump: DatedJump, name: str, frame: Frame) -> Floats:
    days = frame.days
    place = int((np.datetime64(jump.date, "D") - days[0]).astype(np.int64))
    if not 0 < place < len(days):
        raise ValueError(
            f"the jump of {jump.currency} on {jump.date} is not within the run, whose rates reach from "
            f"{days[0]} to {days[-1]}; it can jump on any of these days but the first"
        )
    logs, uniform = np.zeros(len(days)), frame.draws.uniform(name, 0)[0]
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


def following(declared: BasketFx, base: Mapping[str, Floats], frame: Frame) -> dict[str, Floats]:
    """The rates of the base, and of the currency that follows: ln S = b + Σ weight · ln S of each part.

    b, the log price of the basket, is a Brownian motion whose exponential is a martingale.
    """
    scale, anchor = daily(float(declared.residual_volatility)), frame.place(declared)
    moves = scale * frame.draws.normal(f"{declared.currency}/residual", frame.days) - 0.5 * scale**2
    logs = outwards(moves, anchor)
    for part, weight in declared.weights.items():
        if part != frame.unit:
            logs += float(weight) * np.log(base[part] / _at_anchor(declared, part, base, frame))
    stated = declared.first_rate()
    if stated == "history":
        first = last_observed(frame.history, declared.currency, _day_of_history(declared, frame))
    else:
        first = float(stated)
    return {**base, declared.currency: first * np.exp(logs)}


def _at_anchor(declared: BasketFx | BandFx, currency: str, base: Mapping[str, Floats], frame: Frame) -> float:
    """The base's rate of a currency on the anchor, which may lie outside of the run; ValueError if it has none then."""
    rate = float(base[currency][frame.place(declared)])
    if np.isnan(rate):
        day = frame.anchor(declared)
        raise ValueError(
            f"the base has no {currency} on {day}, from which the layer starts; state another 'start'"
        )
    return rate


def _day_of_history(declared: BasketFx, frame: Frame) -> np.datetime64:
    """The day whose rates the base takes on the anchor: itself, unless history is moved to another time."""
    anchor, moved = frame.anchor(declared), declared.moved_to()
    return anchor if moved is None else np.datetime64(moved, "D") + (anchor - np.datetime64(frame.opens, "D"))


MODELS.add(following, "basket")


def banded(declared: BandFx, base: Mapping[str, Floats], frame: Frame) -> dict[str, Floats]:
    """The rates of the base, those of one currency held within a band around each day's fixing.

    On the anchor the fixing is the base's rate; before it, days follow each other backwards.
    """
    free, anchor = base[declared.currency], frame.place(declared)
    _at_anchor(declared, declared.currency, base, frame)
    band = float(declared.width), float(declared.adjustment)
    after, before = held(free[anchor:], *band)[0], held(free[anchor::-1], *band)[0]
    return {**base, declared.currency: np.concatenate([before[:0:-1], after])}


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
