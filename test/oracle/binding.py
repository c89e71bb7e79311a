#!/usr/bin/env python3
"""The Python package itself, and through it the contract of lifetimes and errors: needs NumPy only.

usage: binding.py [--device NAME]...       ends with "N passed, N failed"
"""
import argparse
import gc
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bindings", "python")
HEADER = os.path.join(PACKAGE, "..", "..", "include", "gradc.h")
sys.path.insert(0, PACKAGE)
import gradc  # noqa: E402  (the path above)
from check import Count, difference  # noqa: E402

# Prototypes that generate.py must not let pass, each with what its message must name.
UNREADABLE = {
    "GRADC_API gradc_tensor gradc_copy(gradc_tensor *x);": "gradc_tensor",
    "GRADC_API int gradc_print_all(const char *format, ...);": "...",
    "GRADC_API int gradc_sizes(int64_t shape[8]);": "shape",
    "GRADC_API int gradc_wide(__int128 x);": "__int128",
    "GRADC_API int gradc_nameless(int);": "int",
    "GRADC_API long gradc_long(void);": "long",
    "int gradc_unmarked(void);": "gradc_unmarked",
    "struct gradc_open_struct { int x; };": "gradc_open_struct",
    "enum { GRADC_A = 1 << 3 };": "GRADC_A",
    "GRADC_API int gradc_cut(void)": "gradc_cut",
}


def fails(status, function):
    """A complaint unless the function raises gradc.Error with this status and a message."""
    try:
        function()
    except gradc.Error as error:
        if error.name != status or error.status >= 0 or not error.message:
            return f"{error}, not {status}"
        return None
    return f"it did not fail with {status}"


def equal(ours, expected):
    expected = numpy.asarray(expected)
    return difference(ours, expected.astype(numpy.asarray(ours).dtype), "f32")


def whether(fact, complaint):
    return None if fact else complaint


# ---- The generator ----

def generate(text):
    with tempfile.NamedTemporaryFile("w", suffix=".h") as header:
        header.write(text)
        header.flush()
        return subprocess.run([sys.executable, os.path.join(PACKAGE, "generate.py"), header.name], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def refuses(declaration, named):
    with open(HEADER, encoding="utf-8") as file:
        start = file.read().split("/* ---- Devices")[0]
    done = generate(start + declaration + "\n")
    if done.returncode != 1 or done.stdout:
        return f"it was read: status {done.returncode}"
    return whether(named in done.stderr and "line " in done.stderr, f"the message is {done.stderr!r}")


def covers_header():
    """Every mark GRADC_API but the macro's own became a function."""
    with open(HEADER, encoding="utf-8") as file:
        marks = sum(line.startswith("GRADC_API ") for line in file)
    return whether(marks == len(gradc.library.FUNCTIONS),
                   f"{len(gradc.library.FUNCTIONS)} functions of {marks}")


def generator(count):
    count.check("generator: the whole header", covers_header)
    for declaration, named in UNREADABLE.items():
        count.check(f"generator: {declaration}", lambda: refuses(declaration, named))


# ---- Values ----

def round_trip(g, dtype):
    if dtype == numpy.float64 and not g.has_f64:
        return None
    array = (numpy.arange(24) * 37 % 11).reshape(2, 3, 4).astype(dtype)
    for source in (array, array.transpose(2, 0, 1), array[:, ::2], array[:0], array[0, 0, 0]):
        there = gradc.tensor(g, source)
        if there.shape != source.shape or there.dtype != source.dtype or there.size != source.size:
            return f"{there.shape} {there.dtype} for {source.shape} {source.dtype}"
        if not numpy.array_equal(there.numpy(), source):
            return "other values came back"
    return None


def view_writes(g):
    """A view of one's own tensor is written through, and follows it."""
    base = gradc.tensor(g, numpy.zeros((3, 4), numpy.float32))
    view = base[1:, ::2]
    view.write(numpy.full((2, 2), 5.0))
    base[0].assign(gradc.tensor(g, numpy.float32(2)))
    expected = numpy.zeros((3, 4))
    expected[1:, ::2] = 5
    expected[0] = 2
    wrong = equal(base.numpy(), expected)
    base.write(expected * 3)
    return wrong or equal(view.numpy(), expected[1:, ::2] * 3)


def old_value(g):
    """What was recorded before a write reads the old value."""
    x = gradc.tensor(g, [1.0, 2.0])
    double = x * 2
    x.write([10.0, 20.0])
    return equal(double.numpy(), [2, 4]) or equal((x * 2).numpy(), [20, 40])


def operators(g):
    a = numpy.array([[1.0, -2.0, 4.0], [0.5, 3.0, -1.0]], numpy.float32)
    x = gradc.tensor(g, a)
    pairs = [(x + x, a + a), (x - 1, a - 1), (1 - x, 1 - a), (x * 3, a * 3), (2 / x, 2 / a), (x / 4, a / 4),
             (-x, -a),
             (x @ x.transpose(0, 1), a @ a.T), (x > 0, a > 0), (x == 3, a == 3), (x != x, a != a),
             (x <= 0.5, a <= 0.5),
             (x[1], a[1]), (x[-1, 0], a[-1, 0]), (x[:, 1:], a[:, 1:]), (x[..., 0], a[..., 0]),
             (x[None], a[None]),
             (x.sum(), a.sum()), (x.max((0,)), a.max(0)),
             (gradc.mean(x, axes=-1, keepdim=True), a.mean(1, keepdims=True))]
    for i, (ours, expected) in enumerate(pairs):
        wrong = difference(ours.numpy(), expected, "f32")
        if wrong:
            return f"operator {i}: {wrong}"
    whole = x.cast("i32")[1, 1]
    good = len(x) == 2 and float(x[0, 0]) == 1 and bool(x[0, 0] == 1) and whole.item() == 3 and float(whole) == 3
    return whether(good and numpy.array_equal(numpy.asarray(x), a) and numpy.array(x, int)[0, 1] == -2, "a conversion")


def printed(g):
    array = numpy.array([[1.5, -2.0], [numpy.nan, 1e10]], numpy.float32)
    for values in (array, numpy.arange(3), numpy.array(True), numpy.zeros((0,), numpy.float32)):
        ours = repr(gradc.tensor(g, values))
        if ours.split() != str(values).split():
            return f"{ours!r}, not {str(values)!r}"
    return None


def between(g):
    with gradc.Context("cpu") as other:
        x = gradc.tensor(g, numpy.arange(5, dtype=numpy.float32))
        there = x.to(other)
        wrong = equal(there.numpy(), numpy.arange(5)) or equal(there.to(g).numpy(), numpy.arange(5))
        return wrong or fails("GRADC_E_ARG", lambda: x + there)


def no_gradient(g):
    x = gradc.tensor(g, [1.0, 2.0], requires_grad=True)
    with g.no_grad():
        z = x * x
    return whether(not z.requires_grad and (x * x).requires_grad, "no_grad has no effect") or \
        fails("GRADC_E_ARG", z.sum().backward)


# ---- Gradients, lifetimes ----

def accumulate(g):
    x = gradc.tensor(g, [1.0, 2.0], requires_grad=True)
    if x.grad is not None:
        return "a gradient before any backward"
    (x * x).sum().backward()
    g.tape_clear()
    snapshot = x.grad.retain()
    (x * 3).sum().backward()
    wrong = equal(x.grad.numpy(), [5, 7]) or equal(snapshot.numpy(), [2, 4])
    x.zero_grad()
    return wrong or whether(x.grad is None, "zero_grad left a gradient") or equal(snapshot.numpy(), [2, 4])


def gone(g):
    """A gradient after the step that used it up; a value that a gradient needs and that was written since."""
    x = gradc.tensor(g, [1.0, 2.0], requires_grad=True)
    optimiser = gradc.SGD([x], lr=0.5)
    (x * x).sum().backward()
    gradient = x.grad
    optimiser.step()
    wrong = fails("GRADC_E_GONE", gradient.numpy) or whether(x.grad is None, "a gradient after the step")
    wrong = wrong or equal((x * 1).numpy(), [0, 0])
    loss = (x * x).sum()
    x.write([3.0, 4.0])
    return wrong or fails("GRADC_E_GONE", loss.backward) or equal((x + 1).numpy(), [4, 5])


def history(g):
    """What Python holds survives a clear, without its history."""
    x = gradc.tensor(g, [1.0, 2.0], requires_grad=True)
    z = (x * x).sum()
    g.tape_clear()
    wrong = equal(z.numpy(), 5) or whether(not z.requires_grad, "it still leads to x")
    return wrong or fails("GRADC_E_ARG", z.backward)


def released(g):
    """Handles that were given back answer CLEARED, whatever is asked of them."""
    x = gradc.tensor(g, [1.0, 2.0], requires_grad=True)
    uses = [lambda t: t.numpy(), lambda t: t + t, lambda t: t.item(), lambda t: t.write([0.0, 0.0]),
            lambda t: t.assign(x),
            lambda t: x.assign(t), lambda t: t.to(g), lambda t: gradc.sum(t), lambda t: gradc.contiguous(t),
            lambda t: t[0],
            lambda t: gradc.dropout(t, 0.5), lambda t: t.backward(), lambda t: gradc.gradients(x.sum(), [t]),
            lambda t: gradc.gradients(t, [x]), lambda t: setattr(t, "requires_grad", True),
            lambda t: gradc.SGD([t])]
    for make in (lambda: gradc.tensor(g, [1.0, 2.0]), lambda: x * 2):
        for i, use in enumerate(uses):
            t = make()
            t.release()
            wrong = fails("GRADC_E_CLEARED", lambda: use(t))
            if wrong:
                return f"use {i}: {wrong}"
    return equal((x + 0).numpy(), [1, 2])


def rewind(g):
    x = gradc.tensor(g, [1.0])
    kept = x + 1
    mark = g.tape_mark()
    later = kept * 2
    g.tape_rewind(mark)
    wrong = equal(later.numpy(), [4]) or equal((kept + 1).numpy(), [3])
    g.tape_clear()
    return wrong or fails("GRADC_E_ARG", lambda: g.tape_rewind(mark + 10**6))


def finalizers(g):
    """Dropped tensors give their memory back, with and without a clear of the tape."""
    def work():
        x = gradc.tensor(g, numpy.zeros((256, 256), numpy.float32), requires_grad=True)
        optimiser = gradc.SGD([x], lr=0.1)
        gradc.mean(x * x + x).backward()
        optimiser.step()
        return (x + x).numpy()[0, 0]
    live = []
    for _ in range(6):
        work()
        gc.collect()
        g.tape_clear()
        g.sync()
        live.append(g.memory().live)
    return whether(live[-1] <= live[1], f"live bytes grow: {live}")


def one_object(g):
    """An op that returns its argument gives back the same Tensor, so that nothing is released twice."""
    x = gradc.tensor(g, [1.0, 2.0])
    same = gradc.contiguous(x)
    again = gradc.dropout(x, 0.0)
    del same, again
    gc.collect()
    g.sync()
    return equal(x.numpy(), [1, 2])


def close(device):
    g = gradc.Context(device)
    x = gradc.tensor(g, [1.0])
    optimiser = gradc.SGD([gradc.tensor(g, [1.0], requires_grad=True)])
    g.close()
    g.close()
    wrong = fails("GRADC_E_CLEARED", lambda: x + 1) or fails("GRADC_E_CLEARED", g.sync)
    del x, optimiser
    gc.collect()
    return wrong


def data_error(g):
    """A label out of range: GRADC_E_ARG at the read, and no update that came after it."""
    w = gradc.tensor(g, numpy.ones((3, 2), numpy.float32), requires_grad=True)
    x = gradc.tensor(g, numpy.ones((2, 2), numpy.float32))
    optimiser = gradc.SGD([w], lr=1.0)
    labels = gradc.tensor(g, numpy.array([0, 3]))

    def step():
        loss = gradc.cross_entropy(gradc.linear(x, w), labels)
        loss.backward()
        optimiser.step()
        g.sync()
        loss.item()
    wrong = fails("GRADC_E_ARG", step)
    wrong = wrong or equal(w.numpy(), numpy.ones((3, 2))) or whether(optimiser.steps == 0,
                                                                     f"{optimiser.steps} steps")
    gradc.cross_entropy(gradc.linear(x, w), gradc.tensor(g, numpy.array([0, 2]))).backward()
    optimiser.step()
    return wrong or whether(optimiser.steps == 1 and w.numpy()[1, 0] < 1, "no step after the recovery")


# ---- Errors, files ----

def errors(g):
    x = gradc.tensor(g, numpy.zeros((2, 3), numpy.float32))
    for status, call in [
        ("GRADC_E_SHAPE", lambda: x @ x), ("GRADC_E_DTYPE", lambda: gradc.div(x.cast("i32"), 2)),
        ("GRADC_E_ARG", lambda: gradc.sum(x, 5)),
        ("GRADC_E_ARG", lambda: g.set("nonsense", "1")), ("GRADC_E_ARG", lambda: g.set("eager", "maybe")),
        ("GRADC_E_ARG", lambda: gradc.Context("nowhere")), ("GRADC_E_SHAPE", lambda: g.zeros((-1,))),
        ("GRADC_E_SHAPE", lambda: g.zeros((1,) * 9)),
        ("GRADC_E_DTYPE", lambda: x.cast("f16") + x), ("GRADC_E_SHAPE", x.item),
        ("GRADC_E_SHAPE", (x + 1).backward),
        ("GRADC_E_ARG", x.sum().backward), ("GRADC_E_ARG", lambda: (x + 1).write(numpy.zeros((2, 3)))),
        ("GRADC_E_MEMORY", lambda: g.zeros((2**40,))),
        ("GRADC_E_SHAPE", lambda: x.assign(gradc.tensor(g, [1.0, 2.0]))),
        ("GRADC_E_DTYPE", lambda: x.assign(x.cast("i32"))),
        ("GRADC_E_DTYPE", lambda: setattr(gradc.tensor(g, [1]), "requires_grad", True)),
        ("GRADC_E_ARG", lambda: gradc.SGD([x])),
        ("GRADC_E_ARG", lambda: gradc.SGD([])), ("GRADC_E_ARG", lambda: gradc.gradients(x.sum(), [x])),
        ("GRADC_E_ARG", lambda: gradc.library.device_info(999, "name")),
        ("GRADC_E_ARG", lambda: gradc.library.device_info(0, "nonsense")),
        ("GRADC_E_IO", lambda: gradc.read_idx("/nowhere/nothing")),
    ]:
        wrong = fails(status, call)
        if wrong:
            return wrong
    return equal((x + 1).numpy(), numpy.ones((2, 3)))


def python_errors(g):
    x = gradc.tensor(g, [1.0, 2.0])
    for call in (lambda: gradc.relu(3), lambda: gradc.matmul(x, 3), lambda: x + "a",
                 lambda: gradc.sum(x, nothing=1), lambda: gradc.cast(x, "nonsense")):
        try:
            call()
        except TypeError:
            continue
        return "no TypeError"
    return None


def files(g):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.safetensors")
        values = {"w": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
                  "n": numpy.array([1, 2**40], numpy.int64)}
        gradc.save(path, {name: gradc.tensor(g, value) for name, value in values.items()}, {"kind": "test"})
        with open(path, "rb") as file:
            data = file.read()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        if header.pop("__metadata__") != {"kind": "test"} or set(header) != set(values):
            return f"the file's header is {header}"
        for name, value in values.items():
            begin, end = header[name]["data_offsets"]
            if header[name]["shape"] != list(value.shape) or data[8 + size:][begin:end] != value.tobytes():
                return f"{name} is saved wrongly"
        idx = os.path.join(folder, "a.idx")
        with open(idx, "wb") as file:
            file.write(struct.pack(">4B2i", 0, 0, 0x0C, 2, 2, 3) + numpy.arange(6).astype(">i4").tobytes())
        return equal(gradc.read_idx(idx), numpy.arange(6).reshape(2, 3)) or \
            fails("GRADC_E_IO", lambda: gradc.save(os.path.join(folder, "no", "a"), {"x": g.zeros((1,))}))


def settings(device):
    """Eager and planned runs agree, to the bit."""
    found = []
    for eager in (False, True):
        with gradc.Context(device, eager=eager, threads=1) as g:
            g.seed(5)
            w = g.param("kaiming", (7, 5))
            optimiser = gradc.Adam([w], lr=0.1)
            for _ in range(3):
                gradc.mean(gradc.tanh(gradc.linear(g.randn((4, 5)), w))).backward()
                optimiser.step()
                g.tape_clear()
            found.append(w.numpy())
    return whether(numpy.array_equal(*found), "eager and planned values differ")


def facts(g):
    names = [info["device"] for info in gradc.devices()]
    return whether(g.device in names and names[0] == "cpu" and gradc.version().count(".") == 2,
                   f"{g.device}, {names}")


def mixed_precision(g):
    """A step under autocast with a scaler is one of f32, but for the rounding; bf16's bits are uint16."""
    values = numpy.linspace(-2, 2, 12, dtype=numpy.float32).reshape(4, 3)
    w = gradc.tensor(g, values, requires_grad=True)
    optimiser, scaler = gradc.SGD([w], lr=0.5), gradc.GradScaler(g, 1024.0, growth_interval=1)
    with g.autocast("f16"):
        z = gradc.linear(gradc.tensor(g, numpy.ones((2, 3), numpy.float32)), w)
    scaler.scale(z.sum()).backward()
    scaler.step(optimiser)
    scaler.update()
    wrong = whether(z.dtype == numpy.float16 and scaler.state_dict()["scale"] == 2048.0, f"{z.dtype}")
    wrong = wrong or equal(w.numpy(), values - 1)
    halves = gradc.tensor(g, [1.0, 1.0 + 2**-8, float("nan")], "bf16")
    return wrong or whether(halves.numpy().tolist() == [0x3f80, 0x3f80, 0x7fc0], f"{halves.numpy()}")


PARTS = [facts, view_writes, old_value, operators, printed, between, no_gradient, accumulate, gone, rewind,
         finalizers, one_object,
         data_error, errors, python_errors, files, history, mixed_precision, released]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", action="append")
    chosen = parser.parse_args()
    count = Count()
    generator(count)
    for device in chosen.device or ["cpu"]:
        with gradc.Context(device) as g:
            for dtype in gradc.library.NUMPY.values():
                count.check(f"{device} round trip of {dtype}", lambda: round_trip(g, dtype))
            for part in PARTS:
                count.check(f"{device} {part.__name__}", lambda: part(g))
        count.check(f"{device} close", lambda: close(device))
        count.check(f"{device} settings", lambda: settings(device))
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
