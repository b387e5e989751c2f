"""What fastvjp warns of. `warnings.simplefilter("error", fastvjp.CacheWarning)` makes an error of it."""

from __future__ import annotations


class CacheWarning(RuntimeWarning):
    """Compiled kernels cannot be kept in FASTVJP_CACHE_DIR; they are compiled in every process."""


class CompileWarning(RuntimeWarning):
    """A kernel could not be compiled; its ops run one by one, or in plain Python. Results are the same."""


class LostGradientWarning(RuntimeWarning):
    """A value that is being differentiated was read as a constant, with FASTVJP_READS=warn."""


class PrecisionWarning(RuntimeWarning):
    """The device has no float64; it computes in float32 instead."""
