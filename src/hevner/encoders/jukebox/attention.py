"""Factored attention: a long sequence is folded into rows, and attention runs along one side.

Conventions
-----------
Queries, keys and values have the shape (n, length, width) with the heads side by side in the
width. Every kind is causal: a place sees itself and places before it, or only places before it. A
sequence that does not fill its last row is filled up behind and cut again; as nothing looks
ahead, the filling has no effect on what is left.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def attend(
    kind: str, query: Tensor, key: Tensor, value: Tensor, *, heads: int, row: int, prime: int = 0
) -> Tensor:
    """Attention of one kind.

    Parameters
    ----------
    kind
        ``block`` (own row), ``column`` (same place of the rows so far), ``previous`` (the row
        before, nothing in the first), ``prime`` (the beginning of the sequence so far) or
        ``lyrics`` (all of keys and values, which come from the encoder of lyrics and have n = 1).
    query, key, value
        Shape ``(n, length, width)``, as that of the result.
    heads, row, prime
        Number of heads, length of a row, and length of the beginning for ``prime``.
    """
    if kind == "lyrics":
        count = len(query)
        return _attention(query, key.expand(count, -1, -1), value.expand(count, -1, -1), heads)
    if kind == "prime":
        return _attention(query, key[:, :prime], value[:, :prime], heads, causal=True)
    length = query.shape[1]
    q, k, v = (_folded(one, row) for one in (query, key, value))
    if kind == "block":
        out = _rows(q, k, v, heads, causal=True)
    elif kind == "column":
        q, k, v = (one.transpose(1, 2) for one in (q, k, v))
        out = _rows(q, k, v, heads, causal=True).transpose(1, 2)
    elif kind == "previous":
        out = functional.pad(_rows(q[:, 1:], k[:, :-1], v[:, :-1], heads), (0, 0, 0, 0, 1, 0))
    else:
        raise ValueError(f"there is no attention of the kind {kind!r}")
    return out.flatten(1, 2)[:, :length]


def _folded(sequence: Tensor, row: int) -> Tensor:
    """Shape (n, rows, row, width), the last row filled up with zeros."""
    filling = -sequence.shape[1] % row
    if filling:
        sequence = functional.pad(sequence, (0, 0, 0, filling))
    count, length, width = sequence.shape
    return sequence.reshape(count, length // row, row, width)


def _rows(query: Tensor, key: Tensor, value: Tensor, heads: int, *, causal: bool = False) -> Tensor:
    """Attention within each row of folded sequences."""
    if not query.numel():
        return query
    q, k, v = (one.flatten(0, 1) for one in (query, key, value))
    return _attention(q, k, v, heads, causal=causal).reshape(query.shape)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, heads: int, *, causal: bool = False
) -> Tensor:
    q, k, v = (
        one.reshape(*one.shape[:2], heads, -1).transpose(1, 2) for one in (query, key, value)
    )
    out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return out.transpose(1, 2).flatten(2)
