"""Who asks: the client of the request that is being answered.

Conventions
-----------
A client is known by its address alone, since anybody may send a header such as
``X-Forwarded-For``. Whoever has an address of IPv6 has 2^64 of them, so there a client is a network
of 64 bits.
"""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""Name of the client whose request is being answered; empty outside requests."""


def name(address: str) -> str:
    """The name of the client at an address."""
    try:
        known = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(known), 64), strict=False))
