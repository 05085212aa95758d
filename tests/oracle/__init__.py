"""The rules of settlement once more, put plainly: slow, and written apart from the engine."""

from oracle.model import tell
from oracle.story import Story

__all__ = ["Story", "tell"]
