"""The figures of a run or of a study as methods of what they show: with a docstring and a signature, as any other."""

from __future__ import annotations

import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Figures of a run by name. The room that draws them puts them here, so that this one need not know it.
FIGURES: dict[str, Callable[..., Any]] = {}


class Plots:
    """Figures as methods, such as `results.plot.delay()`; each returns matplotlib axes."""

    def __init__(self, subject: object, figures: Mapping[str, Callable[..., Any]]) -> None:
        self._subject, self._figures = subject, figures
        self.__doc__ = f"{type(self).__doc__}\n\n{self!r}"

    def __dir__(self) -> list[str]:
        return sorted(self._figures)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The figure of that name as a method: it is given the axes, and options by name, but not what it shows."""
        # Copy and pickle look for private names before there is anything.
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._figures:
            raise AttributeError(f"no figure {name!r}; there are {', '.join(dir(self))}")
        return MethodType(self._figures[name], self._subject)

    def __repr__(self) -> str:
        """A line for each figure: how it is called, and what it shows."""
        methods = [getattr(self, name) for name in dir(self)]
        calls = [f"{method.__name__}({_arguments(method)})" for method in methods]
        shows = [(inspect.getdoc(method) or "").partition("\n")[0] for method in methods]
        width = max(map(len, calls), default=0)
        return "\n".join(f"{call:{width}}  {says}" for call, says in zip(calls, shows, strict=True))


class PlotsOf:
    """The attribute `plot` of a class whose objects have these figures.

    It is no property, for notebooks look behind none of these when they complete a name or explain `results.plot?`.
    """

    def __init__(self, figures: Mapping[str, Callable[..., Any]]) -> None:
        self._figures = figures

    @overload
    def __get__(self, subject: None, owner: type) -> PlotsOf: ...

    @overload
    def __get__(self, subject: object, owner: type) -> Plots: ...

    def __get__(self, subject: object | None, owner: type) -> Plots | PlotsOf:
        """The figures of an object; of a class, this."""
        return self if subject is None else Plots(subject, self._figures)


def _arguments(method: Callable[..., Any]) -> str:
    """The arguments as one writes them, without their types."""
    return ", ".join(
        name if argument.default is argument.empty else f"{name}={argument.default!r}"
        for name, argument in inspect.signature(method).parameters.items()
    )
