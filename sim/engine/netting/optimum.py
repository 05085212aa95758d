"""If banks may reorder their queues, the most value that can settle at once is a knapsack-like problem.

It is NP-hard, so the answer comes with a proven bound, and with whatever gap the time allowed has left. The
solver reckons in floats; therefore it is only ever asked about a relaxation whose coefficients floats hold
exactly, and its answers are checked, and repaired or cut off, in integers.
"""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from sim.engine.netting.queue import Limits, check, headroom
from sim.engine.netting.release import multilateral

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from sim.core.currency import Amounts
    from sim.engine.netting.queue import Queue

Status = Literal["optimal", "tolerance", "failed", "time_limit"]

#: From the best to the worst; an answer made of parts has the worst of theirs.
_STATUSES: Final[tuple[Status, ...]] = ("optimal", "tolerance", "failed", "time_limit")

#: Bits of the largest coefficient of a row, before and after the binary point: the solver tolerates 10⁻⁶, and
#: drops what is below 10⁻⁹.
_WHOLE_BITS, _FRACTION_BITS = 16, 24

#: Bits after the binary point of a price in `_lagrange`.
_PRICE_BITS = 30


class Optimum(NamedTuple):
    """The best set found, its value, a proven upper bound of any set's value, and their relative distance.

    `status` says why the search ended: `optimal` (no gap), `tolerance` (what is left is within the tolerance,
    or some 10⁻⁹ of the value offered, which the solver's floats do not resolve), `failed` (the solver gave
    up), `time_limit`.
    """

    mask: NDArray[np.bool_]
    value: int
    bound: int
    gap: float
    status: Status


def optimal(
    queue: Queue,
    available: Amounts,
    *,
    time_limit: float,
    tolerance: float = 0.0,
    limits: Limits | None = None,
) -> Optimum:
    """The largest value over all subsets of the queue that leave nobody short, by branch and bound (HiGHS).

    Never less than multilateral netting settles. Of payments alike in payer, payee and amount the earlier ones
    settle. The search ends after `time_limit` seconds of wall-clock time, or when each independent part of the
    problem has a gap of at most `tolerance`; the same input gives the same answer unless time runs out.
    """
    check(queue, available)
    if not (time_limit >= 0 and 0 <= tolerance < 1):
        raise ValueError(
            f"time_limit {time_limit} must not be negative, and tolerance {tolerance} be in [0, 1)"
        )
    deadline = monotonic() + time_limit
    within = limits or Limits.none(len(queue))
    mask, left, candidates = _reduce(queue, available, within)
    bound, status = queue.value(mask), _STATUSES[0]
    for rows in _parts(queue, candidates, len(available)):
        found = _Search(queue[rows], left, tolerance, within[rows]).run(deadline)
        mask[rows] = found.mask
        bound += found.bound
        status = max(status, found.status, key=_STATUSES.index)
    return _optimum(queue, _earliest(queue, mask, within), bound, status)


def _optimum(queue: Queue, mask: NDArray[np.bool_], bound: int, status: Status) -> Optimum:
    value = queue.value(mask)
    gap = (bound - value) / bound if bound else 0.0
    return Optimum(mask, value, bound, gap, status if bound > value else "optimal")


def _reduce(
    queue: Queue, available: Amounts, limits: Limits
) -> tuple[NDArray[np.bool_], Amounts, NDArray[np.bool_]]:
    """What settles in some best set, what is then left to each bank, and what remains to be decided.

    A bank that covers its whole queue settles it: that makes nobody shorter. A payment that its bank could
    not cover even if it received everything never settles. Within limits nothing is decided beforehand.
    """
    n = len(available)
    settled, open_ = np.zeros(len(queue), dtype=np.bool_), np.ones(len(queue), dtype=np.bool_)
    if limits:
        return settled, available, open_
    left = np.minimum(available, queue.sent(n))
    while True:
        undecided = queue[open_]
        rich = open_ & (left >= undecided.sent(n))[queue.payer]
        hopeless = open_ & (queue.amount > (left + undecided.received(n))[queue.payer])
        if not (rich | hopeless).any():
            return settled, left, open_
        settled |= rich
        open_ &= ~(rich | hopeless)
        moved = queue[rich]
        left += moved.received(n) - moved.sent(n)


def _earliest(queue: Queue, mask: NDArray[np.bool_], limits: Limits) -> NDArray[np.bool_]:
    """As many payments of each kind (payer, payee, amount, limits) as in `mask`, but always the first ones."""
    kinds = np.stack([queue.payer, queue.payee, queue.amount, *limits.takes.T])
    order = np.lexsort(kinds)
    new = np.ones(len(queue), dtype=np.bool_)
    new[1:] = (np.diff(kinds[:, order]) != 0).any(axis=0)
    kind, first = np.cumsum(new) - 1, np.flatnonzero(new)
    count = np.bincount(kind[mask[order]], minlength=len(first))
    earliest = np.empty_like(mask)
    earliest[order] = np.arange(len(queue)) - first[kind] < count[kind]
    return earliest


def _parts(queue: Queue, candidates: NDArray[np.bool_], n: int) -> list[NDArray[np.int64]]:
    """Rows of the problems that have no bank in common, the smallest first.

    A bank that only receives joins nothing, since it cannot fall short.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - scipy loads where it is used
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    rows = np.flatnonzero(candidates)
    payer, payee = queue.payer[rows], queue.payee[rows]
    joins = np.isin(payee, payer)
    links = coo_array((np.ones(joins.sum()), (payer[joins], payee[joins])), shape=(n, n))
    _, label = connected_components(links, directed=False)
    parts = [rows[label[payer] == part] for part in np.unique(label[payer])]
    return sorted(parts, key=len)


class _Search:
    """The search for the best set of a queue that falls into no smaller ones, and what is known so far."""

    def __init__(self, queue: Queue, available: Amounts, tolerance: float, limits: Limits) -> None:
        self._limits = limits
        self._queue = queue
        self._n = len(available)
        self._available = available
        self._tolerance = tolerance
        self._banks = np.unique(queue.payer)
        # Payers by number of their row; −1 for banks that only receive.
        self._row = np.full(self._n, -1)
        self._row[self._banks] = np.arange(len(self._banks))
        # Minor units per unit of a row, as the solver sees it.
        self._row_unit = np.ones(0)
        self._best = self._extend(multilateral(queue, available, limits))
        self._value = queue.value(self._best)
        self._bound = queue.value(np.ones(len(queue), dtype=np.bool_))
        # A set of the solver's that turned out to leave a bank short is cut off by one row per such bank.
        self._cuts: list[NDArray[np.float64]] = []
        self._cut_limits: list[float] = []

    def run(self, deadline: float) -> Optimum:
        """Search until the gap is closed or the deadline has come."""
        status = self._narrow(deadline)
        return _optimum(self._queue, self._best, self._bound, status)

    def _narrow(self, deadline: float) -> Status:
        matrix, limits = self._constraints()
        if monotonic() < deadline:
            self._bound_by_prices(matrix, limits, deadline)
        while self._bound - self._value > self._tolerance * self._bound:
            if monotonic() >= deadline:
                return "time_limit"
            found = self._ask(matrix, limits, deadline)
            if found.x is None or found.status not in (0, 1):
                return "time_limit" if found.status == 1 else "failed"
            chosen = found.x > 0.5  # noqa: PLR2004 - the nearest of 0 and 1
            short = self._short(chosen)
            self._improve(chosen)
            if found.status == 1:
                return "time_limit"
            if not short:
                return "tolerance"
            for takers, bringers in short:
                self._cut_off(chosen, takers, bringers)
        return "tolerance"

    def _constraints(self) -> tuple[csr_array, NDArray[np.float64]]:
        """Taken − brought ≤ available, one row per payer and one per limit, scaled for the solver.

        What is left of a limit may be negative, if nothing is taken from it: then it counts as nothing.

        Amounts of more bits than a row holds are rounded in favour of settling (sent and available down,
        received up; whole units on both sides), so that no feasible set is lost.
        """
        from scipy.sparse import csr_array  # noqa: PLC0415 - scipy loads where it is used

        queue, limits = self._queue, self._limits
        rows, signs = [self._row[queue.payer], self._row[queue.payee]], [1, -1]
        for touched_limits, sign in ((limits.takes, 1), (limits.brings, -1)):
            rows += [np.where(column >= 0, column + len(self._banks), -1) for column in touched_limits.T]
            signs += [sign] * touched_limits.shape[1]
        covers = np.concatenate([self._available[self._banks], np.maximum(limits.left, 0)])
        touched = [np.flatnonzero(row >= 0) for row in rows]
        column = np.concatenate(touched)
        row = np.concatenate([found[where] for found, where in zip(rows, touched, strict=True)])
        amount = np.concatenate(
            [sign * queue.amount[where] for sign, where in zip(signs, touched, strict=True)]
        )
        largest = np.zeros(len(covers), dtype=np.int64)
        np.maximum.at(largest, row, np.abs(amount))
        bits = np.array([int(value).bit_length() for value in largest])
        dropped = np.maximum(bits - _WHOLE_BITS - _FRACTION_BITS, 0)
        scale = np.exp2(np.minimum(_WHOLE_BITS - bits + dropped, 0))
        self._row_unit = np.exp2(dropped) / scale
        # Shifting right rounds down, negative amounts too.
        entries = (amount >> dropped[row]) * scale[row]
        most = (covers >> dropped) * scale
        return csr_array((entries, (row, column)), shape=(len(most), len(queue))), most

    def _ask(self, matrix: csr_array, limits: NDArray[np.float64], deadline: float) -> Any:  # noqa: ANN401 - scipy's
        """Have HiGHS solve the relaxation with the cuts, and take note of the bound that it proves."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - scipy loads where it is used
        from scipy.sparse import csr_array, vstack  # noqa: PLC0415 - as above

        if self._cuts:
            matrix = vstack([matrix, csr_array(np.array(self._cuts))], format="csr")
            limits = np.concatenate([limits, self._cut_limits])
        unit = self._unit()
        for presolve in (True, False):
            with silence():
                found = milp(
                    -self._queue.amount / unit,
                    integrality=np.ones(len(self._queue), dtype=np.int64),
                    bounds=Bounds(0, 1),
                    constraints=LinearConstraint(matrix, -np.inf, limits),
                    options={
                        "time_limit": max(deadline - monotonic(), 0.0),
                        "mip_rel_gap": self._tolerance,
                        "presolve": presolve,
                    },
                )
            # Presolving, it may find the optimum and tell a bound that is far from it.
            if found.status != 0 or found.mip_dual_bound >= (1 + self._tolerance) * found.fun - 0.5:
                break
        if found.mip_dual_bound is not None and math.isfinite(found.mip_dual_bound):
            claimed = -found.mip_dual_bound
            # What the solver may err: 10⁻⁶ when it stops, 10⁻⁷ in each price, and rounding.
            claimed += 1e-6 + 1e-7 * len(self._queue) + 1e-12 * abs(claimed)
            self._lower(int(claimed * unit))
        return found

    def _bound_by_prices(self, matrix: csr_array, limits: NDArray[np.float64], deadline: float) -> None:
        """Bound the value by the linear relaxation: its dual prices prove one however inexact they are."""
        from scipy.optimize import linprog  # noqa: PLC0415 - scipy loads where it is used

        unit = self._unit()
        found = linprog(
            -self._queue.amount / unit,
            A_ub=matrix,  # type: ignore[call-overload]  # the stubs know dense matrices only
            b_ub=limits,
            bounds=(0, 1),
            options={"time_limit": max(deadline - monotonic(), 0.0)},
        )
        if found.status == 0:
            prices = np.zeros(self._n)
            # Any prices prove a bound; those of limits are left out.
            prices[self._banks] = (-found.ineqlin.marginals * unit / self._row_unit)[: len(self._banks)]
            self._lower(_lagrange(self._queue, self._available, prices))

    def _unit(self) -> float:
        """Minor units per unit of the solver's objective, a power of two."""
        return 2.0 ** max(int(self._queue.amount.max()).bit_length() - _WHOLE_BITS, 0)

    def _lower(self, bound: int) -> None:
        """Accept a bound; values are multiples of the amounts' common divisor, none below the smallest."""
        step = int(np.gcd.reduce(self._queue.amount))
        bound = bound // step * step if bound >= self._queue.amount.min() else 0
        self._bound = max(min(self._bound, bound), self._value)

    def _left(self, mask: NDArray[np.bool_]) -> Amounts:
        """What each bank could still pay after the chosen payments; negative where it is short."""
        chosen = self._queue[mask]
        return self._available + chosen.received(self._n) - chosen.sent(self._n)

    def _short(self, chosen: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """Of each balance or limit that would fall short: the payments that take from it, and that bring to it."""
        queue, limits = self._queue, self._limits
        banks = np.flatnonzero(self._left(chosen) < 0)
        found = [(queue.payer == bank, queue.payee == bank) for bank in banks]
        exceeded = np.flatnonzero(limits[chosen].exceeded(queue[chosen]))
        found += [
            ((limits.takes == limit).any(axis=1), (limits.brings == limit).any(axis=1)) for limit in exceeded
        ]
        return found

    def _improve(self, chosen: NDArray[np.bool_]) -> None:
        """Keep the solver's set if it is better, less the smallest payments of banks that it leaves short."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(-self._queue.amount[rows], kind="stable")]
        mask = np.zeros(len(self._queue), dtype=np.bool_)
        mask[rows[multilateral(self._queue[rows], self._available, self._limits[rows])]] = True
        mask = self._extend(mask)
        if self._queue.value(mask) > self._value:
            self._best, self._value = mask, self._queue.value(mask)
            self._bound = max(self._bound, self._value)

    def _extend(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The set with whatever can settle alone beside it, the largest payment first."""
        queue, left = self._queue, self._left(mask).tolist()
        payer, payee, amount = queue.payer.tolist(), queue.payee.tolist(), queue.amount.tolist()
        waiting: list[int] = np.flatnonzero(~mask)[np.argsort(-queue.amount[~mask], kind="stable")].tolist()
        extended, within = mask.copy(), headroom(queue, self._limits, np.flatnonzero(mask).tolist())
        while True:
            behind = []
            for row in waiting:
                if amount[row] <= left[payer[row]] and (within is None or within.choose_within(row)):
                    left[payer[row]] -= amount[row]
                    left[payee[row]] += amount[row]
                    extended[row] = True
                else:
                    behind.append(row)
            if len(behind) == len(waiting):
                return extended
            waiting = behind

    def _cut_off(
        self, chosen: NDArray[np.bool_], takers: NDArray[np.bool_], bringers: NDArray[np.bool_]
    ) -> None:
        """Demand that of those who take one is chosen less, or of those who bring one more."""
        sends = chosen & takers
        could_receive = ~chosen & bringers
        self._cuts.append(sends.astype(np.float64) - could_receive)
        self._cut_limits.append(float(sends.sum() - 1))


def _lagrange(queue: Queue, available: Amounts, prices: NDArray[np.float64]) -> int:
    """An upper bound of the value that holds for any prices p ≥ 0 of the banks' money, in exact integers.

    Σ p·available + Σ max(0, amount·(1 − p of the payer + p of the payee)), rounded down.
    """
    one = 1 << _PRICE_BITS
    price = [round(value * one) for value in np.maximum(prices, 0.0).tolist()]
    bound = sum(p * cover for p, cover in zip(price, available.tolist(), strict=True))
    for payer, payee, amount in zip(
        queue.payer.tolist(), queue.payee.tolist(), queue.amount.tolist(), strict=True
    ):
        bound += amount * max(0, one - price[payer] + price[payee])
    return int(bound >> _PRICE_BITS)


@contextmanager
def silence() -> Iterator[None]:
    """Keep away from standard output what HiGHS prints there by itself, whatever its options say."""
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
