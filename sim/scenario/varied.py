"""A scenario at other values of what it assumes is a scenario of its own, and has to be valid as any other."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError

from sim.core.scales import Value, between, factor_at, rounded, times
from sim.errors import Problem, ScenarioError
from sim.scenario.assumptions import UNCERTAIN, beside
from sim.scenario.check import check
from sim.scenario.explain import explain
from sim.scenario.model import Scenario
from sim.scenario.paths import path_of
from sim.scenario.tree import KeyPath, Mark, Node, dotted, read_scalar
from sim.scenario.writing import data_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sim.scenario.model.uncertain import Assumption

#: Rescaled shares have so many decimals; the largest of them takes what is left.
_SHARE_STEP: Final = Decimal("0.000001")
_PAIR: Final = 2

#: Quantiles from 0 to 1 of assumptions by name.
Quantiles = dict[str, float]


class Varied(NamedTuple):
    """A scenario with other values for what it assumes, and what was drawn by name: the quantile, and a text."""

    scenario: Scenario
    drawn: dict[str, tuple[float, str]]


def varied(scenario: Scenario, at: Mapping[str, float]) -> Varied:
    """The scenario with some of its assumptions at these quantiles, after which it assumes nothing any more.

    Names of assumptions that it does not have are passed over. `ScenarioError` if that makes no valid scenario.
    """
    data = data_of(scenario)
    data.pop(UNCERTAIN, None)
    written = _tree(data)
    drawn: dict[str, tuple[float, str]] = {}
    for name, assumption in scenario.uncertain.items():
        if name in at:
            values, text = _values(assumption, data, written, at[name])
            drawn[name] = at[name], text
            for path, value in values.items():
                _put(data, path, value)
    names = {name: value.keys() for name, value in data.items() if isinstance(value, dict)}
    try:
        found = Scenario.model_validate(data, context={"names": names, "document": data, "saved": False})
    except ValidationError as error:
        raise ScenarioError([one.problem for one in explain(error, _tree(data), Scenario)]) from None
    if problems := [Problem("", dotted(path), message, hint) for path, message, hint in check(found)]:
        raise ScenarioError(problems)
    return Varied(found, drawn)


def check_assumptions(
    scenario: Scenario, again: Callable[[Scenario], object], place: Callable[[KeyPath, str], Problem]
) -> None:
    """Refuse assumptions of which some values make no valid scenario, or one that `again` refuses.

    Looked at are each pair of assumptions at all four corners that their ends make, the middle of all, and each
    alternative of a choice. The first that is wrong with an assumption, or with a pair, is told.
    `ScenarioError` that tells each assumption, or pair of them, where it is declared, which `place` knows.
    """
    known: dict[frozenset[tuple[str, float]], Problem | None] = {}

    def wrong(at: Quantiles) -> Problem | None:
        """The first problem at these quantiles."""
        key = frozenset(at.items())
        if key not in known:
            try:
                again(varied(scenario, at).scenario)
                known[key] = None
            except ScenarioError as error:
                known[key] = error.problems[0]
        return known[key]

    told: dict[tuple[str, ...], Problem] = {}
    for corner in _corners(scenario.uncertain):
        if wrong(corner) is None:
            continue
        for size in (1, _PAIR, len(corner)):
            blamed = [dict(few) for few in combinations(corner.items(), size) if wrong(dict(few))]
            for few in blamed:
                path = (UNCERTAIN, list(few)[-1])
                told.setdefault(tuple(few), place(path, _where(scenario, few, wrong(few))))
            if blamed:
                break
    if told:
        raise ScenarioError(list(told.values()))


def _corners(assumptions: Mapping[str, Assumption]) -> Iterator[Quantiles]:
    """Quantiles among which each pair of assumptions meets in all four corners; the middle; alternatives one by one.

    Pairs meet by the binary digits of their numbers: of any two, some digit differs.
    """
    names = list(assumptions)
    for bit in range(-1, len(names).bit_length() if len(names) > 1 else 0):
        low = {name: float(bit >= 0 and number >> bit & 1) for number, name in enumerate(names)}
        yield low
        yield {name: 1 - at for name, at in low.items()}
    yield dict.fromkeys(names, 0.5)
    for name, assumption in assumptions.items():
        total = sum((assumption.choice or {}).values(), Decimal(0))
        before = Decimal(0)
        for weight in (assumption.choice or {}).values():
            if weight:
                yield {name: float((before + weight / 2) / total)}
            before += weight


def _where(scenario: Scenario, at: Quantiles, found: Problem | None) -> str:
    """That something goes wrong at these values."""
    data = data_of(scenario)
    written = _tree(data)
    drawn = {name: _values(scenario.uncertain[name], data, written, where)[1] for name, where in at.items()}
    values = " and ".join(f"{name} is {text}" for name, text in drawn.items())
    why = "" if found is None else ": ".join(part for part in (found.path, found.message) if part)
    return f"no valid scenario where {values}: {why}"


def _values(
    assumption: Assumption, data: dict[str, Any], written: Node, at: float
) -> tuple[dict[KeyPath, Value], str]:
    """The values at a quantile by path, and what was drawn."""
    paths = [_steps(data, path) for path in assumption.paths]
    there = {path: _get(data, path) for path in paths}
    if assumption.range is not None:
        low, high = assumption.range
        found = {
            path: between(low, high, at, whole=isinstance(value, int) and not isinstance(value, bool))
            for path, value in there.items()
        }
        return found, str(found[paths[0]])
    if assumption.factor is not None:
        factor = factor_at(*assumption.factor, at)
        found = {path: times(value, factor, whole=isinstance(value, int)) for path, value in there.items()}
        return found, f"× {factor}"
    if assumption.share is not None:
        low, high = assumption.share
        share = Decimal(rounded(low + Decimal(at) * (high - low), whole=False))
        found = {}
        for path in paths:
            found |= _rescaled(
                {one: Decimal(_get(data, one)) for one in (path, *beside(written, path))}, share
            )
        return found, str(share)
    value = _chosen(assumption.choice or {}, at)
    chosen: Any = read_scalar(value)
    return dict.fromkeys(paths, chosen), value


def _rescaled(parts: dict[KeyPath, Decimal], share: Decimal) -> dict[KeyPath, Value]:
    """The parts of a total, the first of which has a share of it; the others keep their ratios."""
    total = sum(parts.values(), Decimal(0))
    first, *others = parts
    rest = sum((parts[other] for other in others), Decimal(0))
    found = {first: total * share}
    for other in others:
        part = parts[other] / rest if rest else Decimal(1) / len(others)
        found[other] = (part * total * (1 - share)).quantize(_SHARE_STEP)
    largest = max(others, key=lambda other: found[other])
    found[largest] += total - sum(found.values(), Decimal(0))
    return dict(found)


def _chosen(weights: Mapping[str, Decimal], at: float) -> str:
    """The alternative at a quantile, in the order in which they stand."""
    total = sum(weights.values(), Decimal(0))
    wanted, before = Decimal(at) * total, Decimal(0)
    able = [value for value, weight in weights.items() if weight]
    for value in able:
        before += weights[value]
        if wanted < before:
            return value
    return able[-1]


def _tree(data: Any) -> Node:  # noqa: ANN401 - a tree of unknown shape is what this is
    if isinstance(data, dict):
        return Node({key: _tree(value) for key, value in data.items()}, Mark(""))
    return Node([_tree(value) for value in data] if isinstance(data, list) else data, Mark(""))


def _steps(data: dict[str, Any], text: str) -> KeyPath:
    """The path with whole numbers for places in lists."""
    here: Any = data
    steps: list[str | int] = []
    for step in path_of(text) or ():
        steps.append(int(step) if isinstance(here, list) else str(step))
        here = here[steps[-1]]
    return tuple(steps)


def _get(data: dict[str, Any], path: KeyPath) -> Any:  # noqa: ANN401 - whatever stands there
    here: Any = data
    for step in path:
        here = here[step]
    return here


def _put(data: dict[str, Any], path: KeyPath, value: Value) -> None:
    _get(data, path[:-1])[path[-1]] = value
