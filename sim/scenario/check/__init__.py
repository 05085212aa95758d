"""What no single declaration can see: whether the parts of a scenario fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError

from sim.scenario.check.accounts import (
    check_accounts,
    check_bounds,
    check_deliveries,
    check_funding,
    check_liquidity,
    check_systems,
)
from sim.scenario.check.flows import (
    check_choices,
    check_flows,
    check_hedges,
    check_origins,
    check_own_payments,
    check_rates,
    check_routes,
    check_screening,
    check_values,
    check_vehicles,
)
from sim.scenario.check.timeline import (
    check_auctions,
    check_calendars,
    check_dates,
    check_detours,
    check_quotes,
)
from sim.scenario.check.uncertain import check_uncertain
from sim.scenario.model import Scenario
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


__all__ = ["CHECKS", "Finding", "check"]


def check(scenario: Scenario) -> list[Finding]:
    """Everything that does not fit together, in the order of the declarations."""
    return list(sound_findings(CHECKS, scenario))


#: Each for itself, for one may ask for a section that is wrong and then tells nothing.
CHECKS: Final[tuple[Callable[[Scenario], Iterable[Finding]], ...]] = (
    check_calendars,
    check_rates,
    check_systems,
    check_own_payments,
    check_origins,
    check_accounts,
    check_deliveries,
    check_funding,
    check_quotes,
    check_bounds,
    check_liquidity,
    check_screening,
    check_routes,
    check_values,
    check_vehicles,
    check_choices,
    check_auctions,
    check_flows,
    check_dates,
    check_hedges,
    check_detours,
    check_uncertain,
)
