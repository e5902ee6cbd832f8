"""Masks of a box that weigh an eighth of a byte a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mask:
    """Which points of a box are chosen, eight in a byte; sections are unpacked when they are asked for.

    Attributes
    ----------
    packed : ndarray, uint8, shape (nz, ny, (nx + 7) // 8)
    nx : int
    """

    packed: np.ndarray
    nx: int

    @classmethod
    def of(cls, chosen: np.ndarray) -> Mask:
        """From bool (nz, ny, nx)."""
        return cls(np.packbits(chosen, axis=2), chosen.shape[2])

    @classmethod
    def none(cls, shape) -> Mask:
        """Of a box (nz, ny, nx) of which nothing is chosen."""
        return cls(np.zeros((*shape[:2], (shape[2] + 7) // 8), dtype=np.uint8), shape[2])

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, part) -> np.ndarray:
        return np.unpackbits(self.packed[part], axis=-1, count=self.nx).view(bool)

    @property
    def size(self) -> int:
        """Points chosen."""
        return int(np.bitwise_count(self.packed).sum())
