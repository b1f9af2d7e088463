"""A small CLAP with random weights, written and converted once."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def clap_published(tmp_path_factory):
    """A folder as it is on the hub."""
    from hevner.lab.rehearsal.clap_weights import write
    from tests.golden.encoders.make_clap import CONFIG

    folder = tmp_path_factory.mktemp("clap-published")
    write(folder, CONFIG)
    return folder


@pytest.fixture(scope="session")
def clap_folder(clap_published, tmp_path_factory):
    """What the conversion makes of it."""
    from tests.encoders.small_clap import convert

    target = tmp_path_factory.mktemp("clap-converted")
    convert(clap_published, target)
    return target


@pytest.fixture(scope="session")
def clap_encoder(clap_folder):
    """The encoder, without states."""
    from tests.encoders.small_clap import load

    return load(clap_folder)


@pytest.fixture(scope="session")
def clap_reference(clap_published):
    """The model of transformers with the same weights."""
    from tests.golden.encoders.make_clap import Reference

    return Reference(clap_published)


@pytest.fixture
def plain_kernels(monkeypatch):
    """PyTorch's own kernels, whose half precision is the same on every CPU.

    Half precision is for cards; on a CPU these tests show that the code casts where it should.
    """
    import torch

    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
