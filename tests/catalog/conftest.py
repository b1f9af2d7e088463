"""A catalogue for tests that only read it."""

from __future__ import annotations

import pytest

from tests.catalog.library import Library, build


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library") / "catalog")
