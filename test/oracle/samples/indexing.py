"""The samples of ops that index, and of those that move elements: concat, pad, flip and the like."""
import torch
import torch.nn.functional as F

from .common import Fails, S, T, VIEWS, inf, nan


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

EVERY = ("i64", "i32", "u8", "bool")


# ---- By indices along an axis ----

def indices(*shape, high, dtype="i64", **more):
    return T(*shape, low=0, high=high, dtype=dtype, **more)


INDEX_SELECT = [S(T(4, 3, 5), indices(n, high=3, dtype=dtype), axis=axis) for n in (1, 2, 9)
                for dtype in ("i32", "i64") for axis in (1, -1, 0)]
INDEX_SELECT += [S(T(4, 3, 5, view=view), indices(6, high=3, view=view if view != "expanded" else "sliced"),
                   axis=axis) for view in VIEWS for axis in (0, 1, 2)]
INDEX_SELECT += [S(T(5, dtype=dtype), indices(7, high=5), axis=0) for dtype in EVERY]
INDEX_SELECT += [
    S(T(7), indices(301, high=7), axis=0), S(T(3, 401), indices(77, high=401, dtype="i32"), axis=1),
    S(T(2, 3), indices(0, high=2), axis=0), S(T(0, 3), indices(4, high=3), axis=1),
    S(T(3, 0), indices(4, high=3), axis=0),
    Fails("ARG", T(3, 4), T(values=[0, 3], dtype="i64"), axis=0),
    Fails("ARG", T(3, 4), T(values=[-1], dtype="i32"), axis=1),
    Fails("ARG", T(3, 4), indices(2, high=3), axis=2), Fails("ARG", T(3, 0), indices(2, high=1), axis=1),
    Fails("SHAPE", T(), indices(1, high=1), axis=0), Fails("SHAPE", T(3), indices(2, 2, high=3), axis=0),
    Fails("DTYPE", T(3), T(2, low=0, high=3), axis=0), Fails("DTYPE", T(3), indices(2, high=3, dtype="u8"), axis=0),
]

GATHER = [S(T(4, 3, 5), indices(*shape, high=3), axis=axis)
          for shape, axis in [((4, 6, 5), 1), ((4, 3, 2), -1), ((2, 3, 5), 0), ((3, 2, 4), 1), ((1, 1, 1), 2),
                              ((9, 2, 3), 0)]]
GATHER += [S(T(4, 3, 5, view=view), indices(4, 7, 5, high=3, dtype="i32", view=view), axis=1) for view in VIEWS]
GATHER += [S(T(6, 5, dtype=dtype), indices(6, 4, high=5), axis=1) for dtype in EVERY]
GATHER += [
    S(T(7), indices(301, high=7, dtype="i32"), axis=0), S(T(70, 90), indices(70, 61, high=90), axis=1),
    S(T(90, 70), indices(61, 70, high=90), axis=0), S(T(31, 10), indices(31, 1, high=10), axis=1),
    S(T(3, 4), indices(3, 0, high=4), axis=1), S(T(3, 4), indices(0, 2, high=4), axis=1),
    Fails("ARG", T(3, 4), T(values=[[0, 4]], dtype="i64"), axis=1),
    Fails("ARG", T(3, 4), T(values=[[-1]], dtype="i32"), axis=0), Fails("ARG", T(3), indices(2, high=3), axis=1),
    Fails("SHAPE", T(3, 4), indices(4, 1, high=3), axis=1), Fails("SHAPE", T(3, 4), indices(3, high=3), axis=1),
    Fails("SHAPE", T(), T(values=0, dtype="i64"), axis=0),
    Fails("DTYPE", T(3), T(2, low=0, high=3), axis=0),
]


SCATTER_ADD = [S(T(*x), indices(*index, high=3), T(*src), axis=axis)
               for x, index, src, axis in [((4, 3, 5), (4, 6, 5), (4, 6, 5), 1), ((4, 3, 5), (4, 3, 2), (4, 3, 2), -1),
                                           ((4, 3, 5), (2, 4, 3), (2, 5, 5), 1), ((4, 3, 5), (9, 2, 3), (9, 3, 4), 0),
                                           ((4, 3, 5), (1, 1, 1), (1, 1, 1), 2), ((3,), (301,), (301,), 0),
                                           ((3, 40), (70, 40), (70, 40), 0), ((40, 3), (40, 70), (40, 70), 1)]]
SCATTER_ADD += [S(T(4, 3, 5, view=view), indices(4, 7, 5, high=3, view=view), T(4, 7, 5, view=view), axis=1)
                for view in VIEWS]
SCATTER_ADD += [S(T(5, 3, low=0, high=9, dtype=dtype), indices(60, 3, high=5, dtype=kind),
                  T(60, 3, low=0, high=9, dtype=dtype), axis=0)
                for dtype in ("i64", "i32", "u8") for kind in ("i32", "i64")]
SCATTER_ADD += [
    S(T(3, 4), indices(0, 4, high=3), T(2, 4), axis=0), S(T(3, 4), indices(2, 0, high=3), T(2, 4), axis=0),
    S(T(0, 4), indices(0, 4, high=3), T(0, 4), axis=0),
    Fails("ARG", T(3), T(values=[0, 3], dtype="i64"), T(2), axis=0),
    Fails("ARG", T(3), T(values=[-1] * 40, dtype="i32"), T(40), axis=0),
    Fails("ARG", T(0), indices(2, high=3), T(2), axis=0), Fails("ARG", T(3), indices(2, high=3), T(2), axis=-2),
    Fails("SHAPE", T(3), indices(4, high=3), T(2), axis=0), Fails("SHAPE", T(3, 2), indices(3, high=3), T(3), axis=0),
    Fails("SHAPE", T(3, 2), indices(3, 3, high=3), T(3, 3), axis=0),
    Fails("SHAPE", T(3, 2), indices(1, 1, high=3), T(3), axis=0),
    Fails("SHAPE", T(), T(values=0, dtype="i64"), T(), axis=0),
    Fails("DTYPE", T(3), T(2), T(2), axis=0), Fails("DTYPE", T(3), indices(2, high=3), T(2, dtype="i64"), axis=0),
    Fails("DTYPE", T(3, dtype="bool"), indices(2, high=3), T(2, dtype="bool"), axis=0),
]

def scatter_add(x, index, src, axis):
    """PyTorch's own gradient does not take a src that is larger than the index."""
    if src.dim() == index.dim() and all(n <= m for n, m in zip(index.shape, src.shape)):
        src = src[tuple(slice(n) for n in index.shape)]
    return torch.scatter_add(x, axis, index.long(), src)


ONE_HOT = [S(indices(*shape, high=5, dtype=dtype), classes=classes) for shape in [(), (1,), (7,), (3, 4), (2, 301), (0,)]
           for dtype in ("i32", "i64") for classes in (5, 11)]
ONE_HOT += [S(indices(4, 3, high=5, view=view), classes=5) for view in VIEWS] + [S(indices(9, high=1), classes=1)]
ONE_HOT += [
    Fails("ARG", T(values=[0, 5], dtype="i64"), classes=5), Fails("ARG", T(values=[-1], dtype="i32"), classes=5),
    Fails("ARG", indices(3, high=2), classes=0), Fails("DTYPE", T(3), classes=5),
    Fails("DTYPE", indices(3, high=2, dtype="u8"), classes=5),
    Fails("SHAPE", indices(*(1,) * 8, high=1), classes=5),
]


# ---- Joining and cutting ----

def joined(theirs):
    return lambda *x, axis: theirs(x, axis)


CONCAT = [S(T(4, 3, 5), T(*shape), T(4, 3, 5), axis=axis)
          for shape, axis in [((2, 3, 5), 0), ((4, 7, 5), 1), ((4, 3, 1), -1), ((4, 0, 5), 1), ((4, 3, 5), -3)]]
CONCAT += [S(T(4, 3, 5, view=view), T(4, 3, 5), T(4, 3, 5, view=view), axis=axis) for view in VIEWS for axis in (0, 1, 2)]
CONCAT += [S(T(3, 2, dtype=dtype), T(3, 5, dtype=dtype), axis=1) for dtype in EVERY]
CONCAT += [
    S(T(3), axis=0), S(*[T(1 + i % 3, 2) for i in range(67)], axis=0), S(*[T(2, 1 + i % 3) for i in range(17)], axis=1),
    S(T(0), T(0), axis=0).value_only(), S(T(0, 3), T(0, 2), axis=1), S(T(70001), T(3), axis=0),
    Fails("SHAPE", T(3, 4), T(3, 5), axis=0), Fails("SHAPE", T(3), T(3, 1), axis=0), Fails("SHAPE", T(), T(), axis=0),
    Fails("ARG", T(3), T(3), axis=1), Fails("ARG", T(3), T(3), axis=-2),
    Fails("DTYPE", T(3, dtype="f32"), T(3, dtype="f64"), axis=0), Fails("DTYPE", T(3), T(3, dtype="i32"), axis=0),
]

STACK = [S(T(4, 3), T(4, 3), T(4, 3), axis=axis) for axis in (0, 1, 2, -1, -3)]
STACK += [S(T(4, 3, view=view), T(4, 3), axis=axis) for view in VIEWS for axis in (0, 1, 2)]
STACK += [S(T(3, dtype=dtype), T(3, dtype=dtype), axis=1) for dtype in EVERY]
STACK += [
    S(T(), T(), T(), axis=0), S(T(), axis=-1), S(*[T(5)] * 67, axis=0), S(T(0), T(0), axis=0), S(T(0), T(0), axis=1),
    Fails("SHAPE", T(3), T(4), axis=0), Fails("SHAPE", T(*(1,) * 8), axis=0), Fails("SHAPE", T(3), T(1, 3), axis=0),
    Fails("ARG", T(3), T(3), axis=2), Fails("DTYPE", T(3), T(3, dtype="i32"), axis=0),
]


def split(x, size, axis):
    return torch.cat(torch.split(x, size, axis)[::-1], axis)


SPLIT = [S(T(6, 5), size=size, axis=axis) for size in (1, 2, 4, 6, 99) for axis in (0, 1, -1)]
SPLIT += [S(T(4, 3, 5, view=view), size=2, axis=1) for view in VIEWS]
SPLIT += [
    S(T(0, 3), size=2, axis=0), S(T(7, dtype="bool"), size=3, axis=0),
    Fails("ARG", T(6), size=0, axis=0), Fails("ARG", T(6), size=2, axis=1), Fails("SHAPE", T(), size=1, axis=0),
]


# ---- Padding, turning round, triangles ----

def pad(x, pads, value=0):
    return F.pad(x, pads, value=value) if pads else x.clone()


PAD = [S(T(4, 3, 5), pads=pads, value=1.5)
       for pads in [(), (1, 2), (0, 0, 1, 1), (1, 0, 0, 2, 3, 1), (-1, -2), (-1, 3, 2, -2), (0, 0, 0, 0, -1, 2), (-3, -2)]]
PAD += [S(T(4, 3, 5, view=view), pads=pads) for view in VIEWS for pads in [(1, 1), (1, -1, 2, 0), (0, 0, 0, 0, 1, 1)]]
PAD += [S(T(3, 4, low=0, high=9, dtype=dtype), pads=(1, 0, 0, 2), value=1) for dtype in EVERY]
PAD += [S(T(3), pads=(2, 2), value=value).once() for value in (inf, nan, -0.0)]
PAD += [
    S(T(), pads=()), S(T(70001), pads=(3, 1)), S(T(3, 301), pads=(0, 0, 200, 1)), S(T(0, 3), pads=(0, 0, 2, 1)),
    S(T(3, 0), pads=(2, 0)), S(T(2, 1, 2, 1, 2, 1, 2, 1), pads=(1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1, 2, 0)),
    S(T(2, 3, 4, 5, 2), pads=(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)),
    Fails("ARG", T(3), pads=(1,)), Fails("ARG", T(3), pads=(1, 1, 1, 1)), Fails("ARG", T(), pads=(1, 1)),
    Fails("SHAPE", T(3), pads=(-2, -2)), Fails("SHAPE", T(3), pads=(2**62, 0)),
]

FLIP = [S(T(4, 3, 5), axes=axes) for axes in [(0,), (1,), (2,), (-1, 0), (0, 1, 2), (), (2, -3)]]
FLIP += [S(T(4, 3, 5, view=view), axes=axes) for view in VIEWS for axes in [(0,), (1,), (2,), (0, 2)]]
FLIP += [S(T(5, 7, dtype=dtype), axes=(1,)) for dtype in EVERY]
FLIP += [
    S(T(), axes=()), S(T(0, 3), axes=(0, 1)), S(T(70001), axes=(0,)), S(T(2, 1, 2, 1, 3, 1, 2, 2), axes=(0, 4, 7)),
    S(T(33, 301), axes=(0, 1)),
    Fails("ARG", T(3, 4), axes=(2,)), Fails("ARG", T(3, 4), axes=(0, -2)), Fails("SHAPE", T(), axes=(0,)),
    Fails("ARG", T(2), axes=(0,) * 9),
]

TRIANGLE = [S(T(*shape), diagonal=diagonal) for shape in [(4, 4), (3, 5), (5, 3), (2, 2, 4, 3)]
            for diagonal in (0, 1, -1, -2, 3, 9, -9)]
TRIANGLE += [S(T(4, 3, 5, view=view), diagonal=1) for view in VIEWS]
TRIANGLE += [S(T(4, 5, dtype=dtype)) for dtype in EVERY]
TRIANGLE += [
    S(T(1, 1)), S(T(0, 3)), S(T(3, 0)), S(T(0, 3, 3)), S(T(1, 70001), diagonal=40000), S(T(301, 257), diagonal=-7),
    S(T(4, 3), diagonal=2**31 - 1), S(T(4, 3), diagonal=-2**31),
    Fails("SHAPE", T(3)), Fails("SHAPE", T()),
]

OPS = {
    "embedding": (embedding, EMBEDDING),
    "index_select": (lambda x, index, axis: torch.index_select(x, axis, index), INDEX_SELECT),
    "gather": (lambda x, index, axis: torch.gather(x, axis, index.long()), GATHER),
    "scatter_add": (scatter_add, SCATTER_ADD),
    "one_hot": (lambda index, classes: F.one_hot(index.long(), classes), ONE_HOT),
    "concat": (joined(torch.cat), CONCAT),
    "stack": (joined(torch.stack), STACK),
    "split": (split, SPLIT),
    "pad": (pad, PAD),
    "flip": (lambda x, axes: torch.flip(x, axes), FLIP),
    "tril": (torch.tril, TRIANGLE),
    "triu": (torch.triu, TRIANGLE),
}
