"""Contexts: a device, its tape, its settings."""
import collections
import contextlib
import ctypes
import os
import weakref

from . import library
from .library import FUNCTIONS, check, failure, lib

Memory = collections.namedtuple("Memory", "live peak cached")
Counters = collections.namedtuple("Counters", "planned replayed built loaded")

_log = None


def set_log(function):
    """Calls function(line) for what the library reports that is no error; None: nowhere."""
    global _log
    kind = dict(FUNCTIONS["gradc_set_log"][1])["log"]
    callback = kind(lambda payload, line: function(line.decode("utf-8", "replace"))) if function else kind()
    lib.gradc_set_log(callback, None)
    _log = callback


class Context:
    """A context on a device: "cpu", "gpu", "opencl:1", "auto" ...; None asks $GRADC_DEVICE.

    Settings are gradc_set's: Context("cpu", eager=True, threads=1).  It belongs to one thread at a time.
    As a context manager it closes itself; tensors that are still alive can then only be dropped.
    """

    def __init__(self, device=None, **settings):
        self.handle = lib.gradc_open(device.encode() if device is not None else None)
        if not self.handle:
            raise failure()
        self._close = weakref.finalize(self, lib.gradc_close, self.handle)
        self.tensors = weakref.WeakValueDictionary()  # by address, so that a handle has one Tensor
        for key, value in settings.items():
            self.set(key, value)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        return f"<gradc.Context {self.device}>" if self._close.alive else "<gradc.Context, closed>"

    def close(self):
        """Closes the context; a second time does nothing."""
        self._close()

    def live(self):
        """The handle, or an Error where the context was closed."""
        if not self._close.alive:
            raise library.Error(library.CONSTANTS["GRADC_E_CLEARED"], "the context was closed")
        return self.handle

    def check(self, status):
        check(status, self.handle if self._close.alive else None)

    # ---- Settings and facts ----

    @property
    def device(self):
        """The string that opens this context's device."""
        return library.device_info(lib.gradc_context_device(self.live()), "device")

    @property
    def has_f64(self):
        return library.device_info(lib.gradc_context_device(self.live()), "f64") == "1"

    def set(self, key, value):
        """Changes a setting of gradc_set's: "eager", "threads", "memory_limit", "blas", "math", "tune" ..."""
        text = str(int(value)) if isinstance(value, bool) else str(value)
        self.check(lib.gradc_set(self.live(), key.encode(), text.encode()))

    def tune(self, seconds=60, progress=None):
        """Looks for the device's fastest products and convolutions, as gradc_tune says.

        progress(line, before, after) is called for each class of problems; it ends the search by returning True.
        """
        kind = dict(FUNCTIONS["gradc_tune"][1])["progress"]

        def tell(payload, line, before, after):
            return 1 if progress(line.decode("utf-8", "replace"), before, after) else 0
        callback = kind(tell) if progress else kind()
        self.check(lib.gradc_tune(self.live(), seconds, callback, None))

    def tune_save(self, path):
        """Writes what the device was tuned to to a file."""
        self.check(lib.gradc_tune_save(self.live(), os.fsencode(path)))

    def tune_load(self, path):
        """Takes what such a file holds, in place of what there was; another device's is refused."""
        self.check(lib.gradc_tune_load(self.live(), os.fsencode(path)))

    def seed(self, seed):
        self.check(lib.gradc_seed(self.live(), seed))

    @property
    def rng_state(self):
        """Where the random numbers stand, two numbers; what was read here can be assigned later."""
        state = (ctypes.c_uint64 * 2)()
        self.check(lib.gradc_rng_state(self.live(), state))
        return tuple(state)

    @rng_state.setter
    def rng_state(self, state):
        self.check(lib.gradc_set_rng_state(self.live(), (ctypes.c_uint64 * 2)(*state)))

    def sync(self):
        """Runs what is pending and waits for the device."""
        self.check(lib.gradc_sync(self.live()))

    def memory(self):
        """Bytes of device memory: live, peak, cached."""
        numbers = [ctypes.c_int64() for _ in Memory._fields]
        self.check(lib.gradc_memory_info(self.live(), *numbers))
        return Memory(*[number.value for number in numbers])

    def counters(self):
        """Plans made and replayed, programs built and loaded from the disk cache."""
        numbers = [ctypes.c_int64() for _ in Counters._fields]
        self.check(lib.gradc_counters(self.live(), *numbers))
        return Counters(*[number.value for number in numbers])

    @contextlib.contextmanager
    def autocast(self, dtype="bf16"):
        """What is recorded inside runs in mixed precision: dtype is "bf16" or "f16"."""
        self.check(lib.gradc_autocast(self.live(), library.dtype_number(dtype)))
        try:
            yield
        finally:
            self.check(lib.gradc_autocast(self.live(), library.dtype_number("f32")))

    # ---- Tape ----

    @contextlib.contextmanager
    def no_grad(self):
        """What is recorded inside needs no gradient."""
        lib.gradc_record(self.live(), 0)
        try:
            yield
        finally:
            lib.gradc_record(self.live(), 1)

    def tape_clear(self):
        """Takes back the tape.  Tensors that you hold keep their values, without their history."""
        lib.gradc_tape_clear(self.live())
        if lib.gradc_check(self.handle):
            raise failure(self.handle)

    def tape_mark(self):
        return lib.gradc_tape_mark(self.live())

    def tape_rewind(self, mark):
        self.check(lib.gradc_tape_rewind(self.live(), mark))

    # ---- Tensors ----

    def zeros(self, shape, dtype="f32", requires_grad=False):
        """A tensor of zeros that can be written."""
        number = library.dtype_number(dtype)
        made = self.own(lib.gradc_new(self.live(), number, *library.int64_array(shape)))
        if requires_grad:
            made.requires_grad = True
        return made

    def param(self, how, shape):
        """A parameter, f32, that wants a gradient.

        how: "zeros", "ones", "uniform", "normal", "kaiming" or "xavier".
        """
        number = library.CONSTANTS["GRADC_" + how.upper()] if isinstance(how, str) else how
        return self.own(lib.gradc_param(self.live(), number, *library.int64_array(shape)))

    def rand(self, shape):
        return self.result(lib.gradc_rand(self.live(), *library.int64_array(shape)))

    def randn(self, shape):
        return self.result(lib.gradc_randn(self.live(), *library.int64_array(shape)))

    # ---- Handles ----

    def own(self, handle):
        """The Tensor of a handle that is already the caller's."""
        from .tensor import Tensor
        if not handle:
            raise failure(self.handle)
        made = Tensor(self, handle, releases=1)
        self.tensors[handle.value] = made
        return made

    def result(self, handle):
        """The Tensor of what an op returned: retained, so that it lives as long as the Tensor."""
        from .tensor import Tensor
        if not handle:
            raise failure(self.handle)
        known = self.tensors.get(handle.value)
        if known is not None:
            return known
        if not lib.gradc_retain(handle):
            raise failure(self.handle)
        made = Tensor(self, handle, releases=2)
        self.tensors[handle.value] = made
        return made
