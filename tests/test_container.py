"""The image: built where a builder is to be had, else what its description says is tried here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text("utf-8"))
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and line[0] != "#"]
LAST = LINES[max(n for n, (word, _) in enumerate(LINES) if word == "FROM") :]


def last(word: str) -> str:
    """What an instruction of the last stage says."""
    (said,) = [rest for name, rest in LAST if name == word]
    return said


def test_it_needs_no_root_and_keeps_one_volume() -> None:
    assert int(last("USER")) > 0
    assert last("VOLUME") == last("WORKDIR") == "/data"
    (environment,) = [rest for name, rest in LAST if name == "ENV"]
    kept = dict(one.split("=") for one in shlex.split(environment))
    assert all(kept[name].startswith("/data/") for name in ("HEVNER_CACHE", "HEVNER_HOME"))


def test_what_it_installs_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (extras,) = re.findall(r'"/src\[(.+)\]"', TEXT)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    wanted = (ROOT / ".dockerignore").read_text("utf-8").split()
    copied = {line.removeprefix("!") for line in wanted if line.startswith("!")}
    assert {"pyproject.toml", "constraints.txt", "src", "build_hook", "README.md"} <= copied


def test_its_command_serves_and_its_check_notices(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    command = [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD"))]
    assert command[0] == "hevner"
    names = {name: str(tmp_path / name) for name in ("HEVNER_CACHE", "HEVNER_HOME")}
    served = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", "0"],
        env=os.environ | names | {"HEVNER_TOKEN": "secret"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stderr is not None
        (port,) = re.findall(r"Listening on http://0\.0\.0\.0:(\d+)/", served.stderr.readline())
        # It waits for five seconds; a busy machine may need more.
        said = check[-1].replace("8765", port).replace("timeout=5", "timeout=180")
        assert f"127.0.0.1:{port}/" in said
        assert subprocess.run([sys.executable, "-c", said], check=False).returncode == 0
    finally:
        served.kill()
        served.communicate()
    gone = subprocess.run([sys.executable, "-c", said], capture_output=True, check=False)
    assert gone.returncode != 0


def builder() -> str | None:
    """A program that builds images here."""
    for name in filter(shutil.which, ("podman", "docker")):
        if subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    return None


@pytest.mark.skipif(builder() is None, reason="needs docker or podman")
def test_it_is_built_and_runs() -> None:
    name = builder()
    assert name is not None
    base = LAST[0][1].replace("${PYTHON}", "3.12")
    if subprocess.run([name, "pull", "--quiet", base], check=False, timeout=300).returncode:
        pytest.skip("the image that it begins with cannot be had")
    build = [name, "build", "--quiet", "--tag", "hevner-test", "--file", "Containerfile", "."]
    subprocess.run(build, cwd=ROOT, check=True, timeout=900)
    run = [name, "run", "--rm", "--network", "none", "hevner-test", "models", "list"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120)
    assert "unified" in done.stdout
