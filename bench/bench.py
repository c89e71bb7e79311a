"""Times libgradc and PyTorch side by side: one line a case and peer.

usage: bench.py PROGRAM [REGEX]      matched against DEVICE/NAME; .  is all
    name device ours unit peer-name peer unit ratio          ratio = the peer's time / ours

A case has one process a side, all alive at once; one sample is taken of each in turn, and medians are compared.
"torch..." is PyTorch as installed.  "-tuned" has a malloc that keeps its memory, threads that sleep where they wait,
and each thread on a processor of its own; the best of its thread counts is taken.  Our figure beside it has its
threads placed alike, so the two lines of a case can differ in it.

environment: DEVICES  our devices (cpu, and gpu where there is one)      THREADS  of both sides (all)
             SAMPLES  5      PYTHON  the peer's interpreter (/usr/bin/python3)
             BENCH_CPU_TIME=1  processor time instead of wall time: for a machine that is busy with other things
"""
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "MALLOC_TOP_PAD_": "268435456"}
# What would change a side behind our back.
FOREIGN = re.compile(r"^(OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|MALLOC_|GRADC_)")

blas_seen = set()


class Side:
    """A process that takes samples of one case."""

    def __init__(self, name, command, more=None, pinned=False):
        env = {k: v for k, v in os.environ.items() if not FOREIGN.match(k)}
        env.update(more or {})
        self.name, self.pinned = name, pinned
        self.samples = []
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self, threads):
        for line in self.process.stdout:
            if line.startswith("ready"):
                break
            word, path = line.split()
            if (self.name, path) not in blas_seen:
                blas_seen.add((self.name, path))
                print("#", word, "of", self.name + ":", path)
        else:
            self.close()
            return False
        if self.pinned:
            self.pin(threads)
        return True

    def pin(self, threads):
        """Thread i of the process goes to processor i."""
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        for i, thread in enumerate(sorted(int(t) for t in os.listdir("/proc/%d/task" % self.process.pid))):
            os.sched_setaffinity(thread, {cpus[i % len(cpus)]})

    def sample(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            self.samples.append(float(line))
        return bool(line)

    def median(self):
        return statistics.median(self.samples)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def peer_version(python):
    try:
        out = subprocess.run([python, os.path.join(HERE, "peer.py"), "--version"], capture_output=True, text=True)
    except OSError:
        return None, []
    words = out.stdout.split()
    return (words[0], words[1:]) if out.returncode == 0 and words else (None, [])


def sides(program, python, peer, peer_device, device, name, threads):
    """(ours, its peers) for each placement of threads."""
    def ours(pinned):
        return Side("gradc", [program, device, name, str(threads)], pinned=pinned)

    def theirs(suffix, count, **more):
        command = [python, os.path.join(HERE, "peer.py"), peer_device, name, str(count)]
        return Side(peer + suffix, command + (["tuned"] if suffix else []), **more)

    if not peer_device:
        return [(ours(False), [])]
    groups = [(ours(False), [theirs("", threads)])]
    tuned = [theirs("-tuned", count, more=dict(KEPT, OMP_WAIT_POLICY="passive", OMP_NUM_THREADS=str(count)), pinned=True)
             for count in sorted({1, threads} if device == "cpu" else {threads})]
    return groups + [(ours(True), tuned)]


def figure(x):
    return "%.4g" % x if x < 1000 else "%.0f" % x


def run_case(groups, device, name, unit, threads, samples):
    every = [s for ours, peers in groups for s in [ours] + peers]
    good = [s for s in every if s.ready(threads)]
    for _ in range(samples):
        good = [s for s in good if s.sample()]
    for s in good:
        s.close()
    failed = 0
    for ours, peers in groups:
        if ours not in good:
            print(name, device, "failed", unit, "-", "-", unit, "-", flush=True)
            failed = 1
            continue
        peers = [p for p in peers if p in good]
        if not peers:
            print(name, device, figure(ours.median()), unit, "none", "-", unit, "-", flush=True)
            continue
        best = min(peers, key=Side.median)
        print(name, device, figure(ours.median()), unit, best.name, figure(best.median()), unit,
              "%.2f" % (best.median() / ours.median()), flush=True)
    return failed


def devices_here(program):
    if "DEVICES" in os.environ:
        return os.environ["DEVICES"].split()
    gpu = subprocess.run([program, "--has", "gpu"], capture_output=True).returncode == 0
    return ["cpu", "gpu"] if gpu else ["cpu"]


def main():
    if len(sys.argv) not in (2, 3):
        sys.stderr.write(__doc__)
        return 2
    program = os.path.abspath(sys.argv[1])
    wanted = re.compile(sys.argv[2] if len(sys.argv) == 3 else ".")
    python = os.environ.get("PYTHON", "/usr/bin/python3")
    threads = int(os.environ.get("THREADS") or len(os.sched_getaffinity(0)))
    samples = int(os.environ.get("SAMPLES") or 5)
    peer, peer_devices = peer_version(python)
    cases = [line.split() for line in
             subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()]
    print("# %d threads, %d samples, load %.1f, peer %s" % (threads, samples, os.getloadavg()[0], peer or "none"))
    failed = 0
    for device in devices_here(program):
        peer_device = "cpu" if device == "cpu" else "gpu"
        peer_device = peer_device if peer_device in peer_devices else None
        for name, unit in cases:
            if wanted.search(device + "/" + name):
                groups = sides(program, python, peer, peer_device, device, name, threads)
                failed |= run_case(groups, device, name, unit, threads, samples)
    return failed


sys.exit(main())
