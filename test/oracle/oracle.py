#!/usr/bin/env python3
"""PyTorch as the judge of libgradc: every op's samples, optimisers, initial values, a training.

usage: oracle.py [--device NAME]... [--dtype f32|f64]... [--only REGEX] [--seed N]

Without --device: cpu, and the first OpenCL device if there is one.  The seed is printed; the same one gives the same
numbers.  Prints each failure and ends with "N passed, N failed"; the exit status is 1 if any failed.
"""
import argparse
import os
import re
import sys
import zlib

import numpy
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bindings", "python"))
import gradc  # noqa: E402  (the path above)
import training  # noqa: E402
from check import GRADIENT, SECOND, VALUE, Count, difference  # noqa: E402
from samples import ELSEWHERE, NAMES, OPS, TORCH  # noqa: E402

FLOATS = ("f32", "f64")


# ---- Operands on both sides ----

def view_steps(shape, view):
    """(the shape of the tensor behind the view, [(op, arguments)] that make the view of it)."""
    if view == "permuted":
        return shape[::-1], [("permute", (tuple(range(len(shape)))[::-1],))]
    if view == "sliced":
        steps = [("slice", (axis, 1, 2 * n + 1, 2)) for axis, n in enumerate(shape)]
        return tuple(2 * n + 1 for n in shape), steps
    if view == "expanded":
        return (1,) + shape[1:], [("expand", (shape,))]
    return shape, []


def view_of(x, steps):
    for op, arguments in steps:
        if isinstance(x, gradc.Tensor):
            x = gradc.OPS[op](x, *arguments)
        else:
            x = OPS[op][0](x, *arguments)
    return x


def values_of(operand, shape, dtype, random):
    kind = gradc.library.NUMPY[dtype]
    if operand.values is not None:
        return numpy.array(operand.values).astype(kind)
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(kind)
    if dtype in FLOATS:
        return random.uniform(operand.low, operand.high, shape).astype(kind)
    low, high = int(operand.low), int(operand.high)
    return random.integers(0 if dtype == "u8" else low, high, shape).astype(kind)


class Case:
    """A sample with numbers: its operands as arrays, and as tensors of either side."""

    def __init__(self, sample, dtype, random):
        self.sample = sample
        self.operands = []
        for operand in sample.operands:
            if operand is None:
                self.operands.append(None)
                continue
            shape, steps = view_steps(operand.shape, operand.view)
            self.operands.append((values_of(operand, shape, operand.dtype or dtype, random), steps))

    def leaves(self, make):
        """make(array, wants a gradient) for each operand, and their views."""
        some = self.sample.gradients > 0
        wants = [some and o is not None and o[0].dtype.kind == "f" for o in self.operands]
        leaves = [None if o is None else make(o[0], want) for o, want in zip(self.operands, wants)]
        views = [None if o is None else view_of(leaf, o[1]) for o, leaf in zip(self.operands, leaves)]
        return [leaf for leaf, want in zip(leaves, wants) if want], views


# ---- Theirs ----

def dense(x):
    """A gradient as an array; what PyTorch knows to be zero has no memory to look at."""
    array = x.detach().numpy()
    return numpy.zeros_like(array) if x._is_zerotensor() else array


def torch_case(name, case):
    """(value, output gradient, gradients, second gradients); what there is not is None.

    A second gradient is that of sum(gradient * v) by operands and output gradient,
    for v = the operands themselves.
    """
    leaves, operands = case.leaves(lambda array, wants: torch.tensor(array, requires_grad=wants))
    arguments = {NAMES.get(name, {}).get(key, key): value for key, value in case.sample.arguments.items()}
    z = OPS[name][0](*operands, **arguments)
    value = z.detach().numpy()
    if not z.requires_grad:
        return value, None, None, None
    dz = torch.from_numpy(numpy.cos(numpy.arange(value.size,
                                                 dtype=value.dtype)).reshape(value.shape)).requires_grad_()
    first = torch.autograd.grad(z, leaves, dz, create_graph=True, allow_unused=True)
    first = [torch.zeros_like(x) if dx is None else dx for x, dx in zip(leaves, first)]
    if case.sample.gradients == 1:
        return value, dz.detach().numpy(), [dense(dx) for dx in first], None
    total = sum((dx * x.detach()).sum() for x, dx in zip(leaves, first))
    second = torch.autograd.grad(total, leaves + [dz], allow_unused=True)
    second = [torch.zeros_like(x) if d is None else d for x, d in zip(leaves + [dz], second)]
    return value, dz.detach().numpy(), [dense(dx) for dx in first], [dense(d) for d in second]


# ---- Ours ----

# What takes or gives several tensors, or has an operand behind a number.
OURS = {
    "index_select": lambda x, index, axis: gradc.index_select(x, axis, index),
    "gather": lambda x, index, axis: gradc.gather(x, axis, index),
    "scatter_add": lambda x, index, src, axis: gradc.scatter_add(x, axis, index, src),
    "concat": lambda *x, axis: gradc.concat(x, axis),
    "stack": lambda *x, axis: gradc.stack(x, axis),
    "split": lambda x, size, axis: gradc.concat(gradc.split(x, size, axis)[::-1], axis),
    "layer_norm": lambda x, weight=None, bias=None, *, shape, **more: gradc.layer_norm(x, shape, weight, bias, **more),
    "group_norm": lambda x, weight=None, bias=None, *, groups, **more: gradc.group_norm(x, groups, weight, bias,
                                                                                        **more),
}


def our_value(name, case, g):
    leaves, operands = case.leaves(lambda array, wants: gradc.tensor(g, array, requires_grad=wants))
    return leaves, OURS.get(name, gradc.OPS.get(name))(*operands, **case.sample.arguments)


def compare_gradients(name, case, g, dtype, theirs):
    """A complaint about value, gradients or second gradients, or None."""
    value, dz, first, second = theirs
    leaves, z = our_value(name, case, g)
    if first is None:
        return difference(z.numpy(), value, dtype, VALUE)
    (z * gradc.tensor(g, dz)).sum().backward()
    complaint = difference(z.numpy(), value, dtype, VALUE)
    for i, (leaf, dx) in enumerate(zip(leaves, first)):
        ours = numpy.zeros_like(dx) if leaf.grad is None else leaf.grad.numpy()
        wrong = difference(ours, dx, dtype, GRADIENT)
        complaint = complaint or (wrong and f"gradient {i}: {wrong}")
    if complaint or second is None:
        return complaint
    leaves, z = our_value(name, case, g)
    dz = gradc.tensor(g, dz, requires_grad=True)
    total = None
    for x, dx in zip(leaves, gradc.gradients(z, leaves, dz)):
        term = (dx * x.detach()).sum()
        total = term if total is None else total + term
    for i, (ours, expected) in enumerate(zip(gradc.gradients(total, leaves + [dz]), second)):
        wrong = difference(ours.numpy(), expected, dtype, SECOND)
        complaint = complaint or (wrong and f"second gradient {i}: {wrong}")
    return complaint


def compare_failure(name, case, g):
    try:
        our_value(name, case, g)[1].numpy()
    except gradc.Error as error:
        if error.name != case.sample.fails:
            return f"{error}: not {case.sample.fails}"
        return None if error.message else f"{error.name} without a message"
    return f"it did not fail with {case.sample.fails}"


def run_sample(count, name, sample, index, g, dtype, seed):
    label = f"{g.device} {dtype} {name}({sample})"
    case = Case(sample, dtype, numpy.random.default_rng([seed, zlib.crc32(name.encode()), index]))
    if sample.fails:
        count.check(label, lambda: compare_failure(name, case, g))
    else:
        try:
            theirs = torch_case(name, case)
        except RuntimeError as error:
            count.note(label, f"PyTorch does not take this sample: {error}")
            return
        count.check(label, lambda: compare_gradients(name, case, g, dtype, theirs))
    try:
        g.tape_clear()
    except gradc.Error as error:
        count.note(label + ", clear", str(error))


# ---- The whole ----

def needs_f64(sample):
    dtypes = [x.dtype for x in sample.operands if x is not None]
    return "f64" in dtypes or sample.arguments.get("dtype") == "f64"


def run_ops(count, device, dtypes, only, seed):
    with gradc.Context(device) as g:
        for name in OPS:
            if not re.search(only, name):
                continue
            for dtype in dtypes:
                if dtype == "f64" and not g.has_f64:
                    continue
                for index, sample in enumerate(OPS[name][1]):
                    if sample.fixed() and dtype != dtypes[0] or needs_f64(sample) and not g.has_f64:
                        continue
                    run_sample(count, name, sample, index, g, dtype, seed)


def default_devices():
    names = [info["device"] for info in gradc.devices()]
    return ["cpu"] + [name for name in names if name.startswith("opencl")][:1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", action="append")
    parser.add_argument("--dtype", action="append", choices=FLOATS)
    parser.add_argument("--only", default=".", metavar="REGEX",
                        help="only the ops and parts whose name matches")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(chosen.seed)
    print(f"seed {chosen.seed}, torch {torch.__version__}, libgradc {gradc.version()}", flush=True)
    count = Count()
    missing = set(gradc.OPS) - set(OPS) - ELSEWHERE
    count.note("every op has samples", f"none for {', '.join(sorted(missing))}" if missing else None)
    for device in chosen.device or default_devices():
        run_ops(count, device, chosen.dtype or FLOATS, chosen.only, chosen.seed)
        training.run(count, device, chosen.only, chosen.seed)
        print(f"{device}: {count.passed} passed, {count.failed} failed so far", flush=True)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
