"""The whole of a scenario: what is needed to repeat a run, and nothing else."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from sim.core.currency import MINOR_DIGITS
from sim.readable import readable
from sim.scenario.model.base import Currency, Declaration, Duration, Name, Whole, or_mapping, wrong
from sim.scenario.model.credit import Loan, Project
from sim.scenario.model.facilities import Facility
from sim.scenario.model.fx import Fx
from sim.scenario.model.markets import Market
from sim.scenario.model.network import Account, Bank, Desk, Route, Side, Treasury
from sim.scenario.model.own import OwnPayments
from sim.scenario.model.price import DelayPrice, per_year
from sim.scenario.model.settlement import System
from sim.scenario.model.steps import not_a_role
from sim.scenario.model.timeline import Entry
from sim.scenario.model.timing import Calendar, Hours, Period
from sim.scenario.model.trade import Firms, Flow, InterestRate, Risk
from sim.scenario.model.uncertain import Assumption

#: Names that a scenario may not give to a calendar or to hours, because they are built in.
_BUILT_IN = frozenset({"always", "weekdays"})


def _not_built_in(names: dict[str, object]) -> dict[str, object]:
    if taken := sorted(_BUILT_IN & names.keys()):
        raise wrong(f"{taken[0]!r} is built in and cannot be declared", field=taken[0])
    return names


#: Keys that say how a file is read, and are gone when it has been.
_OF_THE_FILE: Final = {
    "extends": {
        "type": "string",
        "description": "Path or library name of the scenario that this one is laid over.",
    },
    "changes": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Paths or library names of changes that are laid over what it extends, in whatever order.",
    },
    "differs_in": {
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}],
        "description": "Paths at or below which this one differs from what it extends; then nothing else may.",
    },
}


def _as_written(schema: dict[str, Any]) -> None:
    """Tell in the JSON Schema what a file may say beside the fields, and how else a list may be written."""
    or_mapping(schema, "accounts", several=True)
    schema["properties"]["delay_price"]["anyOf"].append({"type": "number", "minimum": 0})
    schema["properties"] |= _OF_THE_FILE


class Scenario(Declaration):
    """A world to simulate, complete: two runs of one scenario and seed leave the same tables."""

    model_config = ConfigDict(json_schema_extra=_as_written)

    #: Lists that may also be written as mappings, and the field that the keys then fill, if they fill one.
    GROUPED: ClassVar = {("accounts",): "system", ("routes", "*", "steps"): None}

    #: What stands for a needed section while the others are checked, and is itself never looked at.
    STAND_INS: ClassVar = {
        "name": "unnamed",
        "period": {"start": "2024-01-01", "end": "2024-01-02"},
        "systems": {"unnamed": {"kind": "rtgs", "currency": "USD", "hours": "always"}},
    }

    name: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Short name; names the run folder."""
    question: str = ""
    """The question that the scenario answers, one sentence."""
    description: str = ""
    """What it stands for, in prose."""
    seed: Whole = Field(default=1, ge=0, lt=2**63)
    """Root of all randomness."""
    period: Period
    """What is measured."""
    run_in: Annotated[Duration, Field(ge=0)] = 0
    """Time simulated before the period, so that it starts with payments under way."""
    horizon: Annotated[Duration, Field(ge=0)] = 0
    """Time after the period for which payments are followed."""
    reporting_currency: Currency = "USD"
    """Currency in which mixed currencies are added up, at mid.

    By default USD; without 'fx', the currency of the first system, and what is in other currencies is left out.
    """
    calendars: Annotated[dict[Name, Calendar], AfterValidator(_not_built_in)] = Field(default_factory=dict)
    """Sets of working days."""
    hours: Annotated[dict[Name, Hours], AfterValidator(_not_built_in)] = Field(default_factory=dict)
    """Opening hours that several places share."""
    fx: Fx | None = None
    """How exchange rates move; needed as soon as there are two currencies."""
    interest_rates: dict[Currency, InterestRate] = Field(default_factory=dict)
    """Interest by currency, from which forwards are priced."""
    risk: Risk = Risk()
    """Horizons and levels of the value at risk."""
    delay_price: Annotated[DelayPrice | None, BeforeValidator(per_year)] = None
    """What delay costs those who wait: a number is a rate per year; none leaves it out of the cost of payments."""
    sides: dict[Name, Side] = Field(default_factory=dict)
    """The economies."""
    markets: dict[Name, Market] = Field(default_factory=dict)
    """Foreign-exchange markets."""
    banks: dict[Annotated[Name, AfterValidator(not_a_role)], Bank] = Field(default_factory=dict)
    """Banks."""
    desks: dict[Name, Desk] = Field(default_factory=dict)
    """Review desks of banks, where their hours or their staff matter."""
    systems: dict[Name, System] = Field(min_length=1)
    """Settlement systems."""
    treasuries: dict[Name, Treasury] = Field(default_factory=dict)
    """How banks keep their accounts funded."""
    facilities: dict[Name, Facility] = Field(default_factory=dict)
    """What banks can borrow from when a payment has to wait for money."""
    accounts: tuple[Account, ...] = ()
    """Accounts of banks in systems: a list, or a mapping from a system to the list of its accounts."""
    routes: dict[Name, Route] = Field(default_factory=dict)
    """Ways of a payment."""
    firms: dict[Name, Firms] = Field(default_factory=dict)
    """Groups of firms."""
    flows: dict[Name, Flow] = Field(default_factory=dict)
    """Streams of obligations."""
    loans: dict[Name, Loan] = Field(default_factory=dict)
    """Loans between firms, or from a lender that stands for a bank or a fund."""
    projects: dict[Name, Project] = Field(default_factory=dict)
    """Contracts that are paid as they progress, such as an industrial park."""
    timeline: tuple[Entry, ...] = ()
    """Dated changes of all this."""
    payments: OwnPayments | None = None
    """Payments of the user's own instead of flows; then no firms and no rates are needed."""
    uncertain: dict[Name, Assumption] = Field(default_factory=dict)
    """Values of which only a range is known, drawn by studies with `--over uncertain`."""

    @model_validator(mode="before")
    @classmethod
    def _report_in_the_first_currency(cls, data: Any) -> Any:  # noqa: ANN401 - whatever was written
        """Without rates, a scenario that does not say otherwise reports in the currency of its first system."""
        if not isinstance(data, dict) or "reporting_currency" in data or "fx" in data:
            return data
        systems = data.get("systems")
        declared = systems.values() if isinstance(systems, dict) else ()
        stated = [system.get("currency") for system in declared if isinstance(system, dict)]
        found = [currency for currency in stated if isinstance(currency, str) and currency in MINOR_DIGITS]
        return {**data, "reporting_currency": found[0]} if found else data

    def __repr__(self) -> str:
        """One line; the whole is `sim show`, or the notebook's table."""
        return (
            f"<Scenario {self.name!r}, seed {self.seed}: {len(self.flows)} flows, {len(self.routes)} routes, "
            f"{len(self.systems)} systems, {len(self.banks)} banks>"
        )

    def _repr_html_(self) -> str:
        parts = {
            "question": self.question,
            "period": f"{self.period.start} to {self.period.end}, {self.period.zone}",
            "flows": ", ".join(self.flows),
            "routes": ", ".join(self.routes),
            "systems": ", ".join(self.systems),
            "banks": ", ".join(self.banks),
        }
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(readable(text))}</td></tr>"
            for name, text in parts.items()
        )
        description = escape(readable(self.description.rstrip("\n")))
        return f"<p><b>Scenario {escape(self.name)}</b>: {description}</p><table>{rows}</table>"
