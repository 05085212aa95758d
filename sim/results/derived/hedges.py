"""A forward fixes today the rate of a later day: parity of interest says at which price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds
from sim.core.currency import INTEREST_YEAR_DAYS, Amounts, round_half_even
from sim.results.columns import ident, instant, instants, label, money, names, whole
from sim.results.derived.spans import KINDS, Spans, portions
from sim.results.derived.trade import TRADE, trade
from sim.results.registry import derived, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.derived.spans import Portions
    from sim.results.derived.trade import Trade
    from sim.results.run import Run

    Floats = NDArray[np.float64]


class Forwards(NamedTuple):
    """One row per forward; firms, currencies and obligations by number, amounts in minor units.

    `roll` is 0 for the forward made on invoice and counts those that followed at maturity. `closed_at` is NEVER
    for one that is open at the end of the run. Values are in the functional currency; see `hedges`.
    """

    obligation: NDArray[np.int64]
    by_payee: NDArray[np.bool_]
    firm: NDArray[np.int64]
    currency: NDArray[np.int64]
    functional_currency: NDArray[np.int64]
    roll: NDArray[np.int64]
    opened_at: Seconds
    matures_at: Seconds
    closed_at: Seconds
    notional: Amounts
    opened_mid_value: Amounts
    forward_value: Amounts
    closed_mid_value: Amounts
    close_value: Amounts
    result: Amounts


def forward_rate(
    spot: Floats | float, functional_rate: Floats | float, foreign_rate: Floats | float, years: Floats | float
) -> Floats:
    """Units of functional currency per unit of foreign currency, at a term of so many years of 365 days.

    Covered interest parity with simple interest: F = S · (1 + r_functional · T) / (1 + r_foreign · T).
    """
    return np.asarray(spot * (1 + functional_rate * years) / (1 + foreign_rate * years))


@shared
def forwards(run: Run) -> Forwards:
    """Every forward of every group of firms with a hedge.

    On invoice a firm fixes `ratio` of the obligation to its due date: the payer buys, the payee sells. Forwards
    know days: what is exchanged on the due date is punctual. What is not is rolled at maturity, again and again,
    until the exchange, which closes the last forward early, as it closes one on an obligation exchanged before
    the due date. Each portion closes its part: the difference of the rounded covered amounts up to it and before.
    """
    rows, parts, end = trade(run), portions(run), run.window.end
    chosen, notional, roll_days = _covered(run, rows, parts)
    invoiced = rows.invoiced_at[parts.obligation[chosen]]
    due = rows.due_at[parts.obligation[chosen]]
    exchanged = parts.open_until[chosen]
    late = np.maximum(np.minimum(exchanged, end) - due, 0) // DAY
    # One more than can be needed, so that a change of the clock does not matter.
    legs = 3 + late // roll_days
    row = np.repeat(np.arange(len(chosen)), legs)
    roll = np.arange(len(row)) - np.repeat(np.cumsum(legs) - legs, legs)
    opened = np.where(roll == 0, invoiced[row], due[row] + (roll - 1) * roll_days[row] * DAY)
    matures = due[row] + roll * roll_days[row] * DAY
    until = np.minimum(np.minimum(exchanged[row], matures), end - 1)
    real = _local_day(run, opened) < _local_day(run, until)
    row, roll, opened, matures = row[real], roll[real], opened[real], matures[real]
    closed = np.minimum(matures, exchanged[row])
    closed = np.where(closed < end, closed, NEVER)
    return _priced(run, rows, parts, chosen[row], roll, (opened, matures, closed), notional[row])


def _local_day(run: Run, at: Seconds) -> NDArray[np.int64]:
    """Number of the day of each instant in the period's zone, in which rates change at midnight."""
    local = pd.DatetimeIndex(instants(at)).tz_convert(run.window.zone).tz_localize(None)
    return local.to_numpy().astype("datetime64[D]").astype(np.int64)


def _covered(run: Run, rows: Trade, parts: Portions) -> tuple[NDArray[np.intp], Amounts, Seconds]:
    """Portions that are hedged, with their covered amounts and the days of a roll."""
    currency = rows.currency[parts.obligation]
    term = (rows.due_at - rows.invoiced_at)[parts.obligation]
    group = rows.group[parts.firm]
    ratio, roll = np.zeros(len(group)), np.ones(len(group), dtype=np.int64)
    for number, declared in enumerate(run.scenario.firms.values()):
        hedge = declared.hedge
        if hedge is None:
            continue
        mine = (group == number) & (term >= hedge.minimum_term)
        if hedge.currencies is not None:
            codes = [k for k, code in enumerate(run.fx.currencies) if code in hedge.currencies]
            mine &= np.isin(currency, codes)
        ratio[mine], roll[mine] = float(hedge.ratio), hedge.roll_days
    notional = _of_portions(parts, ratio)
    chosen = np.flatnonzero(notional > 0)
    return chosen, notional[chosen], roll[chosen]


def _of_portions(parts: Portions, ratio: Floats) -> Amounts:
    """The covered part of each portion; those of an obligation and bearer add up to the rounded whole."""
    first = np.ones(len(parts.amount), dtype=np.bool_)
    first[1:] = (parts.obligation[1:] != parts.obligation[:-1]) | (parts.by_payee[1:] != parts.by_payee[:-1])
    total = np.cumsum(parts.amount)
    start = np.flatnonzero(first)
    before = np.repeat((total - parts.amount)[start], np.diff([*start, len(total)]))
    covered = round_half_even(ratio * (total - before))
    return covered - np.where(first, 0, np.concatenate([[0], covered[:-1]]))


def _priced(
    run: Run,
    rows: Trade,
    parts: Portions,
    part: NDArray[np.intp],
    roll: NDArray[np.int64],
    terms: tuple[Seconds, Seconds, Seconds],
    notional: Amounts,
) -> Forwards:
    opened, matures, closed = terms
    fx, last = run.fx, run.window.end - 1
    obligation, firm = parts.obligation[part], parts.firm[part]
    currency, functional = rows.currency[obligation], rows.functional_currency[firm]
    interest = _interest(run)
    home, foreign = interest[functional], interest[currency]
    half = _half_spreads(run)[rows.group[firm]]
    sign = np.where(parts.by_payee[part], 1, -1)
    at = np.minimum(closed, last)
    day_opened, day_closed, day_due = (_local_day(run, instant) for instant in (opened, at, matures))
    whole, rest = (day_due - day_opened) / INTEREST_YEAR_DAYS, (day_due - day_closed) / INTEREST_YEAR_DAYS
    # Who covers deals on the dear side of parity; so does who closes early. At maturity, mid is the fixing.
    early = ((closed < NEVER) & (rest > 0)) * half
    forward = fx.convert(
        notional,
        currency,
        functional,
        opened,
        factor=forward_rate(1.0, home, foreign, whole) * (1 - sign * half),
    )
    close = fx.convert(
        notional,
        currency,
        functional,
        at,
        factor=forward_rate(1.0, home, foreign, rest) * (1 + sign * early),
    )
    return Forwards(
        obligation=obligation,
        by_payee=parts.by_payee[part],
        firm=firm,
        currency=currency,
        functional_currency=functional,
        roll=roll,
        opened_at=opened,
        matures_at=matures,
        closed_at=closed,
        notional=notional,
        opened_mid_value=fx.convert(notional, currency, functional, opened),
        forward_value=forward,
        closed_mid_value=fx.convert(notional, currency, functional, at),
        close_value=close,
        result=round_half_even(sign * (forward - close) / (1 + home * rest)),
    )


def _interest(run: Run) -> Floats:
    """Interest by currency number, not a number where none is declared."""
    declared = run.scenario.interest_rates
    return np.array(
        [float(declared[code].rate) if code in declared else np.nan for code in run.fx.currencies]
    )


def _half_spreads(run: Run) -> Floats:
    """Half the spread of forwards by number of the group of firms, as a share of the rate."""
    groups = [group.hedge for group in run.scenario.firms.values()]
    return np.array([0.0 if hedge is None else float(hedge.spread_bps) / 20_000 for hedge in groups])


def forward_spans(rows: Trade, deals: Forwards) -> Spans:
    """Forwards as amounts of foreign currency bought, or sold and negative, while they are open."""
    return Spans(
        firm=deals.firm,
        currency=deals.currency,
        kind=np.full(len(deals.firm), KINDS.index("forwards")),
        amount=np.where(deals.by_payee, -deals.notional, deals.notional),
        since=deals.opened_at,
        until=deals.closed_at,
        due_at=rows.due_at[deals.obligation],
    )


def results_by_bearer(deals: Forwards, obligation: NDArray[np.int64], *, by_payee: bool) -> Amounts:
    """Sum of the forwards' results of each given obligation, for the party."""
    mine = deals.by_payee == by_payee
    size = int(max(obligation.max(initial=-1), deals.obligation.max(initial=-1))) + 1
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, deals.obligation[mine], deals.result[mine])
    return total[obligation]


@derived(
    ident("obligation_id", "what is hedged"),
    label("bearer", "who hedges: `payer` or `payee`"),
    label("firm", "that firm"),
    label("side", "its economy"),
    whole("roll", "0 for the forward made on invoice, then counted up"),
    instant("opened_at", "when it was made"),
    instant("matures_at", "when it falls due"),
    instant("closed_at", "when it was closed; missing if it is open at the end of the run"),
    label("currency", "the currency that is bought or sold"),
    money("notional", "how much of it"),
    label("functional_currency", "the firm's own currency"),
    money("opened_mid_value", "the notional at mid when opened", of="functional_currency"),
    money("forward_value", "what was agreed for it", of="functional_currency"),
    money("closed_mid_value", "the notional at mid when closed", of="functional_currency"),
    money("close_value", "what closing it cost or brought", of="functional_currency"),
    money("result", "the gain, or the loss if negative", of="functional_currency"),
    needs=TRADE,
)
def hedges(run: Run) -> dict[str, Any]:
    """One row per forward.

    Each group of firms with a `hedge` covers `ratio` of an obligation in foreign currency on invoice, up to the due
    date; the payer buys, the payee sells. With S the mid, r the declared interest (simple), T the days to the local
    date of maturity (zone of the period) over 365, s = +1 for a payee and −1 for a payer, and h half of `spread_bps`,

        F             = S · (1 + r_functional · T) / (1 + r_foreign · T)
        forward_value = notional · F(opened) · (1 − s · h)
        close_value   = notional · S(closed) on the date of maturity;
                        notional · F(closed) · (1 + s · h) before it, to the same maturity
        result        = s · (forward_value − close_value) / (1 + r_functional · T(closed))

    each rounded to minor units of the functional currency, in which forwards are settled. A forward closes when the
    currency is exchanged, but not after its maturity. What is exchanged on a later date than the due date is rolled: a
    forward of `roll_days` follows at each maturity. Of an obligation exchanged in parts, each part closes the difference
    of the rounded covered amounts up to it and before it. One still open at the end of the run is valued at F of the
    last instant. Obligations due after the run have hedges and no FX result.
    """
    deals, firms = forwards(run), run["firms"]
    order = np.lexsort((deals.roll, deals.closed_at, deals.by_payee, deals.obligation))
    columns: tuple[Any, ...] = deals
    rows = Forwards(*(column[order] for column in columns))
    known = run.fx.currencies
    return {
        "obligation_id": run["obligations"]["obligation_id"].array[rows.obligation],
        "bearer": names(["payer", "payee"], rows.by_payee.astype(np.int64)),
        "firm": names(firms["firm"], rows.firm),
        "side": names(list(run.scenario.sides), trade(run).side[rows.firm]),
        "roll": rows.roll,
        "opened_at": rows.opened_at,
        "matures_at": rows.matures_at,
        "closed_at": rows.closed_at,
        "currency": names(known, rows.currency),
        "notional": rows.notional,
        "functional_currency": names(known, rows.functional_currency),
        "opened_mid_value": rows.opened_mid_value,
        "forward_value": rows.forward_value,
        "closed_mid_value": rows.closed_mid_value,
        "close_value": rows.close_value,
        "result": rows.result,
    }
