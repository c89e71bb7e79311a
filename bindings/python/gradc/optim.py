"""Optimisers: PyTorch's names and defaults over gradc_sgd, gradc_adam and gradc_adamw."""
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
