"""bf16 against PyTorch on the CPU: dtypes of results, values and gradients, by the samples of every op.

usage: halves.py [--device NAME] [--only REGEX] [--seed N]

What PyTorch has in bf16 must be there, with its dtypes.  Values are near PyTorch's, or, since it rounds between the
steps of many ops and adds up in bf16 in some, near what it gives for the same numbers in f64.
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
import check  # noqa: E402
from oracle import OURS, Case, default_devices  # noqa: E402
from samples import NAMES, OPS  # noqa: E402

# Of values and gradients; 2^-8 is one rounding.
check.TOLERANCE["bf16"] = (2.0**-6, 2.0**-5)

# Off these kinks samples are in f32 and f64 only.
KINKS = {"hardswish"}

WIDE = {torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64", torch.int64: "i64", torch.int32: "i32",
        torch.uint8: "u8", torch.bool: "bool"}


def rounded(array):
    return torch.from_numpy(array).bfloat16().float().numpy()


def is_half(array):
    return array.dtype == numpy.float32


def theirs(name, case, dtype):
    """(the result's dtype, value, dz, gradients); RuntimeError where PyTorch has it not in that dtype."""
    def make(array, wants):
        x = torch.tensor(array)
        return (x.to(dtype) if is_half(array) else x).requires_grad_(wants and is_half(array))

    leaves, operands = case.leaves(make)
    arguments = {NAMES.get(name, {}).get(key, key): value for key, value in case.sample.arguments.items()}
    z = OPS[name][0](*operands, **arguments)
    value = z.detach().float() if z.dtype == dtype else z.detach()
    if not z.requires_grad or z.dtype != dtype:
        return z.dtype, value.numpy(), None, None
    dz = rounded(numpy.cos(numpy.arange(value.numel(), dtype=numpy.float32)).reshape(value.shape))
    dx = torch.autograd.grad(z, leaves, torch.from_numpy(dz).to(dtype), allow_unused=True)
    dx = [torch.zeros_like(x) if d is None else d for x, d in zip(leaves, dx)]
    return dtype, value.numpy(), dz, [d.float().numpy() for d in dx]


def wide(x):
    return (gradc.cast(x, "f32") if gradc.library.NUMPY["bf16"] == x.dtype else x).numpy()


def near_one(ours, order, *judges):
    """None where ours is near what one of the judges has, else the first's complaint."""
    complaints = [check.difference(ours, judge, "bf16", order) for judge in judges]
    return complaints[0] if all(complaints) else None


def compare(name, case, g, halved, exact):
    """A complaint, or None."""
    dtype, value, _, dx = halved

    def make(array, wants):
        return gradc.tensor(g, array, dtype="bf16" if is_half(array) else None, requires_grad=wants and is_half(array))

    leaves, operands = case.leaves(make)
    z = OURS.get(name, gradc.OPS.get(name))(*operands, **case.sample.arguments)
    if z.dtype != gradc.library.NUMPY[WIDE[dtype]]:
        return f"dtype {z.dtype}, not {dtype}"
    complaint = near_one(wide(z), check.VALUE, value, exact[1])
    if halved[0] != torch.bfloat16 or exact[3] is None:
        return complaint
    gradients = gradc.gradients(z, leaves, gradc.tensor(g, exact[2], dtype="bf16"))
    for i, (ours, wanted) in enumerate(zip(gradients, exact[3])):
        wrong = near_one(wide(ours), check.GRADIENT, dx[i] if dx else wanted, wanted)
        complaint = complaint or (wrong and f"gradient {i}: {wrong}")
    return complaint


def run_sample(count, name, sample, index, g, seed):
    label = f"{g.device} bf16 {name}({sample})"
    case = Case(sample, "f32", numpy.random.default_rng([seed, zlib.crc32(name.encode()), index]))
    case.operands = [None if o is None else (rounded(o[0]) if is_half(o[0]) else o[0], o[1]) for o in case.operands]
    try:
        halved, exact = theirs(name, case, torch.bfloat16), theirs(name, case, torch.float64)
    except RuntimeError:
        return
    count.check(label, lambda: compare(name, case, g, halved, exact))
    try:
        g.tape_clear()
    except gradc.Error as error:
        count.note(label + ", clear", str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default=default_devices()[0])
    parser.add_argument("--only", default=".", metavar="REGEX")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    count = check.Count()
    with gradc.Context(chosen.device) as g:
        for name in sorted(set(OPS) - KINKS):
            for index, sample in enumerate(OPS[name][1] if re.search(chosen.only, name) else ()):
                if not sample.fails and not any(x and x.dtype == "f64" for x in sample.operands):
                    run_sample(count, name, sample, index, g, chosen.seed)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
