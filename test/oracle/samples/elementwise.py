"""The samples of elementwise ops, cast, where and clamp."""
import torch
import torch.nn.functional as F

from .common import Fails, INTEGERS, RANGE, S, T, TORCH, VIEWS, binary, inf, nan, unary


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
CAST += [S(T(), dtype="f64"), S(T(0, 2), dtype="i32"), Fails("DTYPE", T(3), dtype=-1),
         Fails("DTYPE", T(3), dtype=77)]


RELU_EDGES = [S(T(values=[nan, inf, -inf, 0.0, -0.0, 1.0, -1.0]))]
CLAMP_EDGES = [S(T(values=[-1.0, 1.0, 0.0, nan, inf, -inf]), low=-1.0, high=1.0),
               S(T(values=[-3.0, 0.0, 3.0]), low=2.0, high=-1.0),
               S(T(3, 5), low=-inf, high=0.5), S(T(values=[1, 5, 250], dtype="u8"), low=3.0, high=200.0)]
EQUAL = [S(T(values=[1.0, 2.0, 3.0]), T(values=[1.0, 3.0, 2.0])),
         S(T(values=[[1.0], [2.0]]), T(values=[1.0, 2.0]))]
SMALL = [S(T(values=[1e-30, -1e-30, 1e-6, -1e-6, 30.0, -30.0, 80.0, -80.0]))]


def special(*values, **arguments):
    """Values, gradients and second gradients at chosen places."""
    return [S(T(values=list(values)), **arguments)]


def tests():
    """A unary op with a bool result, of any dtype."""
    return [sample for sample in unary("number") if not sample.fails] + [S(T(3, 4, dtype="bool"))]


def hardsigmoid(x):
    """PyTorch's own has a gradient of f32 accuracy in f64 too, and no second one."""
    return F.relu6(x + 3) / 6


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def once(samples):
    """Where PyTorch can't differentiate the gradient, or has zeros without memory for it."""
    return [sample.once() if sample.gradients else sample for sample in samples]


HALVES = special(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609.0, -3e9, 2.0**62)
ABS = special(0.0, -0.0, nan, inf, -inf, 3.0, -3.0)
ABS += [S(T(values=[-2**63, -5, 0, 7], dtype="i64")), S(T(values=[-2**31, 5], dtype="i32"))]
# Far beyond what a reduction by a few constants can do; close to multiples of pi / 2.
ANGLES = special(1e5, -1e9, 3.0e38, 16367173.0 * 2.0**72, 1.5707964, 3.1415927, 355.0, 1e-30, -0.0, 22.0, 1e22)
# PyTorch does not agree with itself about hardswish's gradient at -3 and 3.
KINKS = special(2.9999, -2.9999, -4.0, 4.0, 0.0)
SPLUS = special(19.9, 20.1, 88.0, 100.0, -100.0, 0.0) + once(special(20.0))
NEAR_0 = special(1e-30, -1e-30, 1e-7, -1e-7, 0.3, -0.3)
POW = [S(T(values=[-2.0, -2.0, -2.0, 3.0, 0.5]), T(values=[3.0, 2.0, -1.0, 0.0, -3.0])).value_only(),
       S(T(values=[2.0, 5.0, 9.0, 1.0]), T(values=[0.0, 1.0, 2.0, 0.0])),
       S(T(values=[0.0, 0.0, 0.0]), T(values=[1.0, 2.0, 3.5])).once(),
       S(T(values=[0.0, -1.5, -2.0]), T(values=[0.0, 0.0, 2.0])).once(),
       S(T(values=[2.0, 1e30, 1e-30, 1.0000001]), T(values=[127.5, 1.25, 1.25, 1e6])).value_only()]
POWERS = [S(T(3, 5, low=0.2, high=3), exponent=e) for e in (0.5, 2.0, 3.0, -1.0, -0.5, 1.7, 1.0)]
POWERS += [S(T(3, 5), exponent=e) for e in (2.0, 3.0, 1.0, 5.0)]
POWERS += [S(T(values=[0.0, -0.0, 2.0]), exponent=e) for e in (1.0, 2.0, 3.0)]
POWERS += once([S(T(values=[0.0, -0.0, 2.0, nan, inf]), exponent=0.0)])
# PyTorch has the quotient rounded, so far out another whole part.
FMOD = [S(T(values=[1e30, -7.5, 5.5, 1e-30]), T(values=[3.0, 2.0, -2.0, 1e30])).value_only()]
TRUTHS = [S(T(values=[0.0, -0.0, nan, 1e-40, -1.0]), T(values=[nan, 0.0, 0.0, 2.0, 0.0])).value_only()]
LERP = [S(T(*x), T(*y), weight=w) for x, y in [((3, 5), (3, 5)), ((), ()), ((4, 1, 3), (2, 1)), ((0, 3), (3,)),
                                              ((1031,), (1031,))] for w in (0.0, 0.3, 0.5, 1.0, -2.0)]
LERP += [S(T(4, 3, 5, view=view), T(4, 3, 5, view=other), weight=0.7) for view in VIEWS for other in VIEWS]
LERP += [Fails("DTYPE", T(3, dtype=dtype), T(3, dtype=dtype), weight=0.5) for dtype in INTEGERS + ("bool",)]
LERP += [Fails("SHAPE", T(3), T(4), weight=0.5), Fails("DTYPE", T(3), T(3, dtype="i32"), weight=0.5)]

OPS = {
    "add": (torch.add, binary("number")),
    "sub": (torch.sub, binary("number")),
    "mul": (torch.mul, binary("number")),
    "div": (torch.div, binary("float", ylow=0.5, yhigh=3)),
    "maximum": (torch.maximum, binary("number") + EQUAL),
    "minimum": (torch.minimum, binary("number") + EQUAL),
    "pow": (torch.pow, binary("float", xlow=0.5, xhigh=3) + POW),
    "fmod": (torch.fmod, binary("float", ylow=0.7, yhigh=3) + FMOD),
    "lerp": (torch.lerp, LERP),
    "neg": (torch.neg, unary("number")),
    "exp": (torch.exp, unary("float") + SMALL),
    "log": (torch.log, unary("float", (0.5, 4))),
    "sqrt": (torch.sqrt, unary("float", (0.5, 4))),
    "tanh": (torch.tanh, unary("float") + SMALL),
    "sigmoid": (torch.sigmoid, unary("float", (-4, 4)) + SMALL),
    "log_sigmoid": (torch.nn.functional.logsigmoid, unary("float", (-4, 4)) + SMALL),
    "relu": (torch.relu, unary("float") + RELU_EDGES),
    "abs": (torch.abs, once(unary("number") + ABS)),
    "sign": (torch.sign, once(unary("number") + ABS)),
    "square": (torch.square, unary("number")),
    "floor": (torch.floor, once(unary("float") + HALVES)),
    "ceil": (torch.ceil, once(unary("float") + HALVES)),
    "round": (torch.round, once(unary("float") + HALVES)),
    "rsqrt": (torch.rsqrt, unary("float", (0.5, 4))),
    "reciprocal": (torch.reciprocal, unary("float", (0.5, 4))),
    "sin": (torch.sin, unary("float", (-9, 9)) + ANGLES),
    "cos": (torch.cos, unary("float", (-9, 9)) + ANGLES),
    "erf": (torch.erf, unary("float", (-4, 4)) + SMALL),
    "log1p": (torch.log1p, unary("float", (-0.7, 4)) + NEAR_0),
    "expm1": (torch.expm1, unary("float") + NEAR_0),
    "gelu": (F.gelu, unary("float", (-4, 4)) + special(-8.0, 8.0, 0.0, -0.0, 1e-20, 30.0)),
    "gelu_tanh": (gelu_tanh, unary("float", (-4, 4)) + special(-8.0, 8.0, 0.0, 1e-20, 30.0)),
    "silu": (F.silu, unary("float", (-4, 4)) + SMALL),
    "softplus": (F.softplus, unary("float", (-4, 4)) + SPLUS),
    "hardswish": (F.hardswish, unary("float", (-4, 4)) + KINKS + special(nan, 1.0)),
    "hardsigmoid": (hardsigmoid, unary("float", (-4, 4)) + KINKS + special(-3.0, 3.0)),
    "pow_scalar": (torch.pow, unary("float", (0.2, 3), exponent=2.5) + POWERS),
    "leaky_relu": (F.leaky_relu, unary("float", slope=0.01) + special(0.0, -0.0, nan, 1.0, -1.0, slope=0.2)
                   + special(0.0, 2.0, -2.0, slope=-0.5)),
    "elu": (F.elu, unary("float", alpha=1.0) + special(0.0, 100.0, -100.0, 1e-9, -1e-9, alpha=1.0)
            + once(special(nan, 1.0, inf, -inf, alpha=1.0))
            + [S(T(3, 5), alpha=alpha) for alpha in (0.5, 2.0, -1.0)]),
    "add_scalar": (torch.add, unary("number", value=3)),
    "mul_scalar": (torch.mul, unary("number", value=3) + [S(T(4), value=-0.1),
                                                          S(T(4, dtype="i32"), value=-3)]),
    "clamp": (clamp, unary("number", low=-1.0, high=1.5) + CLAMP_EDGES),
    "eq": (torch.eq, binary("any") + EQUAL),
    "ne": (torch.ne, binary("any") + EQUAL),
    "lt": (torch.lt, binary("any") + EQUAL),
    "le": (torch.le, binary("any") + EQUAL),
    "gt": (torch.gt, binary("any") + EQUAL),
    "ge": (torch.ge, binary("any") + EQUAL),
    "logical_and": (torch.logical_and, binary("any") + TRUTHS),
    "logical_or": (torch.logical_or, binary("any") + TRUTHS),
    "logical_xor": (torch.logical_xor, binary("any") + TRUTHS),
    "logical_not": (torch.logical_not, tests()),
    "isnan": (torch.isnan, tests()),
    "where": (where, WHERE),
    "cast": (cast, CAST),
}

# The names of arguments, where PyTorch has others.
NAMES = {
    "add_scalar": {"value": "other"},
    "mul_scalar": {"value": "other"},
    "leaky_relu": {"slope": "negative_slope"},
}
