"""libgradc from Python: train and run neural networks on the CPU or any OpenCL device.

    import numpy, gradc
    with gradc.Context("cpu") as g:
        x = gradc.tensor(g, numpy.random.rand(64, 784).astype("float32"))
        labels = gradc.tensor(g, numpy.arange(64) % 10)
        w = g.param("kaiming", (10, 784))
        loss = gradc.cross_entropy(gradc.linear(x, w), labels)
        loss.backward()
        gradc.SGD([w], lr=0.1).step()

Every op of gradc.h is a function here under its name without the prefix; see help(gradc.conv2d).  This package holds
the wrapping only: what an op means is in gradc.h.
"""
from .library import CONSTANTS, Error, device_count, devices, version
from .context import Context, set_log
from .tensor import Tensor, gradients, tensor
from .ops import OPS, split
from .optim import SGD, Adam, AdamW, Optimizer, RMSprop, GradScaler, clip_grad_norm, schedule
from .module import Module, model_names
from .files import read_idx, save

# Last, because some are called as Python's own functions: gradc.sum, gradc.max, gradc.slice.
globals().update(OPS)

# The header's constants without their prefix: gradc.E_SHAPE, gradc.F32, gradc.KAIMING.
globals().update({name[len("GRADC_"):]: value for name, value in CONSTANTS.items()})
