"""The samples of losses."""
import numpy
import torch.nn.functional as F

from .common import Fails, S, T, VIEWS, labels, nan


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels.long())


CROSS_ENTROPY = [S(T(n, classes, low=-5, high=5), labels(n, classes, dtype)) for n,
                 classes in [(4, 3), (1, 1), (7, 10), (65, 1003)]
                 for dtype in ("i32", "i64")]
CROSS_ENTROPY += [S(T(6, 5, view=view), labels(6, 5, view=label))
                  for view in VIEWS for label in ("plain", "sliced")]
CROSS_ENTROPY += [
    S(T(values=[[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]]), T(values=[0, 0], dtype="i32")),
    S(T(0, 3), T(values=numpy.zeros(0), dtype="i64")).once(),
    S(T(values=[[nan, 0.0], [0.0, 1.0]]), T(values=[0, 1], dtype="i32")).value_only(),
    Fails("ARG", T(3, 4), T(values=[0, 4, 1], dtype="i64")),
    Fails("ARG", T(3, 4), T(values=[0, 1, -1], dtype="i32")),
    Fails("ARG", T(2, 4), T(values=[-100, 0], dtype="i64")),
    Fails("ARG", T(2, 4), T(values=[2**40, 0], dtype="i64")),
    Fails("SHAPE", T(3), labels(3, 1)), Fails("SHAPE", T(3, 4), labels(2, 4)),
    Fails("SHAPE", T(3, 4), T(3, 1, low=0, dtype="i64")),
    Fails("DTYPE", T(3, 4), T(3, low=0)), Fails("DTYPE", T(3, 4, dtype="i32"), labels(3, 4)),
    Fails("DTYPE", T(3, 4), labels(3, 4, "u8")),
]

OPS = {
    "cross_entropy": (cross_entropy, CROSS_ENTROPY),
}
