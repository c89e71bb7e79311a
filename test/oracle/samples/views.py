"""The samples of views, contiguous and detach."""
import torch

from .common import Fails, S, T, VIEWS

RESHAPE = [S(T(3, 4), shape=shape) for shape in [(12,), (2, 6), (-1,), (2, -1), (3, 4), (1, 3, 1, 4),
                                                 (2, 2, 3)]]
RESHAPE += [S(T(3, 4, 2, view=view), shape=shape) for view in VIEWS for shape in [(24,), (4, 3, 2), (2, -1)]]
RESHAPE += [
    S(T(), shape=(1, 1)), S(T(1), shape=()), S(T(0, 3), shape=(3, 0)), S(T(0, 3), shape=(-1, 3)),
    S(T(6, dtype="bool"), shape=(2, 3)), S(T(6, dtype="i64"), shape=(3, 2)),
    Fails("SHAPE", T(3, 4), shape=(5, 2)), Fails("SHAPE", T(3, 4), shape=(-1, -1)),
    Fails("SHAPE", T(3, 4), shape=(-1, 5)),
    Fails("SHAPE", T(3, 4), shape=(-2, 6)), Fails("SHAPE", T(0, 3), shape=(-1, 0)),
    Fails("SHAPE", T(0, 3), shape=(0, -1, 3)), Fails("SHAPE", T(3), shape=(1,) * 9),
]

PERMUTE = [S(T(2, 3, 4), axes=axes) for axes in [(0, 1, 2), (2, 1, 0), (1, 0, 2), (-1, 0, 1)]]
PERMUTE += [S(T(2, 3, 4, view=view), axes=(1, 2, 0)) for view in VIEWS]
PERMUTE += [
    S(T(), axes=()), S(T(0, 2), axes=(1, 0)), S(T(5, dtype="u8"), axes=(0,)),
    Fails("ARG", T(2, 3), axes=(0,)), Fails("ARG", T(2, 3), axes=(0, 0)), Fails("ARG", T(2, 3), axes=(0, 2)),
    Fails("ARG", T(2, 3), axes=(0, 1, 2)),
]

TRANSPOSE = [S(T(2, 3, 4), axis0=a, axis1=b) for a, b in [(0, 1), (2, 0), (-1, -2), (1, 1)]]
TRANSPOSE += [S(T(2, 3, 4, view=view), axis0=0, axis1=2) for view in VIEWS]
TRANSPOSE += [S(T(0, 3), axis0=0, axis1=1), Fails("ARG", T(2, 3), axis0=0, axis1=2),
              Fails("ARG", T(2, 3), axis0=-3, axis1=0)]


def slice_(x, axis, start=0, stop=2**63 - 1, step=1):
    return x[(slice(None),) * (axis % x.dim()) + (slice(start, stop, step),)]


SLICE = [S(T(5, 7), axis=1, start=start, stop=stop, step=step) for start, stop, step in
         [(0, 7, 1), (2, 5, 1), (1, 7, 2), (0, 7, 3), (-3, -1, 1), (-99, 99, 1), (5, 2, 1), (7, 7, 1),
          (0, 2**63 - 1, 7)]]
SLICE += [S(T(4, 3, 5, view=view), axis=axis, start=1, stop=9, step=2) for view in VIEWS for axis in (0, -1)]
SLICE += [
    S(T(0, 3), axis=0, start=0, stop=2), S(T(6, dtype="i32"), axis=0, start=1, stop=5, step=3),
    Fails("ARG", T(5), axis=0, start=0, stop=5, step=0), Fails("ARG", T(5), axis=0, start=0, stop=5, step=-1),
    Fails("ARG", T(5), axis=1), Fails("SHAPE", T(), axis=0),
]

EXPAND = [S(T(*x), shape=shape) for x, shape in
          [((3, 1), (3, 4)), ((1,), (5,)), ((), (2, 3)), ((3,), (2, 3)), ((1, 3), (2, 4, 3)),
           ((3, 1), (-1, 4)), ((2, 3), (2, 3)),
           ((1,), (0,)), ((0, 1), (0, 3))]]
EXPAND += [S(T(4, 1, 5, view=view), shape=(2, 4, 3, 5)) for view in VIEWS]
EXPAND += [
    S(T(1, dtype="bool"), shape=(3,)),
    Fails("SHAPE", T(3), shape=(4,)), Fails("SHAPE", T(3, 1), shape=(3,)),
    Fails("SHAPE", T(3), shape=(-1, 3)),
    Fails("SHAPE", T(3), shape=(-2,)), Fails("SHAPE", T(1), shape=(1,) * 9),
]

SQUEEZE = [S(T(1, 3, 1), axis=axis) for axis in (0, 1, 2, -1)]
SQUEEZE += [S(T(3, 1, 2, view=view), axis=1) for view in VIEWS]
SQUEEZE += [S(T(0, 1), axis=1), Fails("ARG", T(1, 3), axis=2), Fails("ARG", T(1, 3), axis=-3)]

UNSQUEEZE = [S(T(2, 3), axis=axis) for axis in (0, 1, 2, -1, -3)]
UNSQUEEZE += [S(T(3, 2, view=view), axis=1) for view in VIEWS]
UNSQUEEZE += [S(T(), axis=0), S(T(0), axis=-1), Fails("ARG", T(2, 3), axis=3), Fails("ARG", T(2, 3), axis=-4),
              Fails("SHAPE", T(*(1,) * 8), axis=0)]

FLATTEN = [S(T(2, 3, 4), start=start, stop=stop) for start,
           stop in [(0, -1), (1, -1), (0, 1), (1, 1), (-2, -1)]]
FLATTEN += [S(T(2, 3, 4, view=view), start=0, stop=-1) for view in VIEWS]
FLATTEN += [S(T(), start=0, stop=-1), S(T(0, 3), start=0, stop=1), Fails("ARG", T(2, 3), start=1, stop=0),
            Fails("ARG", T(2, 3), start=0, stop=2)]

SAME = [S(T(3, 4)), S(T()), S(T(0, 2)), S(T(5, dtype="bool"))] + [S(T(4, 3, 5, view=view)) for view in VIEWS]

OPS = {
    "reshape": (torch.reshape, RESHAPE),
    "permute": (torch.permute, PERMUTE),
    "transpose": (torch.transpose, TRANSPOSE),
    "slice": (slice_, SLICE),
    "expand": (lambda x, shape: x.expand(shape), EXPAND),
    "squeeze": (torch.squeeze, SQUEEZE),
    "unsqueeze": (torch.unsqueeze, UNSQUEEZE),
    "flatten": (torch.flatten, FLATTEN),
    "contiguous": (torch.Tensor.contiguous, SAME),
    "detach": (torch.detach, SAME),
}

# The names of arguments, where PyTorch has others.
NAMES = {
    "permute": {"axes": "dims"},
    "transpose": {"axis0": "dim0", "axis1": "dim1"},
    "squeeze": {"axis": "dim"},
    "unsqueeze": {"axis": "dim"},
    "flatten": {"start": "start_dim", "stop": "end_dim"},
}
