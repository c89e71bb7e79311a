"""The ops' samples: for each op of gradc.h, what PyTorch computes, and what to try it with.

A row is OPS[name] = (theirs,
                      samples); the runner calls gradc.name and `theirs` with the same operands and arguments.

    T(3, 5)            an operand of random numbers in [-2, 2), of the dtype that is tried
      low, high        other bounds                 dtype   a fixed dtype instead
      values           these numbers                view    "permuted", "sliced", "expanded": not contiguous
    S(operands..., name=argument...)                value, gradient and second gradient must be PyTorch's
    Fails(status, operands..., name=argument...)    must fail with this status, at the call or at the read
    sample.value_only()                             no gradients: PyTorch has none, or another on purpose
    sample.once()                                   no second gradient, for the same reasons
"""
import collections

import numpy
import torch
import torch.nn.functional as F

nan, inf = float("nan"), float("inf")

Operand = collections.namedtuple("Operand", "shape low high dtype values view")


def T(*shape, low=-2, high=2, dtype=None, values=None, view="plain"):
    if values is not None:
        shape = numpy.shape(values)
    return Operand(shape, low, high, dtype, values, view)


class Sample:
    def __init__(self, operands, arguments, fails=None):
        self.operands = operands
        self.arguments = arguments
        self.fails = fails
        self.gradients = 2

    def value_only(self):
        self.gradients = 0
        return self

    def once(self):
        self.gradients = 1
        return self

    def fixed(self):
        """Whether no operand takes the dtype that is tried, so that one run is enough."""
        return all(operand is None or operand.dtype for operand in self.operands)

    def __str__(self):
        parts = []
        for x in self.operands:
            parts.append("None" if x is None else str(list(x.shape)) + (f" {x.dtype}" if x.dtype else "") +
                         (f" {x.view}" if x.view != "plain" else "") +
                         (f" {x.values}" if x.values is not None and numpy.size(x.values) <= 8 else ""))
        parts += [f"{name}={value}" for name, value in self.arguments.items()]
        return ", ".join(parts)


def S(*operands, **arguments):
    return Sample(operands, arguments)


def Fails(status, *operands, **arguments):
    return Sample(operands, arguments, "GRADC_E_" + status)


INTEGERS = ("i64", "i32", "u8")
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 1.0, -1.0]
VIEWS = ("permuted", "sliced", "expanded")


# ---- Elementwise ----

def unary(kind, domain=(-2, 2), **arguments):
    """kind: "float" or "number"."""
    def x(*shape, **more):
        return T(*shape, low=domain[0], high=domain[1], **more)
    samples = [S(x(*shape), **arguments) for shape in
               [(3, 5), (), (1,), (0,), (2, 0, 3), (1031,), (3, 1, 2, 1, 2, 1, 2, 1)]]
    samples += [S(x(4, 3, 5, view=view), **arguments) for view in VIEWS]
    samples += [S(x(values=SPECIAL), **arguments).value_only()]
    for dtype in INTEGERS:
        whole = T(3, 7, low=0 if dtype == "u8" else -9, high=9, dtype=dtype)
        samples += [S(whole, **arguments)] if kind == "number" else [Fails("DTYPE", whole, **arguments)]
    return samples + [Fails("DTYPE", T(3, dtype="bool"), **arguments)]


def binary(kind, ylow=-2, yhigh=2):
    """kind: "float", "number" or "any" (bool too)."""
    x = T

    def y(*shape, **more):
        return T(*shape, low=ylow, high=yhigh, **more)
    samples = [S(x(*one), y(*two)) for one, two in
               [((3, 5), (3, 5)), ((), ()), ((), (3,)), ((3, 5), (5,)), ((3, 5), (3, 1)), ((3, 1, 5), (4, 1)),
                ((1, 1), (7, 3)), ((0, 3), (1, 3)), ((0,), (0,)), ((1,), (0,)), ((1031,), (1,)),
                ((33, 31), (33, 31)),
                ((2, 1, 2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2, 1, 2))]]
    for view in VIEWS:
        samples += [S(x(4, 3, 5, view=view), y(4, 3, 5)), S(x(3, 5), y(4, 3, 5, view=view))]
    samples += [S(x(4, 3, view="sliced"), y(4, 3, view="permuted"))]
    pairs = numpy.array([(a, b) for a in SPECIAL for b in SPECIAL])
    samples += [S(T(values=pairs[:, 0]), T(values=pairs[:, 1])).value_only()]
    for dtype in INTEGERS:
        whole = [T(3, 7, low=0 if dtype == "u8" else -9, high=9, dtype=dtype),
                 T(7, low=0, high=200, dtype=dtype)]
        if kind in ("number", "any"):
            samples += [S(*whole)]
        else:
            samples += [Fails("DTYPE", *whole)]
    bools = [T(3, 4, dtype="bool"), T(4, dtype="bool")]
    samples += [S(*bools)] if kind == "any" else [Fails("DTYPE", *bools)]
    return samples + [
        Fails("SHAPE", x(3, 5), y(4, 5)), Fails("SHAPE", x(0), y(3)), Fails("SHAPE", x(2, 3), y(2)),
        Fails("DTYPE", x(3), T(3, dtype="i32")), Fails("DTYPE", T(3, dtype="i64"), T(3, dtype="i32")),
        Fails("DTYPE", T(3, dtype="f32"), T(3, dtype="f64")),
    ]


def where(c, x, y):
    return torch.where(c, x, y)


WHERE = [S(T(*c, dtype="bool"), T(*x), T(*y)) for c, x, y in
         [((3, 5), (3, 5), (3, 5)), ((), (), ()), ((5,), (3, 1), (3, 5)), ((4, 1, 1), (3, 1), (5,)),
          ((0,), (1,), (0,)),
          ((1031,), (), (1031,))]]
WHERE += [S(T(4, 3, 5, dtype="bool", view=view), T(4, 3, 5, view=view), T(5)) for view in VIEWS]
WHERE += [S(T(4, dtype="bool"), T(4, dtype=dtype), T(4, dtype=dtype)) for dtype in INTEGERS + ("bool",)]
WHERE += [
    S(T(values=[True, False, True], dtype="bool"), T(values=[nan, nan, inf]), T(values=[1.0, 2.0, nan])),
    Fails("DTYPE", T(3, dtype="u8"), T(3), T(3)), Fails("DTYPE", T(3), T(3), T(3)),
    Fails("DTYPE", T(3, dtype="bool"), T(3), T(3, dtype="i32")),
    Fails("SHAPE", T(3, dtype="bool"), T(4), T(4)), Fails("SHAPE", T(4, dtype="bool"), T(4), T(3)),
]


def clamp(x, low, high):
    """Bounds of an integer tensor are rounded to its dtype, where PyTorch would make it a float."""
    if x.is_floating_point():
        return torch.clamp(x, low, high)
    return torch.clamp(x, max(round(low), 0) if x.dtype == torch.uint8 else round(low), round(high))


TORCH = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64, "i32": torch.int32,
         "u8": torch.uint8,
         "bool": torch.bool}
RANGE = {"i64": (-2**63, 2**63 - 1), "i32": (-2**31, 2**31 - 1), "u8": (0, 255)}


def cast(x, dtype):
    """PyTorch's; but floats outside an integer's range saturate and NaN becomes 0: PyTorch says nothing."""
    if not x.is_floating_point() or dtype not in RANGE:
        return x.to(TORCH[dtype])
    low, high = RANGE[dtype]
    numbers = x.detach().double().flatten().tolist()
    whole = [0 if v != v else low if v < low else high if v >= high else int(v) for v in numbers]
    return torch.tensor(whole, dtype=TORCH[dtype]).reshape(x.shape)


CAST = [S(T(3, 5, low=-9, high=9), dtype=dtype) for dtype in TORCH]
CAST += [S(T(4, 3, view=view), dtype=dtype) for view in VIEWS for dtype in ("f32", "f64", "i32")]
CAST += [S(T(3, 7, low=0, high=120, dtype=one), dtype=two) for one in INTEGERS for two in TORCH]
CAST += [S(T(7, dtype="bool"), dtype=dtype) for dtype in TORCH]
CAST += [S(T(values=[nan, inf, -inf, 1e30, -1e30, 300.7, -0.7, 2.0**31, -2.0**31, 2.0**63, 0.0]),
           dtype=dtype).value_only()
         for dtype in ("i64", "i32", "u8", "bool")]
CAST += [S(T(values=[-1, 256, 2**31, -2**63, 2**40 + 3], dtype="i64"), dtype=dtype)
         for dtype in ("i32", "u8", "f32", "bool")]
CAST += [S(T(), dtype="f64"), S(T(0, 2), dtype="i32"), Fails("DTYPE", T(3), dtype=2),
         Fails("DTYPE", T(3), dtype=77)]


# ---- Views ----

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


# ---- Reductions ----

def axes_of(x, axes):
    return tuple(axes) if axes else tuple(range(x.dim()))


def torch_sum(x, axes=(), keepdim=False):
    return x.sum(dim=axes_of(x, axes), keepdim=keepdim) if x.dim() else x.sum()


def torch_mean(x, axes=(), keepdim=False):
    return x.mean(dim=axes_of(x, axes), keepdim=keepdim) if x.dim() else x.mean()


def torch_max(x, axes=(), keepdim=False):
    return torch.amax(x, dim=axes_of(x, axes), keepdim=keepdim)


def torch_argmax(x, axes=(), keepdim=False):
    """The reduced axes moved to the end and joined."""
    if x.dim() == 0:
        return torch.argmax(x)
    reduced = sorted({axis % x.dim() for axis in axes_of(x, axes)})
    kept = [axis for axis in range(x.dim()) if axis not in reduced]
    found = torch.argmax(x.permute(kept + reduced).flatten(len(kept)), -1)
    if not keepdim:
        return found
    return found.reshape([1 if axis in reduced else x.shape[axis] for axis in range(x.dim())])


def reduction(kinds):
    """kinds: which of "empty" (a result over nothing), "integers", "bool" it takes."""
    every = [(), (0,), (1,), (2,), (-1,), (0, 2), (2, 1), (0, 1), (0, 1, 2)]
    samples = [S(T(3, 4, 5), axes=axes, keepdim=keepdim) for axes in every for keepdim in (False, True)]
    samples += [S(T(4, 3, 5, view=view), axes=axes)
                for view in VIEWS for axes in [(), (0,), (1,), (2,), (0, 2)]]
    samples += [S(T()), S(T(), axes=(0,)), S(T(), axes=(-1,)), S(T(1)), S(T(3, 0), axes=(0,)), S(T(1031)),
                S(T(70001), axes=(0,)), S(T(37, 1003), axes=(0,)), S(T(37, 1003), axes=(1,)),
                S(T(5, 67, 33), axes=(1,)),
                S(T(2, 1, 2, 3, 1, 2, 1, 2), axes=(1, 3, 5, 7)), S(T(3, 4, 5), axes=(1,), keepdim=True)]
    samples += [S(T(values=[[nan, 1.0, 2.0], [1.0, inf, -inf], [3.0, inf, nan]]), axes=axes).value_only()
                for axes in [(), (0,), (1,)]]
    empty = [(T(0), ()), (T(0, 3), (0,)), (T(3, 0), (1,)), (T(2, 0, 3), (1, 2))]
    if "empty" in kinds:
        samples += [S(x, axes=axes) for x, axes in empty]
    else:
        samples += [Fails("SHAPE", x, axes=axes) for x, axes in empty]
    for dtype in INTEGERS:
        whole = T(5, 7, low=0, high=250, dtype=dtype)
        samples += [S(whole, axes=(1,)), S(whole)] if "integers" in kinds else [Fails("DTYPE", whole)]
    bools = T(5, 7, dtype="bool")
    samples += [S(bools, axes=(1,)), S(bools)] if "bool" in kinds else [Fails("DTYPE", bools)]
    return samples + [Fails("ARG", T(2, 3), axes=(2,)), Fails("ARG", T(2, 3), axes=(-3,)),
                      Fails("ARG", T(2, 3), axes=(0, 0)),
                      Fails("ARG", T(2, 3), axes=(1, -1)), Fails("ARG", T(), axes=(1,))]


TIES = [S(T(values=[[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]), axes=axes) for axes in [(), (0,), (1,)]]
TIES += [S(T(values=[[-inf, -inf], [-inf, -1.0]]), axes=axes) for axes in [(), (0,), (1,)]]


# ---- Linear algebra and layers ----

MATMUL = [S(T(*x), T(*y)) for x, y in
          [((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)),
           ((2, 3, 4), (2, 4, 5)),
           ((2, 1, 3, 4), (5, 4, 2)), ((3, 4), (2, 4, 5)), ((4,), (2, 4, 5)), ((2, 3, 4), (4,)),
           ((1, 1), (1, 1)),
           ((1, 3, 4), (7, 4, 5)), ((65, 33), (33, 70)), ((130, 17), (17, 3)), ((1, 257), (257, 1)),
           ((3, 4, 7), (3, 7, 1)),
           ((3, 0), (0, 4)), ((0, 4), (4, 3)), ((3, 4), (4, 0)), ((0,), (0,)), ((0, 2, 3), (3, 4)),
           ((2, 3, 0), (0,)),
           ((2, 2, 2, 3), (2, 2, 3, 2))]]
MATMUL += [S(T(6, 4, view=view), T(4, 5)) for view in VIEWS] + [S(T(6, 4),
                                                                  T(4, 5, view=view)) for view in VIEWS]
MATMUL += [S(T(3, 6, 4, view=view), T(3, 4, 5, view=view)) for view in VIEWS]
MATMUL += [S(T(4, view=view), T(4, 3)) for view in ("sliced", "expanded")]
MATMUL += [
    S(T(values=[[nan, 1.0], [inf, 0.0]]), T(values=[[1.0, 2.0], [0.0, 1.0]])).value_only(),
    Fails("SHAPE", T(3, 4), T(5, 6)), Fails("SHAPE", T(), T(3)), Fails("SHAPE", T(3), T()),
    Fails("SHAPE", T(3), T(4)),
    Fails("SHAPE", T(2, 3, 4), T(3, 4, 5)), Fails("DTYPE", T(3, 4, dtype="i32"), T(4, 5, dtype="i32")),
    Fails("DTYPE", T(3, 4, dtype="f32"), T(4, 5, dtype="f64")),
    Fails("DTYPE", T(2, 2, dtype="bool"), T(2, 2, dtype="bool")),
]

LINEAR = [S(T(*x), T(*w), T(w[0]) if b else None) for x, w in
          [((5, 7), (3, 7)), ((7,), (3, 7)), ((2, 3, 7), (5, 7)), ((0, 7), (3, 7)), ((1, 1), (1, 1)),
           ((65, 130), (67, 130)),
           ((5, 0), (3, 0)), ((2, 1, 2, 4), (3, 4))] for b in (True, False)]
LINEAR += [S(T(6, 4, view=view), T(5, 4, view=view), T(5, view="sliced")) for view in VIEWS]
LINEAR += [
    Fails("SHAPE", T(5, 7), T(3, 6), None), Fails("SHAPE", T(), T(3, 1), None),
    Fails("SHAPE", T(5, 7), T(7), None),
    Fails("SHAPE", T(5, 7), T(3, 7), T(4)), Fails("SHAPE", T(5, 7), T(3, 7), T(3, 1)),
    Fails("SHAPE", T(5, 7), T(1, 3, 7), None),
    Fails("DTYPE", T(5, 7), T(3, 7), T(3, dtype="i32")),
    Fails("DTYPE", T(5, 7, dtype="i64"), T(3, 7, dtype="i64"), None),
    Fails("DTYPE", T(5, 7, dtype="f32"), T(3, 7, dtype="f64"), None),
]


def conv(batch, channels, size, out, kernel, bias=True, groups=1, **views):
    return (T(batch, channels, *size, view=views.get("x", "plain")),
            T(out, channels // groups, *kernel, view=views.get("w", "plain")), T(out) if bias else None)


CONV = [S(*conv(2, 3, (7, 9), 4, (3, 3), bias), stride=stride, padding=padding)
        for stride, padding, bias in [(1, 0, True), (1, 1, False), (2, 1, True), (3, 2, True), (1, 4, True)]]
CONV += [
    S(*conv(1, 1, (1, 1), 1, (1, 1))), S(*conv(3, 5, (4, 6), 2, (1, 1))),
    S(*conv(2, 3, (8, 5), 4, (2, 3)), stride=2),
    S(*conv(0, 3, (7, 7), 4, (3, 3)), padding=1), S(*conv(1, 3, (3, 3), 2, (3, 3))),
    S(*conv(2, 2, (6, 6), 3, (5, 5)), padding=2),
    S(*conv(3, 17, (15, 19), 9, (3, 3)), padding=1), S(*conv(1, 2, (33, 35), 3, (3, 3)), padding=1),
    S(*conv(2, 3, (7, 9), 4, (3, 3), x="permuted"), padding=1),
    S(*conv(2, 3, (7, 9), 4, (3, 3), x="sliced", w="sliced")),
    S(*conv(2, 3, (7, 9), 4, (3, 3), x="expanded", w="permuted"), padding=1),
    Fails("SHAPE", *conv(1, 2, (2, 2), 3, (3, 3))), Fails("SHAPE", T(3, 7, 7), T(4, 3, 3, 3), None),
    Fails("SHAPE", T(1, 3, 7, 7), T(4, 2, 3, 3), None), Fails("SHAPE", T(1, 3, 7, 7), T(4, 3, 3, 3), T(3)),
    Fails("SHAPE", T(1, 3, 7, 7), T(4, 3, 3), None), Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), stride=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), padding=-1),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), stride=-1),
    Fails("DTYPE", T(1, 2, 5, 5, dtype="i32"), T(3, 2, 3, 3, dtype="i32"), None),
    Fails("DTYPE", T(1, 2, 5, 5, dtype="f64"), T(3, 2, 3, 3, dtype="f32"), None),
]


def conv2d_full(x, w, b, stride_h=1, stride_w=1, padding_h=0, padding_w=0, dilation_h=1, dilation_w=1,
                groups=1):
    return F.conv2d(x, w, b, (stride_h, stride_w), (padding_h, padding_w), (dilation_h, dilation_w), groups)


CONV_FULL = [
    S(*conv(2, 3, (9, 11), 4, (3, 3)), stride_h=2, stride_w=1, padding_h=0, padding_w=2),
    S(*conv(2, 3, (9, 11), 4, (3, 2)), dilation_h=2, dilation_w=3),
    S(*conv(2, 3, (9, 11), 4, (3, 3)), dilation_h=4, dilation_w=5),
    S(*conv(2, 4, (7, 6), 6, (3, 3), groups=2), groups=2, padding_h=1, padding_w=1),
    S(*conv(2, 5, (7, 6), 5, (3, 3), groups=5), groups=5, padding_h=1),
    S(*conv(1, 3, (6, 6), 6, (2, 2), groups=3), groups=3),
    S(*conv(2, 6, (9, 8), 4, (3, 3), False, 2), groups=2, stride_h=2, stride_w=3, padding_h=2, padding_w=1,
      dilation_h=2),
    S(*conv(0, 4, (5, 5), 2, (3, 3), groups=2), groups=2),
    S(*conv(2, 4, (7, 6), 6, (3, 3), groups=2, x="permuted", w="sliced"), groups=2),
    Fails("SHAPE", *conv(1, 3, (5, 5), 4, (3, 3)), dilation_h=3),
    Fails("SHAPE", T(1, 3, 5, 5), T(4, 1, 3, 3), None, groups=2),
    Fails("SHAPE", T(1, 4, 5, 5), T(3, 2, 3, 3), None, groups=2),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), groups=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), dilation_w=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), stride_w=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), padding_h=-1),
]


def max_pool2d(x, size, stride=0):
    return F.max_pool2d(x, size, stride or None)


POOL = [S(T(2, 3, *x), size=size, stride=stride) for x, size, stride in
        [((6, 8), 2, 2), ((7, 9), 2, 0), ((7, 9), 3, 2), ((7, 9), 3, 1), ((3, 3), 3, 0), ((5, 6), 1, 1),
         ((5, 9), 2, 4), ((31, 33), 2, 2)]]
POOL += [S(T(2, 3, 6, 8, view=view), size=2, stride=stride) for view in VIEWS for stride in (2, 1)]
POOL += [
    S(T(0, 3, 4, 4), size=2), S(T(values=numpy.ones((1, 1, 4, 4))), size=2),
    S(T(values=numpy.ones((1, 2, 5, 5))), size=3, stride=1),
    S(T(values=numpy.full((1, 1, 4, 4), -inf)), size=2),
    S(T(values=[[[[nan, 1, 2, inf], [0, 1, nan, 3], [1, -inf, 4, 5], [-inf, 2, 7, 7]]]]), size=2,
      stride=1).value_only(),
    Fails("SHAPE", T(3, 6, 8), size=2), Fails("SHAPE", T(1, 1, 3, 5), size=4),
    Fails("ARG", T(1, 1, 4, 4), size=0),
    Fails("ARG", T(1, 1, 4, 4), size=2, stride=-1), Fails("DTYPE", T(1, 1, 4, 4, dtype="i32"), size=2),
]


def max_pool2d_full(x, size_h, size_w, stride_h=0, stride_w=0, padding_h=0, padding_w=0):
    return F.max_pool2d(x, (size_h, size_w), (stride_h or size_h, stride_w or size_w), (padding_h, padding_w))


POOL_FULL = [
    S(T(2, 3, 7, 9), size_h=3, size_w=3, stride_h=2, stride_w=2, padding_h=1, padding_w=1),
    S(T(2, 3, 7, 9), size_h=2, size_w=3),
    S(T(2, 3, 7, 9), size_h=4, size_w=2, stride_h=1, stride_w=3, padding_h=2, padding_w=1),
    S(T(2, 1, 5, 4, view="permuted"), size_h=3, size_w=2, stride_h=2, stride_w=1, padding_h=1),
    S(T(values=numpy.full((1, 1, 3, 3), -inf)), size_h=3, size_w=3, stride_h=1, stride_w=1, padding_h=1,
      padding_w=1),
    S(T(0, 2, 4, 4), size_h=2, size_w=2), Fails("ARG", T(1, 1, 4, 4), size_h=3, size_w=3, padding_h=2),
    Fails("ARG", T(1, 1, 4, 4), size_h=3, size_w=3, padding_w=-1),
    Fails("SHAPE", T(1, 1, 2, 2), size_h=5, size_w=2, padding_h=1),
]

SOFTMAX = [S(T(3, 4, 5, low=-5, high=5), axis=axis) for axis in (0, 1, 2, -1)]
SOFTMAX += [S(T(4, 3, 5, view=view), axis=axis) for view in VIEWS for axis in (0, 2)]
SOFTMAX += [
    S(T(), axis=0), S(T(), axis=-1), S(T(1), axis=0), S(T(1031), axis=0), S(T(37, 70), axis=0),
    S(T(0, 3), axis=1), S(T(3, 0), axis=1),
    S(T(values=[[1000.0, 0.0, -1000.0], [-2000.0, -2000.0, -2001.0]]), axis=1),
    S(T(values=[[nan, 0.0, 1.0], [-inf, 0.0, 1.0], [inf, 0.0, 1.0], [-inf, -inf, -inf]]),
      axis=1).value_only(),
    Fails("ARG", T(2, 3), axis=2), Fails("ARG", T(2, 3), axis=-3), Fails("ARG", T(), axis=1),
    Fails("DTYPE", T(3, dtype="i64"), axis=0),
]


def labels(n, classes, dtype="i64", **more):
    return T(n, low=0, high=classes, dtype=dtype, **more)


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

RELU_EDGES = [S(T(values=[nan, inf, -inf, 0.0, -0.0, 1.0, -1.0]))]
CLAMP_EDGES = [S(T(values=[-1.0, 1.0, 0.0, nan, inf, -inf]), low=-1.0, high=1.0),
               S(T(values=[-3.0, 0.0, 3.0]), low=2.0, high=-1.0),
               S(T(3, 5), low=-inf, high=0.5), S(T(values=[1, 5, 250], dtype="u8"), low=3.0, high=200.0)]
EQUAL = [S(T(values=[1.0, 2.0, 3.0]), T(values=[1.0, 3.0, 2.0])),
         S(T(values=[[1.0], [2.0]]), T(values=[1.0, 2.0]))]
SMALL = [S(T(values=[1e-30, -1e-30, 1e-6, -1e-6, 30.0, -30.0, 80.0, -80.0]))]

OPS = {
    "add": (torch.add, binary("number")), "sub": (torch.sub, binary("number")),
    "mul": (torch.mul, binary("number")),
    "div": (torch.div, binary("float", ylow=0.5, yhigh=3)),
    "maximum": (torch.maximum, binary("number") + EQUAL),
    "minimum": (torch.minimum, binary("number") + EQUAL),
    "neg": (torch.neg, unary("number")), "exp": (torch.exp, unary("float") + SMALL),
    "log": (torch.log, unary("float", (0.5, 4))), "sqrt": (torch.sqrt, unary("float", (0.5, 4))),
    "tanh": (torch.tanh, unary("float") + SMALL), "sigmoid": (torch.sigmoid, unary("float", (-4, 4)) + SMALL),
    "relu": (torch.relu, unary("float") + RELU_EDGES),
    "add_scalar": (torch.add, unary("number", value=3)),
    "mul_scalar": (torch.mul, unary("number", value=3) + [S(T(4), value=-0.1),
                                                          S(T(4, dtype="i32"), value=-3)]),
    "clamp": (clamp, unary("number", low=-1.0, high=1.5) + CLAMP_EDGES),
    "eq": (torch.eq, binary("any") + EQUAL), "ne": (torch.ne, binary("any") + EQUAL),
    "lt": (torch.lt, binary("any") + EQUAL),
    "le": (torch.le, binary("any") + EQUAL), "gt": (torch.gt, binary("any") + EQUAL),
    "ge": (torch.ge, binary("any") + EQUAL),
    "where": (where, WHERE), "cast": (cast, CAST),
    "reshape": (torch.reshape, RESHAPE), "permute": (torch.permute, PERMUTE),
    "transpose": (torch.transpose, TRANSPOSE),
    "slice": (slice_, SLICE), "expand": (lambda x, shape: x.expand(shape), EXPAND),
    "squeeze": (torch.squeeze, SQUEEZE),
    "unsqueeze": (torch.unsqueeze, UNSQUEEZE), "flatten": (torch.flatten, FLATTEN),
    "contiguous": (torch.Tensor.contiguous, SAME),
    "detach": (torch.detach, SAME),
    "sum": (torch_sum, reduction({"empty", "integers", "bool"})), "mean": (torch_mean, reduction({"empty"})),
    "max": (torch_max, reduction({"integers"}) + TIES),
    "argmax": (torch_argmax, reduction({"integers"}) + TIES),
    "matmul": (torch.matmul, MATMUL), "linear": (F.linear, LINEAR), "conv2d": (F.conv2d, CONV),
    "conv2d_full": (conv2d_full, CONV_FULL),
    "max_pool2d": (max_pool2d, POOL), "max_pool2d_full": (max_pool2d_full, POOL_FULL),
    "softmax": (torch.softmax, SOFTMAX),
    "log_softmax": (torch.log_softmax, SOFTMAX), "cross_entropy": (cross_entropy, CROSS_ENTROPY),
    "embedding": (embedding, EMBEDDING),
}

# The names of arguments, where PyTorch has others.
NAMES = {
    "add_scalar": {"value": "other"}, "mul_scalar": {"value": "other"},
    "permute": {"axes": "dims"}, "transpose": {"axis0": "dim0", "axis1": "dim1"}, "squeeze": {"axis": "dim"},
    "unsqueeze": {"axis": "dim"}, "flatten": {"start": "start_dim", "stop": "end_dim"},
    "softmax": {"axis": "dim"},
    "log_softmax": {"axis": "dim"},
}

# Ops that are judged by statistics or as state, in training.py and binding.py.
ELSEWHERE = {"dropout"}
