"""What is right in one part of a scenario can be checked although another part is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F")


class UnsoundError(Exception):
    """A check has asked for a section that is wrong, so nothing that it would say is sound."""


class _Sound:
    """The sections of a model that are right; whoever asks for another one hears `UnsoundError`."""

    def __init__(self, model: BaseModel, unsound: frozenset[str]) -> None:
        self._model = model
        self._unsound = unsound

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the section is
        if name in self._unsound:
            raise UnsoundError(name)
        return getattr(self._model, name)


def sound_sections(
    model: type[M], data: Mapping[str, Any], unsound: frozenset[str], context: dict[str, Any]
) -> M | None:
    """The model of `data` of which each section but the `unsound` ones can be asked for; None if there is none.

    What stands in for a needed section is a model's own `STAND_INS`.
    """
    kept = {key: value for key, value in data.items() if key in model.model_fields and key not in unsound}
    stand_ins = {key: value for key, value in getattr(model, "STAND_INS", {}).items() if key in unsound}
    try:
        rest = model.model_validate(stand_ins | kept, context=context)
    except ValidationError:
        return None
    return cast("M", _Sound(rest, unsound))


def sound_findings(checks: Iterable[Callable[[M], Iterable[F]]], subject: M) -> Iterator[F]:
    """What the checks find in a model, and what each finds until it asks for a section that is wrong."""
    for check in checks:
        try:
            yield from check(subject)
        except UnsoundError:
            continue
