"""A fixture for tests that talk to servers on this machine, and to nothing else."""

from __future__ import annotations

import socket

import pytest

CONNECT = socket.socket.connect


@pytest.fixture(autouse=True)
def only_this_machine(_no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests connect to the loopback interface."""

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        assert address[0] in ("127.0.0.1", "::1"), "tests must not use the network"
        CONNECT(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
