"""What is wrong with a model of rates is told where it stands, also in a model that another one rests on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class FxError(ValueError):
    """A model cannot give the rates of a run; `path` leads to the key at fault, from the model on top."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        """What is wrong, without the place."""
        return self.message


@contextmanager
def below(*steps: str | int) -> Iterator[None]:
    """Whatever is wrong within lies below this key of the model."""
    try:
        yield
    except ValueError as error:
        path = error.path if isinstance(error, FxError) else ()
        raise FxError(str(error), (*steps, *path)) from None
