#!/bin/sh
# Runs the test programs (cmocka), the examples and the test scripts, and adds up their counts.
# Ends with what failed, if anything, and "N passed, N failed"; the exit status is 0 if none failed.
#
# usage: scripts/run-tests.sh [REGEX]     only those whose name matches
# BUILD  the build folder; GRADC the command; LIBRARY the shared library (set by make test)
# JOBS   how many run at a time: a test that looks at the time leaves much of it (default: the processors, at most 4)
# GRADC_TEST_DEVICES  the devices that tests use, by default all that the machine has
#
# A cmocka program counts by its summary, anything else by a last line "N passed, N failed[, N skipped]"; what ends
# badly without saying which test failed counts as one failure, an example that ends well as one pass.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${GRADC:=./gradc}" "${LIBRARY:=lib/libgradc.so}" "${TEST_SECONDS:=1200}"

# Some vendors' OpenCL drivers can't be loaded into a program with a sanitizer: there PoCL alone is seen.
case $BUILD in
*-address* | *-thread* | *-undefined*)
    if [ -z "${OCL_ICD_VENDORS:-}" ]; then
        OCL_ICD_VENDORS=$PWD/$BUILD/vendors
        mkdir -p "$OCL_ICD_VENDORS"
        cp /etc/OpenCL/vendors/pocl.icd "$OCL_ICD_VENDORS" 2>/dev/null
        export OCL_ICD_VENDORS
    fi
    export LSAN_OPTIONS="suppressions=$PWD/test/lsan.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
    ;;
esac
: "${GRADC_TEST_DEVICES:=$("$GRADC" devices --names | tr '\n' ' ')}"
export BUILD GRADC LIBRARY GRADC_TEST_DEVICES
export CMOCKA_MESSAGE_OUTPUT=STDOUT
logs=$BUILD/logs
if [ "${1:-}" != --one ]; then
    rm -rf "$logs"
    mkdir -p "$logs"
fi

# These have PoCL build hundreds of kernels and run each once or twice.  Its optimiser takes four fifths of that time, so it
# is left out but in the long form: ops' own tests (test/ops), trainings and models have it.  Such kernels are for nobody
# else and go to a cache of their own.
only_built="test/oracle.sh test/command.sh test/amp test/clblast test/conv test/depthwise test/epilogue test/failures
    test/gemm test/gradients test/half test/half_ops test/half_steps test/prologue test/random_programs test/tiles
    test/tuning test/winograd"

leave_unoptimised() { # name
    [ "${GRADC_TEST_LONG:-0}" = 0 ] || return
    for built in $only_built; do
        if [ "$built" = "$1" ]; then
            export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable XDG_CACHE_HOME="$PWD/$BUILD/cache"
        fi
    done
}

# ---- One of them: scripts/run-tests.sh --one "NAME<tab>COMMAND" ----

# Sums of numbers in the log, by a sed pattern that leaves the number.
total() { sed -n "$1" "$log" | awk '{n += $1} END {print n + 0}'; }

count() { # how the program ended; fills good, bad, left
    good=0 bad=0 left=0
    summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
    if grep -q '^\[==========\]' "$log"; then
        good=$(total 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p')
        bad=$(total 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p')
        left=$(total 's/^\[  SKIPPED \] \([0-9]*\) test.*/\1/p')
    elif [ -n "$summary" ]; then
        good=${summary%% *}
        bad=$(echo "$summary" | sed 's/.*, \([0-9]*\) failed.*/\1/')
        left=$(echo "$summary" | sed -n 's/.*, \([0-9]*\) skipped.*/\1/p')
    elif [ "$1" -eq 0 ]; then
        good=1
    fi
    if [ "$1" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
}

explain() { # what the run that just failed said
    echo "$name:"
    [ "$status" -ne 124 ] || echo "    it ran longer than $TEST_SECONDS s"
    grep -vE '^\[ *(RUN|OK|=+|-+) *\]' "$log" | tail -40 | sed 's/^/    /'
    echo "    exit status $status; all of it is in $log"
}

if [ "${1:-}" = --one ]; then
    tab=$(printf '\t')
    name=${2%%"$tab"*}
    log=$logs/$(echo "$name" | tr '/' '-').log
    leave_unoptimised "$name"
    start=$(date +%s)
    # shellcheck disable=SC2086
    timeout "$TEST_SECONDS" ${2#*"$tab"} >"$log" 2>&1 </dev/null
    status=$?
    count $status
    echo "$good $bad ${left:-0}" >"${log%.log}.count"
    [ "$bad" -eq 0 ] || explain >"${log%.log}.failed"
    line=$(printf '%-40s %5d passed %3d failed  %4d s' "$name" "$good" "$bad" $(($(date +%s) - start)))
    [ "$bad" -eq 0 ] || line="$line
$(cat "${log%.log}.failed")"
    echo "$line"
    exit 0
fi

# ---- All of them, the scripts first, which take the longest ----

{
    for script in test/*.sh; do
        [ -f "$script" ] && printf '%s\tsh %s\n' "$script" "$script"
    done
    for source in test/*.c test/ops/*.c; do
        [ -f "$source" ] && printf '%s\t%s\n' "${source%.c}" "$BUILD/${source%.c}"
    done
    for source in examples/*.c; do
        for device in $GRADC_TEST_DEVICES; do
            [ -f "$source" ] && printf '%s\t%s\n' "${source%.c} $device" "$BUILD/${source%.c} $device"
        done
    done
} | only=${1:-.} awk -F '\t' '$1 ~ ENVIRON["only"]' >"$logs/list"
if [ ! -s "$logs/list" ]; then
    echo "no test is named like \"${1:-.}\""
    echo "0 passed, 1 failed"
    exit 1
fi
jobs=$(nproc 2>/dev/null || echo 1)
[ "$jobs" -le 4 ] || jobs=4
xargs -d '\n' -P "${JOBS:-$jobs}" -n 1 sh scripts/run-tests.sh --one <"$logs/list"
if ls "$logs"/*.failed >/dev/null 2>&1; then
    echo "What failed, once more:"
    cat "$logs"/*.failed
fi
# shellcheck disable=SC2046
set -- $(cat "$logs"/*.count 2>/dev/null | awk '{g += $1; b += $2; l += $3} END {print g + 0, b + 0, l + 0}')
lost=$(($(wc -l <"$logs/list") - $(find "$logs" -name '*.count' | wc -l)))
[ "$lost" -eq 0 ] || echo "$lost did not run to their end"
[ "$3" -eq 0 ] || echo "$3 skipped"
echo "$1 passed, $(($2 + lost)) failed"
[ $(($2 + lost)) -eq 0 ]
