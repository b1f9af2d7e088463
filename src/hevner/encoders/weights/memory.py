"""Check before loading whether an encoder will fit into memory.

Conventions
-----------
Needs are those of a card: bytes to load an encoder and run one window on a CPU, in float32. What is
free is what the system could hand out without swapping, and what the limit of a container leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.errors import ModelError

if TYPE_CHECKING:
    from hevner.encoders.base import EncoderCard

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

LIMITS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By controller, for both versions of control groups: the folder of the hierarchy, the files with
limit and use, and the line of ``memory.stat`` with the part of the use that is given up at need."""


def check_memory(card: EncoderCard, device: str = "cpu") -> None:
    """Make sure that there is memory enough for an encoder.

    Parameters
    ----------
    card
        Facts about the encoder.
    device
        ``"cpu"``, ``"cuda"`` or such, or ``"auto"``.

    Raises
    ------
    ModelError
        If there is too little; it says how much there is and how much is needed.
    """
    from hevner.encoders.weights.checkpoint import dtype_for, pick_device

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
