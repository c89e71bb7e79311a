"""Peak memory of libgradc and PyTorch side by side: one line a case.

usage: memory.py PROGRAM [REGEX]      matched against the case's name; default: what trains
    name ours MiB torch MiB ratio     ratio = PyTorch's / ours

The most that the process had resident, over the warm-up and two samples, with one thread, on the CPU; and in
parentheses without what it has before the operands are there (PyTorch's libraries, mostly).
environment: PYTHON  the peer's interpreter (/usr/bin/python3)
"""
import os
import re
import subprocess
import sys

from bench import PEER, Side


def peak(command):
    """The most that was resident, in MiB."""
    side = Side("", command)
    if not (side.loaded() and side.ready(1) and side.sample() and side.sample()):
        sys.exit("memory.py: no samples from %s" % " ".join(command))
    with open("/proc/%d/status" % side.process.pid) as status:
        kilobytes = int(re.search(r"VmHWM:\s*(\d+) kB", status.read()).group(1))
    side.close()
    return kilobytes / 1024


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    python = os.environ.get("PYTHON", "/usr/bin/python3")
    sides = [[sys.argv[1]], [python, PEER]]
    wanted = re.compile(sys.argv[2] if len(sys.argv) == 3 else "train-b")
    names = subprocess.run(sides[0] + ["--list"], capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = subprocess.run(sides[1] + ["--list"], capture_output=True, text=True, check=True).stdout.split()
    idle = [peak(side + ["cpu", "relu-1e3", "1"]) for side in sides]
    for name, *rest in (line.split() for line in names):
        if not wanted.search(name) or "large" in rest or name not in theirs:
            continue
        ours, torch = (peak(side + ["cpu", name, "1"]) for side in sides)
        print("%s ours %.0f MiB torch %.0f MiB %.2f (%.0f, %.0f, %.2f)" %
              (name, ours, torch, torch / ours, ours - idle[0], torch - idle[1],
               (torch - idle[1]) / max(1, ours - idle[0])), flush=True)


if __name__ == "__main__":
    main()
