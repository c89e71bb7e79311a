"""The samples of matmul, linear, convolutions, pools and softmax."""
import numpy
import torch
import torch.nn.functional as F

from .common import Fails, S, T, VIEWS, inf, nan

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

OPS = {
    "matmul": (torch.matmul, MATMUL),
    "linear": (F.linear, LINEAR),
    "conv2d": (F.conv2d, CONV),
    "conv2d_full": (conv2d_full, CONV_FULL),
    "max_pool2d": (max_pool2d, POOL),
    "max_pool2d_full": (max_pool2d_full, POOL_FULL),
    "softmax": (torch.softmax, SOFTMAX),
    "log_softmax": (torch.log_softmax, SOFTMAX),
}

# The names of arguments, where PyTorch has others.
NAMES = {
    "softmax": {"axis": "dim"},
    "log_softmax": {"axis": "dim"},
}
