"""The samples of norms, average pools and transposed convolutions."""
import numpy
import torch.nn.functional as F

from .common import Fails, S, T, VIEWS, inf, nan


def batch_norm(x, running_mean=None, running_var=None, weight=None, bias=None, training=False, momentum=0.1,
               eps=1e-5):
    """PyTorch's, which changes the running statistics in place: those of a leaf it refuses to."""
    running = [r if r is None else r.detach().clone() for r in (running_mean, running_var)]
    return F.batch_norm(x, *running, weight, bias, training, momentum, eps)


def vectors(c, **more):
    """running_mean, running_var, weight, bias."""
    return T(c, **more), T(c, low=0.5, high=2, **more), T(c, **more), T(c, **more)


BATCH_NORM = [S(T(*shape), *vectors(shape[1]), training=training) for shape in
              [(4, 3), (2, 3, 5), (2, 3, 4, 5), (2, 1, 3, 2, 2), (3, 70, 2, 2), (2, 3, 7, 7), (150, 2), (33, 67),
               (1, 2, 9), (2, 2, 40, 41)] for training in (True, False)]
BATCH_NORM += [S(T(2, 3, 4, 5), None, None, weight, None, training=True) for weight in (None, T(3))]
BATCH_NORM += [S(T(4, 3, 5), *vectors(3)[:2], weight, None, training=training)
               for weight in (None, T(3)) for training in (True, False)]
BATCH_NORM += [S(T(4, 3, 5), *vectors(3)[:2], None, T(3), training=training).once() for training in (True, False)]
BATCH_NORM += [S(T(4, 3, 5, view=view), *vectors(3, view="sliced"), training=training)
               for view in VIEWS for training in (True, False)]
BATCH_NORM += [
    S(T(4, 3, 2), *vectors(3), training=True, eps=0.5), S(T(4, 3, 2), *vectors(3), training=False, eps=0.5),
    S(T(4, 3, 2), *vectors(3), training=True, momentum=0.7),
    S(T(values=[[nan, 1.0, 2.0], [1.0, inf, 3.0], [4.0, 5.0, 6.0]]), *vectors(3), training=True).value_only(),
    S(T(0, 3, 4), *vectors(3), training=True), S(T(0, 3, 4), *vectors(3), training=False),
    S(T(2, 3, 0), *vectors(3), training=True), S(T(1, 3), *vectors(3), training=False),
    Fails("SHAPE", T(1, 3), *vectors(3), training=True), Fails("SHAPE", T(1, 3, 1), *vectors(3), training=True),
    Fails("SHAPE", T(3), *vectors(3)), Fails("SHAPE", T(), *vectors(3)),
    Fails("SHAPE", T(4, 3), *vectors(2), training=True), Fails("SHAPE", T(4, 3), *vectors(3)[:3], T(4)),
    Fails("SHAPE", T(4, 3), *vectors(3)[:3], T(3, 1)),
    Fails("ARG", T(4, 3)), Fails("ARG", T(4, 3), T(3), None), Fails("ARG", T(4, 3), T(3), None, training=True),
    Fails("ARG", T(4, 3), *vectors(3), eps=-1.0), Fails("ARG", T(4, 3), *vectors(3), eps=nan),
    Fails("ARG", T(4, 3), *vectors(3), training=True, momentum=inf),
    Fails("DTYPE", T(4, 3, dtype="i32"), *vectors(3)), Fails("DTYPE", T(4, 3, dtype="f32"), *vectors(3, dtype="f64")),
]


def avg_pool2d(x, size, stride=0):
    return F.avg_pool2d(x, size, stride or None)


AVG_POOL = [S(T(2, 3, *x), size=size, stride=stride) for x, size, stride in
            [((6, 8), 2, 2), ((7, 9), 2, 0), ((7, 9), 3, 2), ((7, 9), 3, 1), ((3, 3), 3, 0), ((5, 6), 1, 1),
             ((5, 9), 2, 4), ((31, 33), 2, 2), ((9, 40), 5, 1), ((8, 8), 8, 1)]]
AVG_POOL += [S(T(2, 3, 6, 8, view=view), size=2, stride=stride) for view in VIEWS for stride in (2, 1)]
AVG_POOL += [
    S(T(0, 3, 4, 4), size=2),
    S(T(values=[[[[nan, 1, 2, inf], [0, 1, -inf, 3], [1, -inf, 4, 5], [3, 2, 7, 7]]]]), size=2,
      stride=1).value_only(),
    Fails("SHAPE", T(3, 6, 8), size=2), Fails("SHAPE", T(1, 1, 3, 5), size=4), Fails("SHAPE", T(1, 1, 0, 5), size=1),
    Fails("ARG", T(1, 1, 4, 4), size=0), Fails("ARG", T(1, 1, 4, 4), size=2, stride=-1),
    Fails("DTYPE", T(1, 1, 4, 4, dtype="i32"), size=2),
]


def avg_pool2d_full(x, size_h, size_w, stride_h=0, stride_w=0, padding_h=0, padding_w=0, count_include_pad=True):
    return F.avg_pool2d(x, (size_h, size_w), (stride_h or size_h, stride_w or size_w), (padding_h, padding_w), False,
                        count_include_pad)


AVG_POOL_FULL = [
    S(T(2, 3, 7, 9), count_include_pad=count, **more) for count in (True, False) for more in
    [dict(size_h=3, size_w=3, stride_h=2, stride_w=2, padding_h=1, padding_w=1), dict(size_h=2, size_w=3),
     dict(size_h=4, size_w=2, stride_h=1, stride_w=3, padding_h=2, padding_w=1),
     dict(size_h=7, size_w=5, stride_h=3, stride_w=1, padding_h=3, padding_w=2),
     dict(size_h=2, size_w=2, padding_w=1), dict(size_h=2, size_w=2, stride_h=5, stride_w=4, padding_h=1)]]
AVG_POOL_FULL += [
    S(T(2, 1, 5, 4, view="permuted"), size_h=3, size_w=2, stride_h=2, stride_w=1, padding_h=1),
    S(T(0, 2, 4, 4), size_h=2, size_w=2), Fails("ARG", T(1, 1, 4, 4), size_h=3, size_w=3, padding_h=2),
    Fails("ARG", T(1, 1, 4, 4), size_h=3, size_w=3, padding_w=-1),
    Fails("SHAPE", T(1, 1, 2, 2), size_h=5, size_w=2, padding_h=1),
]


def adaptive_avg_pool2d(x, height, width):
    return F.adaptive_avg_pool2d(x, (height, width))


ADAPTIVE = [S(T(2, 3, *x), height=height, width=width) for x, height, width in
            [((7, 7), 1, 1), ((7, 7), 7, 7), ((13, 9), 6, 6), ((2, 3), 7, 7), ((8, 8), 4, 2), ((5, 70), 1, 3),
             ((1, 1), 3, 3), ((11, 4), 3, 1), ((33, 31), 1, 1)]]
ADAPTIVE += [S(T(2, 3, 6, 8, view=view), height=n, width=m) for view in VIEWS for n, m in [(1, 1), (6, 8), (4, 5)]]
ADAPTIVE += [
    S(T(0, 3, 4, 4), height=2, width=2), S(T(0, 3, 4, 4), height=1, width=1), S(T(0, 3, 4, 4), height=4, width=4),
    S(T(values=[[[[nan, 1, 2], [0, 1, -inf]]]]), height=2, width=2).value_only(),
    Fails("SHAPE", T(3, 6, 8), height=2, width=2), Fails("SHAPE", T(6, 8), height=1, width=1),
    Fails("SHAPE", T(2, 3, 0, 4), height=1, width=1), Fails("ARG", T(1, 1, 4, 4), height=-1, width=2),
    Fails("ARG", T(1, 1, 4, 4), height=2, width=0), Fails("DTYPE", T(1, 1, 4, 4, dtype="i32"), height=1, width=1),
    Fails("DTYPE", T(1, 1, 4, 4, dtype="i64"), height=3, width=2),
]

def layer_norm(x, weight=None, bias=None, shape=(), eps=1e-5):
    return F.layer_norm(x, tuple(shape), weight, bias, eps)


LAYER_NORM = [S(T(*shape), T(*shape[-n:]) if w else None, T(*shape[-n:]) if b else None, shape=shape[-n:])
              for shape, n in [((4, 5), 1), ((4, 5), 2), ((2, 3, 4, 5), 2), ((7,), 1), ((3, 1031), 1), ((150, 3), 1),
                               ((33, 70), 1), ((2, 3, 8, 9), 3)]
              for w, b in [(True, True), (False, False), (True, False)]]
LAYER_NORM += [S(T(4, 3, 5, view=view), T(3, 5, view="permuted"), T(3, 5, view="sliced"), shape=(3, 5))
               for view in VIEWS]
LAYER_NORM += [
    S(T(4, 5), None, T(5), shape=(5,)).once(), S(T(4, 5), T(5), T(5), shape=(5,), eps=0.5),
    S(T(5, 1), T(1), T(1), shape=(1,), eps=0.5),
    S(T(values=[[nan, 1.0, 2.0], [1.0, inf, 3.0], [4.0, 5.0, 6.0]]), T(3), T(3), shape=(3,)).value_only(),
    S(T(0, 5), T(5), T(5), shape=(5,)), S(T(0, 5), shape=(5,)),
    Fails("SHAPE", T(4, 5), shape=(4,)), Fails("SHAPE", T(4, 5), shape=(2, 4, 5)), Fails("SHAPE", T(4, 5), shape=()),
    Fails("SHAPE", T(), shape=()), Fails("SHAPE", T(4, 5), T(4), None, shape=(5,)),
    Fails("SHAPE", T(4, 5), T(5), T(1, 5), shape=(5,)), Fails("ARG", T(4, 5), shape=(5,), eps=-1.0),
    Fails("DTYPE", T(4, 5, dtype="i32"), shape=(5,)),
    Fails("DTYPE", T(4, 5, dtype="f32"), T(5, dtype="f64"), None, shape=(5,)),
]

GROUP_NORM = [S(T(*shape), T(shape[1]) if affine else None, T(shape[1]) if affine else None, groups=groups)
              for shape, groups in [((2, 6, 4, 5), 3), ((2, 6, 4, 5), 1), ((2, 6, 4, 5), 6), ((4, 6), 2),
                                    ((3, 4, 7), 2), ((2, 4, 2, 3, 2), 2), ((150, 4, 3), 2), ((2, 70, 8, 9), 7)]
              for affine in (True, False)]
GROUP_NORM += [S(T(2, 6, 5, view=view), T(6, view="sliced"), T(6, view="sliced"), groups=3) for view in VIEWS]
GROUP_NORM += [
    S(T(2, 4, 3), T(4), None, groups=2), S(T(2, 4, 3), T(4), T(4), groups=2, eps=0.5),
    S(T(0, 4, 3), T(4), T(4), groups=2).value_only(),
    Fails("SHAPE", T(2, 4, 3), groups=3), Fails("ARG", T(2, 4, 3), groups=0), Fails("SHAPE", T(4), groups=2),
    Fails("SHAPE", T(2, 4, 3), T(2), None, groups=2), Fails("SHAPE", T(2, 4, 3), T(4), T(4, 1), groups=2),
    Fails("ARG", T(2, 4, 3), groups=2, eps=inf), Fails("DTYPE", T(2, 4, 3, dtype="i64"), groups=2),
    Fails("DTYPE", T(2, 4, 3, dtype="f32"), T(4, dtype="f64"), None, groups=2),
]


def group_norm(x, weight=None, bias=None, groups=1, eps=1e-5):
    return F.group_norm(x, groups, weight, bias, eps)


def conv(batch, channels, size, out, kernel, bias=True, groups=1, **views):
    """x, w [channels, out / groups, ...] and b of a transposed convolution."""
    return (T(batch, channels, *size, view=views.get("x", "plain")),
            T(channels, out // groups, *kernel, view=views.get("w", "plain")), T(out) if bias else None)


TRANSPOSE = [S(*conv(2, 3, (5, 7), 4, (3, 3), bias), stride=stride, padding=padding)
             for stride, padding, bias in [(1, 0, True), (1, 1, False), (2, 1, True), (3, 2, True), (2, 0, False)]]
TRANSPOSE += [
    S(*conv(1, 1, (1, 1), 1, (1, 1))), S(*conv(3, 5, (4, 6), 2, (1, 1))), S(*conv(2, 3, (8, 5), 4, (2, 2)), stride=2),
    S(*conv(0, 3, (7, 7), 4, (3, 3)), padding=1), S(*conv(1, 3, (4, 4), 2, (5, 5)), padding=3),
    S(*conv(3, 17, (15, 9), 9, (3, 3)), padding=1), S(*conv(1, 2, (5, 5), 3, (1, 1)), stride=3),
    S(*conv(2, 3, (5, 7), 4, (3, 3), x="permuted"), padding=1), S(*conv(1, 3, (4, 4), 2, (4, 4)), stride=2, padding=1),
    S(*conv(2, 3, (5, 7), 4, (3, 3), x="expanded", w="sliced"), stride=2),
    Fails("SHAPE", *conv(1, 2, (1, 1), 3, (3, 3)), padding=2), Fails("SHAPE", T(3, 7, 7), T(3, 4, 3, 3), None),
    Fails("SHAPE", T(1, 3, 7, 7), T(2, 4, 3, 3), None), Fails("SHAPE", T(1, 3, 7, 7), T(3, 4, 3, 3), T(3)),
    Fails("SHAPE", T(1, 3, 7, 7), T(3, 4, 3), None), Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), stride=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), padding=-1),
    Fails("DTYPE", T(1, 2, 5, 5, dtype="i32"), T(2, 3, 3, 3, dtype="i32"), None),
    Fails("DTYPE", T(1, 2, 5, 5, dtype="f64"), T(2, 3, 3, 3, dtype="f32"), None),
]


def conv_transpose2d_full(x, w, b, stride_h=1, stride_w=1, padding_h=0, padding_w=0, output_padding_h=0,
                          output_padding_w=0, dilation_h=1, dilation_w=1, groups=1):
    return F.conv_transpose2d(x, w, b, (stride_h, stride_w), (padding_h, padding_w),
                              (output_padding_h, output_padding_w), groups, (dilation_h, dilation_w))


TRANSPOSE_FULL = [
    S(*conv(2, 3, (5, 6), 4, (3, 3)), stride_h=2, stride_w=3, padding_h=1, output_padding_h=1, output_padding_w=2),
    S(*conv(2, 3, (5, 6), 4, (3, 2)), dilation_h=2, dilation_w=3),
    S(*conv(2, 3, (5, 6), 4, (3, 2)), dilation_h=3, dilation_w=4, output_padding_h=2, output_padding_w=3),
    S(*conv(2, 3, (5, 6), 4, (3, 2), False), stride_h=2, dilation_h=5, output_padding_h=4, padding_h=1),
    S(*conv(2, 4, (5, 6), 6, (3, 3), groups=2), groups=2, padding_h=1, padding_w=1),
    S(*conv(2, 5, (5, 6), 5, (3, 3), groups=5), groups=5, padding_h=1, stride_w=2),
    S(*conv(1, 3, (4, 4), 6, (2, 2), groups=3), groups=3, stride_h=2, stride_w=2),
    S(*conv(0, 4, (5, 5), 2, (3, 3), groups=2), groups=2),
    S(*conv(2, 4, (5, 6), 6, (3, 3), groups=2, x="permuted", w="sliced"), groups=2),
    Fails("SHAPE", T(1, 3, 5, 5), T(3, 1, 3, 3), None, groups=2),
    Fails("SHAPE", T(1, 4, 5, 5), T(4, 2, 3, 3), T(3), groups=2),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), groups=0), Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), dilation_w=0),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), output_padding_h=1),
    Fails("ARG", *conv(1, 2, (5, 5), 3, (3, 3)), stride_w=2, output_padding_w=-1),
]

OPS = {
    "conv_transpose2d": (F.conv_transpose2d, TRANSPOSE),
    "conv_transpose2d_full": (conv_transpose2d_full, TRANSPOSE_FULL),
    "layer_norm": (layer_norm, LAYER_NORM),
    "group_norm": (group_norm, GROUP_NORM),
    "avg_pool2d": (avg_pool2d, AVG_POOL),
    "avg_pool2d_full": (avg_pool2d_full, AVG_POOL_FULL),
    "adaptive_avg_pool2d": (adaptive_avg_pool2d, ADAPTIVE),
    "batch_norm": (batch_norm, BATCH_NORM),
}
