"""The samples of elementwise ops, cast, where and clamp."""
import torch

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
CAST += [S(T(), dtype="f64"), S(T(0, 2), dtype="i32"), Fails("DTYPE", T(3), dtype=2),
         Fails("DTYPE", T(3), dtype=77)]


RELU_EDGES = [S(T(values=[nan, inf, -inf, 0.0, -0.0, 1.0, -1.0]))]
CLAMP_EDGES = [S(T(values=[-1.0, 1.0, 0.0, nan, inf, -inf]), low=-1.0, high=1.0),
               S(T(values=[-3.0, 0.0, 3.0]), low=2.0, high=-1.0),
               S(T(3, 5), low=-inf, high=0.5), S(T(values=[1, 5, 250], dtype="u8"), low=3.0, high=200.0)]
EQUAL = [S(T(values=[1.0, 2.0, 3.0]), T(values=[1.0, 3.0, 2.0])),
         S(T(values=[[1.0], [2.0]]), T(values=[1.0, 2.0]))]
SMALL = [S(T(values=[1e-30, -1e-30, 1e-6, -1e-6, 30.0, -30.0, 80.0, -80.0]))]

OPS = {
    "add": (torch.add, binary("number")),
    "sub": (torch.sub, binary("number")),
    "mul": (torch.mul, binary("number")),
    "div": (torch.div, binary("float", ylow=0.5, yhigh=3)),
    "maximum": (torch.maximum, binary("number") + EQUAL),
    "minimum": (torch.minimum, binary("number") + EQUAL),
    "neg": (torch.neg, unary("number")),
    "exp": (torch.exp, unary("float") + SMALL),
    "log": (torch.log, unary("float", (0.5, 4))),
    "sqrt": (torch.sqrt, unary("float", (0.5, 4))),
    "tanh": (torch.tanh, unary("float") + SMALL),
    "sigmoid": (torch.sigmoid, unary("float", (-4, 4)) + SMALL),
    "log_sigmoid": (torch.nn.functional.logsigmoid, unary("float", (-4, 4)) + SMALL),
    "relu": (torch.relu, unary("float") + RELU_EDGES),
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
    "where": (where, WHERE),
    "cast": (cast, CAST),
}

# The names of arguments, where PyTorch has others.
NAMES = {
    "add_scalar": {"value": "other"},
    "mul_scalar": {"value": "other"},
}
