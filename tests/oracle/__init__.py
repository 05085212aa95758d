"""The rules of settlement once more, put plainly: slow, and written apart from the engine."""

from oracle.model import Story, tell

__all__ = ["Story", "tell"]
