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
CHECKPOINT = "musicnn/MSD_musicnn/"
LICENCE_IN_WHEEL = "musicnn-0.1.0.dist-info/LICENSE.md"
NOTICE_FILE = "msd_musicnn.LICENSE.txt"
NOTICE = f"""\
The file beside this notice holds the weights of MSD_musicnn, taken from {WHEEL_NAME}.
They were converted to ONNX; filters that cannot change the result were left out.
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
    target, notice = folder / pinned.MUSICNN_FILE, folder / NOTICE_FILE
    if notice.is_file() and _holds(target, pinned.MUSICNN_SHA256):
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        wheel = obtain_wheel(Path(temporary))
        weights, licence = convert(wheel)
    if _sha256(weights) != pinned.MUSICNN_SHA256:
        raise WeightsError(
            f"the converted {target.name} has the SHA-256 {_sha256(weights)}, expected "
            f"{pinned.MUSICNN_SHA256}; the installed onnx package may write models differently"
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write(notice, (NOTICE + licence).encode("utf-8"))
    _write(target, weights)
    return folder


def convert(wheel: Path) -> tuple[bytes, str]:
    """Return the ONNX model made from the wheel's MSD checkpoint, and the wheel's licence."""
    from build_hook.graph import build_model

    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(LICENCE_IN_WHEEL).decode("utf-8")
    return build_model(read_checkpoint(wheel)), licence


def read_checkpoint(wheel: Path) -> Tensors:
    """Return the variables of the wheel's MSD checkpoint without the optimiser's own."""
    with zipfile.ZipFile(wheel) as archive:
        index = archive.read(CHECKPOINT + ".index")
        data = archive.read(CHECKPOINT + ".data-00000-of-00001")
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
