"""What every structural primitive becomes on this device."""

from __future__ import annotations

from . import indexing, matmul, scans, sorting, structure
from .dispatch import Lowering

LOWERINGS: dict[str, Lowering] = {
    **scans.LOWERINGS,
    **indexing.LOWERINGS,
    **sorting.LOWERINGS,
    **structure.LOWERINGS,
    **matmul.LOWERINGS,
}
"""By the names of the primitives. They know no complex numbers."""
