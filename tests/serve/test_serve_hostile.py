"""Requests made up from the interface's own document: nothing crashes, and all is documented."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

schemathesis = pytest.importorskip("schemathesis")

from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serve.servers import Running

OPERATIONS = 34
"""That the interface has; a test that found none would pass."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

MADE_UP = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_requests_that_are_made_up(server: Running, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{server.client_address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == OPERATIONS
    for operation in operations:
        kinds = {body.media_type for body in operation.body} - {"application/octet-stream"}
        if mode is GenerationMode.NEGATIVE and not (operation.query or kinds):
            continue  # no value of what it takes is wrong

        @MADE_UP
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Case) -> None:
            answer = case.call(base_url=server.client_address)
            assert str(server.settings.state).encode() not in answer.content
            assert b"Traceback" not in answer.content
            case.validate_response(answer, checks=CHECKS)

        check()
