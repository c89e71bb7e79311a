"""The ops: one function for each op of gradc.h, built from its prototype; and the operators of Tensor.

An op is what returns a tensor and takes one, or several, first.  A count and an array in C are one argument
here (axes=(0, 2), concat([x, y], axis=1)), an operand that may be NULL is left out or None, and numbers stand
in for 0-d operands of elementwise ops.
"""
import ctypes
import inspect
import numbers

import numpy

from . import library
from ._generated import FUNCTIONS
from .library import gradc_tensor, lib
from .tensor import Tensor, tensor

# What takes a tensor and returns one, yet is no op.
NO_OPS = {"gradc_retain", "gradc_grad", "gradc_to", "gradc_clip_grad_norm", "gradc_scaler_scale"}

# Arguments that may be left out, by op and name; "*" is every op.
DEFAULTS = {
    "*": {"axes": (), "keepdim": False, "b": None, "stride": 1, "padding": 0, "reduction": "mean",
          "weight": None, "pos_weight": None, "ignore_index": -100, "label_smoothing": 0.0},
    "smooth_l1_loss": {"beta": 1.0},
    "kl_div": {"log_target": False},
    "embedding": {"weight": inspect.Parameter.empty},
    "max_pool2d": {"stride": 0},
    "conv2d_full": {"stride_h": 1, "stride_w": 1, "padding_h": 0, "padding_w": 0, "dilation_h": 1,
                    "dilation_w": 1, "groups": 1},
    "max_pool2d_full": {"stride_h": 0, "stride_w": 0, "padding_h": 0, "padding_w": 0},
    "conv_transpose2d_full": {"stride_h": 1, "stride_w": 1, "padding_h": 0, "padding_w": 0,
                              "output_padding_h": 0, "output_padding_w": 0, "dilation_h": 1, "dilation_w": 1,
                              "groups": 1},
    "avg_pool2d": {"stride": 0},
    "avg_pool2d_full": {"stride_h": 0, "stride_w": 0, "padding_h": 0, "padding_w": 0, "count_include_pad": True},
    "batch_norm": {"running_mean": None, "running_var": None, "weight": None, "bias": None, "training": False,
                   "momentum": 0.1, "eps": 1e-5},
    "layer_norm": {"weight": None, "bias": None, "eps": 1e-5},
    "group_norm": {"weight": None, "bias": None, "eps": 1e-5},
    "softmax": {"axis": -1},
    "log_softmax": {"axis": -1},
    "slice": {"start": 0, "stop": 2**63 - 1, "step": 1},
    "flatten": {"start": 0, "stop": -1},
    "concat": {"axis": 0},
    "stack": {"axis": 0},
    "pad": {"value": 0},
    "tril": {"diagonal": 0},
    "triu": {"diagonal": 0},
    "var": {"correction": 1},
    "std": {"correction": 1},
    "norm": {"p": 2},
}

TENSORS = ctypes.POINTER(gradc_tensor)

ARRAYS = {ctypes.POINTER(ctypes.c_int64): library.int64_array,
          ctypes.POINTER(ctypes.c_int): library.int_array}


def _parameters(name, prototype):
    """[(parameter, how it becomes C arguments)], from the C parameters.

    How: "tensor", "tensors", "number", "dtype", "reduction" or an array's function; the count is dropped that
    stands before an array, or behind an array of tensors.
    """
    found = []
    for parameter, kind in prototype:
        if kind in ARRAYS:
            found.pop()
            found.append((parameter, ARRAYS[kind]))
        elif kind == TENSORS:
            found.append((parameter, "tensors"))
        elif found and found[-1][1] == "tensors" and parameter == "n":
            continue
        elif kind is gradc_tensor:
            found.append((parameter, "tensor"))
        elif parameter == "dtype":
            found.append((parameter, "dtype"))
        elif parameter == "reduction":
            found.append((parameter, "reduction"))
        elif kind in (ctypes.c_int, ctypes.c_int64, ctypes.c_double):
            found.append((parameter, "number"))
        else:
            raise ImportError(f"gradc: no rule for parameter {parameter} of {name}")
    return found


def _signature(op, parameters):
    defaults = {**DEFAULTS["*"], **DEFAULTS.get(op, {})}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind,
                                                default=defaults.get(name, inspect.Parameter.empty))
                              for name, _ in parameters])


def _converted(how, name, value):
    if how == "tensors":
        if not all(isinstance(x, Tensor) for x in value):
            raise TypeError(f"{name} must be gradc.Tensors")
        return library.handle_array(value), len(value)
    if how == "tensor":
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a gradc.Tensor, not {type(value).__name__}")
        return (value.handle if value is not None else None,)
    if how == "number":
        return (value,)
    if how == "dtype":
        return (library.dtype_number(value),)
    if how == "reduction":
        return (library.reduction_number(value),)
    return how(() if value is None else value)


def _make(symbol, prototype, comment):
    op = symbol[len("gradc_"):]
    parameters = _parameters(op, prototype)
    signature = _signature(op, parameters)
    call = getattr(lib, symbol)
    operands = [name for name, how in parameters if how == "tensor"]
    may_be_numbers = operands in (["x", "y"], ["c", "x", "y"]) and op not in ("matmul",)

    def function(*given, **named):
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        values = bound.arguments
        for name, how in parameters:
            if how == "tensors":
                values[name] = list(values[name])
        like = next((x for v in values.values() for x in (v if isinstance(v, list) else [v])
                     if isinstance(x, Tensor)), None)
        if like is None:
            raise TypeError(f"{op} takes a gradc.Tensor first")
        if may_be_numbers:
            values = {name: tensor_like(like if name == "c" else _typed(values, like), value)
                      if name in operands else value for name, value in values.items()}
        arguments = []
        for name, how in parameters:
            arguments.extend(_converted(how, name, values[name]))
        like.context.live()
        return like.context.result(call(*arguments))

    function.__name__ = function.__qualname__ = op
    function.__doc__ = comment
    function.__signature__ = signature
    return function


def _typed(values, otherwise):
    """The tensor whose dtype a number beside it takes."""
    return next((values[name] for name in ("x", "y") if isinstance(values.get(name), Tensor)), otherwise)


def tensor_like(x, value):
    """A number as a 0-d tensor of x's dtype and context; anything else as it is."""
    if isinstance(value, (numbers.Number, numpy.generic)):
        return tensor(x.context, value, x.dtype)
    return value


def _is_op(symbol):
    result, prototype, _ = FUNCTIONS[symbol]
    return result is gradc_tensor and prototype and prototype[0][1] in (gradc_tensor, TENSORS) and \
        symbol not in NO_OPS


OPS = {symbol[len("gradc_"):]: _make(symbol, *FUNCTIONS[symbol][1:]) for symbol in FUNCTIONS if _is_op(symbol)}


def split(x, size, axis=0):
    """x cut along an axis into views of `size`, the last one of what is left, as torch.split does."""
    n = max(1, -(-x.shape[axis] // size)) if -x.ndim <= axis < x.ndim and size > 0 else 1
    out = (gradc_tensor * n)()
    x.context.live()
    x.context.check(lib.gradc_split(x.handle, size, axis, n, out))
    return [x.context.result(gradc_tensor(handle.value)) for handle in out]


# ---- Operators ----

def _binary(op, swapped=False):
    function = OPS[op]

    def method(self, other):
        if not isinstance(other, Tensor) and not isinstance(other, numbers.Number):
            return NotImplemented
        return function(other, self) if swapped else function(self, other)
    return method


def _pow(self, other):
    if isinstance(other, numbers.Number):
        return OPS["pow_scalar"](self, other)
    return OPS["pow"](self, other) if isinstance(other, Tensor) else NotImplemented


def _index(x, key):
    """x[key] for whole numbers, slices with steps of 1 or more, ... and None."""
    key = key if isinstance(key, tuple) else (key,)
    used = sum(item is not None and item is not Ellipsis for item in key)
    if used > x.ndim or sum(item is Ellipsis for item in key) > 1:
        raise IndexError(f"too many indices for {x.ndim} axes")
    if not any(item is Ellipsis for item in key):
        key += (Ellipsis,)
    axis, rank = 0, x.ndim
    for item in key:
        if item is Ellipsis:
            axis += rank - used
        elif item is None:
            x = OPS["unsqueeze"](x, axis)
            axis += 1
        elif isinstance(item, slice):
            x = OPS["slice"](x, axis, item.start or 0, 2**63 - 1 if item.stop is None else item.stop,
                             1 if item.step is None else item.step)
            axis += 1
        else:
            size = x.shape[axis]
            if not -size <= item < size:
                raise IndexError(f"{item} is out of range for axis {axis} of {list(x.shape)}")
            x = OPS["squeeze"](OPS["slice"](x, axis, item % size, item % size + 1), axis)
    return x


for _name, _op in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div"}.items():
    setattr(Tensor, f"__{_name}__", _binary(_op))
    setattr(Tensor, f"__r{_name}__", _binary(_op, swapped=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "matmul"):
    setattr(Tensor, f"__{_name}__", _binary(_name))
for _name in ("sum", "mean", "max", "argmax", "min", "argmin", "prod", "any", "all", "var", "std", "norm",
              "logsumexp", "reshape", "permute", "transpose", "expand", "squeeze", "unsqueeze", "flatten",
              "contiguous", "detach", "cast", "clamp", "exp", "log", "sqrt", "tanh", "sigmoid",
              "relu", "abs", "sign", "square", "floor", "ceil", "round", "rsqrt", "reciprocal", "sin", "cos", "erf",
              "log1p", "expm1", "lerp", "fmod", "isnan", "logical_not", "logical_and", "logical_or", "logical_xor"):
    setattr(Tensor, _name, OPS[_name])
Tensor.__neg__ = OPS["neg"]
Tensor.__abs__ = OPS["abs"]
Tensor.__pow__ = _pow
Tensor.__getitem__ = _index
Tensor.__hash__ = object.__hash__
