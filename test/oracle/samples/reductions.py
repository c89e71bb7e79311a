"""The samples of reductions."""
import torch

from .common import S, T, axes_of, inf, reduction


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


TIES = [S(T(values=[[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]), axes=axes) for axes in [(), (0,), (1,)]]
TIES += [S(T(values=[[-inf, -inf], [-inf, -1.0]]), axes=axes) for axes in [(), (0,), (1,)]]

OPS = {
    "sum": (torch_sum, reduction({"empty", "integers", "bool"})),
    "mean": (torch_mean, reduction({"empty"})),
    "max": (torch_max, reduction({"integers"}) + TIES),
    "argmax": (torch_argmax, reduction({"integers"}) + TIES),
}
