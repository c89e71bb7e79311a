"""Times libgradc and PyTorch side by side: one line a case and peer.

usage: bench.py PROGRAM [REGEX]      matched against DEVICE/NAME; .  is all
    name device ours unit peer-name peer unit ratio          ratio = the peer's time / ours

The ten cases with the lowest ratios come first, then all lines; how far it is goes to standard error.  Last come our
figures as shares of what the device can do, which the program measures (peak.c): flop of a plain sum against f32
multiply-adds, so that Winograd's method may be above 100%; bytes of all launches against a copy.
A case has a process a side, all alive at once; one sample is taken of each in turn, and medians are compared.
"torch..." is PyTorch as installed.  "-tuned" has a malloc that keeps its memory, threads that sleep where they wait,
and OpenMP's threads each on a processor of its own; the best of its thread counts is taken.  Our figure beside it has
its threads placed alike, so the two lines of a case can differ in it.
Where the samples of all sides would take more than 20 seconds, there are fewer, but two; where one takes more than a
second, the tuned peer has all threads.  Large cases are for GPUs: elsewhere they run where REGEX has their whole name.

environment: DEVICES  our devices (cpu, and gpu where there is one)      THREADS  of both sides (all)
             SAMPLES  5      PYTHON  the peer's interpreter (/usr/bin/python3)
             EAGER=1  also against ourselves without the planner (GRADC_EAGER=1), as the peer gradc-eager
             BENCH_MATH  strict, fast, tf32, bf16 (ours as "math"; PyTorch's TF32 for the latter two), amp-bf16, amp-f16
             (autocast on both sides; PyTorch on a GPU with channels last)
             BENCH_CPU_TIME=1  processor time instead of wall time: for a machine that is busy with other things
             APPEND=FILE  adds the tables to a file (docs/performance.md), under date, command, devices and drivers

A case that only one side has is named, and the exit status is 1.
"""
import datetime
import os
import re
import shlex
import statistics
import subprocess
import sys

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "268435456"}
# OpenMP places its threads itself: PyTorch has others too, which sleep, and must not take a processor from them.
PLACED = {"OMP_WAIT_POLICY": "passive", "OMP_PROC_BIND": "true", "OMP_PLACES": "threads"}
# What would change a side behind our back.
FOREIGN = re.compile(r"^(OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|MALLOC_|GRADC_)")
LONG_SECONDS, SAMPLES_SECONDS, WORST = 1, 20, 10
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}

blas_seen = []


class Side:
    """A process that takes samples of one case."""

    def __init__(self, name, command, more=None, pinned=False):
        env = {k: v for k, v in os.environ.items() if not FOREIGN.match(k)}
        env.update(more or {})
        self.name, self.pinned = name, pinned
        self.seconds, self.samples, self.work = 0, [], None
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def loaded(self):
        return self.process.stdout.readline().startswith("loaded")

    def ask(self):
        """The next line of its answer to an empty line; "" where it has ended."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.process.stdout.readline()

    def ready(self, threads):
        line, found = self.ask(), []
        while line.startswith("blas"):
            found.append(line.split()[1])
            line = self.process.stdout.readline()
        if not line.startswith("ready"):
            return False
        for path in found or ["none"]:
            seen = "# blas of %s: %s" % (self.name, path)
            if seen not in blas_seen:
                blas_seen.append(seen)
        self.seconds, self.work = float(line.split()[1]), [float(x) for x in line.split()[2:]]
        if self.pinned:
            self.pin(threads)
        return True

    def pin(self, threads):
        """Thread i of the process goes to processor i."""
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        for i, thread in enumerate(sorted(int(t) for t in os.listdir("/proc/%d/task" % self.process.pid))):
            os.sched_setaffinity(thread, {cpus[i % len(cpus)]})

    def sample(self):
        line = self.ask()
        if line:
            self.samples.append(float(line))
        return bool(line)

    def median(self):
        return statistics.median(self.samples)

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        return self.process.wait()


class Bench:
    """The program, the peer, and what was found."""

    def __init__(self, program):
        self.program = program
        self.python = os.environ.get("PYTHON", "/usr/bin/python3")
        self.threads = int(os.environ.get("THREADS") or len(os.sched_getaffinity(0)))
        self.samples = int(os.environ.get("SAMPLES") or 5)
        self.cases = [line.split() for line in self.lines([program, "--list"])]
        words = (self.lines([self.python, PEER, "--version"]) or [""])[0].split()
        self.peer, self.peer_devices = (words[0], words[1:]) if words else (None, [])
        self.peer_cases = set()
        self.rows, self.printed = [], []
        self.shares = {}  # of device and name: GFLOP/s, GB/s
        self.failed = 0

    @staticmethod
    def lines(command):
        try:
            out = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        except OSError:
            return []
        return out.stdout.splitlines() if out.returncode == 0 else []

    def compare_lists(self):
        """Names the cases that one side lacks."""
        ours = {(name, unit) for name, unit, *_ in self.cases}
        theirs = {tuple(line.split()) for line in self.lines([self.python, PEER, "--list"])}
        self.peer_cases = {name for name, unit in theirs & ours}
        for where, missing in ("peer.py", ours - theirs), ("bench", theirs - ours):
            for name, unit in sorted(missing):
                self.failed = 1
                self.say("# %s lacks the case %s (%s)" % (where, name, unit))

    def devices(self):
        if "DEVICES" in os.environ:
            return os.environ["DEVICES"].split()
        gpu = subprocess.run([self.program, "--has", "gpu"], capture_output=True).returncode == 0
        return ["cpu", "gpu"] if gpu else ["cpu"]

    def wanted(self, pattern):
        """(device, name, unit) of what the pattern matches; large cases as said above."""
        regex = re.compile(pattern)
        return [(device, name, unit) for device in self.devices() for name, unit, *large in self.cases
                if regex.search(device + "/" + name) and (not large or device.startswith("gpu") or name in pattern)]

    def ours(self, device, name, pinned):
        return Side("gradc", [self.program, device, name, str(self.threads)], pinned=pinned)

    def theirs(self, device, name, count, tuned):
        command = [self.python, PEER, device, name, str(count)]
        if not tuned:
            return Side(self.peer, command)
        more = dict(KEPT, **PLACED, OMP_NUM_THREADS=str(count))
        return Side(self.peer + "-tuned", command + ["tuned"], more=more)

    def run_case(self, device, name, unit):
        peer_device = "cpu" if device == "cpu" else "gpu"
        if peer_device not in self.peer_devices or name not in self.peer_cases:
            self.run_sides(device, name, unit, self.ours(device, name, False), [])
            return
        long = self.run_sides(device, name, unit, self.ours(device, name, False),
                              [self.theirs(peer_device, name, self.threads, False)])
        counts = {self.threads} if long or device != "cpu" else {1, self.threads}
        self.run_sides(device, name, unit, self.ours(device, name, True),
                       [self.theirs(peer_device, name, count, True) for count in sorted(counts)])

    def run_eager(self, device, name, unit):
        command = [self.program, device, name, str(self.threads)]
        self.run_sides(device, name, unit, self.ours(device, name, False),
                       [Side("gradc-eager", command, more={"GRADC_EAGER": "1"})])

    def run_sides(self, device, name, unit, ours, peers):
        """Takes the samples and adds a row; whether the case takes long."""
        good = [s for s in [ours] + peers if s.loaded()]
        good = [s for s in good if s.ready(self.threads)]
        samples = self.samples
        if sum(s.seconds for s in good) * samples > SAMPLES_SECONDS:
            samples = min(samples, max(2, int(SAMPLES_SECONDS / sum(s.seconds for s in good))))
        for _ in range(samples):
            good = [s for s in good if s.sample()]
        for s in [ours] + peers:
            s.close()
        peers = [p for p in peers if p in good]
        if ours in good and ours.work and unit in SECONDS:
            self.shares[device, name] = [x / (ours.median() * SECONDS[unit]) / 1e9 for x in ours.work]
        best = min(peers, key=Side.median) if peers else None
        if ours not in good:
            self.failed = 1
            self.rows.append((name, device, "failed", unit, "-", "-", unit, "-"))
        elif not best:
            self.rows.append((name, device, figure(ours.median()), unit, "none", "-", unit, "-"))
        else:
            self.rows.append((name, device, figure(ours.median()), unit, best.name, figure(best.median()), unit,
                              "%.2f" % (best.median() / ours.median())))
        return any(s.seconds > LONG_SECONDS for s in good)

    def worst(self):
        """The rows of the lowest ratios, one a case."""
        rated = sorted((row for row in self.rows if row[-1] != "-"), key=lambda row: float(row[-1]))
        first = {}
        for row in rated:
            first.setdefault(row[:2], row)
        return list(first.values())[:WORST]

    def report(self):
        lines = blas_seen + ["# the %d worst ratios" % WORST] + [" ".join(row) for row in self.worst()]
        self.say("\n".join(lines + ["# all"] + [" ".join(row) for row in self.rows]))
        for device in dict.fromkeys(device for device, _ in self.shares):
            self.report_shares(device)

    def report_shares(self, device):
        line = (self.lines([self.program, "--peak", device, str(self.threads)]) or ["0 0"])[0]
        peaks = [float(x) / 1e9 for x in line.split()]
        self.say("# shares of %s: %s GFLOP/s of multiply-adds, %s GB/s of a copy" % (device, *map(figure, peaks)))
        for name, rates in ((name, rates) for (where, name), rates in self.shares.items() if where == device):
            parts = ["%s %s %.0f%%" % (figure(rate), what, 100 * rate / peak if peak else 0)
                     for rate, what, peak in zip(rates, ("GFLOP/s", "GB/s"), peaks)]
            self.say(" ".join([name, device] + parts))

    def say(self, text):
        self.printed.append(text)
        print(text, flush=True)

    def append(self, path):
        """What was printed, as a section of a Markdown file."""
        chosen = re.compile(r"^(DEVICES|THREADS|SAMPLES|PYTHON|EAGER|BENCH_\w+|OPENBLAS_\w+|GRADC_\w+)$")
        words = ["%s=%s" % (k, shlex.quote(v)) for k, v in sorted(os.environ.items()) if chosen.match(k)]
        words += ["python3", "bench/bench.py", "build/bench/bench"] + [shlex.quote(x) for x in sys.argv[2:]]
        devices = ["%s: %s" % (d, (self.lines([self.program, "--has", d]) or ["-"])[0]) for d in self.devices()]
        with open(path, "a") as file:
            file.write("\n## %s, %s\n\n```\n%s\n" % (datetime.date.today(), "; ".join(devices), " ".join(words)))
            file.write("\n".join(self.printed) + "\n```\n")


def figure(x):
    return "%.4g" % x if x < 1000 else "%.0f" % x


def main():
    if len(sys.argv) not in (2, 3):
        sys.stderr.write(__doc__)
        return 2
    bench = Bench(os.path.abspath(sys.argv[1]))
    bench.say("# %d threads, %d samples, load %.1f, peer %s" % (bench.threads, bench.samples, os.getloadavg()[0],
                                                              bench.peer or "none"))
    if bench.peer:
        bench.compare_lists()
    wanted = bench.wanted(sys.argv[2] if len(sys.argv) == 3 and sys.argv[2] else ".")
    try:
        for i, (device, name, unit) in enumerate(wanted):
            sys.stderr.write("%d of %d: %s/%s\n" % (i + 1, len(wanted), device, name))
            bench.run_case(device, name, unit)
            if os.environ.get("EAGER") == "1":
                bench.run_eager(device, name, unit)
    except KeyboardInterrupt:
        bench.failed = 130
    bench.report()
    if os.environ.get("APPEND"):
        bench.append(os.environ["APPEND"])
    return bench.failed


if __name__ == "__main__":
    sys.exit(main())
