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

OPS = {
    "batch_norm": (batch_norm, BATCH_NORM),
}
