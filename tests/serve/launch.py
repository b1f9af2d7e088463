"""``python -m tests.serve.launch STATE SETTINGS``: a server with a fake worker.

The settings may name a made-up ``catalog``.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from hevner.errors import HevnerError
from hevner.serve import app, run
from tests.serve.servers import settings, snapshot


def main() -> None:
    logging.basicConfig()
    given = json.loads(sys.argv[2])
    catalog = given.pop("catalog", None)
    how = settings(Path(sys.argv[1]), **given)
    try:
        service, queue = app.create(how, catalog and snapshot(Path(catalog)))
    except HevnerError as error:
        sys.exit(f"Error: {error}")

    def listening(address: str) -> None:
        sys.stderr.write(f"Listening on {address}\n")
        sys.stderr.flush()

    run.Server(service, queue, how, listening).run()


if __name__ == "__main__":
    main()
