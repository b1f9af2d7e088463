"""The report on how datasets differ, as the service shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from tests.serve.servers import refused, running, settings


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text("<style>p{color:red}</style><p>far apart</p>")
    return path


def test_the_report_is_shown_under_a_policy_of_its_own(tmp_path: Path, report: Path) -> None:
    with running(settings(tmp_path / "state", gap=report)) as server:
        address = server.get("/models").json["gap"]
        answer = server.get(address, api="")
        assert answer.body == report.read_bytes()
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script" not in policy
        assert "'unsafe-inline'" not in server.get("/", api="").headers["content-security-policy"]


def test_a_server_without_one_has_none(tmp_path: Path) -> None:
    with running(settings(tmp_path / "state")) as server:
        assert server.get("/models").json["gap"] is None
        answer = server.get("/gap")
        assert (answer.status, answer.kind) == (404, "not_found")


def test_with_a_token_its_address_is_signed(tmp_path: Path, report: Path) -> None:
    with running(settings(tmp_path / "state", gap=report, token="secret")) as server:
        assert server.get("/gap").status == 401
        told = server.get("/models", headers={"Authorization": "Bearer secret"}).json["gap"]
        assert server.get(told, api="").status == 200
        assert server.get(told.replace("signature=", "signature=0"), api="").status == 401


def test_a_folder_without_a_report_is_wrong_usage(tmp_path: Path) -> None:
    result = refused("serve", "--gap", str(tmp_path))
    assert result.exit_code == 2
    assert "report.html" in result.output
