"""Scenarios by chance in which money moves by every kind of rule: each is an idea that changes a plain scenario."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from builders import HOURS, declare
from hypothesis import strategies as st
from strategies import durations, hours_names, trees

from sim.scenario.model.kinds import kinds
from sim.scenario.model.settlement import System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from builders import Declared

    from sim.scenario.model import Scenario

    Idea = Callable[["Mixture"], None]

TIMES: Final = ("00:00", "09:00", "10:00", "11:30", "12:00", "12:02", "14:00", "16:30", "23:30")


#: Times at which systems are open.
OPEN: Final = dict.fromkeys((*HOURS, "always"), ("09:00", "10:00", "11:30", "14:00", "16:30")) | {
    "moments": ("10:00", "12:02", "23:59:30")
}


#: When sessions begin, so that much comes at once.
BEGINS: Final = {
    "office": ("09:00",),
    "branch": ("09:00", "13:30"),
    "hvps": ("20:30",),
    "cips": ("08:30", "17:00"),
    "moments": ("10:00", "12:00"),
    "gapless": ("06:00", "14:00"),
}


class Mixture:
    """A scenario that ideas change one after the other, and what it draws them from."""

    def __init__(self, draw: st.DrawFn, tree: Declared) -> None:
        self._draw = draw
        self.tree = tree
        invoice = next(iter(tree["flows"].values()))["invoice"]
        self.unit = Decimal(invoice["value"] if invoice["kind"] == "fixed" else invoice["median"])
        self.east = [bank for bank in tree["banks"] if bank.startswith("east")]
        self.west = [bank for bank in tree["banks"] if bank.startswith("west")]

    def any(self, *choices: Any) -> Any:  # noqa: ANN401 - parts of a declaration
        """One of some."""
        return self._draw(st.sampled_from(choices))

    def of(self, strategy: st.SearchStrategy[Any]) -> Any:  # noqa: ANN401 - parts of a declaration
        """What a strategy draws."""
        return self._draw(strategy)

    def units(self, *choices: float) -> str:
        """So many times what a payment usually is."""
        return f"{self.unit * Decimal(str(self.any(*choices))):.2f}"

    def when(self) -> str:
        """An instant early in the period."""
        start = datetime.fromisoformat(self.tree["period"]["start"])
        return (start + timedelta(minutes=30 * self.of(st.integers(0, 48 * 3)))).isoformat(sep=" ")

    def systems(self, capability: str) -> list[str]:
        """Names of the systems that can do something."""
        known = kinds(System)
        return [
            name
            for name, system in self.tree["systems"].items()
            if getattr(known[system["kind"]], capability)
        ]

    def gross(self) -> list[Declared]:
        """Systems that settle each payment on its own."""
        return [
            s for s in self.tree["systems"].values() if s["kind"] in ("rtgs", "correspondent", "clearing")
        ]

    def accounts(self, systems: Iterable[str]) -> list[Declared]:
        """Accounts that are declared in some systems."""
        return [account for account in self.tree["accounts"] if account["system"] in systems]


def queues(mixture: Mixture) -> None:
    """Who waits may be passed, by some or by all; payments of one kind are smaller and more urgent."""
    for system in mixture.gross():
        system["queue"] = mixture.any("priority", "bypass")
    flow = list(mixture.tree["flows"].values())[-1]
    flow["priority"] = mixture.any(3, 0)
    flow["invoice"] = {"kind": "lognormal", "median": mixture.units(0.3, 1), "sigma": "1"}


def limits(mixture: Mixture) -> None:
    """Banks limit what they send to some or to all, and keep money for urgent payments."""
    list(mixture.tree["flows"].values())[-1]["priority"] = mixture.any(1, 1, 0)
    for account in mixture.accounts(mixture.systems("takes_limits")):
        others = [
            a["holder"] for a in mixture.accounts([account["system"]]) if a["holder"] != account["holder"]
        ]
        if mixture.any(True, True, False):
            account["balance"] = mixture.units(2, 5, 10)
        stated: Declared = {}
        if mixture.any(True, False):
            stated["bilateral"] = {
                other: mixture.units(0, 1, 2) for other in others if mixture.any(True, False)
            }
        if mixture.any(True, False):
            stated["multilateral"] = mixture.units(0.5, 1, 3)
        if stated:
            account["limits"] = stated
        account["reserved"] = mixture.units(0, 0, 1, 2, 5)


def holds(mixture: Mixture) -> None:
    """Banks hold back, and rules have them send shares of the day's value in time."""
    able = mixture.systems("takes_holds")
    for account in mixture.accounts(able):
        if mixture.any(True, True, False):
            times = OPEN[mixture.tree["systems"][account["system"]]["hours"]]
            account["holds"] = {"below": mixture.units(1, 2, 4), "until": mixture.any(*times)}
    for system in (mixture.tree["systems"][name] for name in able):
        if mixture.any(True, False):
            times = st.lists(st.sampled_from(OPEN[system["hours"]]), min_size=1, max_size=3, unique=True)
            shares = mixture.any(["0.3", "0.5", "1"], ["0.1", "0.2", "0.2"])
            rule = zip(shares, sorted(mixture.of(times)), strict=False)
            system["throughput"] = [{"share": share, "by": by} for share, by in rule]


def offsetting(mixture: Mixture) -> None:
    """What waits may settle together."""
    for system in mixture.gross():
        system["offsetting"] = {
            "kind": mixture.any("bilateral", "multilateral"),
            **mixture.any(
                {}, {"when": "entry"}, {"every": "30min"}, {"every": "5h"}, {"size": 3}, {"size": 10}
            ),
        }


def optimum(mixture: Mixture) -> None:
    """The best set of what waits settles together."""
    for system in mixture.gross():
        every = mixture.any({}, {"every": "2h"}, {"size": 6})
        system["offsetting"] = {"kind": "optimal", **every, "time_limit": "5s"}


def cycles(mixture: Mixture) -> None:
    """The central system nets at cycles, often just when a session begins."""
    hours = mixture.tree["systems"]["gross"]["hours"]
    hours = "gapless" if hours == "always" else hours
    times = mixture.of(st.sets(st.sampled_from(TIMES), max_size=2)) | {
        mixture.any(*BEGINS[hours], *OPEN[hours])
    }
    system: Declared = {
        "kind": mixture.any("dns", "dns", "hybrid"),
        "currency": "CNY",
        "hours": hours,
        "cycles": sorted(times),
    }
    if system["kind"] == "dns":
        system["shortfall"] = mixture.any("pool", "unwind")
        for account in mixture.accounts(["gross"]):
            if mixture.any(True, False):
                account["net_debit_cap"] = mixture.units(0.5, 1, 2, 4)
    mixture.tree["systems"]["gross"] = system


def clearing(mixture: Mixture) -> None:
    """The central system is a clearing account, which is squared once a week or a month."""
    for account in mixture.accounts(["gross"]):
        for key in ("balance", "credit", "treasury", "target"):
            account.pop(key, None)
    hours = mixture.tree["systems"]["gross"]["hours"]
    mixture.tree["systems"]["gross"] = {
        "kind": "clearing",
        "currency": "CNY",
        "hours": "gapless" if hours == "always" else hours,
        "swing": mixture.units(0, 1, 2, 4),
        "settled": mixture.any("weekly", "monthly"),
        "at": mixture.any(*TIMES),
        "settled_in": mixture.any(None, "USD"),
    }


def links(mixture: Mixture) -> None:
    """Payments within the east move yuan against roubles, next to what others pay in yuan alone."""
    if mixture.tree["systems"]["gross"]["kind"] in ("dns", "clearing"):
        return
    tree, hours = mixture.tree, mixture.tree["systems"]["gross"]["hours"]
    tree["systems"]["roubles"] = {
        "kind": "rtgs",
        "currency": "BYN",
        "hours": mixture.any(hours, "always", "gapless"),
    }
    legs = mixture.any(["gross", "roubles"], ["roubles", "gross"])
    tree["systems"]["link"] = {"kind": "pvp", "legs": legs, "queue": mixture.any("fifo", "bypass")}
    for bank in mixture.east:
        balance = Decimal(mixture.units(0, 1, 3, 5)) * Decimal("0.44")
        tree["accounts"].append({"holder": bank, "system": "roubles", "balance": f"{balance:.2f}"})
        treasury = mixture.any(None, None, "early")
        if treasury:
            tree["accounts"][-1] |= {"treasury": treasury, "target": mixture.units(0, 1)}
    for route in tree["routes"].values():
        if route["carries"] == {"payer": "east", "payee": "east"}:
            route["steps"] = [
                step | ({"system": "link"} if step["kind"] == "settle" else {}) for step in route["steps"]
            ]
    tree["routes"]["within-too"] = {
        "carries": {"payer": "east", "payee": "east"},
        "weight": mixture.any(0, 1),
        "steps": [{"kind": "settle", "system": "gross"}, {"kind": "post", "work": mixture.of(durations(4))}],
    }


def facilities(mixture: Mixture) -> None:
    """Some banks are lent what their queues lack."""
    open_to = [name for name in mixture.systems("keeps_accounts") if name not in mixture.systems("squares")]
    mixture.tree["facilities"] = found = {}
    for number in range(mixture.any(1, 2)):
        system = mixture.any(*open_to)
        held = [account["holder"] for account in mixture.accounts([system])]
        banks = mixture.of(st.lists(st.sampled_from(held), min_size=1, unique=True))
        daily = {
            "at": mixture.any(*TIMES),
            "zone": "Europe/Minsk",
            "calendar": mixture.any("always", "belarus"),
        }
        facility = {
            "system": system,
            "rate": "0.05",
            "penalty_rate": mixture.any("0", "0.02"),
            "draw": mixture.any("on_demand", daily),
            "lag": mixture.any("0h", "0h", "2h", "1d"),
            "term": mixture.any("overnight", "30min", "12h", "2d"),
            "minimum": mixture.units(0, 0, 1),
        }
        found[f"facility-{number}"] = facility
        if mixture.any(True, False):
            pledged = {bank: mixture.units(0, 1, 3, 10) for bank in banks}
            facility |= {"kind": "repo", "collateral": pledged, "haircut": mixture.any("0", "0.1")}
        else:
            facility |= {"kind": "swap_line", "banks": banks, "limit": mixture.units(1, 3, 10)}


def failures(mixture: Mixture) -> None:
    """One or two banks fail."""
    banks = mixture.of(
        st.lists(st.sampled_from([*mixture.east, *mixture.west]), min_size=1, max_size=2, unique=True)
    )
    timeline = mixture.tree["timeline"]
    timeline[:] = [entry for entry in timeline if entry["kind"] != "outage" or entry.get("bank") not in banks]
    timeline += [{"kind": "failed_bank", "bank": bank, "at": mixture.when()} for bank in banks]


def shifts(mixture: Mixture) -> None:
    """Money is granted to accounts, or withdrawn."""
    kept = [name for name in mixture.systems("keeps_accounts") if name not in mixture.systems("squares")]
    for account in mixture.accounts(kept):
        if mixture.any(True, False):
            amount = mixture.any("", "", "-") + mixture.units(1, 2, 5)
            entry = {"holder": account["holder"], "system": account["system"], "amount": amount}
            mixture.tree["timeline"].append({"kind": "liquidity", "at": mixture.when(), **entry})


def zero_balance(mixture: Mixture) -> None:
    """Accounts are emptied when a session ends."""
    for name in [
        name for name in mixture.systems("keeps_accounts") if name not in mixture.systems("squares")
    ]:
        if mixture.tree["systems"][name]["hours"] in HOURS:
            mixture.tree["systems"][name]["zero_balance"] = mixture.any(True, True, False)


def funding(mixture: Mixture) -> None:
    """The central system is funded as its sessions begin out of another one, where a custodian may pay for others."""
    tree = mixture.tree
    central = tree["systems"]["gross"]
    if central["kind"] == "clearing":
        return
    if central["hours"] in HOURS:
        central["zero_balance"] = mixture.any(True, True, False)
    tree["systems"]["home"] = {"kind": "rtgs", "currency": "CNY", "hours": mixture.of(hours_names)}
    for account in mixture.accounts(["gross"]):
        holder = account["holder"]
        at_home = {"holder": holder, "system": "home", "balance": mixture.units(0, 1, 3, 10)}
        tree["accounts"].append(at_home | {"treasury": mixture.any("early", "late", None)})
        if mixture.any(True, True, False):
            account["treasury"] = None
            account.pop("target", None)
            through = mixture.any(None, None, mixture.east[0])
            if through not in [a["holder"] for a in mixture.accounts(["home"])]:
                through = None
            hours = mixture.any(None, None, *HOURS)
            account["funding"] = {"from": "home", "to": mixture.units(1, 2, 4), "hours": hours} | (
                {"through": through} if through else {}
            )
    if mixture.any(True, False):
        # Payments move on the accounts that fund, too, and wait there.
        for route in tree["routes"].values():
            if route["carries"] == {"payer": "east", "payee": "east"}:
                first = [step["kind"] for step in route["steps"]].index("settle")
                route["steps"].insert(first, {"kind": "settle", "system": "home"})


def dealing(mixture: Mixture) -> None:
    """Treasuries deal at a market, at its hours."""
    mixture.tree["markets"]["money"] = {
        "hours": mixture.of(hours_names),
        "pairs": {"CNY/USD": {"spread_bps": 20}, "BYN/USD": {"spread_bps": 20}},
    }
    for treasury in mixture.tree["treasuries"].values():
        if mixture.any(True, False):
            treasury |= {"market": "money", "against": "USD"}


def books(mixture: Mixture) -> None:
    """At markets only so much is to be had in a day, or the price moves; some gather orders for auctions."""
    market = mixture.tree["markets"]["exchange"]
    if market["hours"] == "always":
        market["hours"] = "gapless"
    if mixture.any(True, False, False):
        market |= {"kind": "auction", "at": [mixture.any(*OPEN[market["hours"]])]}
    mean = mixture.unit
    for quote in market["pairs"].values():
        if mixture.any(True, True, False):
            quote["depth"] = f"{mean * mixture.any(1, 3, 10) + Decimal('0.05'):.2f}"
        if mixture.any(True, False):
            quote |= {"impact_bps": mixture.any(1, 20), "impact_amount": f"{mean * 2:.2f}"}


def vehicles(mixture: Mixture) -> None:
    """Firms of the west may cross through dollars, at another market."""
    tree = mixture.tree
    tree["sides"]["west"] |= {"vehicles": ["USD"], "markets": ["exchange", "abroad"]}
    pairs = {pair: {"spread_bps": mixture.any(5, 15, 40)} for pair in ("USD/BYN", "USD/CNY")}
    for quote in pairs.values():
        if mixture.any(True, False):
            quote["depth"] = f"{mixture.unit * mixture.any(1, 2) / 7 + Decimal('0.05'):.2f}"
    tree["markets"]["abroad"] = {
        "hours": mixture.any(*HOURS),
        "delivery": mixture.any("0h", "2h"),
        "pairs": pairs,
    }


def counters(mixture: Mixture) -> None:
    """Some firms of the west turn to the counter of a bank first, in hours of its own and at another price."""
    tree = mixture.tree
    tree["sides"]["west"]["markets"] = [*tree["sides"]["west"]["markets"], "counter"]
    quote: Declared = {"spread_bps": mixture.any(10, 90)}
    if mixture.any(True, False):
        quote["depth"] = f"{mixture.unit * 3:.2f}"
    pair = mixture.any("CNY/BYN", "CNY/BYN", "USD/BYN")
    tree["markets"]["counter"] = {
        "hours": mixture.any(*HOURS),
        "delivery": mixture.any("0h", "1h"),
        "pairs": {pair: quote},
    }
    shares = mixture.any({"counter": "1"}, {"exchange": "0.3", "counter": "0.7"}, {"exchange": "1"})
    tree["firms"]["west"].setdefault("exchange", {})["markets"] = shares


def occasions(mixture: Mixture) -> None:
    """Firms that pay and are paid in a foreign currency buy early, and keep what they are paid for a while."""
    flow = next(iter(mixture.tree["flows"].values()))
    for name, payer, payee in (("owed", "west", "east"), ("earned", "east", "west")):
        mixture.tree["flows"][name] = {**flow, "payer": payer, "payee": payee}
    for group in mixture.tree["firms"].values():
        weekly = {
            "kind": "weekly",
            "weekday": mixture.any("monday", "friday"),
            "at": "12:00",
            "zone": "Europe/Minsk",
        }
        surrendered = {"surrender_share": mixture.any("0", "0.3", "1")}
        sells = mixture.any({"kind": "on_credit"}, weekly | surrendered, {"kind": "keep"} | surrendered)
        buys = mixture.any("on_invoice", "on_due", "on_instruction")
        group["exchange"] = {"buys": buys, "sells": sells}


#: Those that say what kind a system is come first.
IDEAS: Final[dict[str, Idea]] = {
    idea.__name__: idea
    for idea in (
        *(cycles, clearing, links),
        *(queues, limits, holds, offsetting, optimum),
        *(facilities, failures, shifts, zero_balance, funding, dealing),
        *(books, vehicles, occasions, counters),
    )
}
#: Those of which each undoes the other.
_EITHER: Final = (("cycles", "clearing"), ("offsetting", "optimum"))


@st.composite
def mixtures(draw: st.DrawFn, *ideas: str, returning: bool = False, most_payments: int = 120) -> Scenario:
    """A scenario changed by these ideas; by any, if none is named.

    Payments have priorities, and banks of one side pay each other, so that they can block each other.
    """
    tree = draw(trees(most_payments, returning=returning, mutual=True))
    chosen = set(ideas or draw(st.lists(st.sampled_from(list(IDEAS)), min_size=1, unique=True)))
    for one, other in _EITHER:
        if {one, other} <= chosen:
            chosen.remove(draw(st.sampled_from([one, other])))
    for declared in tree["flows"].values():
        declared["priority"] = draw(st.sampled_from([0, 1, -1, 2]))
    mixture = Mixture(draw, tree)
    if draw(st.booleans()):
        for account in mixture.accounts(["gross"]):
            account |= {"balance": mixture.units(0, 0, 0.5, 1), "credit": "0.00", "treasury": None}
            account.pop("target", None)
    for name, idea in IDEAS.items():
        if name in chosen:
            idea(mixture)
    return declare(tree)
