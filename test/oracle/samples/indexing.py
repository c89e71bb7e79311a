"""The samples of ops that index: embedding."""
import torch.nn.functional as F

from .common import Fails, S, T, VIEWS


def embedding(indices, weight):
    return F.embedding(indices.long(), weight)


EMBEDDING = [S(T(*shape, low=0, high=7, dtype=dtype), T(7, 5)) for shape in [(4,), (2, 3), (), (301,)]
             for dtype in ("i32", "i64")]
EMBEDDING += [S(T(*shape, low=0, high=7, dtype="i32"), T(7, 5)).once() for shape in [(0,), (3, 0)]]
EMBEDDING += [S(T(4, 3, low=0, high=7, dtype="i64", view=view), T(7, 5, view=view)) for view in VIEWS]
EMBEDDING += [
    S(T(values=[2, 2, 2, 0], dtype="i32"), T(3, 4)), S(T(9, low=0, high=3, dtype="i64"), T(3, 1)),
    S(T(4, low=0, high=2, dtype="i64"), T(2, 0)).once(),
    Fails("ARG", T(values=[0, 3], dtype="i64"), T(3, 4)),
    Fails("ARG", T(values=[0, -1], dtype="i32"), T(3, 4)),
    Fails("ARG", T(values=[0], dtype="i32"), T(0, 4)), Fails("SHAPE", T(2, low=0, high=1, dtype="i64"), T(3)),
    Fails("SHAPE", T(*(1,) * 8, low=0, high=1, dtype="i64"), T(3, 4)),
    Fails("DTYPE", T(2, low=0, high=1), T(3, 4)),
    Fails("DTYPE", T(2, low=0, high=1, dtype="u8"), T(3, 4)),
    Fails("DTYPE", T(2, low=0, high=1, dtype="i64"), T(3, 4, dtype="i32")),
]

OPS = {
    "embedding": (embedding, EMBEDDING),
}
