"""Optimisers, clipping, schedules, initial values, random numbers and a training, each against PyTorch."""
import math
import re

import gradc
import numpy
import torch
import torch.nn.functional as F
from check import TOLERANCE, VALUE, difference

STEPS = 10

# (name, ours, theirs): both take the same settings.
OPTIMISERS = [(kind, settings) for kind, choices in {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}, {"lr": 0.1, "momentum": 0.9, "nesterov": True},
            {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}, {"lr": 0.1, "weight_decay": 0.1},
            {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
            {"lr": 0.05, "momentum": 0.5, "dampening": 0.5, "weight_decay": 0.2}],
    "Adam": [{"lr": 0.01}, {"lr": 0.1, "betas": (0.8, 0.9)}, {"lr": 0.01, "eps": 0.1},
             {"lr": 0.05, "weight_decay": 0.1}],
    "AdamW": [{"lr": 0.01}, {"lr": 0.1, "weight_decay": 0.3},
              {"lr": 0.05, "weight_decay": 0.0, "betas": (0.5, 0.99)}],
    "RMSprop": [{"lr": 0.01}, {"lr": 0.01, "alpha": 0.9, "eps": 0.1}, {"lr": 0.01, "momentum": 0.9},
                {"lr": 0.01, "centered": True, "eps": 1e-3}, {"lr": 0.02, "weight_decay": 0.1},
                {"lr": 0.01, "centered": True, "momentum": 0.5, "weight_decay": 0.01, "eps": 1e-3}],
}.items() for settings in choices]

# What an optimiser must refuse: (kind, settings).
REFUSED = [("SGD", {"lr": -0.1}), ("SGD", {"lr": math.nan}), ("SGD", {"lr": 0.1, "momentum": -1}),
           ("SGD", {"lr": 0.1, "nesterov": True}),
           ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "nesterov": True}),
           ("SGD", {"lr": 0.1, "weight_decay": -1}), ("Adam", {"lr": -1}),
           ("Adam", {"lr": 0.1, "betas": (1.0, 0.9)}),
           ("Adam", {"lr": 0.1, "betas": (0.9, -0.1)}), ("Adam", {"lr": 0.1, "eps": -1}),
           ("AdamW", {"lr": 0.1, "weight_decay": -1}), ("RMSprop", {"lr": 0.1, "alpha": -1}),
           ("RMSprop", {"lr": 0.1, "momentum": -0.5}), ("RMSprop", {"lr": 0.1, "eps": -1})]

SHAPES = [(4, 3), (4,), (2, 4), ()]


# ---- Optimisers ----

def objective(params, x, target, library):
    """A loss that is not quadratic; the last parameter has no part in it, so that a step skips it."""
    w1, b1, w2, _ = params
    linear = gradc.linear if library is gradc else F.linear
    error = linear(library.tanh(linear(x, w1, b1)), w2, None) - target
    return (error * error).mean() if library is torch else gradc.mean(error * error)


def compare_optimiser(g, kind, settings, dtype, random):
    numpy_type = gradc.library.NUMPY[dtype]
    arrays = [random.normal(size=shape).astype(numpy_type) for shape in SHAPES]
    x, target = random.normal(size=(6, 3)).astype(numpy_type), random.normal(size=(6, 2)).astype(numpy_type)
    ours = [gradc.tensor(g, array, requires_grad=True) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    our_optimiser = getattr(gradc, kind)(ours, **settings)
    their_optimiser = getattr(torch.optim, kind)(theirs, **settings)
    our_x, our_target = gradc.tensor(g, x), gradc.tensor(g, target)
    for step in range(STEPS):
        if step == STEPS // 2:
            our_optimiser.set("lr", settings["lr"] / 2)
            their_optimiser.param_groups[0]["lr"] = settings["lr"] / 2
        objective(ours, our_x, our_target, gradc).backward()
        our_optimiser.step()
        g.tape_clear()
        their_optimiser.zero_grad()
        objective(theirs, torch.from_numpy(x), torch.from_numpy(target), torch).backward()
        their_optimiser.step()
        for i, (our, their) in enumerate(zip(ours, theirs)):
            wrong = difference(our.numpy(), their.detach().numpy(), dtype, VALUE)
            if wrong:
                return f"parameter {i} after step {step + 1}: {wrong}"
    return None if our_optimiser.steps == STEPS else f"{our_optimiser.steps} steps, not {STEPS}"


def refuse(g, kind, settings):
    try:
        getattr(gradc, kind)([gradc.tensor(g, numpy.zeros(2), requires_grad=True)], **settings)
    except gradc.Error as error:
        return None if error.status == gradc.E_ARG else f"{error}, not GRADC_E_ARG"
    return "it was not refused"


def optimisers(count, g, random):
    for dtype in TOLERANCE:
        if dtype == "f64" and not g.has_f64:
            continue
        for kind, settings in OPTIMISERS:
            count.check(f"{g.device} {dtype} {kind}({settings})",
                        lambda: compare_optimiser(g, kind, settings, dtype, random))
    for kind, settings in REFUSED:
        count.check(f"{g.device} {kind}({settings}) is refused", lambda: refuse(g, kind, settings))


# ---- Clipping ----

def compare_clipping(g, max_norm, dtype, random, spoil=None):
    """Norm and gradients, one of them spoilt by a number; a parameter without one sits out."""
    numpy_type = gradc.library.NUMPY[dtype]
    arrays = [random.normal(size=shape).astype(numpy_type) for shape in SHAPES]
    scales = [random.normal(size=shape).astype(numpy_type) for shape in SHAPES[:-1]]
    if spoil is not None:
        scales[1][0] = spoil
    ours = [gradc.tensor(g, array, requires_grad=True) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    for our, their, scale in zip(ours, theirs, scales):
        gradc.sum(our * gradc.tensor(g, scale)).backward()
        (their * torch.from_numpy(scale)).sum().backward()
    norm = gradc.clip_grad_norm(ours, max_norm)
    wrong = difference(norm.numpy(), torch.nn.utils.clip_grad_norm_(theirs, max_norm).numpy(), dtype)
    for i, (our, their) in enumerate(zip(ours[:-1], theirs)):
        complaint = difference(our.grad.numpy(), their.grad.numpy(), dtype)
        wrong = wrong or (complaint and f"gradient {i}: {complaint}")
    return wrong or (None if ours[-1].grad is None else "a gradient came from nowhere")


def clipping(count, g, random):
    for dtype in TOLERANCE:
        if dtype == "f64" and not g.has_f64:
            continue
        for max_norm in (0.0, 0.5, 1.0, 3.0, 100.0, math.inf):
            count.check(f"{g.device} {dtype} clip to {max_norm}",
                        lambda: compare_clipping(g, max_norm, dtype, random))
        for spoil in (math.nan, math.inf, -math.inf):
            count.check(f"{g.device} {dtype} clip {spoil}",
                        lambda: compare_clipping(g, 1.0, dtype, random, spoil))


# ---- Schedules ----

LR = torch.optim.lr_scheduler

# text: a function that makes PyTorch's scheduler of an optimiser and a number of steps
SCHEDULES = {
    "constant": lambda o, n: LR.ConstantLR(o, 1.0),
    "linear": lambda o, n: LR.LinearLR(o, 1.0, 0.0, n),
    "step,size=1,gamma=0.9": lambda o, n: LR.StepLR(o, 1, 0.9),
    "step,size=7": lambda o, n: LR.StepLR(o, 7),
    "cosine": lambda o, n: LR.CosineAnnealingLR(o, n),
    "cosine,min=0.01": lambda o, n: LR.CosineAnnealingLR(o, n, 0.01),
    "onecycle": lambda o, n: LR.OneCycleLR(o, PEAK, n),
    "onecycle,start=0.1,div=10,final=100": lambda o, n: LR.OneCycleLR(o, PEAK, n, pct_start=0.1, div_factor=10,
                                                                      final_div_factor=100),
    "onecycle,start=0.65": lambda o, n: LR.OneCycleLR(o, PEAK, n, pct_start=0.65),
    "onecycle,start=0": lambda o, n: LR.OneCycleLR(o, PEAK, n, pct_start=0.0),
    "onecycle,start=1": lambda o, n: LR.OneCycleLR(o, PEAK, n, pct_start=1.0),
}
PEAK = 0.3


def torch_rates(make, steps):
    """The rates of all steps."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler = make(optimiser, steps)
    rates = []
    for step in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step + 1 < steps:
            scheduler.step()
    return rates


def compare_schedule(text, make, steps, warmup):
    try:
        expected = torch_rates(make, steps - warmup) if steps > warmup else []
    except ZeroDivisionError:
        return None  # PyTorch's OneCycleLR has no rate where a phase has no length
    if warmup:
        text += f",warmup={warmup}"
        total = max(1, warmup - 1)
        expected = torch_rates(lambda o, n: LR.LinearLR(o, 1 / warmup, 1.0, total), warmup)[:steps] + expected
    for step in range(steps):
        rate = gradc.schedule(text, PEAK, step, steps)
        if not abs(rate - expected[step]) <= 1e-12:
            return f"the rate of step {step} is {rate}, not {expected[step]}"
    return None


def schedules(count):
    for text, make in SCHEDULES.items():
        for steps in (2, 3, 7, 10, 50, 333):
            for warmup in (0, 1, 5, 20):
                count.check(f"schedule {text}, {steps} steps, {warmup} to warm up",
                            lambda: compare_schedule(text, make, steps, warmup))


# ---- Random numbers ----

def distance(ours, theirs):
    """Kolmogorov and Smirnov's two-sample test, which fails once in about 1e6 for equal distributions."""
    ours, theirs = numpy.sort(ours, axis=None), numpy.sort(theirs, axis=None)
    both = numpy.concatenate([ours, theirs])
    below = [numpy.searchsorted(sample, both, "right") / sample.size for sample in (ours, theirs)]
    apart = numpy.abs(below[0] - below[1]).max()
    limit = 2.7 * math.sqrt((ours.size + theirs.size) / (ours.size * theirs.size))
    return None if apart < limit else f"distributions are {apart:.4f} apart, not below {limit:.4f}"


INITS = {
    "zeros": torch.nn.init.zeros_,
    "ones": torch.nn.init.ones_,
    "uniform": torch.nn.init.uniform_,
    "normal": torch.nn.init.normal_,
    "kaiming": lambda x: torch.nn.init.kaiming_uniform_(x, a=math.sqrt(5)),
    "xavier": torch.nn.init.xavier_uniform_,
}


def bounds(how, shape):
    """Where PyTorch's numbers lie."""
    if how == "normal":
        return -math.inf, math.inf
    if how == "uniform":
        return 0, 1
    fan_in, fan_out = (math.prod(shape) / shape[axis] for axis in (0, 1))
    bound = 1 / math.sqrt(fan_in) if how == "kaiming" else math.sqrt(6 / (fan_in + fan_out))
    return -bound, bound


def compare_init(g, how, shape):
    ours = g.param(how, shape)
    values, theirs = ours.numpy(), INITS[how](torch.empty(shape)).numpy()
    if not ours.requires_grad or values.dtype != numpy.float32:
        return "it is not an f32 tensor that wants a gradient"
    if how in ("zeros", "ones"):
        return difference(values, theirs, "f32")
    low, high = bounds(how, shape)
    if values.min() < numpy.float32(low) or values.max() > numpy.float32(high) or values.max() == 1:
        return f"values in {values.min()}..{values.max()}, not in {low}..{high}"
    return distance(values, theirs)


def same_seed(g, draw):
    """The same numbers from the same seed, here and on the CPU; others from the next draw."""
    def draws(context):
        context.seed(99)
        return draw(context).numpy(), draw(context).numpy()
    (first, second), again = draws(g), draws(g)
    with gradc.Context("cpu") as cpu:
        wrong = difference(first, draws(cpu)[0], "f32")
    if not numpy.array_equal(first, again[0]) or not numpy.array_equal(second, again[1]):
        return "the same seed gave other numbers"
    return "two draws are equal" if numpy.array_equal(first, second) else wrong


def compare_dropout(g, p, dtype):
    x = gradc.tensor(g, numpy.linspace(1, 2, 40001, dtype=gradc.library.NUMPY[dtype]), requires_grad=True)
    z = gradc.dropout(x, p)
    gradc.sum(z).backward()
    value, dx = z.numpy(), x.grad.numpy()
    kept = value != 0
    sigma = math.sqrt(p * (1 - p) / kept.size)
    if abs(kept.mean() - (1 - p)) > 5 * sigma:
        return f"{kept.mean():.4f} of the elements are kept, not {1 - p}"
    return difference(value, kept * x.numpy() / (1 - p), dtype) or \
        difference(dx, (kept / (1 - p)).astype(dx.dtype), dtype)


def must_fail(status, function):
    try:
        function().numpy()
    except gradc.Error as error:
        return None if error.name == status else f"{error}, not {status}"
    return f"it did not fail with {status}"


def random_numbers(count, g):
    shapes = [(300, 200), (64, 8, 5, 5)]
    for how in INITS:
        for shape in shapes + [(50000,)] * (how not in ("kaiming", "xavier")):
            count.check(f"{g.device} param {how} {list(shape)}", lambda: compare_init(g, how, shape))
    for how in ("kaiming", "xavier"):
        count.check(f"{g.device} param {how} [3]",
                    lambda: must_fail("GRADC_E_SHAPE", lambda: g.param(how, (3,))))
    count.check(f"{g.device} param of an unknown kind",
                lambda: must_fail("GRADC_E_ARG", lambda: g.param(17, (3, 3))))
    count.check(f"{g.device} rand", lambda: distance(g.rand((200, 250)).numpy(), torch.rand(50000).numpy()))
    count.check(f"{g.device} randn", lambda: distance(g.randn((50000,)).numpy(), torch.randn(50000).numpy()))
    count.check(f"{g.device} rand of shape [2,-1]",
                lambda: must_fail("GRADC_E_SHAPE", lambda: g.rand((2, -1))))
    ones = numpy.ones(1001, numpy.float32)
    for name, draw in {"rand": lambda c: c.rand((1001,)), "randn": lambda c: c.randn((7, 11)),
                       "kaiming": lambda c: c.param("kaiming", (31, 7)),
                       "dropout": lambda c: gradc.dropout(gradc.tensor(c, ones), 0.5)}.items():
        count.check(f"{g.device} {name}: seeds", lambda: same_seed(g, draw))
    x = gradc.tensor(g, numpy.ones(4, numpy.float32))
    for dtype in TOLERANCE:
        for p in (0.0, 0.1, 0.5, 0.9):
            if dtype == "f32" or g.has_f64:
                count.check(f"{g.device} {dtype} dropout {p}", lambda: compare_dropout(g, p, dtype))
    for p in (1.0, -0.1, 1.5, math.nan):
        count.check(f"{g.device} dropout {p}", lambda: must_fail("GRADC_E_ARG", lambda: gradc.dropout(x, p)))
    count.check(f"{g.device} dropout of i32",
                lambda: must_fail("GRADC_E_DTYPE", lambda: gradc.dropout(x.cast("i32"), 0.5)))


# ---- A training ----

LENET = [(32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 3136), (128,), (10, 128), (10,)]


def our_lenet(p, x):
    x = gradc.max_pool2d(gradc.relu(gradc.conv2d(x, p[0], p[1], 1, 1)), 2)
    x = gradc.max_pool2d(gradc.relu(gradc.conv2d(x, p[2], p[3], 1, 1)), 2)
    return gradc.linear(gradc.relu(gradc.linear(gradc.flatten(x, 1), p[4], p[5])), p[6], p[7])


def torch_lenet(p, x):
    x = F.max_pool2d(F.relu(F.conv2d(x, p[0], p[1], 1, 1)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, p[2], p[3], 1, 1)), 2)
    return F.linear(F.relu(F.linear(x.flatten(1), p[4], p[5])), p[6], p[7])


def compare_training(g, random, kind, settings):
    """20 steps from the same weights: every loss within 1e-4 of PyTorch's."""
    ours = [g.param("kaiming" if len(shape) > 1 else "zeros", shape) for shape in LENET]
    theirs = [torch.tensor(p.numpy(), requires_grad=True) for p in ours]
    our_optimiser = getattr(gradc, kind)(ours, **settings)
    their_optimiser = getattr(torch.optim, kind)(theirs, **settings)
    images = random.uniform(size=(4, 8, 1, 28, 28)).astype(numpy.float32)
    labels = random.integers(0, 10, (4, 8))
    for step in range(20):
        x, y = images[step % 4], labels[step % 4]
        loss = gradc.cross_entropy(our_lenet(ours, gradc.tensor(g, x)), gradc.tensor(g, y))
        loss.backward()
        our_optimiser.step()
        their_optimiser.zero_grad()
        their_loss = F.cross_entropy(torch_lenet(theirs, torch.from_numpy(x)), torch.from_numpy(y))
        their_loss.backward()
        their_optimiser.step()
        if not abs(loss.item() - their_loss.item()) <= 1e-4:
            return f"the loss of step {step + 1} is {loss.item()}, not {their_loss.item()}"
        g.tape_clear()
    return None


def run(count, device, only, seed):
    random = numpy.random.default_rng(seed)
    with gradc.Context(device) as g:
        g.seed(seed)
        if re.search(only, "optimisers"):
            optimisers(count, g, random)
        if re.search(only, "clipping"):
            clipping(count, g, random)
        if re.search(only, "schedules"):
            schedules(count)
        if re.search(only, "random"):
            random_numbers(count, g)
        if re.search(only, "training"):
            for kind, settings in [("SGD", {"lr": 0.02, "momentum": 0.9}), ("Adam", {"lr": 1e-3})]:
                count.check(f"{g.device} lenet, 20 steps of {kind}",
                            lambda: compare_training(g, random, kind, settings))
