"""`fastvjp.numpy`: NumPy's namespace in which what NumPy alone cannot record is recorded, too."""

from . import assigning, calling, creation, mathematics, windows
from .copies import of
from .modules import named, namespace

__all__ = ["assigning", "calling", "creation", "mathematics", "named", "namespace", "of", "windows"]
