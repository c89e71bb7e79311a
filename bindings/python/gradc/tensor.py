"""Tensors: handles with an owner, NumPy in and out, operators."""
import ctypes
import weakref

import numpy

from . import library
from .library import NUMPY, CONSTANTS, check, failure, lib


def tensor(context, values, dtype=None, requires_grad=False):
    """A tensor of yours with the values of an array, a number or nested lists.

    An array keeps its dtype; Python's floats become f32, unless dtype says otherwise.  NumPy has no bf16: there an
    array of uint16 holds the bits.
    """
    array = numpy.asarray(values)
    if dtype is not None and library.dtype_name(library.dtype_number(dtype)) == "bf16":
        array = bf16_bits(array)
    elif dtype is not None:
        array = array.astype(NUMPY[library.dtype_name(library.dtype_number(dtype))])
    elif array.dtype == numpy.float64 and not isinstance(values, (numpy.ndarray, numpy.generic)):
        array = array.astype(numpy.float32)
    made = context.zeros(array.shape, array.dtype)
    made.write(array)
    if requires_grad:
        made.requires_grad = True
    return made


def bf16_bits(array):
    """Numbers as bf16, to the nearest, ties to even: the bits, uint16.  An array of uint16 holds bits already."""
    if array.dtype == numpy.uint16:
        return array
    single = numpy.atleast_1d(array.astype(numpy.float32))  # numbers alone would not stay of 32 bits
    bits = single.view(numpy.uint32)
    rounded = (bits.astype(numpy.uint64) + 0x7fff + (bits >> 16 & 1)) >> 16
    return numpy.where(numpy.isnan(single), 0x7fc0, rounded).astype(numpy.uint16).reshape(array.shape)


def _release(handle, times):
    for _ in range(times):
        lib.gradc_release(handle)


class Tensor:
    """A tensor of libgradc; made by gradc.tensor, Context.zeros, Context.param and the ops.

    It owns its handle: the first release takes that back, and for an op's result a second one tells the tape
    that nobody wants the value any more.
    """

    __array_priority__ = 1000  # NumPy leaves operators to this class

    def __init__(self, context, handle, releases, leaf=None):
        self.context = context
        self.handle = handle
        self._leaf = leaf  # a gradient is its leaf's: it keeps it alive
        self._release = weakref.finalize(self, _release, handle, releases)
        self._release.atexit = False

    def release(self):
        """Gives the handle back now; the tensor then answers GRADC_E_CLEARED."""
        self.context.tensors.pop(self.handle.value, None)
        self._release()

    def retain(self):
        """A gradient's value now, as a tensor of its own; any other tensor is retained already."""
        if self._leaf is None:
            return self
        handle = lib.gradc_retain(self.handle)
        if not handle:
            raise failure(self.context.handle)
        return self.context.own(handle)

    # ---- Facts ----

    def _fact(self, value):
        if value < 0:
            raise library.Error(CONSTANTS["GRADC_E_CLEARED"],
                                "the tensor was released, or its tape was cleared")
        return value

    @property
    def ndim(self):
        return self._fact(lib.gradc_ndim(self.handle))

    @property
    def shape(self):
        return tuple(lib.gradc_size(self.handle, axis) for axis in range(self.ndim))

    @property
    def size(self):
        return self._fact(lib.gradc_numel(self.handle))

    @property
    def nbytes(self):
        return self._fact(lib.gradc_bytes(self.handle))

    @property
    def dtype(self):
        """The NumPy dtype."""
        return NUMPY[library.dtype_name(self._fact(lib.gradc_dtype_of(self.handle)))]

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __repr__(self):
        needed = lib.gradc_print(self.handle, None, 0)
        if needed < 0:
            return f"<gradc.Tensor, {failure(self.context.handle)}>"
        text = ctypes.create_string_buffer(needed + 1)
        lib.gradc_print(self.handle, text, len(text))
        return text.value.decode()

    # ---- Values ----

    def numpy(self):
        """The elements, copied into an array."""
        array = numpy.empty(self.shape, self.dtype)
        check(lib.gradc_read(self.handle, array.ctypes.data, array.nbytes), self.context.handle)
        return array

    def __array__(self, dtype=None, copy=None):
        if copy is False:  # NumPy 2's word for "or fail"
            raise ValueError("the elements of a gradc.Tensor are always copied")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def item(self):
        """The only element as a Python number."""
        value = lib.gradc_item(self.handle)
        if value != value and lib.gradc_check(self.context.live()):
            raise failure(self.context.handle)
        kind = self.dtype.kind
        return bool(value) if kind == "b" else int(value) if kind in "iu" else value

    def __float__(self):
        return float(self.item())

    def __bool__(self):
        return bool(self.item())

    def write(self, values):
        """Writes an array of this shape and dtype into the tensor."""
        array = numpy.ascontiguousarray(values, self.dtype).reshape(numpy.shape(values))
        if array.shape != self.shape:
            raise library.Error(CONSTANTS["GRADC_E_SHAPE"],
                                f"write: the array {list(array.shape)} does not fit "
                                f"the tensor {list(self.shape)}")
        check(lib.gradc_write(self.handle, array.ctypes.data, array.nbytes), self.context.handle)

    def assign(self, source):
        """Records that this tensor becomes source, which is broadcast."""
        check(lib.gradc_assign(self.handle, source.handle), self.context.handle)

    def to(self, context):
        """A copy on a context."""
        handle = lib.gradc_to(self.handle, context.live())
        if not handle:
            raise failure(context.handle if lib.gradc_check(context.handle) else self.context.handle)
        return context.own(handle)

    # ---- Gradients ----

    @property
    def requires_grad(self):
        """Whether gradients flow to or through the tensor; set it on tensors of yours."""
        return bool(lib.gradc_wants_grad(self.handle))

    @requires_grad.setter
    def requires_grad(self, on):
        check(lib.gradc_requires_grad(self.handle, int(on)), self.context.handle)

    @property
    def grad(self):
        """The gradient of this leaf, or None.  After the step that used it up, reading it is GRADC_E_GONE."""
        handle = lib.gradc_grad(self.handle)
        if not handle:
            if lib.gradc_check(self.context.live()):
                raise failure(self.context.handle)
            return None
        return Tensor(self.context, handle, releases=0, leaf=self)

    def backward(self):
        """Records the gradients of this tensor, of one element, for every leaf that it depends on."""
        check(lib.gradc_backward(self.handle), self.context.handle)

    def zero_grad(self):
        check(lib.gradc_zero_grad(library.handle_array([self]), 1), self.context.handle)


def gradients(y, xs, dy=None):
    """d(sum(y * dy)) / d x for each x of a list, as tensors that can be differentiated again."""
    results = (library.gradc_tensor * max(1, len(xs)))()
    check(lib.gradc_gradients(y.handle, dy.handle if dy is not None else None, len(xs),
                              library.handle_array(xs),
                              results), y.context.handle)
    return [y.context.result(library.gradc_tensor(handle.value)) for handle in results[:len(xs)]]
