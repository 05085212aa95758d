"""One example of each kind, which the walk over kinds in test_kinds.py runs.

Whoever adds a kind adds its example: what a scenario has to state of it, with durations of two hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from builders import ACROSS, POST, accounts, border, town
from rate_models import MODELS, START

from sim.core.kinds import complete
from sim.scenario.model.fx import Fx
from sim.scenario.model.kinds import kinds
from sim.scenario.model.settlement import System
from sim.scenario.model.steps import Step
from sim.scenario.model.timeline import Entry

if TYPE_CHECKING:
    from builders import Declared

TWO_HOURS: Final = {"kind": "fixed", "value": "2h"}
OFFICE: Final = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}
ON_THE_WAY: Final = {"from": "2024-03-05", "to": "2024-03-07"}

#: Beside the currency and the hours of who keeps accounts.
SYSTEMS: Final[dict[str, Declared]] = {
    "rtgs": {},
    "correspondent": {},
    "clearing": {"swing": "100", "settled": "monthly", "at": "16:00"},
    "dns": {"cycles": ["12:00"]},
    "hybrid": {"cycles": ["12:00"]},
    "pvp": {"legs": ["gross", "other"]},
}
STEPS: Final[dict[str, Declared]] = {
    "originate": {"work": TWO_HOURS},
    "convert": {},
    "screen": {"at": "payee_bank", "probability": 1, "work": TWO_HOURS},
    "message": {"time": TWO_HOURS},
    "settle": {"system": "gross"},
    "post": {"work": TWO_HOURS},
}
#: Each changes something in the run of `trade`.
ENTRIES: Final[dict[str, Declared]] = {
    "outage": {**ON_THE_WAY, "system": "books"},
    "hours": {**ON_THE_WAY, "hours": "office", "sessions": ["09:00-11:00"]},
    "service_days": {"hours": ["office"], "days": ["2024-03-09"]},
    "closed_route": {**ON_THE_WAY, "route": "over-hub", "fallback": ["direct"]},
    "lost_correspondent": {**ON_THE_WAY, "bank": "hub", "fallback": ["direct"]},
    "failed_bank": {"at": "2024-03-06 12:00", "bank": "west"},
    "liquidity": {"at": "2024-03-05 12:00", "holder": "west", "system": "gross", "amount": "5"},
    "rate_jump": {"at": "2024-03-05", "currency": "BYN", "size": "0.2"},
    "quote": {**ON_THE_WAY, "market": "exchange", "spread_bps": 200},
    "review": {**ON_THE_WAY, "probability": 1},
    "mix": {"path": [{"at": "2024-03-05", "invoicing": {"CNY": "0.5", "BYN": "0.5"}}]},
    "volume": {"path": [{"at": "2024-03-05", "factor": 3}]},
}
RATE_MODELS: Final[dict[str, Declared]] = {
    "constant": {"rates": START},
    "history": {"bridge": {code: {"volatility": "0.1"} for code in START}},
    **MODELS,
}

for _union, _examples, _of in (
    (System, SYSTEMS, "kind of system"),
    (Step, STEPS, "kind of step"),
    (Entry, ENTRIES, "kind of timeline entry"),
    (Fx, RATE_MODELS, "model of exchange rates"),
):
    complete(kinds(_union), _examples, of=_of, what="an example in tests/examples.py")


def example(examples: dict[str, Declared], kind: str) -> Declared:
    """An example with its kind."""
    return {"kind": kind, **examples[kind]}


def book(kind: str, name: str = "gross", currency: str = "CNY") -> Declared:
    """A system of a kind, by its name, with what those that keep accounts state; open from nine to five."""
    kept = {"currency": currency, "hours": "office"} if kinds(System)[kind].keeps_accounts else {}
    return {name: {**example(SYSTEMS, kind), **kept}}


def kept_in(kind: str, name: str = "gross", **more: Any) -> list[Declared]:  # noqa: ANN401 - as in `accounts`
    """Accounts of two banks at such a system, with 100 each; positions begin at zero, and may fall by as much."""
    declared = kinds(System)[kind]
    who = {"a": "0", "b": "0"} if declared.squares else {"a": "100", "b": "100"}
    return accounts(who, name, **({"servicer": "hub"} if declared.serviced else {}), **more)


def settling(kind: str, **more: Any) -> Declared:  # noqa: ANN401 - what the accounts state beside balances
    """A town whose payments settle in a system of a kind; one that keeps no accounts has two others as legs."""
    systems, kept = book(kind), kept_in(kind, **more) if kinds(System)[kind].keeps_accounts else []
    name = "gross"
    if not kept:
        name = "link"
        systems = book(kind, name) | book("rtgs") | book("rtgs", "other", "BYN")
        kept = kept_in("rtgs") + kept_in("rtgs", "other")
    return _town(name, systems, kept)


def leg(kind: str) -> Declared:
    """A town whose payments settle in a link, over a leg of a kind."""
    systems = (
        {"link": {"kind": "pvp", "legs": ["gross", "other"]}} | book(kind) | book("rtgs", "other", "BYN")
    )
    return _town("link", systems, kept_in(kind) + kept_in("rtgs", "other"))


def _town(system: str, systems: Declared, kept: list[Declared]) -> Declared:
    banks = {bank: {"side": "town", "hours": "always"} for bank in ("a", "b", "hub")}
    route = {"steps": [{"kind": "settle", "system": system}, POST]}
    return town(
        {"a": "0", "b": "0"},
        hours={"office": OFFICE},
        banks=banks,
        systems=systems,
        accounts=kept,
        routes={"direct": route},
    )


def passing(kind: str) -> Declared:
    """A border whose only route has a step of a kind, and little else."""
    step, declared = example(STEPS, kind), kinds(Step)[kind]
    settle = [] if declared.moves else [example(STEPS, "settle")]
    steps = [*settle, step] if declared.credits else [step, *settle, POST]
    return border("100", routes={"direct": {"steps": steps}})


def trade(*timeline: Declared) -> Declared:
    """A week of trade over a hub that keeps accounts of both sides' banks, and what happens on the timeline."""
    sides = {side: {"side": side, "hours": "office"} for side in ("west", "east")}
    buy, sell = {"kind": "convert"}, {"kind": "convert", "by": "payee"}
    review = {"kind": "screen", "at": "payee_bank", "probability": 0, "work": TWO_HOURS}

    def over(system: str, currency: str = "CNY", **more: Any) -> Declared:  # noqa: ANN401 - of a route
        steps = [example(STEPS, "originate"), buy, {"kind": "settle", "system": system}, review, POST, sell]
        return {"carries": {"currencies": [currency]}, "steps": steps, **more}

    return border(
        "10",
        period={"start": "2024-03-04 00:00", "end": "2024-03-11 00:00", "zone": "Europe/Minsk"},
        hours={"office": OFFICE},
        sides={
            side: {"functional_currency": currency, "hours": "always", "markets": ["exchange"]}
            for side, currency in (("west", "BYN"), ("east", "CNY"))
        },
        banks={**sides, "hub": {"side": "east", "hours": "always"}},
        systems={
            **book("rtgs"),
            **book("rtgs", "roubles", "BYN"),
            "books": {"kind": "correspondent", "currency": "CNY", "hours": "office"},
        },
        accounts=[
            *accounts({"west": "1", "east": "0"}),
            *accounts({"west": "1000", "east": "0"}, "roubles"),
            *accounts({"west": "1000", "east": "0"}, "books", servicer="hub"),
        ],
        routes={
            "over-hub": over("books"),
            "direct": over("gross", weight=0),
            "in-roubles": over("roubles", "BYN"),
        },
        flows={"trade": {**ACROSS["trade"], "value": "5000"}},
        horizon="3d",
        timeline=list(timeline),
    )
