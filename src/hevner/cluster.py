"""The same work for many items on the machines of a Ray cluster.

Conventions
-----------
An item is a task that asks for a whole processor core, or for a GPU; its process is kept for the
next. Ray does a task anew whose process or machine dies, and one whose process died each time is
given up alone. What comes back is written down by who gave out the work, so that nothing in the
cluster must last; ended, that takes its tasks with it. All machines have the same hevner; what they
may reach, such as an object store, they learn from an environment of their own.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from hevner import extras
from hevner.errors import HevnerError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks given out per core, so that none waits for the next."""

ANSWER_S = 10.0
"""Seconds in which a cluster must answer."""

TRIES = 4
"""How often a task is tried whose process or machine dies."""


class Cluster:
    """A cluster, connected until `close`; used by one thread at a time.

    Attributes
    ----------
    most
        Largest number of tasks at a time; None for one per core or GPU.

    Parameters
    ----------
    address
        Of a cluster that is there, such as ``10.0.0.1:6379``. Empty for that which the variable
        ``RAY_ADDRESS`` names, or else one of this machine, which ends with this process.
    most
        The first value of that attribute.

    Raises
    ------
    HevnerError
        If there is no cluster.
    MissingDependencyError
        If the extra ``ray`` is not installed.
    """

    def __init__(self, address: str = "", most: int | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the way it will be
        with extras.required("a cluster", "ray"):
            import ray
        self._ray: Any = ray
        self.most = most
        named = address or os.environ.get("RAY_ADDRESS", "")
        host, _, port = named.rpartition(":")
        try:
            if host and port.isdecimal():  # Ray would try for two minutes
                socket.create_connection((host, int(port)), ANSWER_S).close()
            ray.init(
                address or None, include_dashboard=None if address else False,
                logging_level=logging.ERROR, log_to_driver=False,
            )  # fmt: skip
        except (OSError, RuntimeError, ValueError) as error:
            raise HevnerError(
                f"no cluster answers ({error})",
                subject=named or "Ray",
                remedy="Check its address, and that it has the same Ray and Python",
                stage="setup",
                code="no_cluster",
            ) from error

    def close(self) -> None:
        """Leave the cluster; tasks that were given out end."""
        self._ray.shutdown()

    @property
    def description(self) -> str:
        """Numbers of its cores and machines."""
        machines = sum(node["Alive"] for node in self._ray.nodes())
        cores = self.slots()
        return f"{cores} core{'s' * (cores > 1)} of {machines} machine{'s' * (machines > 1)}"

    def slots(self) -> int:
        """Number of tasks that can be done at a time now."""
        there = self._there(gpu=False)
        return max(1, min(there, self.most or there))

    def _given(self, gpu: bool) -> int:
        """Number of tasks to give out, which may all be done at a time."""
        there = self._there(gpu)
        return self.most if self.most and self.most < there else AHEAD * max(1, there)

    def _there(self, gpu: bool) -> int:
        return int(self._ray.cluster_resources().get("GPU" if gpu else "CPU", 0))

    def each(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item, HevnerError], Result],
        stop: threading.Event | None = None,
        large: bool = False,
    ) -> Generator[Result]:
        """Do work for each item; results come as they are done.

        Parameters
        ----------
        work
            Sent to each machine once; what it raises ends the whole.
        items
            Read only as far as the work has come.
        lost
            What stands for the result of an item whose processes died.
        stop
            When set, no further items are begun, and those given out are finished.
        large
            Whether a task takes a GPU, if the cluster has any.
        """
        gpu = large and "GPU" in self._ray.cluster_resources()
        # Ray would end a process that used a GPU after each task.
        asked: dict[str, Any] = {"num_gpus": 1, "max_calls": 2**31 - 1} if gpu else {}
        task = self._ray.remote(num_cpus=1, max_retries=TRIES - 1, **asked)(_done)
        shared = self._ray.put(work)
        waiting: dict[Any, Item] = {}
        for item in items:
            if stop is not None and stop.is_set():
                break
            waiting[task.remote(shared, item)] = item
            while len(waiting) >= self._given(gpu):
                yield self._next(waiting, lost)
        while waiting:
            yield self._next(waiting, lost)

    def _next(
        self, waiting: dict[Any, Item], lost: Callable[[Item, HevnerError], Result]
    ) -> Result:
        """The result of the first task that is done."""
        (task,), _ = self._ray.wait(list(waiting), num_returns=1)
        item = waiting.pop(task)
        try:
            result: Result = self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            why = HevnerError(
                f"its process died {TRIES} times ({type(error).__name__})",
                remedy="Give the machines more memory, or leave it out",
                stage="setup",
                code="worker_died",
            )
            return lost(item, why)
        return result


def _done(work: Callable[[Item], Result], item: Item) -> Result:
    return work(item)
