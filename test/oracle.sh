#!/bin/sh
# The Python package, and every op, optimiser and a training against PyTorch, on the CPU (f32 and f64) and the first
# OpenCL device (f32).
# Ends with "N passed, N failed, N skipped".
#
# PYTHON   the interpreter, by default /usr/bin/python3, for which Debian's python3-torch is
# LIBRARY  the shared library      ORACLE_SEED  the seed
# GRADC_TEST_DEVICES  the devices to choose from; with GRADC_TEST_LONG=1 all of them, with f64 too
set -u
cd "$(dirname "$0")/.." || exit 1
: "${PYTHON:=/usr/bin/python3}" "${LIBRARY:=lib/libgradc.so}" "${ORACLE_SEED:=1}" "${GRADC_TEST_LONG:=0}"
: "${GRADC_TEST_DEVICES:=cpu opencl}"
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}

skip() {
    echo "skipped: $1"
    skipped=$((skipped + 1))
    finish
}

"$PYTHON" -c "import numpy" 2>/dev/null || skip "$PYTHON has no NumPy (Debian: python3-numpy)"
GRADC_LIBRARY=$(realpath "$LIBRARY") || exit 1
export GRADC_LIBRARY PYTHONDONTWRITEBYTECODE=1

generated=bindings/python/gradc/_generated.py
if [ ! -s $generated ] || [ include/gradc.h -nt $generated ] || [ bindings/python/generate.py -nt $generated ]; then
    "$PYTHON" bindings/python/generate.py include/gradc.h >"$log" && cp "$log" $generated || {
        echo "failed: generate.py"
        failed=1
        finish
    }
fi

# A library with a sanitizer needs its run-time library in the process from the start.
preload=
if ldd "$GRADC_LIBRARY" | grep -q libtsan || nm -D --undefined-only "$GRADC_LIBRARY" | grep -q __tsan_init; then
    skip "an interpreter does not run under ThreadSanitizer"
elif nm -D --undefined-only "$GRADC_LIBRARY" | grep -q __asan_init; then
    preload="$(${CC:-cc} -print-file-name=libasan.so) $(${CC:-cc} -print-file-name=libstdc++.so)"
    export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
fi

# Runs a script and adds its counts; one that ends without them is one failure.
part() {
    echo "== $*"
    if [ -n "$preload" ]; then
        LD_PRELOAD=$preload "$PYTHON" -X faulthandler "$@" >"$log" 2>&1
    else
        "$PYTHON" -X faulthandler "$@" >"$log" 2>&1
    fi
    status=$?
    cat "$log"
    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
    if [ -z "$counts" ]; then
        echo "failed: $1 ended with status $status and no counts"
        counts="0 passed, 1 failed"
    fi
    passed=$((passed + ${counts%% *}))
    counts=${counts#*, }
    failed=$((failed + ${counts%% *}))
}

torch=1
"$PYTHON" -c "import torch" 2>/dev/null || torch=0
opened=
for device in $GRADC_TEST_DEVICES; do
    dtypes=
    if [ "$device" != cpu ]; then
        [ "$GRADC_TEST_LONG" = 1 ] || [ -z "$opened" ] || continue
        PYTHONPATH=bindings/python "$PYTHON" -c "import sys, gradc; gradc.Context(sys.argv[1])" "$device" \
            2>/dev/null || continue
        opened=$device
        [ "$GRADC_TEST_LONG" = 1 ] || dtypes="--dtype f32"
    fi
    part test/oracle/binding.py --device "$device"
    # shellcheck disable=SC2086
    [ $torch = 0 ] || part test/oracle/oracle.py --seed "$ORACLE_SEED" --device "$device" $dtypes
done
[ $torch = 1 ] || skip "$PYTHON has no PyTorch (Debian: python3-torch)"
finish
