"""Files: safetensors out, IDX in."""
import ctypes
import os

import numpy

from . import library
from .library import NUMPY, CONSTANTS, check, lib


def _texts(values):
    return (ctypes.c_char_p * max(1, len(values)))(*[str(value).encode() for value in values])


def save(path, tensors, metadata=None):
    """Writes a dictionary of named tensors, and one of texts, to a safetensors file."""
    values = list(tensors.values())
    metadata = metadata or {}
    check(lib.gradc_save(os.fsencode(path), len(values), _texts(list(tensors)), library.handle_array(values),
                         len(metadata), _texts(list(metadata)), _texts(list(metadata.values()))),
          values[0].context.handle if values else None)


def read_idx(path):
    """The array of an IDX file, such as MNIST's; gzip or not."""
    dtype, ndim, data = ctypes.c_int32(), ctypes.c_int(), ctypes.c_void_p()
    shape = (ctypes.c_int64 * CONSTANTS["GRADC_MAX_NDIM"])()
    check(lib.gradc_read_idx(os.fsencode(path), dtype, ndim, shape, data))
    try:
        array = numpy.empty(tuple(shape[:ndim.value]), NUMPY[library.dtype_name(dtype.value)])
        ctypes.memmove(array.ctypes.data, data, array.nbytes)
    finally:
        lib.gradc_free(data)
    return array
