"""Replications are handed to an executor, and what comes back is kept at once, in whatever order it comes.

The executor is the only thing that knows where work is done: in this process, in others, or on a cluster.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import RunError, StudyError
from sim.studies.work import Failure, Outcome, replicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from sim.studies.work import Task

#: So many tasks are ready for each worker, one at work and one that waits.
_AHEAD: Final = 2
_SECONDS_TO_CONNECT: Final = 20


class Workers(NamedTuple):
    """An executor, how many tasks it works on at once, and how many it should have in hand."""

    executor: Executor
    size: int
    in_hand: int


class _Here(Executor):
    """This process works itself, one task at a time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - told by the future, as other executors do
            done.set_exception(error)
        return done


class _Processes(ProcessPoolExecutor):
    """Processes that never see a signal from the keyboard, for this one tells them to end."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        # They are started here, and inherit what is blocked; this process sees the signal later.
        with _undisturbed():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def workers(jobs: int = 1, cluster: str | None = None) -> Iterator[Workers]:
    """This process for one job, processes of this machine for more, or the workers of a Dask scheduler at an address.

    `StudyError` if there are no jobs, or if the cluster cannot be used.
    """
    if jobs < 1:
        raise StudyError(f"at least one job is needed, not {jobs}")
    if cluster is not None:
        with _cluster(cluster) as found:
            yield found
    elif jobs == 1:
        yield Workers(_Here(), 1, 1)
    else:
        with _processes(jobs) as executor:
            yield Workers(executor, jobs, _AHEAD * jobs)


def play(tasks: Iterator[Task], by: Workers, keep: Callable[[Outcome], None]) -> None:
    """Have all tasks done, and `keep` what comes of each as soon as it comes.

    `RunError` if workers went away, so that not all could be done.
    """
    waiting: dict[Future[Outcome], Task] = {}
    try:
        while True:
            while len(waiting) < by.in_hand and (task := next(tasks, None)) is not None:
                waiting[by.executor.submit(replicate, task)] = task
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                keep(_outcome(future, waiting.pop(future)))
    except BrokenExecutor as error:
        raise RunError(
            "a worker process ended before its work was done: it was killed, or there was not enough memory"
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    try:
        return future.result()
    except (BrokenExecutor, StudyError):
        raise
    except Exception as error:  # noqa: BLE001 - what a cluster says of a task that killed its workers
        where = task.cases[0]
        told = f"the worker gave no answer: {error}"
        failure = Failure(where.name, where.seed, task.group, task.replication, type(error).__name__, told)
        return Outcome(task.group, task.replication, None, failure)


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Processes that start afresh, and end at once when this one does, or when it is done with them."""
    context = multiprocessing.get_context("spawn")
    heard, life = context.Pipe(duplex=False)
    executor = _Processes(jobs, mp_context=context, initializer=_attend, initargs=(heard,))
    try:
        yield executor
    except BaseException:
        life.close()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
        life.close()
        heard.close()


def _attend(life: Connection) -> None:
    """In a worker: leave signals to the command, and end when it ends, however that comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        try:
            life.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within, signals from the keyboard have to wait."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _cluster(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        raise StudyError(
            "--cluster needs the extra 'cluster': pip install 'local-currency-settlement[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise StudyError(f"{address}: no scheduler answers there ({error})") from None
    with client:
        client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
        count = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        executor = client.get_executor(pure=False)
        try:
            yield Workers(executor, count, _AHEAD * count)
        finally:
            executor.shutdown(wait=False)
