"""What waits could settle together if what its banks bring one another covers what each of them pays."""

from __future__ import annotations

from collections import deque
from itertools import chain
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.engine.floor import Floor
    from sim.engine.systems.queues import Queue


class Together:
    """Whether payments of some queues could settle together, known without looking at them all at each change.

    A set that could settle together stays able to while its payments wait, as long as their banks pay nothing
    else: what settles of it on its own leaves the others in the same position. It is kept while it lasts, and
    dropped (then looked for again) when a bank pays past it.

    That there is none is mostly seen from the banks alone. They are ruled out one after the other: a bank whose
    cover and all that the banks not yet ruled out have waiting for it stay below its first payment takes part in
    no set. The order in which they went is kept, and checked anew only where a change could have brought one of
    them within reach. Payments are looked at only of banks that cannot be ruled out in this way, and only if the
    change concerns one of them: where there was no set before, one that there is now takes a payment of a bank
    that was credited, or the one that joined a queue.
    """

    def __init__(self, queues: Mapping[int, Queue], floor: Floor) -> None:
        self._queues = queues
        self._floor = floor
        self.count = 0
        #: Value waiting on an account, and value waiting for it by payer.
        self.owed = dict.fromkeys(queues, 0)
        self._due: dict[int, dict[int, int]] = {account: {} for account in queues}
        #: When a bank with waiting payments was ruled out, in this order; infinity for those that cannot be.
        self._rank: dict[int, float] = {}
        self._next_rank = 0
        #: What waits for a bank from those ruled out after it.
        self._later = dict.fromkeys(queues, 0)
        self._set: set[int] = set()
        #: What each payer of the set could still pay beside it.
        self._spare: dict[int, int] = {}
        #: Banks that a change may have brought within reach.
        self._check: dict[int, None] = {}
        #: Banks of which a new set must take payments, and whether it must take all that wait.
        self._must: dict[int, bool] = {}
        #: Whether a new set may be of any banks.
        self._anything = False
        #: Whether the last search proves that there is none, while no bank has so much to pay with.
        self._proven = True
        self._below: dict[int, float] = {}
        self._more = 1 << 20

    def joined(self, number: int) -> None:
        """A payment has been put into its queue."""
        floor, rank = self._floor, self._rank
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        due = self._due[payee]
        self.count += 1
        self.owed[payer] += amount
        due[payer] = due.get(payer, 0) + amount
        if payer not in rank:
            self._put_last(payer)
        if payee in rank and rank[payee] <= rank[payer]:
            self._later[payee] += amount
            self._check[payee] = None
            if payee in self._below and payer in self._below:
                self._below[payee] -= amount
        self._check[payer] = None
        last = self._queues[payer].is_last(number)
        self._must[payer] = last and self._must.get(payer, True)
        if not last:
            self._below.pop(payer, None)
            if payer in self._spare:
                self.forget()

    def left(self, number: int) -> None:
        """A payment has been taken out of its queue, since it settled."""
        floor, rank = self._floor, self._rank
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        self.count -= 1
        self.owed[payer] -= amount
        self._due[payee][payer] -= amount
        if payee in rank and rank[payee] <= rank[payer]:
            self._later[payee] -= amount
        if payer in self._below:
            self._below[payer] -= amount
        if not self.owed[payer]:
            del rank[payer]
            self._below.pop(payer, None)
        if number in self._set:
            self._set.discard(number)
        else:
            self.paid(payer, amount)

    def paid(self, payer: int, amount: int) -> None:
        """A bank has paid something that is not of the set."""
        if payer in self._spare:
            self._spare[payer] -= amount
            if self._spare[payer] < 0:
                self.forget()

    def credited(self, account: int) -> None:
        """Money has come to an account that has payments waiting."""
        self._check[account] = None
        self._must[account] = False

    def forget(self) -> None:
        """Money has moved regardless of the queues' order: no set is known, and any may have become possible."""
        self._set.clear()
        self._spare.clear()
        self._below.clear()
        self._proven = False
        self._anything = True

    def solvable(self) -> bool:
        """Whether waiting payments could settle together; nobody can pay alone."""
        if self._set:
            return True
        if self._spare:
            self.forget()  # the set that was kept has settled; meanwhile others were not looked for
        changed = list(self._check)
        self._check.clear()
        if changed:
            changed += self._rule_out_anew(changed)
        if not self._hopeless(changed) and (
            self._anything or any(self._concerns(account, whole) for account, whole in self._must.items())
        ):
            self._rule_out_among(self._within_reach())
            self._search(self._within_reach())
        self._must.clear()
        return bool(self._set)

    def _hopeless(self, changed: list[int]) -> bool:
        """Whether what the last search proved covers what has changed since."""
        if self._proven:
            below, available = self._below, self._floor.ledger.available
            self._proven = all(
                available(account) < below.get(account, 0)
                for account in changed
                if self._rank.get(account) == inf
            )
        return self._proven

    def _within_reach(self) -> list[int]:
        return [account for account, rank in self._rank.items() if rank == inf]

    def _concerns(self, account: int, whole: bool) -> bool:  # noqa: FBT001 - a value of `_must`
        """Whether a bank could take part with its first payment, or with all of them, as far as totals tell."""
        if self._rank.get(account) != inf:
            return False
        return not whole or self._reach(account) >= self.owed[account]

    def _put_last(self, account: int) -> None:
        """Rule out a bank that had nothing waiting; whether rightly, is to be checked."""
        self._next_rank += 1
        self._rank[account] = self._next_rank
        due = self._due[account]
        self._later[account] = sum([due.get(payer, 0) for payer in self._within_reach()])

    def _reach(self, account: int) -> int:
        """What a bank could pay if all settled that waits for it from banks not ruled out before it."""
        return self._floor.ledger.available(account) + self._later[account]

    def _first(self, account: int) -> int:
        """Amount of the payment at the head of a queue."""
        return self._floor.amount[self._queues[account].first()]

    def _rule_out_anew(self, changed: list[int]) -> list[int]:
        """Correct the order of those ruled out after changes to banks; returns whom it had to take out."""
        rank, later = self._rank, self._later
        wrong = [k for k in changed if rank.get(k, inf) < inf and self._reach(k) >= self._first(k)]
        if not wrong:
            return []
        first = min(rank[k] for k in wrong)
        pulled: list[int] = []
        for account in [k for k, place in rank.items() if first <= place < inf]:
            due = self._due[account]
            later[account] += sum([due.get(payer, 0) for payer in pulled])
            if self._reach(account) >= self._first(account):
                pulled.append(account)
        for account in pulled:
            rank[account] = inf
        self._rule_out_among(self._within_reach())
        return pulled

    def _rule_out_among(self, banks: list[int]) -> None:
        """Of the banks within reach, rule out those that the others cannot keep there."""
        rank, later = self._rank, self._later
        for account in banks:
            due = self._due[account]
            later[account] = sum([due.get(payer, 0) for payer in banks])
        left, work = dict.fromkeys(banks), banks.copy()
        while work:
            account = work.pop()
            if account not in left or self._reach(account) >= self._first(account):
                continue
            # Taken out and put back, so that the dictionary keeps the order of ranks.
            del left[account], rank[account]
            self._below.pop(account, None)
            self._next_rank += 1
            rank[account] = self._next_rank
            for other in left:
                lost = self._due[other].get(account, 0)
                if lost:
                    later[other] -= lost
                    work.append(other)

    def _search(self, banks: list[int]) -> None:
        """Find the largest set among these banks' payments, or prove that there is none.

        If there is none even though each bank has so much more to pay with, there is none either after changes
        that bring less than that. How much more to ask for is learnt from how it went before.
        """
        self._anything = False
        found: list[int] = []
        waiting = sum([self.owed[account] for account in banks])
        more = min(self._more, waiting)
        while True:
            found = self._largest(banks, more)
            if not found or not more:
                break
            more //= 16
        self._more = max(2 * more, 1)
        self._proven = not found
        self._keep(found)

    def _keep(self, found: list[int]) -> None:
        debit, credit, amount = self._floor.debit, self._floor.credit, self._floor.amount
        spare = self._spare
        self._set.update(found)
        for number in found:
            if debit[number] not in spare:
                spare[debit[number]] = self._floor.ledger.available(debit[number])
        for number in found:
            spare[debit[number]] -= amount[number]
            if credit[number] in spare:
                spare[credit[number]] += amount[number]

    def _largest(self, banks: list[int], more: int) -> list[int]:
        """As `multilateral` netting, if each bank had so much more.

        Begins with what each bank could pay if all the others did, and so does not touch what stands far behind
        in long queues. Notes below which cover each bank has nothing to pay, if others change nothing.
        """
        debit, credit, amount = self._floor.debit, self._floor.credit, self._floor.amount
        available = self._floor.ledger.available
        margin: dict[int, float] = dict.fromkeys(banks, inf)
        left = {account: available(account) + more for account in banks}
        lines = {account: self._line(account, more, margin) for account in banks}
        for number in chain.from_iterable(lines.values()):
            left[debit[number]] -= amount[number]
            if credit[number] in left:
                left[credit[number]] += amount[number]
        work = deque(account for account in banks if left[account] < 0)
        while work:
            account = work.popleft()
            line, cover = lines[account], left[account]
            before = cover
            while cover < 0:
                number = line.pop()
                before = cover
                cover += amount[number]
                payee = credit[number]
                if payee in left:
                    had = left[payee]
                    left[payee] = had - amount[number]
                    if 0 <= had < amount[number]:
                        work.append(payee)
            left[account] = cover
            if -before < margin[account]:
                margin[account] = -before
        self._below = {account: available(account) + more + margin[account] for account in banks}
        return list(chain.from_iterable(lines.values()))

    def _line(self, account: int, more: int, margin: dict[int, float]) -> list[int]:
        """The payments at the head of a queue that are within reach."""
        within, line = self._reach(account) + more, []
        for number in self._queues[account]:
            within -= self._floor.amount[number]
            if within < 0:
                margin[account] = -within
                break
            line.append(number)
        return line
