"""The figures of a study as methods; the room that draws them puts them here, so that this one need not know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Figures by name, of an ensemble and of a comparison.
OF_ENSEMBLE: dict[str, Callable[..., Any]] = {}
OF_COMPARISON: dict[str, Callable[..., Any]] = {}


class StudyPlots:
    """The figures of a study as methods, such as `ensemble.plot.fan()`; each returns matplotlib axes."""

    def __init__(self, study: object, figures: Mapping[str, Callable[..., Any]]) -> None:
        self._study, self._figures = study, figures

    def __dir__(self) -> list[str]:
        return sorted(self._figures)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._figures:
            raise AttributeError(f"no figure {name!r}; there are {', '.join(sorted(self._figures))}")
        figure = self._figures[name]

        def draw(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the figure has it
            return figure(self._study, *args, **kwargs)

        draw.__doc__, draw.__name__ = figure.__doc__, name
        return draw
