"""The first lines of somebody's own scenario: what it extends, what to ask, and how an editor completes the rest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.errors import Problem, RunError, ScenarioError
from sim.scenario import library
from sim.scenario.document import dump
from sim.scenario.files import STANDARD_INPUT
from sim.scenario.load import load_located
from sim.scenario.schema import MARK, written_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The schema that stands beside a scenario, for editors.
SCHEMA: Final = "scenario.schema.json"
_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME: Final = 200


def start(file: Path, parent: str) -> Path | None:
    """Write the first lines of a variant of `parent`, a library name or a path, and the schema beside it.

    Returns the schema's file, None where another one of that name stands, which stays. ScenarioError if the file
    exists or cannot be called so, or the parent cannot be loaded; RunError if nothing can be written.
    """
    if why := _unfit(file):
        raise ScenarioError([Problem(str(file), "", why)])
    text = "\n".join(_lines(file, parent)) + "\n"
    schema = file.with_name(SCHEMA)
    ours = _may_be_written(schema)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
        if ours:
            schema.write_text(json.dumps(written_schema()) + "\n", "utf-8")
    except FileExistsError:
        raise ScenarioError([Problem(str(file), "", "exists already; name a new file")]) from None
    except OSError as error:
        file.unlink(missing_ok=True)
        raise RunError(f"{error.filename or file}: cannot be written ({error.strerror or error})") from None
    return schema if ours else None


def _unfit(file: Path) -> str | None:
    """Why a scenario cannot go by this name, if it cannot."""
    if not file.name or str(file) == STANDARD_INPUT:
        return "the name of a new file is needed"
    if file.name == SCHEMA:
        return "this is what the schema beside a scenario is called; name the scenario otherwise"
    if library.find(str(file)):
        return f"this would hide the library's {str(file)!r}; name another file, such as my-{file.name}.yaml"
    return None


def _may_be_written(schema: Path) -> bool:
    """Whether nothing stands there, or a schema that we wrote."""
    try:
        if not schema.is_file():
            return not (schema.exists() or schema.is_symlink())
        return bool(json.loads(schema.read_text("utf-8")).get("$comment") == MARK)
    except (OSError, ValueError, AttributeError):
        return False


def _lines(file: Path, parent: str) -> Iterator[str]:
    inherited = load_located(parent).scenario
    if library.find(parent) is None:
        parent = Path(os.path.relpath(parent, file.parent)).as_posix()
    yield f"# yaml-language-server: $schema={SCHEMA}"
    yield "# State here only what differs from what it extends, of which `sim show` prints all."
    name = _NAME.sub("-", file.stem).lstrip("._-")[:_LONGEST_NAME] or "mine"
    yield from dump({"name": name, "extends": parent}).splitlines()
    yield "question: What would change?"
    yield "# seed: 1                        # other draws"
    told = inherited.model_dump(by_alias=True, mode="json", include={"period"})
    yield from (f"# {line}" for line in dump(told).splitlines())
    if inherited.timeline:
        yield "# timeline: null                 # null removes what is inherited"
