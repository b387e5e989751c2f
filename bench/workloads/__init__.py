"""The workloads: each stated once, in terms that every library has."""

from . import elementwise, networks, scientific
from .base import Problem, Size, Workload, label, problem

WORKLOADS = {w.name: w for w in (*elementwise.WORKLOADS, *networks.WORKLOADS, *scientific.WORKLOADS)}

__all__ = ["WORKLOADS", "Problem", "Size", "Workload", "label", "problem"]
