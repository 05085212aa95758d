"""An analyst who has payments of her own needs no trade to be drawn: a table of them stands in a file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from sim.scenario.model.base import Declaration, nearest, reference, wrong
from sim.scenario.model.settlement import SystemName

RouteName = Annotated[str, AfterValidator(reference("routes"))]


class WrittenText(str):
    """A text that knows the file it was written in (none on the command line), for paths that start there."""

    __slots__ = ("file",)

    file: str

    def __new__(cls, text: str, file: str = "") -> Self:
        """The text, written in `file`."""
        self = super().__new__(cls, text)
        self.file = file
        return self


def _file(value: object, info: ValidationInfo) -> object:
    # The type is told by the validation that follows; the file of a saved run has been read, and may be gone.
    if not isinstance(value, str) or (info.context or {}).get("saved"):
        return value
    written_in = value.file if isinstance(value, WrittenText) else ""
    path = Path.cwd() / Path(written_in).parent / value
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return str(path)
    except FileNotFoundError:
        raise wrong(f"there is no file {value!r}", suggestion=_neighbour(path, value)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise wrong(f"the file {value!r} cannot be read: {reason}") from None
    what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    raise wrong(f"{value!r} is {what}; a file is needed")


def _neighbour(path: Path, written: str) -> str | None:
    """The file beside the missing one that was perhaps meant, as it would be written."""
    try:
        names = [other.name for other in path.parent.iterdir() if other.is_file()]
    except OSError:
        return None
    meant = nearest(path.name, names)
    return str(Path(written).with_name(meant)) if meant else None


#: A path from the folder of the file that states it (from the current one on the command line), validated to
#: the absolute path of a file that can be read.
RelativeFile = Annotated[str, BeforeValidator(_file)]


class OwnPayments(Declaration):
    """Payments between banks, one per row of a table."""

    file: RelativeFile
    """CSV file, or Parquet if its suffix is .parquet; the path starts at the folder of this YAML file.

    Columns, in any order: payment_id, instructed_at, payer_bank, payee_bank, amount (in major units, such as
    12.34), and optionally currency, priority (a whole number, by default 0; higher goes first), due_at (by
    default instructed_at), system, route, counter_amount (what the payment is exchanged for in a `pvp`; by
    default its value at mid when it is submitted there). Times are local to the zone of the period
    (2024-03-04T09:10:00) unless they have an offset of their own (Z, +08:00). A row that names a route needs no
    system, and may name only one that the route passes. A binary float is taken as long as it can mean one amount."""
    system: SystemName | None = None
    """System that settles the payments whose row names none."""
    route: RouteName | None = None
    """Route of the payments whose row names none."""
