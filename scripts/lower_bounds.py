"""Print each lower bound of pyproject.toml as an exact version, for `pip install --constraint`.

Given names of extras, their bounds too: `python scripts/lower_bounds.py test`.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9][0-9a-z.]*)$")


def lower_bounds(extras: list[str]) -> list[str]:
    """`name==version` for each dependency; `ValueError` for one that states no lower bound, or more than that."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    stated = [*project["dependencies"]]
    stated += [one for name in extras for one in project["optional-dependencies"][name]]
    found = []
    for requirement in stated:
        if requirement.startswith(f"{project['name']}["):
            continue
        bound = _BOUND.match(requirement)
        if bound is None:
            raise ValueError(f"{requirement!r} does not state its lower bound as 'name>=version'")
        found.append(f"{bound[1]}=={bound[2]}")
    return found


if __name__ == "__main__":
    print("\n".join(lower_bounds(sys.argv[1:])))
