"""The shared library: found, loaded, declared; its errors as exceptions; dtypes and arguments for C.

The library is $GRADC_LIBRARY, else lib/libgradc.so of the source tree that holds this package,
else the system's.
"""
import ctypes
import os

import numpy

try:
    from ._generated import CONSTANTS, FUNCTIONS, declare, gradc_context, gradc_tensor
except ModuleNotFoundError as reason:
    raise ImportError("gradc/_generated.py is missing: run `make python`, or `python3 generate.py gradc.h "
                      ">gradc/_generated.py` in bindings/python") from reason


def _load():
    here = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.join(here, "..", "..", "..", "lib", "libgradc.so")
    named = os.environ.get("GRADC_LIBRARY")
    if named:
        path = named
    else:
        path = beside if os.path.exists(beside) else f"libgradc.so.{CONSTANTS['GRADC_VERSION_MAJOR']}"
    library = ctypes.CDLL(path)
    try:
        declare(library)
    except AttributeError as reason:
        raise ImportError(f"{path} does not fit gradc/_generated.py: {reason}") from None
    return library


lib = _load()


class Error(Exception):
    """A call that failed.

    status   the number, such as gradc.E_SHAPE
    name     its name, such as "GRADC_E_SHAPE"
    message  the library's sentence: op, arguments and shapes
    """

    def __init__(self, status, message):
        self.status = status
        self.name = lib.gradc_status_name(status).decode()
        self.message = message
        super().__init__(f"{self.name}: {message}")


def failure(context=None, status=None):
    """The Error of a call that has just failed, taken from its context or, else, from this thread; both are
    recovered.  context: a gradc_context or None.  status: what the call returned, where it returned one."""
    for g in filter(None, (context, gradc_context())) if context else (None,):
        found = lib.gradc_check(g)
        if found and (status is None or found == status):
            message = lib.gradc_message(g).decode("utf-8", "replace")
            lib.gradc_recover(g)
            return Error(found, message)
    found = lib.gradc_check(None)
    if found:
        message = lib.gradc_message(None).decode("utf-8", "replace")
        lib.gradc_recover(None)
        return Error(found, message)
    return Error(CONSTANTS["GRADC_E_ARG"] if status is None else status, "no message")


def check(status, context=None):
    """Raises if a call returned a failure."""
    if status:
        raise failure(context, status)


def version():
    """The library's version, such as "0.1.0"."""
    return lib.gradc_version().decode()


def device_count():
    """How many devices this process can open."""
    return lib.gradc_device_count()


DEVICE_KEYS = ("device", "kind", "name", "vendor", "platform", "driver", "opencl", "memory", "largest_buffer",
               "units",
               "f64")


def device_info(index, key):
    """One fact about a device, as text; the keys are gradc_device_info's."""
    text = ctypes.create_string_buffer(1024)
    check(lib.gradc_device_info(index, key.encode(), text, len(text)))
    return text.value.decode("utf-8", "replace")


def devices():
    """A dictionary of facts for each device; its "device" is what Context takes."""
    return [{key: device_info(i, key) for key in DEVICE_KEYS} for i in range(device_count())]


# ---- Dtypes ----

NUMPY = {"f32": numpy.float32, "f64": numpy.float64, "f16": numpy.float16, "bf16": numpy.uint16, "i64": numpy.int64, "i32": numpy.int32,
         "u8": numpy.uint8,
         "bool": numpy.bool_}
NUMPY = {name: numpy.dtype(kind) for name, kind in NUMPY.items()}


def dtype_number(dtype):
    """A GRADC_ dtype from one, from its name ("f32") or from what numpy.dtype takes."""
    if isinstance(dtype, int) and not isinstance(dtype, bool):
        return dtype
    if isinstance(dtype, str) and "GRADC_" + dtype.upper() in CONSTANTS:
        return CONSTANTS["GRADC_" + dtype.upper()]
    wanted = numpy.dtype(dtype)
    for name, kind in NUMPY.items():
        if kind == wanted:
            return CONSTANTS["GRADC_" + name.upper()]
    raise TypeError(f"no tensors of dtype {wanted}")


def reduction_number(reduction):
    """A GRADC_REDUCE_ constant from itself or from PyTorch's word: "mean", "sum", "none", "batchmean"."""
    if isinstance(reduction, str) and "GRADC_REDUCE_" + reduction.upper() not in CONSTANTS:
        raise TypeError(f"no reduction {reduction!r}")
    return CONSTANTS["GRADC_REDUCE_" + reduction.upper()] if isinstance(reduction, str) else reduction


def dtype_name(number):
    return lib.gradc_dtype_name(number).decode()


# ---- Arrays for C ----

def int64_array(values):
    values = [values] if isinstance(values, (int, numpy.integer)) else [int(value) for value in values]
    return len(values), (ctypes.c_int64 * max(1, len(values)))(*values)


def int_array(values):
    values = [values] if isinstance(values, (int, numpy.integer)) else [int(value) for value in values]
    return len(values), (ctypes.c_int * max(1, len(values)))(*values)


def handle_array(tensors):
    """An array of handles; the list of tensors must live as long as it is used."""
    return (gradc_tensor * max(1, len(tensors)))(*[t.handle for t in tensors])
