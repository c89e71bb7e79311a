#!/usr/bin/env python3
"""torchvision as the judge of libgradc's models.

usage: models.py [--device NAME] [--only REGEX] [--seed N] [--long]

The same weights in both: names, shapes and order of the state dict, logits, the gradients of a training step with
dropout off, the buffers and the weights behind it; on the CPU with the setting "math" strict and fast.
--long: VGG11 too, and all but the small VGG16 at or near their own size.
Prints each failure and ends with "N passed, N failed"; the exit status is 1 if any failed.
"""
import argparse
import copy
import os
import re
import sys
import time

import numpy
import torch
import torchvision

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bindings", "python"))
import gradc  # noqa: E402  (the path above)
from check import Count  # noqa: E402

LOGITS = 1e-4
# Gradients and weights by the setting "math".  The rounding of Winograd's convolutions turns more relus and maxima, and
# weights that began as 0 are as far apart as their gradients: 3.5e-3 was seen.
BOUNDS = {"strict": (1e-3, 1e-5), "fast": (2e-2, 2e-2)}
LARGE = 1 << 22  # elements: weights of more are not read again behind the step

# name, image, classes, batch, whether it is tried on OpenCL devices too
SHORT = [("alexnet", 63, 10, 2, False), ("vgg16", 64, 10, 2, False), ("vgg16-bn-32", 32, 10, 4, True),
         ("resnet18", 64, 10, 4, True)]
LONG = [("alexnet", 224, 1000, 2, True), ("vgg11", 64, 1000, 2, True), ("vgg16", 224, 1000, 2, True),
        ("vgg16-bn-32", 32, 10, 16, True), ("resnet18", 224, 1000, 2, True)]

PARAMETERS = {"alexnet": 61_100_840, "vgg11": 132_863_336, "vgg16": 138_357_544, "resnet18": 11_689_512}


class SmallVgg(torch.nn.Module):
    """vgg16_bn's convolutions, and one linear layer."""

    def __init__(self, num_classes):
        super().__init__()
        self.features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"], batch_norm=True)
        self.classifier = torch.nn.Linear(512, num_classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def make_theirs(name, classes):
    """torchvision's model, dropout off, its norms' weights and statistics not those that they start with."""
    theirs = SmallVgg(classes) if name == "vgg16-bn-32" else \
        getattr(torchvision.models, name)(num_classes=classes)
    for module in theirs.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return theirs


def make_ours(g, name, image, classes):
    dropout = {} if name == "resnet18" else {"dropout": 0}
    return gradc.Module(g, name, image=image, classes=classes, **dropout)


def copy_state(theirs, ours):
    """Their weights into ours; a complaint where names, order, shapes or dtypes differ."""
    expected, found = theirs.state_dict(), ours.state_dict()
    if list(expected) != list(found):
        return f"the names are {list(found)}, not {list(expected)}"
    for name, value in expected.items():
        if tuple(value.shape) != found[name].shape or value.numpy().dtype != found[name].dtype:
            return f"{name} is {found[name].dtype} {found[name].shape}, not {value.dtype} {tuple(value.shape)}"
        found[name].write(value.numpy())
    expected = [name for name, _ in theirs.named_parameters()]
    return None if list(ours.named_parameters()) == expected else "its parameters are others"


def apart(name, ours, theirs, bound, floor=0.0):
    """A complaint where |ours - theirs| > bound * |theirs| + floor, in the 2-norm."""
    distance, size = (float(numpy.linalg.norm(x.ravel())) for x in (ours - theirs, theirs))
    if distance <= bound * size + floor:
        return None
    return f"{name} is {distance:.3g} apart from {size:.3g}, {distance / max(size, 1e-30):.2g} of it"


def floors(theirs):
    """What a gradient's rounding may come to: a bias in front of a batch norm has a gradient of 0 but for that."""
    norms = {name: float(p.grad.norm()) for name, p in theirs.named_parameters()}
    return {name: 1e-5 * norms.get(name[:-len("bias")] + "weight", 0.0) if name.endswith(".bias") else 0.0
            for name in norms}


def exact_gradients(model, x, labels):
    """The gradients of the same step in f64."""
    model.double()
    torch.nn.functional.cross_entropy(model(torch.from_numpy(x).double()), torch.from_numpy(labels)).backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


def compare_gradients(ours, theirs, before, x, labels, bound):
    """Rounding may turn a relu or a maximum the other way, and what flows then differs by more than rounding: where
    the two are apart, both are compared with f64, and ours may be as far from it as theirs, three times over, or as
    `bound` says."""
    floor, exact = floors(theirs), None
    for name, p in theirs.named_parameters():
        mine, other = ours[name].grad.numpy(), p.grad.numpy()
        wrong = apart(f"the gradient of {name}", mine, other, bound, floor[name])
        if not wrong:
            continue
        exact = exact or exact_gradients(before, x, labels)
        far, limit = (float(numpy.linalg.norm((g - exact[name]).ravel())) for g in (mine, other))
        if far > 3 * limit:
            return f"{wrong}; from f64 it is {far:.3g}, theirs {limit:.3g}"
    return None


def compare_logits(ours, theirs, z, expected):
    z, expected = z.numpy(), expected.detach().numpy()
    worst = numpy.abs(z - expected).max() / numpy.abs(expected).max()
    return None if worst <= LOGITS else f"the logits differ by {worst:.2g} of the largest"


def compare_step(g, ours, theirs, bounds, x, labels):
    """A training step: logits, gradients, buffers, and the weights behind it."""
    ours.train()
    theirs.train()
    g.tape_clear()
    optimiser, before = torch.optim.SGD(theirs.parameters(), lr=1e-3), copy.deepcopy(theirs)
    logits, expected = ours(gradc.tensor(g, x)), theirs(torch.from_numpy(x))
    gradc.cross_entropy(logits, gradc.tensor(g, labels)).backward()
    torch.nn.functional.cross_entropy(expected, torch.from_numpy(labels)).backward()
    wrong = compare_logits(ours, theirs, logits, expected)
    if wrong:
        return wrong
    parameters = ours.named_parameters()
    wrong = compare_gradients(parameters, theirs, before, x, labels, bounds[0])
    gradc.SGD(list(parameters.values()), lr=1e-3).step()
    optimiser.step()
    g.tape_clear()
    found = ours.state_dict()
    for name, value in theirs.state_dict().items():
        if value.numel() < LARGE:
            wrong = wrong or apart(name, found[name].numpy(), value.numpy(), bounds[1], 1e-7 * value.numel() ** 0.5)
    return wrong


def compare_training(g, ours, theirs, draw, math):
    """Where rounding alone turned something the other way, other images are tried, twice at most."""
    g.set("math", math)
    for _ in range(3):
        wrong = compare_step(g, ours, theirs, BOUNDS[math], *draw())
        if wrong is None:
            return None
        copy_state(theirs, ours)
        theirs.zero_grad()
        for p in ours.parameters():
            p.zero_grad()
    return wrong


def compare_evaluation(g, ours, theirs, x):
    ours.eval()
    theirs.eval()
    with torch.no_grad(), g.no_grad():
        wrong = compare_logits(ours, theirs, ours(gradc.tensor(g, x)), theirs(torch.from_numpy(x)))
    g.tape_clear()
    return wrong


def compare(count, device, case, random):
    name, image, classes, batch, _ = case
    start = time.time()

    def draw():
        images = random.normal(size=(batch, 3, image, image)).astype(numpy.float32)
        return images, random.integers(0, classes, batch)

    with gradc.Context(device) as g:
        ours, theirs = make_ours(g, name, image, classes), make_theirs(name, classes)
        title = f"{device} {name}, {batch} images of {image}"
        count.check(f"{title}: state", lambda: copy_state(theirs, ours))
        count.check(f"{title}: evaluation", lambda: compare_evaluation(g, ours, theirs, draw()[0]))
        count.check(f"{title}: training", lambda: compare_training(g, ours, theirs, draw, "strict"))
        if device == "cpu":
            count.check(f"{title}: state again", lambda: copy_state(theirs, ours))
            count.check(f"{title}: training, fast", lambda: compare_training(g, ours, theirs, draw, "fast"))
        if classes == 1000:
            found = ours.info("parameters")
            count.note(f"{title}: parameters", None if found == PARAMETERS[name] else f"{found} parameters")
    print(f"{title}: {time.time() - start:.1f} s", flush=True)


def compare_start(g, name, image):
    """Our own initial values: each tensor's deviation is theirs, or both are one number."""
    ours = make_ours(g, name, image, 10).state_dict()
    theirs = SmallVgg(10) if name == "vgg16-bn-32" else getattr(torchvision.models, name)(num_classes=10)
    if name == "vgg16-bn-32":
        for module in theirs.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                torch.nn.init.zeros_(module.bias)
        torch.nn.init.normal_(theirs.classifier.weight, 0, 0.01)
        torch.nn.init.zeros_(theirs.classifier.bias)
    for key, value in theirs.state_dict().items():
        found, value = ours[key].numpy().astype(float), value.numpy().astype(float)
        if value.std() == 0:
            good = (found == value.flat[0]).all()
        else:
            spread = 6 * value.std() / (2 * value.size) ** 0.5
            good = abs(found.std() - value.std()) <= 2 * spread and abs(found.mean()) <= 2 * spread and \
                abs(found).max() <= max(abs(value).max() * 1.5, 4 * value.std())
        if not good:
            return f"{key} has mean {found.mean():.4g}, deviation {found.std():.4g}, not {value.std():.4g}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    torch.manual_seed(chosen.seed)
    random = numpy.random.default_rng(chosen.seed)
    count = Count()
    for case in LONG if chosen.long else SHORT:
        if re.search(chosen.only, case[0]) and (case[4] or chosen.device == "cpu"):
            compare(count, chosen.device, case, random)
    with gradc.Context(chosen.device) as g:
        g.seed(chosen.seed)
        for name, image in [("alexnet", 63), ("vgg16-bn-32", 32), ("resnet18", 32)]:
            if re.search(chosen.only, name) and (name != "alexnet" or chosen.device == "cpu"):
                count.check(f"{chosen.device} {name}: start", lambda: compare_start(g, name, image))
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
