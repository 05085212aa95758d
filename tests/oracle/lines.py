"""Who waits on an account, in which order they may go, and what let each of them go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oracle.books import Change, Transfer


def enter(line: list[Transfer], transfer: Transfer, discipline: str) -> None:
    """Stand at the end of the line, or behind the last of the same priority."""
    place = len(line)
    while discipline == "priority" and place and line[place - 1].priority < transfer.priority:
        place -= 1
    line.insert(place, transfer)


def need_not_wait(line: list[Transfer], transfer: Transfer, discipline: str) -> bool:
    """Whether nobody in the line has to go before somebody who comes."""
    match discipline:
        case "bypass":
            return True
        case "priority":
            return all(transfer.priority > other.priority for other in line)
    return not line


def first(line: list[Transfer], discipline: str, may_go: Callable[[Transfer], bool]) -> Transfer | None:
    """Who is next: the head of the line if it may go, or whoever is the first that may."""
    able = (transfer for transfer in (line if discipline == "bypass" else line[:1]) if may_go(transfer))
    return next(able, None)


def last_needed(news: Sequence[Change], lacks_without: Callable[[Sequence[Change]], bool]) -> int:
    """Take the money of the latest changes away until somebody could not have gone; the place of that change, or −1.

    If all could be taken away, it is what came before all money, if anything did.
    """
    for place in reversed(range(len(news))):
        if news[place].posting >= 0 and lacks_without(news[place:]):
            return place
    return 0 if news and news[0].posting < 0 else -1
