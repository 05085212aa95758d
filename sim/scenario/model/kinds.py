"""The kinds of a declaration are those among which its key `kind` chooses; each states what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from sim.scenario.model.base import Declaration


def kinds(union: Any) -> dict[str, type[Declaration]]:  # noqa: ANN401 - no type describes a union
    """The declarations of a discriminated union by kind, in the order in which it lists them.

    A declaration that is one of no union stands for itself, with all the kinds that it can be.
    """
    members, *_ = get_args(union) or [union]
    return {
        kind: member
        for member in get_args(members) or [members]
        for kind in get_args(member.model_fields["kind"].annotation)
    }


def kinds_that(union: Any, capability: str) -> tuple[str, ...]:  # noqa: ANN401 - as above
    """The kinds that have a capability, a `ClassVar` that each of them states."""
    return tuple(kind for kind, declaration in kinds(union).items() if getattr(declaration, capability))


def alternatives(names: Sequence[str]) -> str:
    """Some names as a choice: `rtgs, correspondent or hybrid`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def stated_by(declaration: type[Declaration]) -> list[str]:
    """What a kind has to state: each `ClassVar`, and each method that is abstract somewhere above it."""
    announced = {name for owner in declaration.__mro__ for name in getattr(owner, "__abstractmethods__", ())}
    return sorted(declaration.__class_vars__ | announced)


def is_open(attribute: object) -> bool:
    """Whether an attribute of a class is a method that is announced only."""
    return bool(getattr(attribute, "__isabstractmethod__", False))


def check_stated(
    union: Any,  # noqa: ANN401 - as above
    of: str,
    base: type[Declaration] = Declaration,
    implied: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> None:
    """TypeError that names each kind which leaves open what it has to state.

    That is, whatever `base`, from which all kinds inherit, announces; and for who claims a capability, the fields and
    methods that everybody then takes for granted: `implied`, by capability.
    """
    lacking = []
    for kind, declaration in kinds(union).items():
        if not issubclass(declaration, base):
            lacking.append(f"{of} {kind!r} does not inherit from {base.__name__!r}")
            continue
        lacking += [f"{of} {kind!r} does not state {name!r}" for name in open_in(declaration)]
        known = {*declaration.model_fields, *dir(declaration)}
        lacking += [
            f"{of} {kind!r} states {capability!r} and has no {name!r}"
            for capability, names in implied.items()
            if getattr(declaration, capability, False)
            for name in names
            if name not in known
        ]
    if lacking:
        raise TypeError("; ".join(lacking))


def open_in(declaration: type[Declaration]) -> list[str]:
    """What a kind has to state and leaves open."""
    return [
        name
        for name in stated_by(declaration)
        if not hasattr(declaration, name) or is_open(getattr(declaration, name))
    ]
