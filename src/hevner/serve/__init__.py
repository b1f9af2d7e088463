"""The service: analyses, a catalogue and its search over HTTP, and the page that shows them.

``app`` puts everything together. An upload passes through ``uploads``, ``job_queue``,
``worker_process`` and ``worker``; a search through ``query_request`` and ``catalog_snapshot``.
``guard`` controls the access to all of it, ``connections`` how long a client may take.

Conventions
-----------
Needs the packages of the extra ``serve``. Everything is under `API`; JSON goes in and out, and an
error is ``{"error": {"kind", "message", "remedy"}}`` without paths and traces. The event loop does
no work: audio is decoded in processes of their own, catalogues are searched in threads.
"""

from __future__ import annotations

API = "/api/v1"
"""Prefix of all addresses of the interface; another version gets another prefix."""

UPLOADS = f"{API}/analyses"
"""Address to which files are sent."""
