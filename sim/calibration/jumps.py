"""A jump is a week's move that a calm rate would not make in a lifetime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.calibration.estimates import MODELS, PEGGED, Calibration, Estimate, declared_correlations, rounded
from sim.core.clock import YEAR_DAYS
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from sim.calibration.estimates import HistoryWindow
    from sim.core.calendars import Days
    from sim.core.history import Weeks

#: A move beyond so many robust standard deviations is taken for a jump; a normal one is in 16,000 weeks.
THRESHOLD = 4.0
#: The median absolute deviation of a normal distribution times this is its standard deviation.
_TO_DEVIATION = 1.4826
_FEWEST = 26
_WEEKS = YEAR_DAYS / 7


class Found(NamedTuple):
    """The jumps of one currency: when, how far the log rate moved, and how many years were looked at."""

    ends: Days
    moves: Floats
    years: float
    volatility: float


def jump(window: HistoryWindow) -> Calibration:
    """Intensity and size of jumps in the weekly moves of each currency, and its volatility without them."""
    weeks = {code: window.weekly_moves((code,)) for code in window.currencies()}
    long = {code: one for code, one in weeks.items() if len(one) >= _FEWEST}
    floating = {*window.floating()}
    found = {code: find_jumps(one, jumps=code in floating) for code, one in long.items()}
    if not any(len(one.moves) for one in found.values()):
        raise CalibrationError(
            f"no currency has a jump in {_FEWEST} weeks or more from {window.first} to {window.last}: a week's "
            f"move beyond {THRESHOLD:.0f} robust standard deviations"
        )
    currencies = list(found)
    matrix = window.covariance(currencies).matrix
    base = {
        "kind": "lognormal",
        **window.start(),
        "volatility": {code: rounded(one.volatility) for code, one in found.items()},
        "correlation": declared_correlations(currencies, matrix),
    }
    return Calibration(
        model="jump",
        window=window,
        observations={code: len(weeks[code]) for code in currencies},
        estimates=[estimate for code, one in found.items() for estimate in _estimates(code, one)],
        fx={
            "kind": "jump",
            "jumps": [_declared(code, one) for code, one in found.items() if len(one.moves)],
            "base": base,
            "source": window.origin(),
        },
        notes=[*_notes(found, set(weeks) - set(found))],
    )


def find_jumps(weeks: Weeks, *, jumps: bool = True) -> Found:
    """The moves of one currency beyond the threshold, if it has `jumps`, and the volatility of the others."""
    moves = weeks.moves[:, 0]
    scale = _TO_DEVIATION * float(np.median(np.abs(moves - np.median(moves))))
    beyond = np.abs(moves) > (THRESHOLD * scale if jumps else np.inf)
    return Found(
        ends=weeks.ends[beyond],
        moves=moves[beyond],
        years=len(moves) / _WEEKS,
        volatility=float(moves[~beyond].std() * np.sqrt(_WEEKS)),
    )


def _estimates(code: str, one: Found) -> list[Estimate]:
    count = len(one.moves)
    calm = one.years * _WEEKS - count
    # Poisson's error is none of no jump, and a rate that stands still has none; the notes bound the intensity.
    errors = [one.volatility / float(np.sqrt(2 * calm)) or None, float(np.sqrt(count)) / one.years or None]
    found = [
        Estimate(f"volatility.{code}", one.volatility, errors[0], "a year"),
        Estimate(f"intensity.{code}", count / one.years, errors[1], "jumps a year"),
    ]
    if count > 1:
        deviation = float(one.moves.std(ddof=1))
        found += [
            Estimate(f"mean.{code}", float(one.moves.mean()), deviation / float(np.sqrt(count)), "log rate"),
            Estimate(f"deviation.{code}", deviation, deviation / float(np.sqrt(2 * (count - 1))), "log rate"),
        ]
    elif count:
        found.append(Estimate(f"mean.{code}", float(one.moves[0]), None, "log rate"))
    return found


def _declared(code: str, one: Found) -> dict[str, Any]:
    deviation = one.moves.std(ddof=1) if len(one.moves) > 1 else 0.0
    return {
        "currency": code,
        "intensity": rounded(len(one.moves) / one.years),
        "size": {"kind": "normal", "mean": rounded(one.moves.mean()), "deviation": rounded(deviation)},
    }


def _notes(found: dict[str, Found], left_out: set[str]) -> list[str]:
    told = [
        (
            f"A jump is a week's move beyond {THRESHOLD:.0f} robust standard deviations (median absolute deviation × "
            f"{_TO_DEVIATION}). Weeks of one turbulent time count as several jumps, though they are no independent "
            "events: intensities of fat-tailed rates are upper estimates, and their errors too small."
        ),
        (
            "Devaluations before July 2016 (2009, 2011, 2015) lie outside of the shipped history; state their "
            "intensity from other sources."
        ),
        f"Of currencies that move by less than {PEGGED:.0%} a year no move is taken for a jump; most are rounding.",
        "Correlations are those of all moves, as for `lognormal`.",
    ]
    for code, one in found.items():
        listed = ", ".join(
            f"{end} {move:+.1%}" for end, move in zip(one.ends, np.expm1(one.moves), strict=True)
        )
        told.append(
            f"{code}: {listed or f'no jump in {one.years:.1f} years, so at most {3 / one.years:.2f} a year'}"
        )
    if left_out:
        told.append(f"Left out, with fewer than {_FEWEST} weekly moves: {', '.join(sorted(left_out))}")
    return told


MODELS.add(jump, "jump")
