#!/bin/sh
# The whole matrix: both compilers, the sanitizers, without OpenCL, with the tests' long forms.  Hours, not minutes.
# Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
export GRADC_TEST_LONG=1
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

configuration() { # arguments of make
    echo "==== make $*"
    make test "$@" 2>&1 | tee "$log" | grep -vE '^(cc|gcc|clang|ar|ln|make)'
    counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
    if [ -z "$counts" ]; then
        echo "the tests did not run to their end"
        counts="0 passed, 1 failed"
    fi
    passed=$((passed + ${counts%% *}))
    counts=${counts##*, }
    failed=$((failed + ${counts%% *}))
}

configuration
GRADC_EAGER=1 configuration
for pass in fuse epilogue prologue updates order inplace recompute; do # each pass of the planner left out
    GRADC_PLAN=-$pass configuration
done
configuration CC=clang
configuration DEBUG=1
configuration OPENCL=0
configuration SAN=address,undefined
configuration SAN=thread
RUSTICL_ENABLE=llvmpipe configuration
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
