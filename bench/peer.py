"""The cases of bench.c in PyTorch, with the same protocol.

usage: peer.py --version              "torch1.13", and the devices: "cpu", "gpu"
       peer.py DEVICE CASE THREADS [tuned]      DEVICE cpu or gpu, THREADS 0: as PyTorch chooses

After the warm-up come lines "blas PATH" and "ready"; each line on standard input is answered by one sample.
"""
import os
import sys
import time

import torch
import torch.nn.functional as F

WARM_SECONDS, SAMPLE_SECONDS = 0.2, 0.1
BATCH, STEPS, FEW = 64, 937, 16
SCALE = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}

cpu_time = "BENCH_CPU_TIME" in os.environ
device = torch.device("cpu")
tuned = False


def seconds():
    return time.process_time() if cpu_time else time.perf_counter()


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def numbers(*shape, grad=False):
    return (torch.rand(*shape, device=device) * 2 - 1).requires_grad_(grad)


def loop(once):
    """A case that is one call, many times."""
    def run(rounds):
        start = seconds()
        for _ in range(rounds):
            once()
        wait()
        return seconds() - start
    return run


# ---- Training ----

class Lenet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = torch.nn.Linear(64 * 7 * 7, 128)
        self.fc2 = torch.nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(784, 128)
        self.fc2 = torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def images(batches, shape):
    """Noise with one bright row, which is the class; in host memory."""
    n = batches * BATCH
    x = torch.rand(n, 28, 28) - 0.5
    y = torch.randint(0, 10, (n,))
    x[torch.arange(n), 4 + 2 * y] += 1
    return x.reshape(n, *shape), y


def train_step(net, optim, x, y):
    if device.type == "cuda":
        x, y = x.to(device), y.to(device)
    optim.zero_grad(set_to_none=True) if tuned else optim.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optim.step()


def steps(make, shape, lr, momentum):
    def setup():
        x, y = images(FEW, shape)
        net = make().to(device)
        optim = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
        at = 0

        def run(rounds):
            nonlocal at
            start = seconds()
            for _ in range(rounds):
                k = at % FEW * BATCH
                at += 1
                train_step(net, optim, x[k:k + BATCH], y[k:k + BATCH])
            wait()
            return seconds() - start
        return run
    return setup


def epoch():
    x, y = images(STEPS, (1, 28, 28))
    net = Lenet().to(device)
    optim = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

    def run(rounds):
        start = seconds()
        order = torch.randperm(len(y))
        for i in range(rounds):
            pick = order[i * BATCH:(i + 1) * BATCH]
            train_step(net, optim, x[pick], y[pick])
        wait()
        return seconds() - start
    return run


# ---- Overhead ----

def record(clear):
    def setup():
        x, y = numbers(1, grad=True), numbers(1, grad=True)

        def run(rounds):
            total = 0.0
            for _ in range(rounds):
                results = []
                start = seconds()
                for _ in range(1000):
                    results.append(x * y)
                if clear:
                    results.clear()
                total += seconds() - start
            return total
        return run
    return setup


def eval1():
    x, y = numbers(1), numbers(1)
    return loop(lambda: (x * y).item())


def chain100():
    x = numbers(1)

    def once():
        z = x
        for _ in range(100):
            z = z * 1.0001
        z.item()
    return loop(once)


# ---- Ops ----

def forward(f, *shapes, grad=False):
    def setup():
        operands = [numbers(*shape, grad=grad) for shape in shapes]
        return loop(lambda: f(*operands))
    return setup


def elementwise(f, positive, operands, n):
    def setup():
        x = [numbers(n) + 1.5 if positive else numbers(n) for _ in range(operands)]
        return loop(lambda: f(*x))
    return setup


def pool_both():
    x, dz = numbers(64, 32, 28, 28, grad=True), numbers(64, 32, 14, 14)
    return loop(lambda: torch.autograd.grad(F.max_pool2d(x, 2), x, dz))


def conv(kind, batch, channels, size, out):
    def setup():
        x, w = numbers(batch, channels, size, size), numbers(out, channels, 3, 3)
        if kind == "forward":
            return loop(lambda: F.conv2d(x, w, padding=1))
        of = (x if kind == "backward-data" else w).requires_grad_(True)
        dz = numbers(batch, out, size, size)
        z = F.conv2d(x, w, padding=1)
        return loop(lambda: torch.autograd.grad(z, of, dz, retain_graph=True))
    return setup


# name: (unit, what is counted in one round, rounds in a sample or 0, setup)
CASES = {
    "mlp-train-b64": ("us", 1, 0, steps(Mlp, (784,), 0.1, 0)),
    "lenet-train-b64": ("ms", 1, 0, steps(Lenet, (1, 28, 28), 0.05, 0.9)),
    "lenet-epoch": ("s", 1 / STEPS, STEPS, epoch),
    "record-op": ("ns", 1000, 0, record(False)),
    "record-clear": ("ns", 1000, 0, record(True)),
    "eval1": ("us", 1, 0, eval1),
    "chain100": ("us", 1, 0, chain100),
    "matmul-1024": ("ms", 1, 0, forward(torch.matmul, (1024, 1024), (1024, 1024))),
    "softmax-1e6x10": ("ms", 1, 0, forward(lambda x: torch.softmax(x, -1), (1000000, 10))),
    "max_pool2d-32x28x28-b64-forward": ("ms", 1, 0, forward(lambda x: F.max_pool2d(x, 2), (64, 32, 28, 28), grad=True)),
    "max_pool2d-32x28x28-b64-both": ("ms", 1, 0, pool_both),
}
for kind in "forward", "backward-data", "backward-weight":
    CASES["conv3x3-64x56x56-64-b8-" + kind] = ("ms", 1, 0, conv(kind, 8, 64, 56, 64))
    CASES["conv3x3-1x28x28-32-b64-" + kind] = ("ms", 1, 0, conv(kind, 64, 1, 28, 32))
    CASES["conv3x3-32x14x14-64-b64-" + kind] = ("ms", 1, 0, conv(kind, 64, 32, 14, 64))
<<<<<<< HEAD

# name: (function, numbers in [0.5, 2.5) instead of [-1, 1), operands)
ELEMENTWISE = {
    "add": (torch.add, False, 2), "maximum": (torch.maximum, False, 2), "pow": (torch.pow, True, 2),
    "fmod": (torch.fmod, True, 2), "lerp": (lambda x, y: torch.lerp(x, y, 0.3), False, 2),
    "lt": (torch.lt, False, 2), "logical_and": (torch.logical_and, False, 2),
    "gelu": (F.gelu, False, 1), "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), False, 1),
    "silu": (F.silu, False, 1), "softplus": (F.softplus, False, 1), "hardswish": (F.hardswish, False, 1),
    "hardsigmoid": (F.hardsigmoid, False, 1), "leaky_relu": (F.leaky_relu, False, 1), "elu": (F.elu, False, 1),
    "pow_scalar": (lambda x: torch.pow(x, 2.5), True, 1),
}
for name in ("abs", "sign", "square", "floor", "ceil", "round", "sin", "cos", "erf", "exp", "expm1", "tanh",
             "sigmoid", "relu", "logical_not", "isnan"):
    ELEMENTWISE[name] = (getattr(torch, name), False, 1)
for name in "log", "log1p", "sqrt", "rsqrt", "reciprocal":
    ELEMENTWISE[name] = (getattr(torch, name), True, 1)
for name, (function, positive, operands) in ELEMENTWISE.items():
    for power in 3, 5, 7:
        CASES["%s-1e%d" % (name, power)] = ("us", 1, 0, elementwise(function, positive, operands, 10 ** power))
=======
ROW_SHAPES = {3: (10, 100), 5: (128, 768), 7: (13000, 768)}
NORM_SHAPES = {3: (2, 8, 8, 8), 5: (16, 32, 14, 14), 7: (128, 64, 32, 32)}
for power, shape in NORM_SHAPES.items():
    CASES["avg_pool2d-1e%d" % power] = ("us", 1, 0, forward(lambda x: F.avg_pool2d(x, 2), shape))
    CASES["avg_pool2d-1e%d-both" % power] = ("us", 1, 0, pool_both(F.avg_pool2d, *shape))
    for n in 1, 7:
        CASES["adaptive_avg_pool2d-1e%d-to%d" % (power, n)] = (
            "us", 1, 0, forward(lambda x, n=n: F.adaptive_avg_pool2d(x, n), shape))
    for both in False, True:
        end = "-1e%d" % power + "-both" * both
        CASES["batch_norm" + end] = ("us", 1, 0, norm(batch_norm, shape, both))
        CASES["group_norm" + end] = ("us", 1, 0, norm(group_norm, shape, both))
        CASES["layer_norm" + end] = ("us", 1, 0, norm(layer_norm, ROW_SHAPES[power], both))
for power, shape in {3: (2, 8, 8, 8, 8), 5: (8, 16, 28, 28, 16), 7: (64, 64, 56, 56, 32)}.items():
    batch, channels, height, width, out = shape
    CASES["conv_transpose2d-1e%d" % power] = ("us", 1, 0, forward(
        lambda x, w: F.conv_transpose2d(x, w, padding=1), (batch, out, height, width), (out, channels, 3, 3)))
for power in 3, 5, 7:
    n = (10 ** power,)
    CASES["add-1e%d" % power] = ("us", 1, 0, forward(torch.add, n, n))
    CASES["exp-1e%d" % power] = ("us", 1, 0, forward(torch.exp, n))
    CASES["tanh-1e%d" % power] = ("us", 1, 0, forward(torch.tanh, n))
    CASES["relu-1e%d" % power] = ("us", 1, 0, forward(torch.relu, n))
>>>>>>> norm


def warm_up(run, fixed):
    """The rounds of a sample, by the same steps as in bench.c."""
    rounds, end = 1, seconds() + WARM_SECONDS
    while True:
        last = run(rounds)
        if last < SAMPLE_SECONDS / 4:
            rounds *= 2
        if seconds() >= end:
            break
    return fixed or max(1, int(SAMPLE_SECONDS / last * rounds))


def print_blas():
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line and ".so" in line}
    for path in sorted(paths):
        if "blas" in os.path.basename(path) or "mkl_core" in path:
            print("blas", path)


def main():
    global device, tuned
    if sys.argv[1:] == ["--version"]:
        print("torch" + ".".join(torch.__version__.split(".")[:2]), "cpu",
              "gpu" if torch.cuda.is_available() else "")
        return 0
    if len(sys.argv) not in (4, 5) or sys.argv[2] not in CASES:
        sys.stderr.write(__doc__)
        return 2
    device = torch.device("cuda" if sys.argv[1] == "gpu" else "cpu")
    tuned = sys.argv[4:] == ["tuned"]
    if tuned and device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if device.type == "cuda":
        # The bar is strict rounding, as ours.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if sys.argv[3] != "0":
        torch.set_num_threads(int(sys.argv[3]))
    torch.manual_seed(1)
    unit, per, fixed, setup = CASES[sys.argv[2]]
    run = setup()
    rounds = warm_up(run, fixed)
    print_blas()
    print("ready", flush=True)
    for _ in sys.stdin:
        print("%.9g" % (run(rounds) / (rounds * per) * SCALE[unit]), flush=True)
    return 0


sys.exit(main())
