"""Counters for monitoring, in the format of Prometheus.

Conventions
-----------
Requests are counted by method, by the pattern of their path and by status, never by the path
itself, so that there are few counters.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hevner.serve import jobs
from hevner.serve.job_queue import JobQueue

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Bounds of the histogram, seconds."""

METHODS = ("GET", "HEAD", "POST", "DELETE")


class Metrics:
    """All counters of a server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "hevner_requests", "Answers.", ["method", "path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "hevner_request_seconds",
            "Time until an answer begins.",
            ["method", "path"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._jobs = Gauge(
            "hevner_analyses", "Analyses that are kept.", ["state"], registry=self._registry
        )
        self._died = Counter(
            "hevner_workers_died", "Workers that ended at work.", registry=self._registry
        )

    def died(self) -> None:
        """Count a worker that ended during a task."""
        self._died.inc()

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, path, str(status)).inc()
        self._seconds.labels(known, path).observe(seconds)

    def text(self, queue: JobQueue) -> bytes:
        """All counters as text."""
        states = [job.state for job in queue.jobs.values()]
        for state in (jobs.QUEUED, jobs.RUNNING, *jobs.FINAL):
            self._jobs.labels(state).set(states.count(state))
        return generate_latest(self._registry)


class Counting:
    """Counts the answers of an application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - begin
                path = getattr(scope.get("route"), "path", "other")
                self._metrics.answered(scope["method"], path, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, counted)
