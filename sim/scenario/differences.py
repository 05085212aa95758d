"""A variant that says where it differs from what it extends is held to it, so that no second change slips in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.tree import KeyPath, Located, Node, dotted, located, plain

if TYPE_CHECKING:
    from collections.abc import Iterator


def held_to(declared: Node, at: KeyPath, inherited: Node | None, variant: Node) -> Iterator[Located]:
    """Where a variant differs but does not say so, or says so but does not differ.

    `declared`, which stands at `at`, lists dotted paths at or below which it differs; `*` is any one step.
    Nothing is `inherited` by what extends nothing.
    """
    if inherited is None:
        yield located(declared.told_at, at, "a scenario that extends nothing differs from nothing")
        return
    items = declared.value if isinstance(declared.value, list) else [declared]
    if stray := [item for item in items if not isinstance(item.value, str)]:
        message = "a list of paths is needed, such as [systems.hvps, routes.usd]"
        yield from (located(item.told_at, at, message) for item in stray)
        return
    paths = {str(item.value): item for item in items}
    unused = dict(paths)
    for path in differences(inherited, variant):
        holders = [named for named in paths if _lies_in(path, named)]
        for holder in holders:
            unused.pop(holder, None)
        if not holders:
            yield located(declared.told_at, at, f"{dotted(path)} differs, too, but is not named here")
    for named, item in unused.items():
        yield located(item.mark, at, f"nothing differs at {named}")


def differences(one: Node | None, other: Node | None, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths at which two trees differ, as deep as both have the same keys or equally long lists."""
    if one and other and isinstance(one.value, dict) and isinstance(other.value, dict):
        for key in dict.fromkeys([*one.value, *other.value]):
            yield from differences(one.value.get(key), other.value.get(key), (*path, key))
        return
    left, right = (node.value if node else None for node in (one, other))
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, (*path, index))
    elif not one or not other or plain(one) != plain(other):
        yield path


def _lies_in(path: KeyPath, named: str) -> bool:
    """Whether a path is that of a dotted text, in which `*` is any one step, or lies below it."""
    steps = named.split(".")
    return len(path) >= len(steps) and all(
        step in {"*", str(found)} for step, found in zip(steps, path, strict=False)
    )
