"""The samples of reductions."""
import numpy
import torch

from .common import Fails, S, T, axes_of, inf, nan, reduction


def torch_sum(x, axes=(), keepdim=False):
    return x.sum(dim=axes_of(x, axes), keepdim=keepdim) if x.dim() else x.sum()


def torch_mean(x, axes=(), keepdim=False):
    return x.mean(dim=axes_of(x, axes), keepdim=keepdim) if x.dim() else x.mean()


def torch_max(x, axes=(), keepdim=False):
    return torch.amax(x, dim=axes_of(x, axes), keepdim=keepdim)


def torch_min(x, axes=(), keepdim=False):
    return torch.amin(x, dim=axes_of(x, axes), keepdim=keepdim)


def joined(x, axes):
    """x with the reduced axes moved to the end and joined, and the shape of a result that keeps them."""
    reduced = sorted({axis % x.dim() for axis in axes_of(x, axes)})
    kept = [axis for axis in range(x.dim()) if axis not in reduced]
    shape = [1 if axis in reduced else x.shape[axis] for axis in range(x.dim())]
    return x.permute(kept + reduced).flatten(len(kept)), shape


def over_joined(f):
    """A function of one axis, over several."""
    def function(x, axes=(), keepdim=False):
        if x.dim() == 0:
            return f(x, 0)
        last, shape = joined(x, axes)
        found = f(last, -1)
        return found.reshape(shape) if keepdim else found
    return function


def torch_var(x, axes=(), keepdim=False, correction=1):
    """PyTorch 1.13 has another gradient for 0-d."""
    if x.dim() == 0:
        return torch.var(x.reshape(1), dim=(0,), correction=correction)
    return torch.var(x, dim=axes_of(x, axes), keepdim=keepdim, correction=correction)


def torch_std(x, axes=(), keepdim=False, correction=1):
    if x.dim() == 0:
        return torch.std(x.reshape(1), dim=(0,), correction=correction)
    return torch.std(x, dim=axes_of(x, axes), keepdim=keepdim, correction=correction)


def torch_norm(x, p=2, axes=(), keepdim=False):
    return torch.linalg.vector_norm(x, p, dim=axes_of(x, axes) if x.dim() else None, keepdim=keepdim)


def torch_logsumexp(x, axes=(), keepdim=False):
    return torch.logsumexp(x, dim=axes_of(x, axes) if x.dim() else (0,), keepdim=keepdim)


TIES = [S(T(values=[[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]), axes=axes) for axes in [(), (0,), (1,)]]
TIES += [S(T(values=[[-inf, -inf], [-inf, -1.0]]), axes=axes) for axes in [(), (0,), (1,)]]

ROWS = [[1.5, -2.0, 0.5, 3.0, -1.0], [0.0, -2.0, 0.5, 3.0, 2.0], [0.0, 1.5, 0.0, 3.0, -2.0], [0.0, 1.0, 0.0, 2.0, 0.0]]
PRODUCTS = [S(T(values=ROWS), axes=axes) for axes in [(1,), (0,), (), (-1, 0)]]
PRODUCTS += [S(T(values=ROWS), axes=(1,), keepdim=True), S(T(3, 8), axes=(1,)), S(T(16, 2, 3), axes=(0,)),
             S(T(2, 1037, low=0.99, high=1.01), axes=(1,)), S(T(9, 2, dtype="i32", low=200, high=250), axes=(0,))]

BITS = [S(T(values=numbers), axes=axes) for axes in [(), (0,), (1,)]
        for numbers in [[[0.0, -0.0, 0.0], [0.0, 0.0, nan]], [[1.0, -inf, nan], [1e-42, 0.0, 2.0]]]]
BITS += [S(T(90000, 2, low=1, high=2), axes=(0,)), S(T(90000, 2, dtype="i64", low=0, high=1), axes=(0,)),
         S(T(300001, dtype="u8", low=0, high=2))]

FAR = numpy.random.default_rng(7).normal(1e4, 1, (3, 50021))
SPREADS = [S(T(3, 4, 5), axes=axes, correction=correction) for axes in [(), (1,), (0, 2)] for correction in (0, 2)]
SPREADS += [S(T(4, 3), axes=(1,), correction=correction).value_only() for correction in (3, 4)]
SPREADS += [S(T(4, 1), axes=(1,), correction=correction).value_only() for correction in (0, 1, 2)]
SPREADS += [S(T(values=FAR), axes=axes).value_only() for axes in [(), (1,), (0,)]]
SPREADS += [S(T(values=FAR.T.copy()), axes=(0,)).value_only(), S(T(3, 3, view="expanded"), axes=(0,)).once(),
            S(T(values=[[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]]), axes=(1,)).once()]

# A row of equal numbers deviates by 0, where PyTorch's second gradient is NaN.
DEVIATIONS = [x.once() if x.operands[0].view == "expanded" and x.arguments.get("axes") == (0,) else x
              for x in reduction({"empty"})]

# PyTorch 1.13 takes sgn's second derivative from memory that it did not fill.
POWERS, SMOOTH = [0, 1, 2, 3, 0.5, 1.5, 2.5, inf, -inf, -1, -2.5], [2, 3, 2.5]
NORMS = [S(T(3, 4, 5), p=p, axes=axes) for p in SMOOTH for axes in [(), (1,), (0, 2)]]
NORMS += [S(T(3, 4, 5), p=p, axes=axes).once() for p in POWERS for axes in [(), (1,), (0, 2)]]
NORMS += [S(T(3, 4, 5, low=0.5), p=p, axes=axes) for p in [0.5, 1.5, -1, -2.5] for axes in [(), (1,), (0, 2)]]
NORMS += [S(T(values=[[0.0, 0.0, 0.0], [0.0, -1.5, 2.0], [3.0, -3.0, 3.0]]), p=p, axes=(1,)).once() for p in POWERS]
NORMS += [S(T(values=[nan, 1.0, 0.0]), p=p).value_only() for p in POWERS]
NORMS += [S(T(values=[inf, 1.0, -inf]), p=p).value_only() for p in POWERS]
NORMS += [S(T(0, 3), p=p, axes=(0,)).once() for p in (0, 0.5, 1, 3)] + [S(T(3, 0), p=inf, axes=(0,)).once()]
NORMS += [Fails("SHAPE", T(0, 3), p=p, axes=(0,)) for p in (inf, -inf, -1)]
NORMS += [Fails("ARG", T(3), p=nan), S(T(70001, 3), p=1, axes=(0,)).once(), S(T(70001, 3), p=inf, axes=(0,)).once(),
          S(T(3, 70001, low=0.5, high=1), p=3, axes=(1,)), S(T(values=[3e30, -4e30, 1e25]), p=inf).once()]

LOGS = [S(T(4, 30, low=-500, high=500), axes=axes) for axes in [(), (0,), (1,)]]
LOGS += [S(T(values=[[-inf, -inf, -inf], [inf, 1.0, 2.0], [-inf, 1.0, 3.0], [nan, -inf, 1.0], [inf, -inf, nan],
                     [inf, inf, 0.0]]), axes=axes).value_only() for axes in [(), (0,), (1,)]]
LOGS += [S(T(values=[[-inf, 1.0, 3.0], [1e4, 1e4, -1e4]]), axes=(1,)),
         S(T(values=[[-inf, -inf], [inf, 1.0], [-inf, 1.0]]), axes=(1,)).once()]

OPS = {
    "sum": (torch_sum, reduction({"empty", "integers", "bool"})),
    "mean": (torch_mean, reduction({"empty"})),
    "max": (torch_max, reduction({"integers"}) + TIES),
    "argmax": (over_joined(torch.argmax), reduction({"integers"}) + TIES),
    "min": (torch_min, reduction({"integers"}) + TIES),
    "argmin": (over_joined(torch.argmin), reduction({"integers"}) + TIES),
    "prod": (over_joined(torch.prod), reduction({"empty", "integers", "bool"}) + PRODUCTS),
    "any": (over_joined(lambda x, axis: torch.any(x, axis).bool()), reduction({"empty", "integers", "bool"}) + BITS),
    "all": (over_joined(lambda x, axis: torch.all(x, axis).bool()), reduction({"empty", "integers", "bool"}) + BITS),
    "var": (torch_var, reduction({"empty"}) + SPREADS),
    "std": (torch_std, DEVIATIONS + SPREADS),
    "norm": (torch_norm, reduction({"empty"}) + NORMS),
    "logsumexp": (torch_logsumexp, reduction({"empty"}) + LOGS),
}
