"""Now and then a rate moves in one day by more than it does in a year."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import YEAR_DAYS
from sim.scenario.model.fx import FixedSize, Jump, JumpFx, UniformSize, is_layer
from sim.world.draws import standard_normal
from sim.world.fx.draws import day_numbers
from sim.world.fx.models import MODELS
from sim.world.fx.places import below

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.core.calendars import Days
    from sim.scenario.model.fx import DatedJump, Fx, Size
    from sim.world.fx.draws import Draws

Floats = NDArray[np.float64]


def jumping(declared: JumpFx, base: Mapping[str, Floats], days: Days, draws: Draws) -> dict[str, Floats]:
    """The rates of the base, times what has jumped since the first day.

    Every entry has draws of its own for each date: whether it jumps, and how far. A higher intensity keeps
    the jumps of a lower one and adds to them. ValueError for a dated jump that is not within the run.
    """
    columns = dict(base)
    for number, (name, jump) in enumerate(_named(declared)):
        if isinstance(jump, Jump):
            logs = _moves(jump, draws.uniform(name, int(day_numbers(days)[-1]))[day_numbers(days)])
        else:
            with below("dated", number - len(declared.jumps), "date"):
                logs = _dated_move(jump, draws.uniform(name, 0)[0], days)
        columns[jump.currency] = columns[jump.currency] * np.exp(np.cumsum(logs))
    return columns


def mean_size(size: Size) -> float:
    """The expected change of the rate, as a share of it."""
    if isinstance(size, FixedSize):
        return float(size.value)
    if isinstance(size, UniformSize):
        return float(size.low + size.high) / 2.0
    return float(np.expm1(float(size.mean) + float(size.deviation) ** 2 / 2.0))


def _log_size(size: Size, uniform: Floats) -> Floats:
    """How far the log rate jumps, for uniform draws."""
    if isinstance(size, FixedSize):
        return np.full(np.shape(uniform), np.log1p(float(size.value)))
    if isinstance(size, UniformSize):
        low, high = float(size.low), float(size.high)
        return np.asarray(np.log1p(low + (high - low) * uniform))
    return np.asarray(float(size.mean) + float(size.deviation) * standard_normal(uniform))


def _moves(jump: Jump, uniform: Floats) -> Floats:
    probability = float(jump.intensity) / YEAR_DAYS
    jumps = uniform[:, 0] < probability
    logs = np.where(jumps, _log_size(jump.size, uniform[:, 1]), 0.0)
    if jump.compensated:
        logs -= np.log1p(probability * mean_size(jump.size))
    logs[0] = 0.0  # the move into the first day happened before the run
    return logs


def _dated_move(jump: DatedJump, uniform: Floats, days: Days) -> Floats:
    place = int((np.datetime64(jump.date, "D") - days[0]).astype(np.int64))
    if not 0 < place < len(days):
        raise ValueError(
            f"the jump of {jump.currency} on {jump.date} is not within the run, whose rates reach from "
            f"{days[0]} to {days[-1]}; it can jump on any of these days but the first"
        )
    logs = np.zeros(len(days))
    if uniform[0] < float(jump.probability):
        logs[place] = float(_log_size(jump.size, uniform[1:])[0])
    return logs


def _named(declared: JumpFx) -> Iterator[tuple[str, Jump | DatedJump]]:
    """Each jump with the name of its stream: an entry added after others renames none of them."""
    taken = Counter(_labels(declared.base))
    for jump in declared.jumping():
        label = _label(jump)
        yield f"{label}/{taken[label]}", jump
        taken[label] += 1


def _labels(declared: Fx) -> list[str]:
    """The labels of all jumps of a model and those below it."""
    below = _labels(declared.base) if is_layer(declared) else []
    return [*below, *(_label(jump) for jump in declared.jumping())]


def _label(jump: Jump | DatedJump) -> str:
    day = "" if isinstance(jump, Jump) else f"/{jump.date}"
    return f"{jump.currency}/jump{day}"


MODELS.add(jumping, "jump")
