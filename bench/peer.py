"""The cases of bench.c in PyTorch, with the same protocol.

usage: peer.py --version              "torch1.13", and the devices: "cpu", "gpu"
       peer.py --list                 the cases: name and unit
       peer.py DEVICE CASE THREADS [tuned]      DEVICE cpu or gpu, THREADS 0: as PyTorch chooses

"loaded" comes when the operands are there; a line on standard input is answered, after the warm-up, by lines
"blas PATH" and "ready SECONDS", about what a sample takes; each line more by one sample.
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
math = os.environ.get("BENCH_MATH", "strict")
device = torch.device("cpu")
tuned = False


def seconds():
    return time.process_time() if cpu_time else time.perf_counter()


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def numbers(*shape, grad=False):
    return (torch.rand(shape, device=device) * 2 - 1).requires_grad_(grad)


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


def run_net(net, x):
    if not math.startswith("amp-"):
        return net(x)
    with torch.autocast(device.type, torch.float16 if math == "amp-f16" else torch.bfloat16):
        return net(x).float()


def train_step(net, optim, x, y):
    if device.type == "cuda":
        x, y = x.to(device), y.to(device)
    optim.zero_grad(set_to_none=True) if tuned else optim.zero_grad()
    F.cross_entropy(run_net(net, x), y).backward()
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


def chain100_both():
    x = numbers(1, grad=True)

    def once():
        z = x
        for _ in range(100):
            z = z * 1.0001
        z.backward()
        x.grad.item()
        x.grad = None
    return loop(once)


def mlp_infer():
    net = Mlp().to(device).eval()
    image = torch.full((1, 784), 0.5)
    torch.set_grad_enabled(False)
    return loop(lambda: net(image.to(device)).tolist())


# ---- Models ----

VGG16 = 64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0


def vgg_features(norm):
    """VGG16's convolutions; 0 is a pool."""
    layers, channels = [], 3
    for out in VGG16:
        if out == 0:
            layers.append(torch.nn.MaxPool2d(2))
            continue
        layers.append(torch.nn.Conv2d(channels, out, 3, padding=1))
        if norm:
            layers.append(torch.nn.BatchNorm2d(out))
        layers.append(torch.nn.ReLU(inplace=True))
        channels = out
    return torch.nn.Sequential(*layers)


def vgg16_bn_32():
    return torch.nn.Sequential(vgg_features(True), torch.nn.Flatten(), torch.nn.Linear(512, 10))


def plain_vgg16():
    nn = torch.nn
    return nn.Sequential(
        vgg_features(False), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 1000))


class Block(torch.nn.Module):
    """ResNet-18's: relu(x' + bn(conv(relu(bn(conv(x))))))."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(out)
        self.conv2 = torch.nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(out)
        self.down = torch.nn.Identity() if stride == 1 else torch.nn.Sequential(
            torch.nn.Conv2d(channels, out, 1, stride, bias=False), torch.nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.down(x), inplace=True)


def plain_resnet18():
    nn = torch.nn
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    for channels, out in (64, 64), (64, 128), (128, 256), (256, 512):
        layers += [Block(channels, out, out // channels), Block(out, out, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def from_torchvision(name, plain=None):
    """torchvision's model, or where it is missing the same layers, if we have them."""
    def make():
        try:
            import torchvision
        except ImportError:
            if not plain:
                sys.exit("peer.py: %s needs torchvision (Debian: python3-torchvision)" % name)
            sys.stderr.write("peer.py: no torchvision (Debian: python3-torchvision), so the same layers of torch.nn\n")
            return plain()
        return getattr(torchvision.models, name)()
    return make


def model(make, image, classes, batch, training):
    def setup():
        net = make().to(device).train(training)
        x, labels = numbers(batch, 3, image, image), torch.randint(0, classes, (batch,), device=device)
        if math.startswith("amp-") and device.type == "cuda":
            net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        if not training:
            torch.set_grad_enabled(False)
            return loop(lambda: run_net(net, x))
        optim = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        return loop(lambda: train_step(net, optim, x, labels))
    return setup


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


def pool_both(f, batch, channels, height, width):
    def setup():
        x, dz = numbers(batch, channels, height, width, grad=True), numbers(batch, channels, height // 2, width // 2)
        return loop(lambda: torch.autograd.grad(f(x, 2), x, dz))
    return setup


def norm(f, shape, both):
    """f(x, weight, bias, running_mean, running_var), training."""
    def setup():
        operands = [numbers(*shape, grad=True)] + [numbers(shape[1], grad=True) for _ in range(2)]
        running, dz = [numbers(shape[1]) for _ in range(2)], numbers(*shape)
        if not both:
            return loop(lambda: f(*operands, *running))
        return loop(lambda: torch.autograd.grad(f(*operands, *running), operands, dz))
    return setup


def batch_norm(x, weight, bias, mean, var):
    return F.batch_norm(x, mean, var, weight, bias, True)


def layer_norm(x, weight, bias, mean, var):
    return F.layer_norm(x, x.shape[1:], weight, bias)


def group_norm(x, weight, bias, mean, var):
    return F.group_norm(x, 8, weight, bias)


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


def indexed(f, rows, cols, *shape, classes=None):
    """f of two matrices and an index of this shape."""
    def setup():
        x, y = numbers(rows, cols), numbers(rows, cols)
        index = torch.randint(0, classes or cols, shape or (rows, cols), device=device)
        return loop(lambda: f(x, y, index))
    return setup


def scatter_line(n, count):
    def setup():
        x, src, index = numbers(n), numbers(count), torch.randint(0, n, (count,), device=device)
        return loop(lambda: torch.scatter_add(x, 0, index, src))
    return setup


# ---- Losses and steps ----

def pair(f, n):
    def setup():
        x, target = numbers(n, grad=True), numbers(n)
        return loop(lambda: torch.autograd.grad(f(x, target), x))
    return setup


def labelled(f, n):
    def setup():
        x, labels = numbers(n // 10, 10, grad=True), torch.randint(0, 10, (n // 10,), device=device)
        return loop(lambda: torch.autograd.grad(f(x, labels), x))
    return setup


def after_backward(make, n):
    """A product, its sum and its gradient, and what make(x) returns."""
    def setup():
        x, by = numbers(n, grad=True), numbers(n)
        work = make(x)

        def once():
            x.grad = None
            (x * by).sum().backward()
            work()
        return loop(once)
    return setup


# ---- The list ----

# name: (unit, what is counted in one round, rounds in a sample or 0, setup)
CASES = {
    "mlp-train-b64": ("us", 1, 0, steps(Mlp, (784,), 0.1, 0)),
    "mlp-infer-b1": ("us", 1, 0, mlp_infer),
    "lenet-train-b64": ("ms", 1, 0, steps(Lenet, (1, 28, 28), 0.05, 0.9)),
    "lenet-epoch": ("s", 1 / STEPS, STEPS, epoch),
    "record-op": ("ns", 1000, 0, record(False)),
    "record-clear": ("ns", 1000, 0, record(True)),
    "eval1": ("us", 1, 0, eval1),
    "chain100": ("us", 1, 0, chain100),
    "chain100-both": ("us", 1, 0, chain100_both),
    "softmax-1e6x10": ("ms", 1, 0, forward(lambda x: torch.softmax(x, -1), (1000000, 10))),
    "max_pool2d-32x28x28-b64-forward": ("ms", 1, 0, forward(lambda x: F.max_pool2d(x, 2), (64, 32, 28, 28), grad=True)),
    "max_pool2d-32x28x28-b64-both": ("ms", 1, 0, pool_both(F.max_pool2d, 64, 32, 28, 28)),
    "scatter_add-1e6-into-1e5": ("us", 1, 0, scatter_line(100000, 1000000)),
    "scatter_add-1e6-into-10": ("us", 1, 0, scatter_line(10, 1000000)),
}


def sized(name, power, setup, end=""):
    CASES["%s-1e%d%s" % (name, power, end)] = ("us", 1, 0, setup)


vgg16, resnet18 = from_torchvision("vgg16", plain_vgg16), from_torchvision("resnet18", plain_resnet18)
for name, make, image, classes, works in (
        ("vgg16-224", vgg16, 224, 1000, ("train-b4", "train-b8", "train-b16", "train-b64", "infer-b1", "infer-b64")),
        ("vgg16-bn-32", vgg16_bn_32, 32, 10, ("train-b128",)),
        ("resnet18-224", resnet18, 224, 1000, ("train-b8", "train-b64", "infer-b1")),
        ("resnet50-224", from_torchvision("resnet50"), 224, 1000, ("train-b8", "train-b64", "infer-b1")),
        ("mobilenet_v2-224", from_torchvision("mobilenet_v2"), 224, 1000, ("train-b8", "train-b64", "infer-b1"))):
    for work in works:
        training, batch = work.startswith("train"), int(work.split("-b")[1])
        CASES[name + "-" + work] = ("ms", 1, 0, model(make, image, classes, batch, training))

for kind in "forward", "backward-data", "backward-weight":
    CASES["conv3x3-64x56x56-64-b8-" + kind] = ("ms", 1, 0, conv(kind, 8, 64, 56, 64))
    CASES["conv3x3-1x28x28-32-b64-" + kind] = ("ms", 1, 0, conv(kind, 64, 1, 28, 32))
    CASES["conv3x3-32x14x14-64-b64-" + kind] = ("ms", 1, 0, conv(kind, 64, 32, 14, 64))
    CASES["conv3x3-3x224x224-64-b8-" + kind] = ("ms", 1, 0, conv(kind, 8, 3, 224, 64))
    for channels, size in (64, 224), (128, 112), (256, 56), (512, 28), (512, 14):  # VGG16's
        CASES["conv3x3-%dx%dx%d-%d-b8-%s" % (channels, size, size, channels, kind)] = (
            "ms", 1, 0, conv(kind, 8, channels, size, channels))
for power, (batch, channels, size, out) in {3: (2, 8, 8, 8), 5: (8, 16, 28, 16), 7: (64, 64, 56, 32)}.items():
    sized("conv_transpose2d", power, forward(lambda x, w: F.conv_transpose2d(x, w, padding=1),
                                             (batch, out, size, size), (out, channels, 3, 3)))

ROW_SHAPES = {3: (10, 100), 5: (128, 768), 7: (13000, 768)}
IMAGE_SHAPES = {3: (2, 8, 8, 8), 5: (16, 32, 14, 14), 7: (128, 64, 32, 32)}
for power, shape in IMAGE_SHAPES.items():
    sized("avg_pool2d", power, forward(lambda x: F.avg_pool2d(x, 2), shape))
    sized("avg_pool2d", power, pool_both(F.avg_pool2d, *shape), "-both")
    sized("adaptive_avg_pool2d", power, forward(lambda x: F.adaptive_avg_pool2d(x, 1), shape), "-to1")
    sized("adaptive_avg_pool2d", power, forward(lambda x: F.adaptive_avg_pool2d(x, 7), shape), "-to7")
    for both in False, True:
        sized("batch_norm", power, norm(batch_norm, shape, both), "-both" * both)
        sized("group_norm", power, norm(group_norm, shape, both), "-both" * both)
        sized("layer_norm", power, norm(layer_norm, ROW_SHAPES[power], both), "-both" * both)

for shape in (8192, 1024), (1024, 8192):
    CASES["softmax-%dx%d" % shape] = ("ms", 1, 0, forward(lambda x: torch.softmax(x, -1), shape))
    CASES["layer_norm-%dx%d" % shape] = ("ms", 1, 0, norm(layer_norm, shape, False))


def gelu_chain(n):
    def setup():
        x, a, b, c = numbers(n, grad=True), numbers(), numbers(), numbers()

        def once():
            x.grad = None
            (F.gelu(x * a + b) * c).sum().backward()
        return loop(once)
    return setup


def copy(n):
    def setup():
        x, y = numbers(n), numbers(n)
        return loop(lambda: x.copy_(y))
    return setup


for size in "1e5", "1e7", "6.4e7":
    CASES["gelu_chain-" + size] = ("us", 1, 0, gelu_chain(int(float(size))))
CASES["copy-6.4e7"] = ("us", 1, 0, copy(64000000))

# name: (function, numbers in [0.5, 2.5) instead of [-1, 1), operands)
ELEMENTWISE = {
    "add": (torch.add, False, 2), "maximum": (torch.maximum, False, 2), "pow": (torch.pow, True, 2),
    "fmod": (torch.fmod, True, 2), "lerp": (lambda x, y: torch.lerp(x, y, 0.3), False, 2),
    "lt": (torch.lt, False, 2), "logical_and": (torch.logical_and, False, 2),
    "logical_or": (torch.logical_or, False, 2), "logical_xor": (torch.logical_xor, False, 2),
    "gelu": (F.gelu, False, 1), "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), False, 1),
    "silu": (F.silu, False, 1), "softplus": (F.softplus, False, 1), "hardswish": (F.hardswish, False, 1),
    "hardsigmoid": (F.hardsigmoid, False, 1), "leaky_relu": (F.leaky_relu, False, 1), "elu": (F.elu, False, 1),
    "pow_scalar": (lambda x: torch.pow(x, 2.5), True, 1), "dropout": (F.dropout, False, 1),
}
for name in ("abs", "sign", "square", "floor", "ceil", "round", "sin", "cos", "erf", "exp", "expm1", "tanh",
             "sigmoid", "relu", "logical_not", "isnan"):
    ELEMENTWISE[name] = (getattr(torch, name), False, 1)
for name in "log", "log1p", "sqrt", "rsqrt", "reciprocal":
    ELEMENTWISE[name] = (getattr(torch, name), True, 1)
for n in 512, 1024, 2048, 4096, 8192:
    CASES["matmul-%d" % n] = ("ms", 1, 0, forward(torch.matmul, (n, n), (n, n)))
for name, (function, positive, operands) in ELEMENTWISE.items():
    for power in 3, 5, 7:
        sized(name, power, elementwise(function, positive, operands, 10 ** power))

REDUCTIONS = {
    "min": torch.amin, "argmin": torch.argmin, "prod": torch.prod, "any": torch.any, "all": torch.all,
    "var": torch.var, "std": torch.std, "norm": lambda x, axis: torch.linalg.vector_norm(x, 2, dim=axis),
    "logsumexp": torch.logsumexp,
}
for name, f in REDUCTIONS.items():
    for power in 3, 5, 7:
        sized(name, power, forward(lambda x, f=f: f(x, -1), (10 ** power,)))
    sized(name + "-rows", 7, forward(lambda x, f=f: f(x, -1), (1000, 10000)))

for power, k in (3, 1), (5, 10), (7, 100):
    half, whole = (20 * k, 25 * k), (20 * k, 50 * k)
    sized("concat", power, forward(lambda x, y: torch.cat((x, y), 1), half, half))
    sized("stack", power, forward(lambda x, y: torch.stack((x, y), 0), half, half))
    sized("index_select", power,
          indexed(lambda x, y, index: torch.index_select(x, 0, index), *whole, 20 * k, classes=20 * k))
    sized("gather", power, indexed(lambda x, y, index: torch.gather(x, 1, index), *whole))
    sized("scatter_add", power, indexed(lambda x, y, index: torch.scatter_add(x, 1, index, y), *whole))
    sized("one_hot", power, indexed(lambda x, y, index: F.one_hot(index, 10), 1, 10, 10 ** (power - 1)))
    sized("pad", power, forward(lambda x: F.pad(x, (1, 1, 1, 1)), whole))
    sized("flip", power, forward(lambda x: torch.flip(x, (1,)), whole))
    sized("tril", power, forward(torch.tril, whole))
    sized("triu", power, forward(torch.triu, whole))

for power in 3, 5, 7:
    n = 10 ** power
    for name, f in {
        "mse": F.mse_loss, "l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss,
        "bce_with_logits": F.binary_cross_entropy_with_logits,
        "kl_div": lambda x, target: F.kl_div(x, target, reduction="sum", log_target=True),
    }.items():
        sized(name, power, pair(f, n))
    sized("nll", power, labelled(F.nll_loss, n))
    sized("cross_entropy_full", power,
          labelled(lambda x, labels: F.cross_entropy(x, labels, label_smoothing=0.1), n))
    for optim in torch.optim.RMSprop, torch.optim.Adam:
        sized(optim.__name__.lower() + "-step", power, after_backward(lambda x, o=optim: o([x], lr=1e-6).step, n))
    sized("clip_grad_norm", power,
          after_backward(lambda x: lambda: torch.nn.utils.clip_grad_norm_([x], 1), n))

CASES["adam-step-6.4e7"] = ("ms", 1, 0, after_backward(lambda x: torch.optim.Adam([x], lr=1e-6).step, 64000000))


# ---- The protocol ----

def warm_up(run, fixed):
    """The rounds of a sample and about its seconds, by the same steps as in bench.c."""
    least = 1 if device.type == "cpu" else 2
    rounds, runs, end = 1, 0, seconds() + WARM_SECONDS
    while runs < least or seconds() < end:
        last = run(rounds)
        each = last / rounds
        runs += 1
        if last < SAMPLE_SECONDS / 4:
            rounds *= 2
    rounds = fixed or max(1, int(SAMPLE_SECONDS / each))
    return rounds, each * rounds


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
    if sys.argv[1:] == ["--list"]:
        for name, case in CASES.items():
            print(name, case[0])
        return 0
    if len(sys.argv) not in (4, 5) or sys.argv[2] not in CASES:
        sys.stderr.write(__doc__)
        return 2
    device = torch.device("cuda" if sys.argv[1] == "gpu" else "cpu")
    tuned = sys.argv[4:] == ["tuned"]
    if tuned and device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = math in ("tf32", "bf16")
    if sys.argv[3] != "0":
        torch.set_num_threads(int(sys.argv[3]))
    torch.manual_seed(1)
    unit, per, fixed, setup = CASES[sys.argv[2]]
    run = setup()
    print("loaded", flush=True)
    sys.stdin.readline()
    rounds, about = warm_up(run, fixed)
    print_blas()
    print("ready %.3g" % about, flush=True)
    for _ in sys.stdin:
        print("%.9g" % (run(rounds) / (rounds * per) * SCALE[unit]), flush=True)
    return 0


sys.exit(main())
