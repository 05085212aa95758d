"""Small scenarios and worlds, written down or drawn; all Hypothesis strategies stand here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from sim.core.clock import YEAR_DAYS
from sim.scenario.check import check
from sim.scenario.model import Scenario
from sim.world.build import World, build_world
from sim.world.journeys import plan_journeys
from sim.world.payments import Payments
from sim.world.trade import Obligations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

Declared = dict[str, Any]

BEIJING, MINSK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Minsk")
AT_ONCE = {"kind": "fixed", "value": 0}
RATES = {"kind": "constant", "rates": {"BYN": "3.2", "CNY": "7.25"}}


def declare(declared: Declared) -> Scenario:
    """The scenario that a tree declares; it must be valid in all respects."""
    names = {section: tuple(value) for section, value in declared.items() if isinstance(value, dict)}
    scenario = Scenario.model_validate(declared, context={"names": names})
    assert not list(check(scenario))
    return scenario


def instant(text: str, zone: ZoneInfo = MINSK) -> int:
    """UTC seconds of a wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


# Worlds with payments by hand.


class Order(NamedTuple):
    """A payment by hand: from a client of one bank to a client of another; minor units."""

    at: str
    payer: str
    payee: str
    amount: int
    route: str = "direct"
    currency: str = "CNY"


def town(balances: Mapping[str, str], **changes: Any) -> Declared:  # noqa: ANN401 - parts of a scenario
    """Banks with accounts at one system that never closes, where everything else takes no time.

    All are on one side, with one firm each; `changes` replace whole sections. 4 March 2024 is a Monday.
    """
    return {
        "name": "town",
        "period": {"start": "2024-03-04 00:00", "end": "2024-03-11 00:00"},
        "calendars": {"china": {"country": "CN"}, "belarus": {"country": "BY"}},
        "fx": RATES,
        "sides": {"town": {"functional_currency": "CNY", "hours": "always"}},
        "banks": {bank: {"side": "town", "hours": "always"} for bank in balances},
        "systems": {"gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"}},
        "accounts": accounts(balances),
        "routes": {"direct": {"steps": [{"kind": "settle", "system": "gross"}, POST]}},
        "firms": {bank: firm("town", bank) for bank in balances},
        **changes,
    }


POST: Declared = {"kind": "post", "work": AT_ONCE}


#: Steps on which the payer buys what it owes and the payee sells it.
EXCHANGING: list[Declared] = [
    {"kind": "convert"},
    {"kind": "settle", "system": "gross"},
    POST,
    {"kind": "convert", "by": "payee"},
]


def border(balance: str, market: Declared | None = None, **changes: Any) -> Declared:  # noqa: ANN401
    """A west that keeps BYN and an east that keeps CNY; 7.25 CNY and 3.2 BYN are a dollar.

    The west exchanges on a market that never closes, half a per cent from mid. `market` says what is otherwise
    there; `changes` replace whole sections.
    """
    exchange = {"hours": "always", "pairs": {"CNY/BYN": {"spread_bps": 100}}, **(market or {})}
    crossed = {
        "sides": {
            "west": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]},
            "east": {"functional_currency": "CNY", "hours": "always"},
        },
        "markets": {"exchange": exchange},
        "banks": {side: {"side": side, "hours": "always"} for side in ("west", "east")},
        "firms": {side: firm(side, side) for side in ("west", "east")},
        "routes": {"direct": {"steps": EXCHANGING}},
    }
    return town({"west": balance, "east": balance}, **crossed | changes)


def accounts(balances: Mapping[str, str], system: str = "gross", **more: Any) -> list[Declared]:  # noqa: ANN401
    """Accounts of banks in one system."""
    return [
        {"holder": bank, "system": system, "balance": balance, **more} for bank, balance in balances.items()
    ]


@st.composite
def habits(draw: st.DrawFn) -> Declared | None:
    """Nobody pays early or late, or some pay days before the due date, or after it, or any of the two."""
    habit = {
        "early": {"share": draw(st.sampled_from(["0.2", "0.5"])), "days": [1, draw(st.integers(1, 3))]},
        "late": {"share": draw(st.sampled_from(["0.2", "0.5"])), "days": [1, draw(st.integers(1, 6))]},
    }
    kept = draw(st.sampled_from([(), (), ("early",), ("late",), ("early", "late")]))
    return {name: habit[name] for name in kept} or None


def firm(side: str, bank: str, count: int = 1) -> Declared:
    """Firms with one bank."""
    return {"side": side, "count": count, "cities": {"Minsk": 1}, "banks": {bank: 1}}


def by_hand(scenario: Scenario, *orders: Order, zone: ZoneInfo = MINSK) -> World:
    """The world of a scenario in which exactly these payments are made, numbered by instant.

    Every bank has a group of firms of its name. Each uniform draw is 0: whatever can be reviewed is reviewed,
    and durations are the shortest.
    """
    world = build_world(scenario)
    ordered = sorted(orders, key=lambda order: instant(order.at, zone))

    def column(of: Callable[[Order], int]) -> NDArray[np.int64]:
        return np.array([of(order) for order in ordered], dtype=np.int64)

    at = column(lambda order: instant(order.at, zone))
    first, number = world.firms.first, np.arange(len(ordered))
    amount, currency = column(lambda o: o.amount), column(lambda o: world.fx.index(o.currency))
    obligations = Obligations(
        flow=0 * number,
        draw=number,
        term=0 * number,
        payer=column(lambda order: first[order.payer]),
        payee=column(lambda order: first[order.payee]),
        currency=currency,
        amount=amount,
        invoiced_at=at,
        due_at=at,
    )
    payments = Payments(
        obligation=number,
        route=column(lambda order: list(scenario.routes).index(order.route)),
        payer_bank=column(lambda order: world.network.banks.index(order.payer)),
        payee_bank=column(lambda order: world.network.banks.index(order.payee)),
        currency=currency,
        amount=amount,
        priority=0 * number,
        due_at=at,
        instructed_at=at,
        draws={name: np.zeros(len(ordered)) for name in world.payments.draws},
    )
    return with_draws(replace(world, obligations=obligations, payments=payments), {})


def with_draws(world: World, draws: Mapping[str, list[float]]) -> World:
    """The world with other draws for its payments, by name of the stream; those of further attempts are 0, too."""
    known = {name: np.zeros(len(world.payments)) for name in world.payments.draws}
    known |= {name: np.array(values) for name, values in draws.items()}
    payments = replace(world.payments, draws={name: known[name] for name in world.payments.draws})
    journeys = plan_journeys(
        world.scenario,
        payments,
        world.routes,
        world.network.banks,
        world.window.zone,
        lambda name: known.get(name, np.zeros(len(payments))),
    )
    return replace(world, payments=payments, journeys=journeys)


# Scenarios by chance.

#: Facilities that never close, that open for moments only, that cross midnight, that rest for a week.
HOURS: dict[str, Declared] = {
    "office": {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:30"]},
    "branch": {"zone": "Asia/Shanghai", "calendar": "china", "sessions": ["09:00-12:00", "13:30-17:00"]},
    "hvps": {"zone": "Asia/Shanghai", "calendar": "china", "sessions": ["T-1 20:30-17:15"]},
    "cips": {
        "zone": "Asia/Shanghai",
        "calendar": "china",
        "sessions": ["08:30-17:00", "17:00-08:00"],
        "after_break": ["04:30-08:30"],
    },
    "moments": {
        "zone": "Europe/Minsk",
        "calendar": "always",
        "sessions": ["10:00-10:00:01", "12:00-12:05", "23:59-00:01"],
    },
    "gapless": {"zone": "Asia/Shanghai", "calendar": "weekdays", "sessions": ["06:00-14:00", "14:00-06:00"]},
}

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
def fees(draw: st.DrawFn) -> Declared | None:
    """Nothing, or a charge within bounds."""
    if draw(st.booleans()):
        return None
    return {
        "bearer": draw(st.sampled_from(["payer", "payee"])),
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
    return {
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


@st.composite
def scenarios(draw: st.DrawFn, most_payments: int = 200, *, returning: bool = False) -> Scenario:
    """Two sides that pay each other, some days, with little money: many payments wait, and free others.

    Invoices are often all alike and balances whole multiples of them, so that cover is often exact. Where
    payments may be `returning`, desks have little staff as well, and the more urgent may come first.
    """
    unit = Decimal(draw(st.sampled_from(["1000", "999.99", "0.07"])))
    east = draw(st.sampled_from([["east-a"], ["east-a", "east-b"], ["east-a", "east-b", "east-c"]]))
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
    shares = {1: ["1"], 2: ["0.5", "0.5"], 3: ["0.5", "0.3", "0.2"]}
    return declare(
        {
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
            "banks": {
                bank: {"side": bank.partition("-")[0], "hours": draw(hours_names)} for bank in west + east
            },
            "systems": {
                "gross": {"kind": "rtgs", "currency": "CNY", "hours": draw(hours_names)},
                "nostro": {"kind": "correspondent", "currency": "CNY", "hours": draw(hours_names)},
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
    )
