"""Optional packages: the extra that installs each, and the error where one is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from hevner.errors import MissingDependencyError

PACKAGES = {
    "audio": (),
    "catalog": ("lancedb", "pyarrow"),
    "s3": ("obstore",),
    "plot": ("matplotlib",),
    "serve": (
        "fastapi", "prometheus_client", "python_multipart", "starlette", "uvicorn",
        "lancedb", "matplotlib", "pyarrow",
    ),
    "live": ("sounddevice",),
    "ray": ("ray",),
    "frames": ("pandas", "pyarrow"),
    "mcp": ("mcp", "lancedb", "pyarrow"),
    "tags": ("mutagen",),
    "lab": ("matplotlib", "mido", "mir_eval", "msgspec", "onnx", "sklearn", "umap"),
    "networks": ("torch",),
    "encoders": ("huggingface_hub", "psutil", "safetensors", "torch", "transformers"),
}  # fmt: skip
"""Modules that each extra of ``pyproject.toml`` installs."""

NAMES = {
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}
"""Names under which packages are known, where the module is called otherwise."""


def extra_of(module: str, preferred: str = "") -> str:
    """The extra that installs a module; empty if none does.

    Parameters
    ----------
    module
        Its full name, such as ``torch.nn``.
    preferred
        The extra to take if several install it.
    """
    package = module.partition(".")[0]
    found = [extra for extra, packages in PACKAGES.items() if package in packages]
    return preferred if preferred in found else (found or [""])[0]


def missing(
    module: str, purpose: str, extra: str = "", subject: str = ""
) -> MissingDependencyError:
    """The error for a module that is not installed.

    Parameters
    ----------
    module
        Its full name; must be in one of the extras.
    purpose
        The command or task that needs it, as the subject of the sentence.
    extra
        The extra to recommend if several install the module.
    subject
        The file concerned, if there is one.
    """
    package = module.partition(".")[0]
    chosen = extra_of(package, extra)
    return MissingDependencyError(
        f"{purpose} needs {NAMES.get(package, package)}, which is not installed",
        remedy=f"Install it with: pip install 'hevner[{chosen}]'",
        subject=subject,
    )


def require(extra: str, purpose: str, *modules: str) -> None:
    """Check that modules can be imported, without importing them.

    Parameters
    ----------
    extra
        The extra that installs them.
    purpose
        The command or task that needs them, as the subject of the sentence.
    modules
        Their names; all of the extra if none is given.

    Raises
    ------
    MissingDependencyError
        If one is not installed (code ``missing_extra``).
    """
    for module in modules or PACKAGES[extra]:
        if importlib.util.find_spec(module) is None:
            raise missing(module, purpose, extra)


@contextmanager
def required(purpose: str, extra: str = "") -> Iterator[None]:
    """Run imports of optional packages; parameters and errors are those of `require`.

    ``extra`` is the one to recommend if several install the missing module.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not extra_of(error.name or ""):
            raise
        raise missing(error.name or "", purpose, extra) from error
