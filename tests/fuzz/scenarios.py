"""Library scenarios with slips in them, and with odd overrides: refused at their place, or they run."""

from __future__ import annotations

from contextlib import chdir
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from fuzz.odd import NUMBER, ODD, multiplied, spoilt
from fuzz.trial import Told, command, unplaced
from sim.errors import ScenarioError
from sim.scenario.library import names
from sim.scenario.load import load, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY: Final = Path(__file__).parents[2] / "scenarios"
SHORT: Final = ("period.end=2024-01-05", "run_in=1d", "horizon=2d")


def faults(number: int, folder: Path) -> list[str]:
    """What is wrong with how one case is treated."""
    chance = Random(f"scenario-{number}")
    name = chance.choice(names())
    whole = chance.random() < 0.5
    text = resolved(name) if whole else (LIBRARY / f"{name}.yaml").read_text("utf-8")
    overrides = [f"--set={override(name, chance)}" for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))]
    if not overrides or chance.random() < 0.5:
        text = spoilt(text, chance)
    with chdir(folder):
        Path("case.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        return list(_judged(overrides, chance))


def _judged(overrides: list[str], chance: Random) -> Iterator[str]:
    told = command("validate", "case.yaml", *overrides)
    yield from _said(told)
    if told.code or told.fault:
        return
    for window in (SHORT, (*SHORT, "timeline=null")):
        short = [*overrides, *(f"--set={one}" for one in window)]
        told = command("validate", "case.yaml", *short)
        yield from _said(told)
        if told.fault:
            return
        if not told.code:
            break
    else:
        return
    ran = command("run", "case.yaml", *short, "-o", "out", "--no-figures")
    yield from _said(ran)
    if ran.code and not ran.fault:
        yield f"what validates does not run: {ran.err[:300]}"
    elif not ran.fault and chance.random() < 0.3:
        yield from _shown(short)


def _said(told: Told) -> Iterator[str]:
    if told.fault:
        yield told.fault
    elif told.code and (fault := unplaced(told)):
        yield fault


def _shown(overrides: list[str]) -> Iterator[str]:
    """What `show` prints is what the run saved, and is valid."""
    told = command("show", "case.yaml", *overrides)
    yield from _said(told)
    if told.code or told.fault:
        return
    if told.out != Path("out/scenario.yaml").read_text("utf-8"):
        yield "show prints another scenario than the run saved"
    try:
        load("out/scenario.yaml")
    except ScenarioError as error:
        yield f"what the run saved is not valid: {str(error)[:300]}"


def override(name: str, chance: Random) -> str:
    """A `PATH=VALUE` with something odd in it, or with another number than usual."""
    keys, value = chance.choice(numbers(name) if chance.random() < 0.5 else values(name))
    path = ".".join(keys)
    written = multiplied(str(value), chance) if (keys, value) in numbers(name) else chance.choice(ODD)
    if chance.random() < 0.1:
        wrong = ["", ".", path + ".x", path.upper(), "x", path[:-1], path.replace(".", ".."), "名.前"]
        path = chance.choice(wrong)
    return f"{path}={written}" if chance.random() < 0.97 else path


@cache
def resolved(name: str) -> str:
    """A library scenario written out in full."""
    return to_yaml(load(name))


@cache
def values(name: str) -> list[tuple[tuple[str, ...], Any]]:
    """What stands where in a library scenario, sections too."""
    return list(_below(load(name).model_dump(mode="json", exclude_none=True, by_alias=True), ()))


@cache
def numbers(name: str) -> list[tuple[tuple[str, ...], Any]]:
    """The numbers among them."""
    return [(keys, value) for keys, value in values(name) if NUMBER.fullmatch(str(value))]


def _below(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - a tree
    if keys:
        yield keys, value
    inner = dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
    for key, child in inner.items():
        yield from _below(child, (*keys, str(key)))
