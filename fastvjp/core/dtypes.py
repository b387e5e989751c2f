"""Kinds of dtypes, and constants, under the names of `mlx.core`: they are NumPy's."""

import math

import numpy as np

Dtype = np.dtype
generic, number, integer, inexact = np.generic, np.number, np.integer, np.inexact
signedinteger, unsignedinteger = np.signedinteger, np.unsignedinteger
floating, complexfloating = np.floating, np.complexfloating
issubdtype, isdtype, can_cast = np.issubdtype, np.isdtype, np.can_cast
finfo, iinfo = np.finfo, np.iinfo
broadcast_shapes = np.broadcast_shapes

e, pi, inf, nan, euler_gamma = math.e, math.pi, math.inf, math.nan, np.euler_gamma
newaxis = None
