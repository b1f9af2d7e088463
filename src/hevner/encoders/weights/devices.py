"""Where large encoders run: packages they need, the device, the type of numbers, and the memory.

Conventions
-----------
Memory that is needed is that of a card: bytes to load an encoder and run one window on a CPU, in
float32. What is free is what the system could hand out without swapping, and what the limit of a
container leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hevner import extras
from hevner.errors import ModelError

if TYPE_CHECKING:
    import torch

    from hevner.encoders.base import EncoderCard

PACKAGES = ("torch", "transformers", "safetensors", "psutil")
"""Packages of the extra ``encoders`` that large encoders need."""

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

LIMITS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By controller, for both versions of control groups: the folder of the hierarchy, the files with
limit and use, and the line of ``memory.stat`` with the part of the use that is given up at need."""


def pick_device(device: str) -> torch.device:
    """Where to compute.

    Parameters
    ----------
    device
        ``"auto"`` for a CUDA card if there is one and the CPU otherwise, or a name such as
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``.

    Raises
    ------
    ModelError
        If there is no such device.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"there is no device {device!r} ({reason})",
            remedy="Choose cpu, or auto for the best device there is",
            code="unknown_device",
        ) from error
    return picked


def dtype_for(device: torch.device) -> torch.dtype:
    """Type of weights and products on a device: bfloat16 or float16 on CUDA, else float32.

    A CPU never computes in half precision. What its kernels for bfloat16 give depends on the CPU:
    vectors of a small MERT with random weights (stable layer norm, all states) differ from those in
    float32 by 2.6 % of their norm with AVX-512 and its bfloat16 instructions, and by 18 % were
    reported with AMX (PyTorch 2.13 with oneDNN).
    """
    import torch

    if device.type != "cuda":
        return torch.float32
    supported = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if supported else torch.float16


def placed(card: EncoderCard, device: str) -> tuple[EncoderCard, str]:
    """Card of an encoder on a device, and that device as `pick_device` picks it.

    The type of numbers, if not float32, is part of the version.

    Raises
    ------
    MissingDependencyError
        If a package is not installed.
    ModelError
        If there is no such device.
    """
    extras.require("encoders", card.id, *PACKAGES)
    picked = pick_device(device)
    dtype = str(dtype_for(picked)).removeprefix("torch.")
    if dtype != "float32":
        card = replace(card, version=f"{card.version}-{dtype}")
    return card, str(picked)


def check_memory(card: EncoderCard, device: str = "cpu") -> None:
    """Make sure that there is memory enough for an encoder on a device, as for `pick_device`.

    Raises
    ------
    ModelError
        If there is too little; it says how much there is and how much is needed.
    """
    picked = pick_device(device)
    needed = card.memory
    if picked.type == "cuda":
        import torch

        # Weights and activations shrink with the type of the numbers.
        needed = needed * dtype_for(picked).itemsize // 4
        free, where = torch.cuda.mem_get_info(picked)[0], f"memory on {picked}"
    else:
        free, where = available(), "memory"
    if needed > free:
        raise ModelError(
            f"{card.id} needs about {size_text(needed)} of {where}, and {size_text(free)} are free",
            remedy="Close other programs, or take a smaller encoder or a larger machine",
            code="too_little_memory",
        )


def available() -> int:
    """Bytes of memory that this process may still take."""
    import psutil

    free: int = psutil.virtual_memory().available
    return min([free, *_left_in_groups()])


def size_text(size: int) -> str:
    """A number of bytes for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.{1 if size < 100 * factor else 0}f} {unit}"
    return f"{size} bytes"


def _left_in_groups() -> Iterator[int]:
    """What the limits of this process's control groups and of those above them leave."""
    for line in OWN_GROUPS.read_text().splitlines() if OWN_GROUPS.is_file() else ():
        _, controllers, path = line.split(":", 2)
        for controller in {"", "memory"} & set(controllers.split(",")):
            hierarchy, limit, used, inactive = LIMITS[controller]
            root = GROUPS / hierarchy
            group = root / path.strip("/")
            # Inside a container the path may be that outside; then only the root is there.
            for folder in (group, *group.parents):
                if folder.is_relative_to(root) and (folder / limit).is_file():
                    allowed = (folder / limit).read_text().strip()
                    if allowed != "max":
                        in_use = int((folder / used).read_text()) - _reclaimable(folder, inactive)
                        yield max(int(allowed) - in_use, 0)


def _reclaimable(group: Path, inactive: str) -> int:
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(stat.get(inactive, 0))
