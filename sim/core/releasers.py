"""What lets a waiting transfer go: the last of the changes that it needed."""

from __future__ import annotations

from typing import Final

#: The kinds in the order of their numbers, and what happened.
WORDS: Final = {
    "opening": "the system opened, of a link both legs, and all else that was needed was there before",
    "credit": "a payment brought the account the money that was lacking, or its limit the room",
    "grant": "other money came: a treasury's purchase, a loan, a grant, or positions were squared",
    "offsetting": "a run of offsetting settled it together with others, or what stood before it",
    "cycle": "a netting cycle took place, whatever made it possible to settle there",
    "renewal": "a day of the system began, and limits and reservations with it",
    "unheld": "a time of day came from which on its bank held back no more",
    "pace": "a throughput rule had its bank send what it held back",
    "failure": "a bank failed, and what stood before it in the queue was withdrawn",
}
RELEASERS: Final = tuple(WORDS)
