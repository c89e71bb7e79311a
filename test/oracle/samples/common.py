"""What the modules of samples share: operands, samples, and the samples that many ops have in common."""
import collections

import numpy
import torch

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


TORCH = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64, "i32": torch.int32,
         "u8": torch.uint8,
         "bool": torch.bool}
RANGE = {"i64": (-2**63, 2**63 - 1), "i32": (-2**31, 2**31 - 1), "u8": (0, 255)}


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


def binary(kind, ylow=-2, yhigh=2, xlow=-2, xhigh=2):
    """kind: "float", "number" or "any" (bool too)."""
    def x(*shape, **more):
        return T(*shape, low=xlow, high=xhigh, **more)

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


def axes_of(x, axes):
    return tuple(axes) if axes else tuple(range(x.dim()))


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


def labels(n, classes, dtype="i64", **more):
    return T(n, low=0, high=classes, dtype=dtype, **more)
