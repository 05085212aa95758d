"""A gross system settles each payment on its own, at once if the account covers it in its turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from oracle.books import Change
from oracle.bounds import Bounds
from oracle.lines import enter, first, last_needed, need_not_wait
from oracle.offsetting import Offsetting
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    import simpy

    from oracle.books import Transfer
    from oracle.stage import Stage


class Gross:
    """One line per account; one that is credited is tried again, and so are those whom that pays."""

    def __init__(self, number: int, stage: Stage) -> None:
        self._stage = stage
        self._books = stage.books
        self._number = number
        declared = list(stage.world.scenario.systems.values())[number]
        self._discipline = declared.queue
        self._lines: dict[int, list[Transfer]] = {
            account: [] for account in stage.world.network.accounts.of_system(number)
        }
        #: What has happened to accounts since their lines were tried last.
        self._news: dict[int, list[Change]] = {}
        self.bounds = Bounds(number, stage.world, stage.books)
        self._turns = deque(self.bounds.turns)
        self._offsetting = Offsetting(number, declared.offsetting, self, stage)
        stage.env.process(self._days())

    # What happens to it.

    def submit(self, transfer: Transfer) -> None:
        """Settle a transfer, or put it in line."""
        self._catch_up()
        line = self._lines[transfer.debit]
        if need_not_wait(line, transfer, self._discipline) and self.bounds.allow(transfer):
            self._settle(transfer)
        else:
            enter(line, transfer, self._discipline)
            self._books.wait(transfer)
            self._offsetting.entered()

    def credited(self, account: int, *changes: Change) -> None:
        """Money has come to an account from elsewhere, or it is to be looked at for another reason."""
        self._hear(account, *changes)
        self._catch_up()
        self._look([account])

    def withdraw(self, frozen: set[int]) -> list[int]:
        """Give up what touches frozen accounts; returns on which accounts others stood behind."""
        changed = []
        for account, line in self._lines.items():
            self._lines[account] = [transfer for transfer in line if not transfer.touches(frozen)]
            if len(self._lines[account]) < len(line):
                changed.append(account)
        return changed

    def act(self) -> None:
        """Its turn among the systems has come, for a change of bounds or a run of offsetting."""
        self._catch_up()
        self._offsetting.tick()

    # What others ask.

    def waiting(self, account: int) -> int:
        """Value that waits on an account."""
        return sum(transfer.amount for transfer in self._lines.get(account, []))

    def held(self, account: int) -> int:
        """The part of it that its bank holds back of its own will."""
        return sum(t.amount for t in self._lines[account] if self.bounds.holds_back(t))

    def rows(self) -> list[Transfer]:
        """All that waits, account by account, in the order of the lines."""
        return [transfer for line in self._lines.values() for transfer in line]

    @property
    def in_order(self) -> bool:
        """Whether nobody may pass."""
        return self._discipline != "bypass"

    # How it goes on.

    def settle_together(self, chosen: Sequence[Transfer]) -> None:
        """Settle transfers in one batch, and then what those who paid and were paid can pay."""
        for transfer in chosen:
            transfer.released = Change("offsetting")
            self._lines[transfer.debit].remove(transfer)
        changes = self._books.settle(*chosen)
        for transfer, change in zip(chosen, changes, strict=True):
            self.bounds.settled(transfer, change.posting)
        for account in dict.fromkeys(transfer.debit for transfer in chosen):
            self._hear(account, Change("offsetting"))
        for transfer, change in zip(chosen, changes, strict=True):
            self._hear(transfer.credit, change)
        # Each once, although it may have paid and been paid several times.
        touched = [account for transfer in chosen for account in (transfer.debit, transfer.credit)]
        self._look(dict.fromkeys(touched))

    def _hear(self, account: int, *changes: Change) -> None:
        self._news.setdefault(account, []).extend(changes)

    def _settle(self, transfer: Transfer) -> None:
        """Pay, and try what whom it pays can now pay."""
        (change,) = self._books.settle(transfer)
        self.bounds.settled(transfer, change.posting)
        self._hear(transfer.credit, change)
        self._look([transfer.credit])

    def _look(self, accounts: Iterable[int]) -> None:
        """Settle what accounts can pay now, in order; then what their payees can pay with that, and so on."""
        hopeful = deque(accounts)
        while hopeful:
            account = hopeful.popleft()
            news, line = self._news.pop(account, []), self._lines[account]
            #: The latest of the news that those who went needed.
            needed = -1
            while news and (transfer := first(line, self._discipline, self.bounds.allow)) is not None:
                place = last_needed(news, lambda taken, t=transfer: self.bounds.lack_without(t, taken))
                place = max(place, needed) if self.in_order else place
                needed = place if place >= 0 else len(news) - 1
                transfer.released = news[needed]
                line.remove(transfer)
                (change,) = self._books.settle(transfer)
                self.bounds.settled(transfer, change.posting)
                self._hear(transfer.credit, change)
                hopeful.append(transfer.credit)

    def _days(self) -> Iterator[simpy.Event]:
        for turn in self.bounds.turns:
            if turn.at >= self._stage.env.now:
                yield from self._stage.turns.at(turn.at, Turn.NETTING, self._number)
                self.act()

    def _catch_up(self) -> None:
        """When bounds have changed, those who waited for that are tried before anything else."""
        while self._turns and self._turns[0].at <= self._stage.env.now:
            turn = self._turns.popleft()
            self.bounds.take(turn)
            waiting = [account for account, line in self._lines.items() if line]
            for account in waiting:
                self._news[account] = [Change(turn.kind), *self._news.get(account, [])]
            self._look(waiting)
            if turn.share is not None:
                self._keep_pace(turn.share)
            if self._lines.get(turn.account):
                self._books.want(turn.account)

    def _keep_pace(self, share: Fraction) -> None:
        """Banks that hold back send as much as a rule asks for, in turn, and again while one enables another.

        Who stands first then and is not held back goes, too.
        """
        sent = True
        while sent:
            sent = False
            for account in list(self.bounds.held):
                while self.bounds.behind(account, share, self.waiting(account)):
                    transfer = first(
                        self._lines[account],
                        self._discipline,
                        lambda transfer: self.bounds.allow(transfer, unheld=True),
                    )
                    if transfer is None:
                        break
                    transfer.released = Change("pace")
                    self._lines[account].remove(transfer)
                    self._settle(transfer)
                    sent = True
                self._hear(account, Change("pace"))
                self._look([account])
