"""Small scenarios and worlds, written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from sim.scenario.check import check
from sim.scenario.model import Scenario
from sim.world.build import build_world
from sim.world.journeys import plan_journeys
from sim.world.payments import Payments
from sim.world.routing import sides_of_payers
from sim.world.steps import route_plans
from sim.world.trade import Obligations
from sim.world.world import DrawnWorld

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


#: A flow across a border, as of which payments made by hand are told.
ACROSS: Declared = {
    "trade": {
        "payer": "west",
        "payee": "east",
        "value": "100",
        "currency": "CNY",
        "invoice": {"kind": "fixed", "value": "1"},
        "invoicing": {"CNY": 1},
        "terms": {"only": {"share": 1, "days": [4, 4]}},
    }
}


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


def firm(side: str, bank: str, count: int = 1) -> Declared:
    """Firms with one bank."""
    return {"side": side, "count": count, "cities": {"Minsk": 1}, "banks": {bank: 1}}


def by_hand(scenario: Scenario, *orders: Order, zone: ZoneInfo = MINSK) -> DrawnWorld:
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
        flow=number * 0 - 1,
        piece=0 * number,
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


def with_draws(world: DrawnWorld, draws: Mapping[str, list[float]]) -> DrawnWorld:
    """The world with other draws for its payments, by name of the stream; those of further attempts are 0, too."""
    known = {name: np.zeros(len(world.payments)) for name in world.payments.draws}
    known |= {name: np.array(values) for name, values in draws.items()}
    payments = replace(world.payments, draws={name: known[name] for name in world.payments.draws})
    journeys = plan_journeys(
        payments,
        world.routes,
        world.openings.timeline,
        lambda name: known.get(name, np.zeros(len(payments))),
    )
    payer_sides = sides_of_payers(
        world.scenario, world.network.banks, world.firms, world.obligations, payments
    )
    plans = route_plans(
        world.scenario,
        world.openings,
        world.fx,
        world.network,
        world.routes,
        journeys.payments,
        payer_sides[journeys.payment],
    )
    return replace(world, payments=payments, journeys=journeys, route_plans=plans)
