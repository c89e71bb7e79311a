"""The ops' samples: for each op of gradc.h, what PyTorch computes, and what to try it with.

A module of MODULES has a group of ops. Its rows are

    OPS[name] = (theirs,
                 samples)

and the runner calls gradc.name and `theirs` with the same operands and arguments. Its NAMES has the names of
arguments, where PyTorch has others.

    T(3, 5)            an operand of random numbers in [-2, 2), of the dtype that is tried
      low, high        other bounds                 dtype   a fixed dtype instead
      values           these numbers                view    "permuted", "sliced", "expanded": not contiguous
    S(operands..., name=argument...)                value, gradient and second gradient must be PyTorch's
    Fails(status, operands..., name=argument...)    must fail with this status, at the call or at the read
    sample.value_only()                             no gradients: PyTorch has none, or another on purpose
    sample.once()                                   no second gradient, for the same reasons
"""
from . import elementwise, indexing, layers, losses, norms, reductions, views
from .common import TORCH

__all__ = ["ELSEWHERE", "NAMES", "OPS", "TORCH"]

MODULES = [
    elementwise,
    views,
    reductions,
    layers,
    losses,
    indexing,
    norms,
]


def merged(tables):
    every = {}
    for table in tables:
        twice = every.keys() & table.keys()
        if twice:
            raise ValueError(f"samples: {', '.join(sorted(twice))} is in two modules")
        every.update(table)
    return every


OPS = merged(module.OPS for module in MODULES)
NAMES = merged(getattr(module, "NAMES", {}) for module in MODULES)

# Ops that are judged by statistics or as state, in training.py and binding.py.
ELSEWHERE = {"dropout"}
