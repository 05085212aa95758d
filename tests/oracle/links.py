"""Payment versus payment: one currency moves only if the other one does, at the same instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.books import Change
from oracle.lines import last_needed
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.books import Transfer
    from oracle.rates import Rates
    from oracle.stage import Stage


class Link:
    """What waits stands in line on both accounts that it debits, behind the queues of their own systems."""

    def __init__(self, number: int, stage: Stage, rates: Rates) -> None:
        self._stage = stage
        self._books = stage.books
        self._number = number
        self._rates = rates
        self._fifo = list(stage.world.scenario.systems.values())[number].queue == "fifo"
        self._line: list[Transfer] = []
        #: What happened to accounts in question since they were last looked at, and when that will be.
        self._news: dict[int, list[Change]] = {}
        self._looks_at: int | None = None
        stage.books.on_credit.append(self._hear)

    def submit(self, transfer: Transfer) -> None:
        """Settle a transfer with its counter-movement, worth as much at this instant, or put it in line."""
        counter = transfer.counter
        assert counter is not None
        counter.amount = self._counter_value(transfer)
        passes = not self._fifo or not any(self._on(moved.debit) for moved in transfer.movements)
        if passes and self._covered(transfer):
            self._settle(transfer)
        else:
            self._line.append(transfer)
            self._books.wait(transfer)

    def credited(self, account: int, *changes: Change) -> None:
        """A link keeps no accounts."""

    def withdraw(self, frozen: set[int]) -> list[int]:
        """Give up what touches frozen accounts; those behind are looked at as if money had come."""
        for transfer in [transfer for transfer in self._line if transfer.touches(frozen)]:
            self._line.remove(transfer)
            for moved in transfer.movements:
                self._note(moved.debit, Change("failure"))
        return []

    def waiting(self, account: int) -> int:
        """Value that waits on an account."""
        return sum(t.amount for waits in self._line for t in waits.movements if t.debit == account)

    def held(self, account: int) -> int:
        """Nobody holds back here."""
        del account
        return 0

    def _counter_value(self, transfer: Transfer) -> int:
        world = self._stage.world
        stated = world.payments.counter_amount
        if stated is not None and stated[transfer.payment] >= 0:
            return int(stated[transfer.payment])
        assert transfer.counter is not None
        currency = world.network.accounts.currency
        pair = currency[transfer.debit], currency[transfer.counter.debit]
        return max(self._rates.convert(transfer.amount, *pair, self._stage.env.now), 1)

    def _on(self, account: int) -> list[Transfer]:
        """Who waits on an account."""
        return [waits for waits in self._line if account in (moved.debit for moved in waits.movements)]

    def _covered(self, transfer: Transfer) -> bool:
        return all(self._books.covers(moved) for moved in transfer.movements)

    def _hear(self, account: int) -> None:
        """An account is credited."""
        if self._on(account):
            posting = len(self._books.postings) - 1
            kind = "credit" if self._books.postings[-1].payment >= 0 else "grant"
            self._note(account, Change(kind, posting))

    def _note(self, account: int, change: Change) -> None:
        """Look at an account when both legs are open; what came while they were shut is there when they open."""
        now = self._stage.env.now
        if self._looks_at is None:
            self._looks_at = self._stage.hours[self._number].opening(now)
            if self._looks_at is None:
                return
            self._stage.env.process(self._look(self._looks_at))
        if self._looks_at > now:
            change = Change("opening")
        news = self._news.setdefault(account, [])
        if change.posting < 0:
            news.clear()
        news.append(change)

    def _look(self, at: int) -> Iterator[simpy.Event]:
        yield from self._stage.turns.at(at, Turn.LINK, self._number)
        self._looks_at = None
        news, self._news = self._news, {}
        #: What let those go who stood before others on an account.
        before: dict[int, Change] = {}
        changed = list(news)
        for account in changed:  # which grows on the way
            while (transfer := self._next(account)) is not None:
                transfer.released = self._needed(transfer, news, before)
                self._line.remove(transfer)
                for moved in transfer.movements:
                    moved.released = transfer.released
                    before[moved.debit] = transfer.released
                self._settle(transfer)
                changed += [moved.debit for moved in transfer.movements]

    def _next(self, account: int) -> Transfer | None:
        """The first on an account that may settle; in order, only who is first on both of its accounts."""
        for transfer in self._on(account):
            ahead = [self._on(moved.debit)[0] for moved in transfer.movements]
            if self._covered(transfer) and (not self._fifo or ahead == [transfer, transfer]):
                return transfer
        return None

    def _needed(self, transfer: Transfer, news: dict[int, list[Change]], before: dict[int, Change]) -> Change:
        """The last change without which a transfer would have lacked cover on one of the two accounts."""
        found, latest = [], []
        for moved in transfer.movements:
            # What has been paid since the look began was heard, too.
            changes = [*news.get(moved.debit, []), *self._news.get(moved.debit, [])]

            def lacks(taken: list[Change], moved: Transfer = moved) -> bool:
                money = sum(self._books.postings[change.posting].amount for change in taken)
                return self._books.left(moved.debit) - money < moved.amount

            place = last_needed(changes, lacks)
            found += changes[place : place + 1] if place >= 0 else []
            latest += changes[-1:]
            found += [before[moved.debit]] if self._fifo and moved.debit in before else []
        return max(found or latest, key=lambda change: (change.posting, change.kind == "opening"))

    def _settle(self, transfer: Transfer) -> None:
        """Move both, and let the queues of the legs have what came."""
        for moved, change in zip(transfer.movements, self._books.settle(*transfer.movements), strict=True):
            self._stage.home(moved.credit).credited(moved.credit, change)
