"""Convolutions as one form in three arrays: of any two of them it makes an array like the third.

The form is the sum over images n, positions o of the result and k of the filter, channels c and filters d of
x[n, o * strides + k * dilation - low, c] * w[d, k, c] * y[n, o, d], where x is zero outside. Its derivative by y
is the convolution of x and w (`conv`), those by x and w are its adjoints (`conv_x`, `conv_w`), and the derivatives
of each of the three are the other two. Arrays have channels last, before them one to three axes of space, before
these images or filters, and any leading axes, which are batches; `sizes` are those of the result in space. XLA has
the same as one operation, with the image dilated and the filter turned; here no inserted zeros are multiplied.
"""

from __future__ import annotations

from ..arrays.array import array
from ..arrays.emit import conjugated, emit
from ..core.avals import Aval, aval
from ..core.primitive import structural
from .views import Shape


def _result(x: Aval, w: Aval, sizes: Shape, **_: Shape) -> Aval:
    return aval((*x.shape[: -1 - len(sizes)], *sizes, w.shape[-2 - len(sizes)]), x.dtype)


def _image(w: Aval, y: Aval, sizes: Shape, **_: Shape) -> Aval:
    return aval((*y.shape[: -1 - len(sizes)], *sizes, w.shape[-1]), y.dtype)


def _filter(x: Aval, y: Aval, sizes: Shape, **_: Shape) -> Aval:
    lead = x.shape[: -2 - len(sizes)]
    return aval((*lead, y.shape[-1], *sizes, x.shape[-1]), x.dtype)


# --- derivatives -----------------------------------------------------------------------------------------


def _like(name: str, like: array, a: array, b: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    """The primitive, with a result like an array in space."""
    sizes = like.shape[-1 - len(strides) : -1]
    return emit(name, a, b, sizes=sizes, strides=strides, low=low, dilation=dilation)


def _conv_x(g: array, x: array, w: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv_x", x, conjugated(w), g, strides, low, dilation)


def _conv_w(g: array, x: array, w: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv_w", w, conjugated(x), g, strides, low, dilation)


def _image_w(g: array, w: array, y: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv_w", w, g, conjugated(y), strides, low, dilation)


def _image_y(g: array, w: array, y: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv", y, g, conjugated(w), strides, low, dilation)


def _filter_x(g: array, x: array, y: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv_x", x, g, conjugated(y), strides, low, dilation)


def _filter_y(g: array, x: array, y: array, strides: Shape, low: Shape, dilation: Shape) -> array:
    return _like("conv", y, conjugated(x), g, strides, low, dilation)


structural("conv", "x w", _result, vjp={"x": _conv_x, "w": _conv_w})
structural("conv_x", "w y", _image, vjp={"w": _image_w, "y": _image_y})
structural("conv_w", "x y", _filter, vjp={"x": _filter_x, "y": _filter_y})
