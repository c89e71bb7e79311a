"""Models: gradc_model's modules, with their parameters by PyTorch's names."""
import ctypes
import weakref

from . import library
from .library import failure, lib


def model_names():
    """The names that Module takes."""
    names = []
    while (name := lib.gradc_model_name(len(names))) is not None:
        names.append(name.decode())
    return names


class Module:
    """A model with fresh weights: Module(g, "vgg16", classes=10, image=64); see gradc_model.

    Called with images, it records itself and returns the logits.  It is in training mode at first.
    """

    def __init__(self, context, name, **options):
        text = " ".join(f"{key}={value}" for key, value in options.items())
        self.context = context
        self.handle = lib.gradc_model(context.live(), name.encode(), text.encode())
        if not self.handle:
            raise failure(context.handle)
        self._free = weakref.finalize(self, lib.gradc_module_free, self.handle)
        self._free.atexit = False

    def __call__(self, x):
        self.context.live()
        return self.context.result(lib.gradc_module_forward(self.handle, x.handle))

    def train(self, on=True):
        """Training mode, or evaluation; returns the module."""
        self.context.check(lib.gradc_module_train(self.handle, int(on)))
        return self

    def eval(self):
        return self.train(False)

    # ---- Parameters and buffers ----

    def _tensor(self, handle):
        known = self.context.tensors.get(handle.value)
        if known is not None:
            return known
        return self.context.own(lib.gradc_retain(handle))

    def _entries(self):
        """(name, tensor, whether it is a buffer) of each."""
        self.context.live()
        for i in range(lib.gradc_module_count(self.handle)):
            yield (lib.gradc_module_tensor_name(self.handle, i).decode(),
                   self._tensor(library.gradc_tensor(lib.gradc_module_tensor(self.handle, i).value)),
                   bool(lib.gradc_module_is_buffer(self.handle, i)))

    def state_dict(self):
        """Parameters and buffers by name, in PyTorch's order."""
        return {name: tensor for name, tensor, _ in self._entries()}

    def parameters(self):
        return [tensor for _, tensor, is_buffer in self._entries() if not is_buffer]

    def named_parameters(self):
        return {name: tensor for name, tensor, is_buffer in self._entries() if not is_buffer}

    def freeze(self, prefix, on=True):
        """No gradient flows to the parameters whose names begin so; on=False: it does again."""
        self.context.check(lib.gradc_module_freeze(self.handle, prefix.encode(), int(on)))

    # ---- Facts ----

    def option(self, key):
        """ "model", "classes", "image", "channels", "dropout", "options", as text; None where there is none."""
        value = lib.gradc_module_option(self.handle, key.encode())
        return value.decode() if value is not None else None

    def info(self, key, batch=1):
        """ "parameters", "flops", "bytes" or "activations" for a batch."""
        value = ctypes.c_double()
        self.context.check(lib.gradc_module_info(self.handle, key.encode(), batch, value))
        return int(value.value)

    def summary(self, batch=1):
        """The table of layers and totals, as text."""
        needed = lib.gradc_module_summary(self.handle, batch, None, 0)
        if needed < 0:
            raise failure(self.context.handle)
        text = ctypes.create_string_buffer(needed + 1)
        lib.gradc_module_summary(self.handle, batch, text, len(text))
        return text.value.decode()
