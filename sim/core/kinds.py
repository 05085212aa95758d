"""A kind that lacks its other half fails by name where it is imported, never by silence in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from inspect import isclass, unwrap
from pkgutil import iter_modules
from typing import Generic, TypeVar

Half = TypeVar("Half")


class Halves(Mapping[str, Half], Generic[Half]):
    """What a room adds to each kind that is declared before it: a class, a function, a word, a colour.

    `of` and `what` name them in words, as in "kind of system 'rtgs' lacks an engine".
    """

    def __init__(self, of: str, what: str) -> None:
        self._of = of
        self._what = what
        self._found: dict[str, Half] = {}

    def add(self, half: Half, *kinds: str) -> None:
        """Let `half` serve some kinds; TypeError where another one does already."""
        for kind in kinds:
            if self._found.setdefault(kind, half) is not half:
                raise TypeError(f"{self._of} {kind!r} has {self._what} twice")

    def complete(self, declared: Iterable[str]) -> None:
        """Bring the kinds into the order in which they are declared.

        TypeError that names those without a half, and the halves of kinds not declared.
        """
        kinds = list(declared)
        complete(kinds, self, of=self._of, what=self._what)
        self._found = {kind: self._found[kind] for kind in kinds}

    def require(self, offered: type, kinds: Iterable[str]) -> None:
        """TypeError that names each of some kinds whose half, if it is a class, lacks a method of a protocol."""
        lacking = [
            f"{self._of} {kind!r} has {self._what} without {name!r}"
            for kind in kinds
            if isclass(half := unwrap(self._found[kind]))  # type: ignore[arg-type]
            for name in dir(offered)
            if not name.startswith("_") and not hasattr(half, name)
        ]
        if lacking:
            raise TypeError("; ".join(lacking))

    def __getitem__(self, kind: str) -> Half:
        """The half of a kind."""
        return self._found[kind]

    def __iter__(self) -> Iterator[str]:
        """The kinds."""
        return iter(self._found)

    def __len__(self) -> int:
        """How many kinds have it."""
        return len(self._found)


class Stated(dict[str, Half]):
    """What a kind states, or has drawn for it, by the name of the field; TypeError for a name that it does not know.

    `whose` is the beginning of a sentence, as in "kind of step 'post' draws no 'time'".
    """

    def __init__(self, whose: str, found: Mapping[str, Half]) -> None:
        super().__init__(found)
        self._whose = whose

    def __missing__(self, name: str) -> Half:
        """Refuse a name that nobody stated, which only code asks for that does not go with the declaration."""
        raise TypeError(f"{self._whose} no {name!r}")


def complete(declared: Iterable[str], halves: Iterable[str], *, of: str, what: str) -> None:
    """TypeError that names the declared kinds without a half, and the halves of kinds not declared."""
    kinds, found = list(declared), set(halves)
    lacking = [f"{of} {kind!r} lacks {what}" for kind in kinds if kind not in found]
    stray = [f"{kind!r} has {what} but is no {of}" for kind in sorted(found - {*kinds})]
    if lacking or stray:
        raise TypeError("; ".join(lacking + stray))


def import_all(package: str, path: Iterable[str]) -> None:
    """Import every module of a package, so that a file put there is known without being listed."""
    for module in iter_modules(path):
        import_module(f"{package}.{module.name}")
