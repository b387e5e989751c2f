"""The workloads: each stated once, in terms that every library has."""

from . import elementwise, matrices, networks, scientific
from .base import Problem, Size, Workload, label, problem

FAMILIES = (elementwise, networks, scientific, matrices)
WORKLOADS = {w.name: w for family in FAMILIES for w in family.WORKLOADS}

__all__ = ["WORKLOADS", "Problem", "Size", "Workload", "label", "problem"]
