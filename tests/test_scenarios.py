"""The scenarios that come with the package read as prose, run, and differ by what they say differs."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from sim.scenario.document import parse, plain
from sim.scenario.library import changes, find, find_change, folder, names
from sim.scenario.load import load, to_yaml
from sim.scenario.merge import NOT_INHERITED, resolve
from sim.scenario.model.steps import Originate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sim.results.results import Results

NAMES = names()
CHANGES = [f"changes/{name}" for name in changes()]


def text_of(name: str) -> str:
    """What stands in the file of a scenario, or of a change below `changes/`."""
    path = find_change(name.removeprefix("changes/")) if name in CHANGES else find(name)
    assert path is not None
    return path.read_text("utf-8")


def written(name: str) -> dict[str, Any]:
    """What stands in the file itself."""
    found = plain(parse(text_of(name), name))
    assert isinstance(found, dict)
    return found


@cache
def parent_of(name: str) -> str | None:
    """Library name of what a scenario extends, which it names by its path from its own folder."""
    extends = written(name).get("extends")
    if extends is None:
        return None
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), str(extends)))
    return beside.removesuffix(".yaml")


def chain(name: str) -> list[str]:
    """A scenario, what it extends, and so on."""
    parent = parent_of(name)
    return [name] if parent is None else [name, *chain(parent)]


def base_of(name: str) -> str:
    """What a mechanism is a variant of, outside of its folder."""
    return next(one for one in chain(name) if not one.startswith("mechanisms/"))


VARIANTS = [name for name in NAMES if parent_of(name) is not None]


def test_the_library_is_here() -> None:
    assert {"baseline", "national-currency", "dollar-legacy"} <= set(NAMES)
    assert folder().is_dir()


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_what_it_is_and_what_it_asks(name: str) -> None:
    scenario = load(name)
    assert scenario.name.endswith(name.rsplit("/", 1)[-1])
    assert scenario.question.endswith("?")
    assert scenario.question.count("?") == 1
    assert len(scenario.description.split()) >= 20
    own = written(name)
    assert all(own.get(key) for key in NOT_INHERITED)


def test_no_two_scenarios_share_a_name_or_a_question() -> None:
    scenarios = [load(name) for name in NAMES]
    assert len({scenario.name for scenario in scenarios}) == len(NAMES)
    assert len({scenario.question for scenario in scenarios}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_runs_and_most_payments_arrive(name: str, short_runs: Mapping[str, Results]) -> None:
    results = short_runs[name]
    measures = results.measures
    assert measures["payments"].value > 500
    assert 0 < measures["settled_share"].value <= 1
    assert measures["delay"].value["mean"] > 0
    reasons = results["steps"].filter(like="_seconds")
    assert (reasons >= 0).all(axis=None)
    assert reasons.to_numpy().sum() > 0
    assert set(results.payments["route"]) <= set(results.scenario.routes)
    # Every declared route is used: one that is not was left behind by an edit.
    assert set(results.payments["route"]) == set(results.scenario.routes)
    # Nothing is warned of but what calendars do not know.
    told = [text for text in results.manifest["warnings"] if not text.startswith("calendar")]
    # Messages take too long for one payment in ten that banks promise the same day; that is said, and meant.
    assert [text for text in told if "promised value on the same day" not in text] == []


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_names_its_lever(name: str) -> None:
    """It has changes and nothing of its own, or loading holds it to its list: all of it differs, and nothing else."""
    own = written(name)
    assert {"changes", "differs_in"} & own.keys()
    if "changes" in own:
        assert own.keys() <= {*NOT_INHERITED, "extends", "changes"}
    named = own.get("changes", own.get("differs_in"))
    assert named
    assert named == list(dict.fromkeys(named))


def order_windows(name: str) -> dict[tuple[str, str, str], set[str]]:
    """Cut-offs, by currency and sides of the payer and payee, on the routes in daily use."""
    scenario = load(name)
    found: dict[tuple[str, str, str], set[str]] = {}
    for route in scenario.routes.values():
        carries = route.carries
        for currency in carries.currencies or ():
            for payer in [carries.payer] if carries.payer else ["belarus", "china"]:
                for payee in [carries.payee] if carries.payee else ["belarus", "china"]:
                    if payer == payee or route.weight == 0:
                        continue
                    value = route.value.get(payer) if isinstance(route.value, dict) else route.value
                    windows = [step.accepts for step in route.steps if isinstance(step, Originate)]
                    for hours in windows if value is None else [value.cutoff]:
                        declared = scenario.hours[hours] if isinstance(hours, str) else hours
                        found.setdefault((currency, payer, payee), set()).add(repr(declared))
    return found


#: Designs that take orders in other hours, and so have part of their effect from that.
OF_ORDERS = frozenset({"orders-all-day", "national-currency"})


@pytest.mark.parametrize("name", [name for name in VARIANTS if chain(name)[-1] == "baseline"])
def test_no_design_borrows_the_effect_of_another_order_window(name: str) -> None:
    parent = parent_of(name)
    assert parent is not None
    own, inherited = order_windows(name), order_windows(parent)
    changed = {key for key in own.keys() & inherited.keys() if own[key] != inherited[key]}
    assert changed == ({("CNY", "belarus", "china")} if name in OF_ORDERS else set())
    if name in OF_ORDERS:
        assert "orders" in name or "orders-all-day" in load(name).description


def test_nothing_is_declared_that_no_scenario_uses() -> None:
    """A variant may inherit what it does not need, but then its parent needs it, or a sister."""
    scenarios = [load(name) for name in NAMES]
    texts = [to_yaml(scenario) for scenario in scenarios]
    sections = ("calendars", "hours", "banks", "systems", "treasuries", "markets", "firms")
    for name in {name for one in scenarios for section in sections for name in getattr(one, section)}:
        mentions = [len(re.findall(rf"(?<![\w-]){name}(?![\w-])", text)) for text in texts]
        assert max(mentions) > 1, name


def restated(child: Any, parent: Any, path: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401
    """Paths at which a variant says what it inherits anyway; a list is one value."""
    if isinstance(child, dict) and isinstance(parent, dict):
        if {"kind"} <= child.keys() & parent.keys() and child["kind"] != parent["kind"]:
            return
        for key, value in child.items():
            # A kind beside other keys says which alternative they belong to.
            if key in parent and key != "kind":
                yield from restated(value, parent[key], (*path, key))
    elif child == parent:
        yield ".".join(path)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_states_only_what_differs(name: str) -> None:
    child = {
        key: value
        for key, value in written(name).items()
        if key not in {*NOT_INHERITED, "extends", "differs_in", "changes"}
    }
    parent = parent_of(name)
    assert parent is not None
    assert list(restated(child, plain(resolve(parent).tree))) == []
    assert child or written(name)["changes"]


#: Keys whose numbers somebody has measured or assumed.
CALIBRATED = frozenset(
    {
        *("spread_bps", "probability", "lag", "delivery", "volatility", "follows", "weight", "rates"),
        *("low", "mode", "high", "median", "p95", "mean", "sigma", "longest", "largest", "value"),
        *(
            "flat",
            "share",
            "minimum",
            "maximum",
            "balance",
            "target",
            "sessions",
            "after_break",
            "before_break",
        ),
        *("count", "size_sigma", "cities", "invoicing", "months", "days", "below"),
    }
)


def blocks(node: Any, path: tuple[Any, ...] = (), above: tuple[Any, ...] = ()) -> Iterator[Any]:  # noqa: ANN401
    """Every mapping of a document with its path and the mappings around it."""
    if isinstance(node, dict):
        yield path, node, above
        for key, child in node.items():
            yield from blocks(child, (*path, key), (*above, node))
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from blocks(child, (*path, number), above)


def speaks(comment: object) -> bool:
    return any(word in str(comment) for word in ("assumption", "source", "range"))


def unsourced(text: str) -> list[str]:
    """Paths of calibrated numbers without a source.

    A number is sourced by a `source` in its mapping or in one around it, up to the entry of a top-level key;
    by a comment on its line or above its top-level key that names a source or an assumption; as an alias
    of something sourced; and, for invoicing shares, by a description that owns up to them.
    """
    document = YAML(typ="rt", pure=True).load(text)
    comments = text_comments(text)
    sourced: set[int] = set()
    wanting: dict[str, tuple[int, ...]] = {}
    for path, block, above in blocks(document):
        if len(path) < 1:
            continue
        chain = (*above[1:], block)
        has = any("source" in one for one in chain) or comments.get(str(path[0]), False)
        for key, value in block.items():
            if key not in CALIBRATED or value is None or (isinstance(value, dict) and "source" in value):
                continue
            place = ".".join(str(step) for step in (*path, key))
            # A plain number is the same object wherever it stands; a mapping or an anchored number is not.
            own = () if type(value) in {int, str} else (id(value),)
            told = has or speaks(beside(block, key))
            if key == "invoicing":
                told = told or "shares are assumption" in " ".join(str(document["description"]).split())
            if told:
                sourced.update(own, (id(block),) if has else ())
            else:
                wanting[place] = (*(id(one) for one in chain[1:]), *own)
    return [place for place, ids in wanting.items() if not sourced & set(ids)]


def beside(block: Any, key: str) -> str:  # noqa: ANN401
    """The comment at the end of the line of a key."""
    return str(block.ca.items.get(key, "")) if hasattr(block, "ca") else ""


def text_comments(text: str) -> dict[str, bool]:
    """Whether the comment above a top-level key, or above several in a row, speaks of where its numbers come from."""
    found: dict[str, bool] = {}
    above = ""
    for line in text.splitlines():
        if line.startswith("#"):
            above += line
        else:
            if line and not line[0].isspace() and ":" in line:
                found[line.split(":")[0]] = speaks(above)
            if not line or line[0].isspace():
                above = ""
    return found


@pytest.mark.parametrize("name", [*NAMES, *CHANGES])
def test_each_calibrated_number_has_a_source_or_is_an_assumption(name: str) -> None:
    assert unsourced(text_of(name)) == []


def test_a_number_without_a_source_would_be_found() -> None:
    text = """\
description: d
banks: {a: {hours: h}}
markets:
  m:
    delivery: 1h
    pairs: {CNY/BYN: {spread_bps: 3, source: somewhere}, USD/BYN: {spread_bps: 3}}
  n:
    delivery: 1h  # assumption
    pairs: {CNY/BYN: {spread_bps: 3}}
routes:
  r:
    steps:
      - {kind: originate, work: &work {kind: exponential, mean: 1h}, source: somebody}
      - {kind: post, work: *work}
      - {kind: post, work: {kind: exponential, mean: 2h}}
# Balances are assumption.
accounts:
  - {holder: a, balance: 5}
"""
    assert unsourced(text) == [
        "markets.m.delivery",
        "markets.m.pairs.USD/BYN.spread_bps",
        "markets.n.pairs.CNY/BYN.spread_bps",
        "routes.r.steps.2.work.mean",
    ]


TRADE = ["flow", "term", "payer", "payee", "payer_side", "payee_side", "invoiced_at", "due_at"]


def usd_cents(results: Results) -> np.ndarray:
    """Size of each obligation at mid when it was invoiced."""
    rates = results.fx.pivot_table(index="valid_from", columns="currency", values="per_usd", observed=True)
    row = (
        rates.index.searchsorted(results.obligations["invoiced_at"].dt.as_unit(rates.index.unit), "right") - 1
    )
    column = rates.columns.get_indexer(results.obligations["currency"].astype(str))
    return results.obligations["amount"].to_numpy() / rates.to_numpy()[row, column]


@pytest.mark.parametrize("name", ["national-currency", "dollar-legacy"])
def test_one_seed_draws_the_same_trade(name: str, short_runs: Mapping[str, Results]) -> None:
    one, other = short_runs["baseline"], short_runs[name]
    pd.testing.assert_frame_equal(one.obligations[TRADE], other.obligations[TRADE])
    assert not one.obligations["currency"].astype(str).equals(other.obligations["currency"].astype(str))
    # Amounts are rounded to minor units, of which the smallest is worth about a cent of a dollar.
    assert np.abs(usd_cents(one) - usd_cents(other)).max() <= 1.01
    shared = [column for column in one.firms if column != "bank"]
    assert one.firms[shared].astype(str).equals(other.firms[shared].astype(str))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("mechanisms/")])
def test_a_mechanism_changes_when_payments_settle_and_nothing_before(
    name: str, short_runs: Mapping[str, Results]
) -> None:
    # Mechanisms of one base are run alike, and so can be compared.
    sisters = [
        other for other in NAMES if other.startswith("mechanisms/") and base_of(other) == base_of(name)
    ]
    first, other = short_runs[sisters[0]], short_runs[name]
    pd.testing.assert_frame_equal(first.obligations, other.obligations)
    drawn = ["obligation_id", "route", "payer_bank", "payee_bank", "currency", "amount", "instructed_at"]
    pd.testing.assert_frame_equal(first.payments[drawn], other.payments[drawn])


def test_one_seed_draws_the_same_rates(short_runs: Mapping[str, Results]) -> None:
    tables = {
        name: run.fx.astype({"currency": str}).set_index(["valid_from", "currency"])["per_usd"]
        for name, run in short_runs.items()
    }
    for rates in [rates for name, rates in tables.items() if chain(name)[-1] == "baseline"]:
        shared = rates.index.intersection(tables["baseline"].index)
        assert len(shared) > 300
        assert (rates[shared] == tables["baseline"][shared]).all()


def mean_exposure(results: Results, currency: str) -> float:
    """Mean over days of the absolute positions of both sides."""
    rows = results.exposure[results.exposure["currency"] == currency]
    return float(rows["net_open_position_reporting"].abs().mean()) if len(rows) else 0.0


def test_settlement_in_national_currencies_is_faster(short_runs: Mapping[str, Results]) -> None:
    delays = {name: run.measures["delay"].value for name, run in short_runs.items()}
    for statistic in ("mean", "value_weighted"):
        assert delays["national-currency"][statistic] < delays["baseline"][statistic]


def test_dollar_invoices_expose_both_sides_to_the_dollar(short_runs: Mapping[str, Results]) -> None:
    exposures = {name: mean_exposure(run, "USD") for name, run in short_runs.items()}
    assert exposures["national-currency"] == 0
    assert exposures["dollar-legacy"] > 2 * exposures["baseline"]


@pytest.mark.parametrize("name", NAMES)
def test_nobody_pays_for_an_exchange_that_does_not_take_place(
    name: str, short_runs: Mapping[str, Results]
) -> None:
    run = short_runs[name]
    fees = run.fees[run.fees["kind"] == "convert"]
    # The tariff is that of Belarusian banks, and their clients pay it.
    sides = run.firms.set_index("firm")["side"].astype(str)
    assert set(sides[fees["firm"].astype(str)]) <= {"belarus"}
    dealt = run.conversions[(sides[run.conversions["firm"].astype(str)] == "belarus").to_numpy()]
    deals = set(zip(dealt["payment_id"], dealt["firm"].astype(str), strict=True))
    charged = set(zip(fees["payment_id"], fees["firm"].astype(str), strict=True))
    assert deals <= charged
    # A firm is charged when it turns to the market, where the deal may not have been made by the end.
    assert len(charged - deals) <= 0.02 * len(deals)


@pytest.mark.parametrize("name", [*NAMES, *CHANGES])
def test_the_files_are_plain_text(name: str) -> None:
    lines = text_of(name).splitlines()
    assert all(line == line.rstrip() and "\t" not in line for line in lines)


def test_no_other_file_lies_in_the_library() -> None:
    others = [path for path in folder().rglob("*") if path.is_file() and path.suffix != ".yaml"]
    stray: list[Path] = [path for path in others if path != folder() / "README.md"]
    assert stray == []
