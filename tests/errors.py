"""Expecting an error by its kind and code, whatever its sentence says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hevner.errors import HevnerError


@contextmanager
def raises(
    kind: type[HevnerError], code: str, *, subject: str = ""
) -> Iterator[pytest.ExceptionInfo[HevnerError]]:
    """Expect an error of this kind with this code; its subject must contain the text given."""
    with pytest.raises(kind) as found:
        yield found
    assert found.value.code == code, f"{found.value.code}: {found.value}"
    assert subject in found.value.subject
