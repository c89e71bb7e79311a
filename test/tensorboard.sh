#!/bin/sh
# The event files of gradc train --log-dir, read by TensorBoard itself.  Ends with "N passed, N failed[, N skipped]".
#
# TensorBoard comes from PyPI into the build folder, once.  Without it the test says so.
# PYTHON  an interpreter that can make virtual environments      BUILD  the build folder
set -u
cd "$(dirname "$0")/.." || exit 1
: "${GRADC:=./gradc}" "${BUILD:=build}" "${PYTHON:=python3}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

venv=$PWD/$BUILD/tensorboard
if [ ! -x "$venv/bin/tensorboard" ]; then
    rm -rf "$venv"
    "$PYTHON" -m venv "$venv" >"$work/log" 2>&1 && "$venv/bin/pip" install -q tensorboard setuptools >>"$work/log" 2>&1
fi
if ! "$venv/bin/python" -c "import tensorboard" 2>/dev/null; then
    echo "skipped: TensorBoard can't be installed: $(tail -1 "$work/log")"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

sh test/support/small-images.sh "$work/data" 200 || { echo "0 passed, 1 failed"; exit 1; }
if ! FASHION_MNIST="$work/data" "$GRADC" train --model mlp --device cpu --epochs 3 --batch 20 --lr 0.01 \
    --log-dir "$work/logs" >"$work/log" 2>&1; then
    cat "$work/log"
    echo "0 passed, 1 failed"
    exit 1
fi
if "$venv/bin/python" - "$work/logs" "$work/log" <<'END'
import re, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
tags = set(events.Tags()["scalars"])
assert tags == {"loss/train", "accuracy/train", "learning_rate", "loss/test", "accuracy/test"}, tags
rates = [(e.step, e.value) for e in events.Scalars("learning_rate")]
assert rates[-1][0] == 30 and len(rates) >= 10, rates
for step, rate in rates:
    assert abs(rate - 0.01 * (1 - (step - 1) / 30)) < 1e-8, (step, rate)
printed = [float(a) for a in re.findall(r"test accuracy ([0-9.]+)", open(sys.argv[2]).read())]
read = [e.value for e in events.Scalars("accuracy/test")]
assert len(read) == 3 and all(abs(a - b) < 1e-4 for a, b in zip(printed, read)), (printed, read)
assert [e.step for e in events.Scalars("loss/test")] == [10, 20, 30]
END
then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
