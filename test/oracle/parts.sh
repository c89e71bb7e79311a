# parts.sh - what the scripts that run the judges share; they source it from the root of the tree, with PYTHON and
# LIBRARY set.  Not a script of its own.
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

# The devices to judge on, of GRADC_TEST_DEVICES: the CPU and the first OpenCL device that opens; with
# GRADC_TEST_LONG=1 all of them.
judged_devices() {
    opened=
    for device in $GRADC_TEST_DEVICES; do
        if [ "$device" != cpu ]; then
            [ "$GRADC_TEST_LONG" = 1 ] || [ -z "$opened" ] || continue
            PYTHONPATH=bindings/python "$PYTHON" -c "import sys, gradc; gradc.Context(sys.argv[1])" "$device" \
                2>/dev/null || continue
            opened=$device
        fi
        echo "$device"
    done
}
