"""The samples of losses."""
import numpy
import torch
import torch.nn.functional as F

from .common import SPECIAL, VIEWS, Fails, S, T, inf, labels, nan

WAYS = ("mean", "sum", "none")


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


# ---- Differences ----

def quiet(f):
    """PyTorch warns of targets that broadcast."""
    def broadcast(x, target, **arguments):
        return f(*torch.broadcast_tensors(x, target), **arguments)
    return broadcast


def difference(**more):
    """x and target apart by more than a little, so that gradients have no kink between them."""
    def x(*shape, **rest):
        return T(*shape, low=-2, high=2, **rest)
    samples = [S(x(*shape), x(*shape), reduction=way, **more) for way in WAYS
               for shape in [(3, 5), (), (1,), (1031,), (2, 3, 4, 5)]]
    samples += [S(x(*one), x(*two), reduction=way, **more) for way in WAYS
                for one, two in [((3, 5), (5,)), ((3, 1), (1, 4)), ((), (3,)), ((4,), ())]]
    samples += [S(x(4, 3, 5, view=view), x(4, 3, 5), reduction="mean", **more) for view in VIEWS]
    samples += [S(x(4, 3, 5), x(4, 3, 5, view=view), reduction="none", **more) for view in VIEWS]
    samples += [S(x(0, 3), x(0, 3), reduction=way, **more).once() for way in WAYS]
    samples += [S(T(values=SPECIAL), T(values=[0.0] * len(SPECIAL)), reduction="none", **more).value_only(),
                S(T(values=[0.0, 1.0]), T(values=[0.0, 1.0]), reduction="sum", **more).once()]
    return samples + pair_failures(**more)


def pair_failures(**more):
    return [Fails("SHAPE", T(3), T(4), reduction="mean", **more),
            Fails("DTYPE", T(3, dtype="i32"), T(3, dtype="i32"), reduction="mean", **more),
            Fails("DTYPE", T(3, dtype="f32"), T(3, dtype="f64"), reduction="sum", **more),
            Fails("ARG", T(3), T(3), reduction=7, **more), Fails("ARG", T(3), T(3), reduction=-1, **more)]


SMOOTH = difference(beta=1.0) + [S(T(3, 5), T(3, 5), beta=beta, reduction=way)
                                 for beta in (0.0, 0.1, 0.5, 3.0) for way in WAYS]
SMOOTH += [Fails("ARG", T(3), T(3), beta=beta, reduction="mean") for beta in (-1.0, nan, inf)]


# ---- Probabilities ----

def bce_with_logits(x, target, weight, pos_weight, reduction):
    weight, pos_weight = (w if w is None else w.detach() for w in (weight, pos_weight))
    return F.binary_cross_entropy_with_logits(x, target, weight, reduction=reduction, pos_weight=pos_weight)


def share(*shape, **more):
    return T(*shape, low=0, high=1, **more)


EXTREME = [0.0, -0.0, 30.0, -30.0, 100.0, -100.0, 1e4, -1e4]
BCE = [S(T(*shape, low=-5, high=5), share(*shape), None, None, reduction=way) for way in WAYS
       for shape in [(3, 5), (), (1,), (1031,), (2, 3, 4)]]
BCE += [S(T(3, 5), share(3, 5), weight, pos_weight, reduction=way) for way in WAYS
        for weight, pos_weight in [(share(3, 5), None), (share(5), None), (None, T(5, low=0.5, high=3)),
                                   (None, T(low=0.5, high=3)), (share(3, 1), T(3, 5, low=0.5, high=3))]]
BCE += [S(T(4, 3, 5, view=view), share(4, 3, 5), share(5), T(5, low=0.5, high=3, view=pos), reduction="mean")
        for view in VIEWS for pos in ("plain", "sliced")]
BCE += [S(T(values=EXTREME), T(values=[target] * len(EXTREME)), None, pos, reduction=way)
        for target in (0.0, 1.0, 0.25) for pos in (None, T(values=3.0)) for way in WAYS]
BCE += [S(T(0, 3), share(0, 3), None, None, reduction=way).once() for way in WAYS]
BCE += [Fails("SHAPE", T(3, 5), share(5), None, None, reduction="mean"),
        Fails("SHAPE", T(3, 5), share(3, 4), None, None, reduction="mean"),
        Fails("SHAPE", T(3, 5), share(3, 5), share(4), None, reduction="mean"),
        Fails("SHAPE", T(5), share(5), share(3, 5), None, reduction="mean"),
        Fails("SHAPE", T(3, 5), share(3, 5), None, share(3), reduction="mean"),
        Fails("DTYPE", T(3, dtype="i64"), T(3, dtype="i64"), None, None, reduction="mean"),
        Fails("DTYPE", T(3, dtype="f32"), T(3, dtype="i64"), None, None, reduction="mean"),
        Fails("DTYPE", T(3, dtype="f32"), share(3, dtype="f32"), share(3, dtype="f64"), None, reduction="mean"),
        Fails("ARG", T(3), share(3), None, None, reduction=3)]


def kl_div(x, target, log_target, reduction):
    return F.kl_div(x, target, reduction=reduction, log_target=bool(log_target))


KL = [S(T(*shape, low=-4, high=0), T(*shape, low=0.1, high=1), log_target=False, reduction=way)
      for way in WAYS + ("batchmean",) for shape in [(3, 5), (1,), (1031,), (2, 3, 4)]]
KL += [S(T(*shape, low=-4, high=0), T(*shape, low=-3, high=0), log_target=True, reduction=way)
       for way in WAYS + ("batchmean",) for shape in [(3, 5), (1,), (2, 3, 4)]]
KL += [S(T(3, 5, low=-4, high=0), T(5, low=0.1, high=1), log_target=log, reduction=way)
       for log in (False, True) for way in WAYS + ("batchmean",)]
KL += [S(T(4, 5, low=-4, high=0, view=view), T(4, 5, low=0.1, high=1), log_target=False, reduction="batchmean")
       for view in VIEWS]
KL += [S(T(values=[-1.0, -2.0, -inf, 0.5]), T(values=[0.0, 0.7, 0.5, -0.5]), log_target=False,
         reduction="none").value_only(),
       S(T(0, 3), T(0, 3), log_target=False, reduction="batchmean").value_only(),
       S(T(low=-4, high=0), share(), log_target=False, reduction="sum"),
       Fails("SHAPE", T(), T(), log_target=False, reduction="batchmean"),
       Fails("ARG", T(3), T(3), log_target=False, reduction=4)] + pair_failures(log_target=False)[:3]


# ---- Labels ----

def nll_loss(x, labels, weight, ignore_index, reduction):
    weight = weight if weight is None else weight.detach()
    return F.nll_loss(x, labels.long(), weight, ignore_index=ignore_index, reduction=reduction)


def some_ignored(ignored, *shape):
    """Labels below 3, some of which are ignored."""
    picks = numpy.arange(int(numpy.prod(shape))).reshape(shape)
    return numpy.where(picks % 3 == 1, ignored, picks % 7 % 3)


def weights(classes, **more):
    return T(classes, low=0.2, high=2, **more)


SHAPES = [((4, 3), (4,)), ((7, 10), (7,)), ((2, 3, 5), (2, 5)), ((2, 3, 4, 2), (2, 4, 2)), ((65, 1003), (65,)),
          ((1, 1), (1,)), ((3, 2, 1, 2, 1), (3, 1, 2, 1))]
NLL = [S(T(*shape, low=-5, high=0), T(*rows, low=0, high=shape[1], dtype=dtype), weight, ignore_index=-100,
         reduction=way) for shape, rows in SHAPES for way in WAYS
       for dtype, weight in [("i64", None), ("i32", weights(shape[1]))]]
NLL += [S(T(6, 3, 4), T(values=some_ignored(ignored, 6, 4), dtype=dtype), weight, ignore_index=ignored,
          reduction=way) for ignored in (-100, 2, 7) for way in WAYS
        for dtype, weight in [("i32", None), ("i64", weights(3))]]
NLL += [S(T(6, 3, 4, view=view), T(6, 4, low=0, high=3, dtype="i64", view=view), weights(3, view="sliced"),
          ignore_index=1, reduction=way) for view in VIEWS for way in WAYS]
NLL += [S(T(3, 4), T(values=[-100] * 3, dtype="i64"), weight, ignore_index=-100, reduction=way).value_only()
        for weight in (None, weights(4)) for way in WAYS]
NLL += [S(T(0, 3), T(0, dtype="i64"), None, ignore_index=-100, reduction=way).value_only() for way in WAYS]
NLL += [S(T(3, 4), labels(3, 4), T(values=[0.0, 1.0, 0.0, 2.0]), ignore_index=-100, reduction=way)
        for way in ("sum", "none")]
LABEL_FAILURES = [
    ("ARG", T(3, 4), T(values=[0, 4, 1], dtype="i64"), None), ("ARG", T(3, 4), T(values=[0, 1, -1], dtype="i32"), None),
    ("ARG", T(2, 4), T(values=[2**40, 0], dtype="i64"), weights(4)),
    ("ARG", T(1, 4, 2), T(values=[[0, 5]], dtype="i64"), None),
    ("SHAPE", T(3), labels(3, 1), None), ("SHAPE", T(3, 4), labels(2, 4), None),
    ("SHAPE", T(3, 4), T(3, 1, low=0, dtype="i64"), None), ("SHAPE", T(3, 4, 2), T(3, 4, low=0, dtype="i64"), None),
    ("SHAPE", T(3, 4), labels(3, 4), weights(3)), ("SHAPE", T(3, 4), labels(3, 4), T(4, 1)),
    ("DTYPE", T(3, 4, dtype="i32"), labels(3, 4), None), ("DTYPE", T(3, 4), labels(3, 4, "u8"), None),
    ("DTYPE", T(3, 4, dtype="f32"), labels(3, 4), weights(4, dtype="f64")),
]
NLL += [Fails(status, *operands, ignore_index=-100, reduction=way) for status, *operands in LABEL_FAILURES
        for way in WAYS]
NLL += [Fails("DTYPE", T(3, 4), T(3, low=0), None, ignore_index=-100, reduction="mean"),
        Fails("ARG", T(3, 4), labels(3, 4), None, ignore_index=-100, reduction=3)]


# ---- All of cross entropy ----

def cross_entropy_full(logits, target, weight, ignore_index, label_smoothing, reduction):
    weight = weight if weight is None else weight.detach()
    target = target if target.is_floating_point() else target.long()
    return F.cross_entropy(logits, target, weight, ignore_index=ignore_index, reduction=reduction,
                           label_smoothing=label_smoothing)


SMOOTHINGS = (0.0, 0.1, 1.0)
FULL = [S(T(*shape, low=-5, high=5), T(*rows, low=0, high=shape[1], dtype="i64"), weight, ignore_index=-100,
          label_smoothing=smoothing, reduction=way) for shape, rows in SHAPES for way in WAYS
        for smoothing in SMOOTHINGS for weight in (None, weights(shape[1]))]
FULL += [S(T(6, 3, 4), T(values=some_ignored(ignored, 6, 4), dtype="i32"), weight, ignore_index=ignored,
           label_smoothing=smoothing, reduction=way) for ignored in (-100, 2) for way in WAYS
         for smoothing in SMOOTHINGS for weight in (None, weights(3))]
FULL += [S(T(6, 3), T(values=[0, 1, 2, 0, 1, 2], dtype="i64"), T(values=[0.0, 1.0, 2.0]), ignore_index=1,
           label_smoothing=smoothing, reduction=way) for smoothing in SMOOTHINGS for way in WAYS]
FULL += [S(T(*shape, low=-5, high=5), share(*shape), weight, ignore_index=-100, label_smoothing=smoothing,
           reduction=way) for shape, _ in SHAPES for way in WAYS for smoothing in SMOOTHINGS
         for weight in (None, weights(shape[1]))]
FULL += [S(T(4, 3, 5, view=view), share(4, 3, 5, view=other), weights(3, view="sliced"), ignore_index=-100,
           label_smoothing=0.2, reduction="mean") for view in VIEWS for other in ("plain", "permuted")]
FULL += [S(T(values=[[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]]), T(values=[0, 0], dtype="i32"), None,
           ignore_index=-100, label_smoothing=smoothing, reduction="mean") for smoothing in SMOOTHINGS]
FULL += [S(T(3, 4), T(values=[-100] * 3, dtype="i64"), None, ignore_index=-100, label_smoothing=smoothing,
           reduction=way).value_only() for smoothing in SMOOTHINGS for way in WAYS]
FULL += [S(T(0, 3), target, None, ignore_index=-100, label_smoothing=smoothing, reduction=way).value_only()
         for target in (T(0, dtype="i64"), T(0, 3)) for smoothing in SMOOTHINGS for way in WAYS]
FULL += [Fails(status, *operands, ignore_index=-100, label_smoothing=0.1, reduction=way)
         for status, *operands in LABEL_FAILURES for way in WAYS]
FULL += [Fails("ARG", T(3, 4), labels(3, 4), None, ignore_index=-100, label_smoothing=smoothing, reduction="mean")
         for smoothing in (-0.1, 1.1, nan)]
FULL += [Fails("ARG", T(3, 4), share(3, 4), None, ignore_index=1, label_smoothing=0.0, reduction="mean"),
         Fails("ARG", T(3, 4), labels(3, 4), None, ignore_index=-100, label_smoothing=0.0, reduction=9),
         Fails("SHAPE", T(3, 4), share(3, 5), None, ignore_index=-100, label_smoothing=0.0, reduction="mean"),
         Fails("SHAPE", T(4), share(4), None, ignore_index=-100, label_smoothing=0.0, reduction="mean"),
         Fails("SHAPE", T(3, 4), share(3, 4), weights(3), ignore_index=-100, label_smoothing=0.0,
               reduction="mean"),
         Fails("DTYPE", T(3, 4, dtype="f32"), share(3, 4, dtype="f64"), None, ignore_index=-100,
               label_smoothing=0.0, reduction="mean")]

OPS = {
    "cross_entropy": (cross_entropy, CROSS_ENTROPY),
    "cross_entropy_full": (cross_entropy_full, FULL),
    "nll_loss": (nll_loss, NLL),
    "mse_loss": (quiet(F.mse_loss), difference()),
    "l1_loss": (quiet(F.l1_loss), difference()),
    "smooth_l1_loss": (quiet(F.smooth_l1_loss), SMOOTH),
    "bce_with_logits": (bce_with_logits, BCE),
    "kl_div": (kl_div, KL),
}
