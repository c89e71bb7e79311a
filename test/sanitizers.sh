#!/bin/sh
# The programs that look for leaks, races and bad accesses, built with sanitizers: threads under ThreadSanitizer, what
# fails or is missing under AddressSanitizer and UndefinedBehaviorSanitizer, on the CPU.  (OpenCL implementations are not
# clean under ThreadSanitizer; scripts/test-all.sh runs all tests under both.)
# Ends with "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
if [ "${BUILD:-build}" != build ]; then
    echo "skipped: the plain build does this"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/vendors"
# The running make's jobs and variables are not this one's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES

under() { # sanitizers, the folder they build in, programs...
    sanitizers=$1 folder=$2
    shift 2
    programs=$(printf "$folder/test/%s " "$@")
    # shellcheck disable=SC2086
    if ! make -j"$(nproc 2>/dev/null || echo 2)" SAN="$sanitizers" $programs >"$work/log" 2>&1; then
        failed=$((failed + 1))
        echo "failed: make SAN=$sanitizers"
        tail -20 "$work/log"
        return
    fi
    for program in $programs; do
        if env OCL_ICD_VENDORS="$work/vendors" GRADC_TEST_DEVICES=cpu GRADC_TEST_PROGRAMS=1000 "$program" >"$work/log" 2>&1 </dev/null; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "failed: $program"
            grep -vE '^\[ *(RUN|OK|=+|-+) *\]' "$work/log" | head -40
        fi
    done
}

under thread build-thread threads missing lifetime
under address,undefined build-address-undefined failures missing threads lifetime every_op safetensors corpus checkpoint \
    plan limit random_programs half_ops
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
