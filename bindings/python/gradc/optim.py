"""Optimisers: PyTorch's names and defaults over gradc_sgd, gradc_adam, gradc_adamw and gradc_rmsprop; clipping of
gradients; schedules of learning rates."""
import ctypes
import math
import weakref

from . import library
from .library import failure, lib


class Optimizer:
    """What the optimisers share: step, zero_grad, set."""

    def __init__(self, make, params, *numbers, **settings):
        params = list(params)
        self.params = params
        context = params[0].context if params else None
        self.context = context
        self.handle = make(library.handle_array(params), len(params), *numbers)
        if not self.handle:
            raise failure(context.handle if context else None)
        self._free = weakref.finalize(self, lib.gradc_optim_free, self.handle)
        self._free.atexit = False
        for key, value in settings.items():
            self.set(key, value)

    def set(self, key, value):
        """Changes a number, such as "lr"; from step to step if you like."""
        self.context.check(lib.gradc_optim_set(self.handle, key.encode(), value))

    def get(self, key):
        """A number that set() changes."""
        value = lib.gradc_optim_get(self.handle, key.encode())
        self.context.check(lib.gradc_check(self.context.handle))
        return value

    def step(self):
        """Updates the parameters that have a gradient, and uses the gradients up."""
        self.context.check(lib.gradc_step(self.handle))

    def zero_grad(self):
        """Drops the parameters' gradients; a step needs none of this."""
        self.context.check(lib.gradc_zero_grad(library.handle_array(self.params), len(self.params)))

    @property
    def steps(self):
        """How many steps were applied."""
        return lib.gradc_optim_steps(self.handle)

    def state(self, index):
        """The state of a parameter, by PyTorch's names: tensors to read, or to write."""
        found = {}
        while True:
            name = lib.gradc_optim_state_name(self.handle, len(found))
            if name is None:
                return found
            found[name.decode()] = self.context.result(lib.gradc_optim_state(self.handle, index, name))

    @property
    def updates(self):
        """How many updates the state of each parameter has seen."""
        return [lib.gradc_optim_updates(self.handle, i) for i in range(len(self.params))]

    def restore(self, steps, updates):
        """Sets both counts, for a training that goes on; the state is written beside it."""
        counts = (ctypes.c_int64 * len(self.params))(*updates)
        self.context.check(lib.gradc_optim_restore(self.handle, steps, counts))


class SGD(Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        super().__init__(lib.gradc_sgd, params, lr, momentum, dampening=dampening, weight_decay=weight_decay,
                         nesterov=nesterov)


class Adam(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(lib.gradc_adam, params, lr, beta1=betas[0], beta2=betas[1], eps=eps,
                         weight_decay=weight_decay)


class AdamW(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(lib.gradc_adamw, params, lr, weight_decay, beta1=betas[0], beta2=betas[1], eps=eps)


class RMSprop(Optimizer):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        super().__init__(lib.gradc_rmsprop, params, lr, alpha=alpha, eps=eps, weight_decay=weight_decay,
                         momentum=momentum, centered=centered)


def clip_grad_norm(params, max_norm):
    """Scales the parameters' gradients so that their norm together is at most max_norm; the norm before that."""
    params = list(params)
    context = params[0].context if params else None
    norm = lib.gradc_clip_grad_norm(library.handle_array(params), len(params), max_norm)
    if not norm:
        raise failure(context.handle if context else None)
    return context.result(norm)


class GradScaler:
    """Scales the loss up and the gradients down; leaves out steps with inf or NaN in a gradient.

    scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()
    """

    NUMBERS = ("scale", "growth_factor", "backoff_factor", "growth_interval", "growth_tracker")

    def __init__(self, context, init_scale=65536.0, **numbers):
        self.context = context
        self.handle = lib.gradc_scaler_new(context.live(), init_scale)
        if not self.handle:
            raise failure(context.handle)
        self._free = weakref.finalize(self, lib.gradc_scaler_free, self.handle)
        self._free.atexit = False
        for key, value in numbers.items():
            self.set(key, value)

    def set(self, key, value):
        self.context.check(lib.gradc_scaler_set(self.handle, key.encode(), value))

    def get(self, key):
        value = lib.gradc_scaler_get(self.handle, key.encode())
        if math.isnan(value):
            raise failure(self.context.handle)
        return value

    def scale(self, loss):
        return self.context.result(lib.gradc_scaler_scale(self.handle, loss.handle))

    def unscale(self, optimizer):
        self.context.check(lib.gradc_scaler_unscale(self.handle, optimizer.handle))

    def step(self, optimizer):
        self.context.check(lib.gradc_scaler_step(self.handle, optimizer.handle))

    def update(self):
        self.context.check(lib.gradc_scaler_update(self.handle))

    def state_dict(self):
        return {key: self.get(key) for key in self.NUMBERS}

    def load_state_dict(self, state):
        for key, value in state.items():
            self.set(key, value)


def schedule(text, lr, step, steps):
    """The learning rate of a step: gradc_schedule."""
    rate = lib.gradc_schedule(text.encode(), lr, step, steps)
    if math.isnan(rate):
        raise failure()
    return rate
