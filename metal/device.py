"""The metal device. Its shaders are not written yet: importing it says so."""

from __future__ import annotations

raise RuntimeError("the Metal kernels are not part of this version yet")
