"""The rules of settlement once more, as plainly as they can be put; slow, and written apart from the engine."""

from oracle.model import Story, tell

__all__ = ["Story", "tell"]
