"""Too little memory is told before an encoder is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from hevner.encoders.weights import devices
from hevner.errors import ModelError
from tests.encoders.made_up import CARDS, NAME
from tests.errors import raises

torch = pytest.importorskip("torch")
psutil = pytest.importorskip("psutil")

CARD = replace(CARDS[NAME], memory=8_000_000_000)


@pytest.fixture(autouse=True)
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with 16 GB free and no control groups."""
    free = SimpleNamespace(available=16_000_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(devices, "GROUPS", tmp_path)
    monkeypatch.setattr(devices, "OWN_GROUPS", tmp_path / "own")
    return tmp_path


def limit(folder: Path, version: int, allowed: int | str, used: int, inactive: int) -> None:
    """Make the files of a control group."""
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{allowed}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {inactive}\n")


def test_enough_is_enough() -> None:
    devices.check_memory(CARD, "cpu")
    devices.check_memory(replace(CARD, memory=16_000_000_000))
    assert devices.available() == 16_000_000_000


def test_too_little_is_told_with_both_figures() -> None:
    with pytest.raises(
        ModelError, match=r"made-up needs about 16\.5 GB of memory, and 16\.0 GB are free\. Close"
    ):
        devices.check_memory(replace(CARD, memory=16_500_000_000), "cpu")


@pytest.mark.parametrize(("version", "own"), [(2, "0::/a/b"), (1, "5:cpu:/\n4:memory,x:/a/b")])
def test_the_limits_of_containers_count(version: int, own: str, groups: Path) -> None:
    (groups / "own").write_text(f"{own}\n")
    root = groups if version == 2 else groups / "memory"
    limit(root / "a" / "b", version, 9_000_000_000, 5_000_000_000, 1_000_000_000)
    assert devices.available() == 5_000_000_000
    with pytest.raises(ModelError, match=r"about 8\.0 GB of memory, and 5\.0 GB are free"):
        devices.check_memory(CARD, "cpu")
    limit(root / "a", version, 6_000_000_000, 5_000_000_000, 0)
    assert devices.available() == 1_000_000_000


def test_inside_a_container_only_the_root_is_seen(groups: Path) -> None:
    (groups / "own").write_text("0::/where/it/is/outside\n")
    limit(groups, 2, 3_000_000_000, 1_000_000_000, 0)
    assert devices.available() == 2_000_000_000
    limit(groups, 2, 3_000_000_000, 4_000_000_000, 0)
    assert devices.available() == 0
    limit(groups, 2, "max", 1_000_000_000, 0)
    assert devices.available() == 16_000_000_000


def test_on_a_card_the_memory_of_the_card_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "pick_device", torch.device)
    monkeypatch.setattr(devices, "dtype_for", lambda _device: torch.bfloat16)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (4_000_000_000, 1))
    devices.check_memory(CARD, "cuda:0")
    with pytest.raises(
        ModelError, match=r"about 4\.5 GB of memory on cuda:0, and 4\.0 GB are free"
    ):
        devices.check_memory(replace(CARD, memory=9_000_000_000), "cuda:0")


def test_this_system_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 0 < devices.available() <= psutil.virtual_memory().total


def test_sizes_are_written_for_people() -> None:
    sizes = (6, 8_264, 25_000, 1_500_000, 378_000_000, 9_940_000_000, 10_300_000_000)
    assert [devices.size_text(size) for size in sizes] == [
        "6 bytes", "8.3 kB", "25.0 kB", "1.5 MB", "378 MB", "9.9 GB", "10.3 GB",
    ]  # fmt: skip


def test_devices():
    assert devices.pick_device("cpu") == torch.device("cpu")
    assert devices.pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    # Whatever the CPU can do: see the reason there.
    assert devices.dtype_for(torch.device("cpu")) is torch.float32
    for name in ("cuda:99", "toaster"):
        with raises(ModelError, "unknown_device"):
            devices.pick_device(name)
