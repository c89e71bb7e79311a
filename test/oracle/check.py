"""What all parts of the oracle share: counting, tolerances, comparing."""
import numpy

# How far results may be apart, relative to the largest magnitude of the expected tensor (at least 1), by
# dtype: values, gradients, second gradients.
TOLERANCE = {
    "f32": (1e-5, 3e-5, 2e-4),
    "f64": (1e-12, 1e-11, 1e-10),
}
VALUE, GRADIENT, SECOND = range(3)


class Count:
    """Passes and failures; failures are printed as they come."""

    def __init__(self):
        self.passed = self.failed = 0

    def note(self, name, complaint):
        """complaint: a sentence, or None for a pass."""
        if complaint is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"failed: {name}: {complaint}", flush=True)

    def check(self, name, function):
        """Counts a function that returns a complaint or None; an exception is a complaint too."""
        try:
            complaint = function()
        except Exception as error:
            complaint = f"{type(error).__name__}: {error}"
        self.note(name, complaint)


def difference(ours, theirs, dtype, order=VALUE):
    """How two arrays differ, as a sentence, or None.  dtype: the name in TOLERANCE for floats."""
    ours, theirs = numpy.asarray(ours), numpy.asarray(theirs)
    if ours.shape != theirs.shape:
        return f"shape {list(ours.shape)}, not {list(theirs.shape)}"
    if ours.dtype != theirs.dtype:
        return f"dtype {ours.dtype}, not {theirs.dtype}"
    if ours.size == 0:
        return None
    if ours.dtype.kind != "f":
        wrong = ours != theirs
        bound = 0
    else:
        finite = numpy.isfinite(theirs)
        scale = max(1.0, float(numpy.abs(theirs[finite]).max(initial=0)))
        bound = TOLERANCE[dtype][order] * scale
        with numpy.errstate(invalid="ignore", over="ignore"):
            same = (ours == theirs) | (numpy.isnan(ours) & numpy.isnan(theirs))
            wrong = ~(same | (finite & (numpy.abs(ours - theirs) <= bound)))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    return (f"{int(wrong.sum())} of {wrong.size} elements differ, the first at {list(at)}: {ours[at]!r}, "
            f"not {theirs[at]!r} within {bound:.2g}")
