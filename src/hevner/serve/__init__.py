"""The service: analyses, a catalogue and its search over HTTP, and the page that shows them.

``app`` puts everything together; ``jobs``, ``board``, ``crew`` and ``worker`` are the way of an
upload; ``query_request`` and ``catalog_snapshot`` that of a search; ``guard`` stands in front of
all.

Conventions
-----------
Needs the packages of the extra ``serve``. Everything is under `API`; JSON goes in and out, and an
error is ``{"error": {"kind", "message", "remedy"}}`` without paths and traces. The event loop does
no work: audio is decoded in processes of their own, catalogues are searched in threads.
"""

from __future__ import annotations

API = "/api/v1"
"""Where the interface lives; another version gets another place."""
