"""Which of the payments that wait can settle together: what one bank is brought, it can pay with."""

from __future__ import annotations

from itertools import combinations, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from oracle.books import Transfer
    from oracle.bounds import Bounds

    #: Whether an account would pay more than it can if some transfers settled together.
    Short = Callable[[int, Sequence[Transfer]], bool]


def shortness(left: Callable[[int], int], bounds: Bounds | None = None) -> Short:
    """What an account has left, and what it is brought, must cover what it pays, within its bounds."""

    def short(account: int, chosen: Sequence[Transfer]) -> bool:
        pays = sum(transfer.amount for transfer in chosen if transfer.debit == account)
        gets = sum(transfer.amount for transfer in chosen if transfer.credit == account)
        if pays > left(account) + gets:
            return True
        return bounds is not None and bounds.exceeded(account, chosen)

    return short


def multilateral(rows: Sequence[Transfer], short: Short) -> list[Transfer]:
    """The largest set that keeps each bank's order: whoever is short gives up its last payment, until nobody is."""
    chosen = list(rows)
    while True:
        payers = dict.fromkeys(transfer.debit for transfer in chosen)
        poor = [account for account in payers if short(account, chosen)]
        if not poor:
            return chosen
        for account in poor:
            chosen.remove([transfer for transfer in chosen if transfer.debit == account][-1])


def bilateral(rows: Sequence[Transfer], short: Short, *, by_pair: bool) -> list[Transfer]:
    """Pair after pair, the one whose earliest row comes first, the most that two banks owe each other and can cover.

    Both have to pay. `by_pair`, a payment waits only behind earlier ones to the same payee; otherwise behind all
    of its bank's.
    """
    pairs = list(dict.fromkeys(tuple(sorted((transfer.debit, transfer.credit))) for transfer in rows))
    settled: list[Transfer] = []
    place = 0
    while place < len(pairs):
        one, other = pairs[place]
        waiting = [transfer for transfer in rows if transfer not in settled]
        there = _run(waiting, one, other, by_pair=by_pair)
        back = _run(waiting, other, one, by_pair=by_pair)
        while True:
            if there and short(one, [*settled, *there, *back]):
                there.pop()
            elif back and short(other, [*settled, *there, *back]):
                back.pop()
            else:
                break
        if there and back:
            settled += [*there, *back]
            place = 0
        else:
            place += 1
    return [transfer for transfer in rows if transfer in settled]


def _run(waiting: Iterable[Transfer], payer: int, payee: int, *, by_pair: bool) -> list[Transfer]:
    """What one bank can send to another before anything else has to leave."""
    line = [transfer for transfer in waiting if transfer.debit == payer]
    if by_pair:
        return [transfer for transfer in line if transfer.credit == payee]
    return list(takewhile(lambda transfer: transfer.credit == payee, line))


def allowed(chosen: Sequence[Transfer], short: Short) -> bool:
    """Whether these can settle together, in whatever order they wait."""
    return not any(short(account, chosen) for account in {transfer.debit for transfer in chosen})


def most(rows: Sequence[Transfer], short: Short) -> int:
    """The largest value that can settle together in whatever order, found by trying all sets: for a few rows only."""
    sets = (chosen for size in range(len(rows) + 1) for chosen in combinations(rows, size))
    return max(value(chosen) for chosen in sets if allowed(chosen, short))


def value(transfers: Iterable[Transfer]) -> int:
    """What transfers come to."""
    return sum(transfer.amount for transfer in transfers)


def shares(amount: int, weights: Mapping[int, int]) -> dict[int, int]:
    """An amount in proportion to weights, in whole units: what is left over goes to the largest fractions first."""
    total = sum(weights.values())
    if not total:
        return {}
    found = {account: amount * weight // total for account, weight in weights.items()}
    rest = amount - sum(found.values())
    for account in sorted(weights, key=lambda account: -(amount * weights[account] % total))[:rest]:
        found[account] += 1
    return found
