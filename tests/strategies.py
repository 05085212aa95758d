"""Scenarios by chance; `mixtures.py` has those that mix all kinds of rules by which money moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from builders import AT_ONCE, HOURS, RATES, Declared, declare
from hypothesis import strategies as st

from sim.core.clock import YEAR_DAYS

if TYPE_CHECKING:
    from sim.scenario.model import Scenario

hours_names = st.sampled_from([*HOURS, "always"])


def _text(value: Decimal) -> str:
    return f"{value:.2f}"


@st.composite
def durations(draw: st.DrawFn, longest: int = 8) -> Declared:
    """No time at all (often, so that things coincide), or up to so many hours."""
    hours = draw(st.integers(1, longest))
    minutes = 60 * hours
    return draw(
        st.sampled_from(
            [
                AT_ONCE,
                {"kind": "fixed", "value": f"{hours}h"},
                {"kind": "triangular", "low": "0min", "mode": f"{minutes // 3}min", "high": f"{hours}h"},
                {"kind": "lognormal", "median": f"{minutes // 6}min", "p95": f"{hours}h"}
                | draw(st.sampled_from([{}, {"longest": f"{hours}h"}])),
                {"kind": "exponential", "mean": f"{minutes // 2}min"},
            ]
        )
    )


@st.composite
def habits(draw: st.DrawFn) -> Declared | None:
    """Nobody pays early or late, or some pay days before the due date, or after it, or any of the two."""
    habit = {
        "early": {"share": draw(st.sampled_from(["0.2", "0.5"])), "days": [1, draw(st.integers(1, 3))]},
        "late": {"share": draw(st.sampled_from(["0.2", "0.5"])), "days": [1, draw(st.integers(1, 6))]},
    }
    kept = draw(st.sampled_from([(), (), ("early",), ("late",), ("early", "late")]))
    return {name: habit[name] for name in kept} or None


@st.composite
def fees(draw: st.DrawFn) -> Declared | None:
    """Nothing, or a charge within bounds."""
    if draw(st.booleans()):
        return None
    return {
        "bearer": draw(st.sampled_from(["payer", "payee"])),
        "sides": draw(st.sampled_from([None, ["west"], ["east"], ["west", "east"]])),
        "currency": draw(st.sampled_from(["USD", "CNY", "BYN"])),
        "flat": draw(st.sampled_from(["0", "1.25"])),
        "share": draw(st.sampled_from(["0", "0.001", "0.03"])),
        "minimum": draw(st.sampled_from(["0", "5"])),
        "maximum": draw(st.sampled_from([None, "8"])),
    }


@st.composite
def treasuries(draw: st.DrawFn) -> Declared:
    """A decision per day, perhaps while systems are closed, with money that arrives at once or days later."""
    return {
        "at": draw(st.sampled_from(["00:00", "10:00", "10:30", "12:00", "18:00"])),
        "zone": "Europe/Minsk",
        "calendar": draw(st.sampled_from(["always", "weekdays", "belarus"])),
        "lag": draw(st.sampled_from(["0h", "1h", "1d", "36h", "2d"])),
        "sweep": draw(st.booleans()),
    }


@st.composite
def account_lists(
    draw: st.DrawFn, holders: list[str], system: str, unit: Decimal, servicers: list[str] | None = None
) -> list[Declared]:
    """Accounts that cover a few payments each, and some that only a treasury or their payers can fill."""
    found = []
    for holder in holders:
        declared: Declared = {
            "holder": holder,
            "system": system,
            "balance": _text(unit * draw(st.sampled_from([0, 1, 2, 3, 5]))),
            "credit": _text(unit * draw(st.sampled_from([0, 0, 0, 1]))),
            "treasury": draw(st.sampled_from([None, "early", "late"])),
        }
        if declared["treasury"] and draw(st.booleans()):
            declared["target"] = _text(unit * draw(st.sampled_from([0, 1, 4])))
        if servicers:
            declared["servicer"] = draw(st.sampled_from(servicers))
        found.append(declared)
    return found


@st.composite
def screens(draw: st.DrawFn, places: tuple[str, ...] = ("payer_bank", "payee_bank")) -> Declared:
    """A review of some payments, or of all of them."""
    return {
        "kind": "screen",
        "at": draw(st.sampled_from(places)),
        "probability": draw(st.sampled_from(["0", "0.3", "1"])),
        "work": draw(durations(24)),
    }


@st.composite
def returning_screens(draw: st.DrawFn) -> Declared:
    """A review of many payments, also at one bank for all, that sends a large part of them back."""
    return {
        **draw(screens(("east-a", "payer_bank", "payee_bank"))),
        "probability": draw(st.sampled_from(["1", "0.5"])),
        "work": draw(st.just({"kind": "fixed", "value": "1h"}) | durations(12)),
        "return_probability": draw(st.sampled_from(["0.2", "0.5", "1"])),
        "return_after": draw(durations(30)),
        "correction": draw(st.none() | durations(6)),
        "attempts": draw(st.sampled_from([2, 3, 1])),
        "fee": draw(fees()),
    }


@st.composite
def desk_maps(draw: st.DrawFn, banks: list[str]) -> dict[str, Declared]:
    """Desks of some banks, mostly with few people, in hours of their own or in those of their bank."""
    return {
        f"desk-{bank}": {
            "bank": bank,
            "staff": draw(st.sampled_from([1, 1, 2, 3, None])),
            "hours": draw(st.none() | hours_names),
            "queue": draw(st.sampled_from(["priority", "fifo"])),
        }
        for bank in banks
        if draw(st.integers(0, 3)) < 3
    }


@st.composite
def changed_reviews(draw: st.DrawFn, start: datetime, banks: list[str]) -> list[Declared]:
    """Nothing, or days on which one bank or all of them review and send back other shares."""
    if draw(st.booleans()):
        return []
    since = start + timedelta(minutes=draw(st.integers(0, 60 * 24 * 3)))
    until = since + timedelta(minutes=draw(st.sampled_from([60, 60 * 30, 60 * 70])))
    changes = {
        "probability": draw(st.sampled_from(["0", "0.4", "1"])),
        "work": draw(durations(6)),
        "return_probability": draw(st.sampled_from(["0", "0.3", "0.8"])),
        "return_after": draw(durations(10)),
    }
    kept = draw(st.lists(st.sampled_from(sorted(changes)), min_size=1, unique=True))
    span = {"from": since.isoformat(sep=" "), "to": until.isoformat(sep=" ")}
    bank = draw(st.none() | st.sampled_from(banks))
    return [{"kind": "review", **span, "bank": bank} | {name: changes[name] for name in kept}]


@st.composite
def route_maps(draw: st.DrawFn, *, returning: bool = False) -> dict[str, Declared]:
    """Ways there and back in two hops, within one side in one, and across correspondents in three."""
    originate = {"kind": "originate", "work": draw(durations()), "fee": draw(fees())}
    accepts = draw(st.none() | hours_names)
    post = {"kind": "post", "work": draw(durations(24))}
    if draw(st.booleans()):
        automatic = {"automatic": draw(st.sampled_from(["0.3", "0.8"])), "automatic_time": draw(durations(2))}
        post |= automatic | draw(st.sampled_from([{}, {"automatic_hours": draw(hours_names)}]))
    message = {"kind": "message", "time": draw(durations(3))}
    screen = draw(returning_screens() if returning else screens())
    there = [
        {"kind": "settle", "system": "nostro", "credit": "payer_correspondent"},
        *draw(st.sampled_from([[], [message], [screen]])),
        {"kind": "settle", "system": "gross", "debit": "payer_correspondent"},
    ]
    back = [
        {"kind": "settle", "system": "gross", "credit": "payee_correspondent"},
        {"kind": "settle", "system": "nostro", "debit": "payee_correspondent"},
    ]
    sold = {"kind": "convert", "by": "payee", "fee": draw(fees())}
    before = draw(st.sampled_from([[], [originate], [{**originate, "accepts": accepts}]]))
    middle = [screen] if returning else draw(st.sampled_from([[], [message], [screen]]))
    bought = {"kind": "convert", "fee": draw(fees())}
    routes: dict[str, Declared] = {
        "there": {
            "carries": {"payer": "west", "payee": "east"},
            "steps": [*before, bought, *middle, *there, post],
        },
        "there-too": {
            "carries": {"payer": "west", "payee": "east"},
            "weight": draw(st.sampled_from(["0", "1"])),
            "steps": [bought, *there, screen, post],
        },
        "back": {
            "carries": {"payer": "east", "payee": "west"},
            "steps": [*before, *back, *middle, post, sold],
        },
        "across": {
            "carries": {"payer": "west", "payee": "west"},
            "steps": [
                *before,
                bought,
                there[0],
                {"kind": "settle", "system": "gross", "debit": "payer_correspondent"}
                | {"credit": "payee_correspondent"},
                *middle,
                back[1],
                post,
                sold,
            ],
        },
        "within": {
            "carries": {"payer": "east", "payee": "east"},
            "steps": [*before, {"kind": "settle", "system": "gross"}, *([screen] if returning else []), post],
        },
    }
    promise = draw(value_dates())
    for route in draw(st.sets(st.sampled_from(sorted(routes)))):
        # A route has one cut-off.
        steps = [{**step, "accepts": None} if "accepts" in step else step for step in routes[route]["steps"]]
        side = routes[route]["carries"]["payer"]
        routes[route] |= {"steps": steps, "value": draw(st.sampled_from([promise, {side: promise}]))}
    return routes


@st.composite
def value_dates(draw: st.DrawFn) -> Declared:
    """A promise by some hours and calendars, often of the same day."""
    return {
        "cutoff": draw(hours_names),
        "days": draw(st.sampled_from([0, 0, 1, 2])),
        "late": draw(st.sampled_from([1, 1, 2])),
        "calendars": draw(st.sampled_from([["china"], ["belarus", "china"], ["always"], ["weekdays"]])),
    }


@st.composite
def outages(draw: st.DrawFn, start: datetime, targets: dict[str, str]) -> list[Declared]:
    """Up to one for each of some systems, banks and markets, hours or days long; some have no end."""
    found = []
    for name, kind in sorted(targets.items()):
        if draw(st.integers(0, 3)):
            continue
        since = start + timedelta(minutes=draw(st.integers(0, 60 * 24 * 3)))
        declared: Declared = {"kind": "outage", kind: name, "from": since.isoformat(sep=" ")}
        if draw(st.integers(0, 4)):
            until = since + timedelta(minutes=draw(st.sampled_from([1, 30, 60 * 6, 60 * 40])))
            declared["to"] = until.isoformat(sep=" ")
            declared["recovery"] = draw(st.sampled_from([[], ["0"], ["0.25", "0.5", "0.9"]]))
        found.append(declared)
    return found


def scenarios(most_payments: int = 200, *, returning: bool = False) -> st.SearchStrategy[Scenario]:
    """Scenarios as `trees` has them."""
    return trees(most_payments, returning=returning).map(declare)


@st.composite
def trees(
    draw: st.DrawFn, most_payments: int = 200, *, returning: bool = False, mutual: bool = False
) -> Declared:
    """Two sides that pay each other, some days, with little money: many payments wait, and free others.

    Invoices are often all alike and balances whole multiples of them, so that cover is often exact. Where
    payments may be `returning`, desks have little staff as well, the more urgent may come first, and systems may
    take payments in parts. Where they are `mutual`, banks of the east owe each other as well.
    """
    unit = Decimal(draw(st.sampled_from(["1000", "999.99", "0.07"])))
    banks = ["east-a", "east-b", "east-c"]
    east = banks[: draw(st.integers(2 if mutual else 1, len(banks)))]
    west = draw(st.sampled_from([["west-a"], ["west-a", "west-b"]]))
    servicers = east[: draw(st.integers(1, len(east)))]
    start = draw(st.sampled_from(["2024-02-28 00:00", "2024-05-04 12:00", "2024-09-27 00:00"]))
    days, horizon = draw(st.integers(4, 12)), draw(st.integers(0, 4))
    end = datetime.fromisoformat(start) + timedelta(days=days)
    longest = draw(st.integers(0, 3))
    years = (days + horizon + longest) / YEAR_DAYS
    invoice = draw(
        st.sampled_from(
            [
                {"kind": "fixed", "value": _text(unit)},
                {"kind": "fixed", "value": _text(unit)},
                {"kind": "lognormal", "median": _text(unit), "sigma": "1"},
            ]
        )
    )
    mean = unit if invoice["kind"] == "fixed" else unit * Decimal("1.6487")
    pairs = draw(
        st.lists(
            st.sampled_from([("west", "east"), ("west", "west"), ("east", "west"), ("east", "east")]),
            min_size=2 if returning else 1,
            max_size=3,
        )
    )
    pairs += [("east", "east")] * mutual
    flows = {
        f"flow-{number}": {
            "payer": payer,
            "payee": payee,
            "value": _text(draw(st.integers(5, most_payments // len(pairs))) * mean / Decimal(years) + mean),
            "currency": "CNY",
            "invoice": invoice,
            "invoicing": {"CNY": 1},
            "terms": {"only": {"share": 1, "days": [0, longest]}},
            "priority": number if returning else 0,
        }
        for number, (payer, payee) in enumerate(pairs)
    }
    desks = draw(desk_maps(west + east)) if returning else {}
    split = {"split_above": _text(unit / 2) if returning and draw(st.booleans()) else None}
    shares = {1: ["1"], 2: ["0.5", "0.5"], 3: ["0.5", "0.3", "0.2"]}
    return {
        "name": "by-chance",
        "seed": draw(st.integers(0, 10_000)),
        "period": {"start": start, "end": end.isoformat(sep=" ")},
        "horizon": f"{horizon}d",
        "calendars": {"china": {"country": "CN"}, "belarus": {"country": "BY"}},
        "hours": HOURS,
        "fx": RATES,
        "sides": {
            "west": {"functional_currency": "BYN", "hours": draw(hours_names), "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": draw(hours_names)},
        },
        "markets": {
            "exchange": {
                "hours": draw(hours_names),
                "delivery": draw(st.sampled_from(["0h", "1h", "30h"])),
                "pairs": {"CNY/BYN": {"spread_bps": 30}},
            }
        },
        "banks": {bank: {"side": bank.partition("-")[0], "hours": draw(hours_names)} for bank in west + east},
        "systems": {
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": draw(hours_names), **split},
            "nostro": {"kind": "correspondent", "currency": "CNY", "hours": draw(hours_names), **split},
        },
        "treasuries": {"early": draw(treasuries()), "late": draw(treasuries())},
        "accounts": [
            *draw(account_lists(east, "gross", unit)),
            *draw(account_lists(west, "nostro", unit, servicers)),
        ],
        "desks": desks,
        "routes": draw(route_maps(returning=returning)),
        "firms": {
            side: {
                "side": side,
                "count": 5,
                "size_sigma": 1,
                "cities": {"Minsk": 1},
                "banks": dict(zip(banks, shares[len(banks)], strict=True)),
                "pays": draw(habits()),
            }
            for side, banks in (("west", west), ("east", east))
        },
        "flows": flows,
        "timeline": draw(
            st.just([])
            | outages(
                datetime.fromisoformat(start),
                {"gross": "system", "nostro": "system", "exchange": "market"}
                | dict.fromkeys(east + west, "bank")
                | dict.fromkeys(desks, "desk"),
            )
        )
        + (draw(changed_reviews(datetime.fromisoformat(start), east + west)) if returning else []),
    }
