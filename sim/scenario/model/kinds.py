"""The kinds of a declaration are those among which its key `kind` chooses; each states what it is."""

from __future__ import annotations

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


def stated_by(declaration: type[Declaration]) -> list[str]:
    """What a kind has to state: each `ClassVar`, and each method that is abstract somewhere above it."""
    announced = {name for owner in declaration.__mro__ for name in getattr(owner, "__abstractmethods__", ())}
    return sorted(declaration.__class_vars__ | announced)


def is_open(attribute: object) -> bool:
    """Whether an attribute of a class is a method that is announced only."""
    return bool(getattr(attribute, "__isabstractmethod__", False))


def check_stated(union: Any, of: str) -> None:  # noqa: ANN401 - as above
    """TypeError that names each kind which leaves open what it has to state."""
    lacking = [
        f"{of} {kind!r} does not state {name!r}"
        for kind, declaration in kinds(union).items()
        for name in stated_by(declaration)
        if not hasattr(declaration, name) or is_open(getattr(declaration, name))
    ]
    if lacking:
        raise TypeError("; ".join(lacking))
