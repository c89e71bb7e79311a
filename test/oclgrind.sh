#!/bin/sh
# Every kernel at tiny shapes in Oclgrind, with one buffer for each tensor: races, accesses out of bounds, reads of what
# nobody wrote.  The program is test/every_op.c; what Oclgrind reports of it is a failure.
# Ends with "N passed, N failed[, N skipped]".
#
# Oclgrind 21.10 takes no two builds at once (the device sees to that) and reports reads of unwritten memory that are
# none; test/oclgrind/host.c stands before it and says why.  So its library is preloaded here, and not by its command.
# Its shadow memory does not know llvm.fabs, which the compiler makes of selections: programs are not optimised here.
# CC  the compiler      BUILD  the build folder
# GRADC_TEST_LONG  1: all dtypes, not f32 and i32 where an op takes several; all tiles of products, not some
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${CC:=cc}" "${GRADC_TEST_LONG:=0}"
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

case $BUILD in
*-address* | *-thread* | *-undefined* | *-cpu*) skip "Oclgrind runs the plain build" ;;
esac
[ -d /sys/devices/system/cpu ] || skip "/sys is not mounted, so the library opens no OpenCL"
command -v oclgrind >/dev/null || skip "there is no oclgrind"
library=
for folder in "$(dirname "$(command -v oclgrind)")/../lib/oclgrind" /usr/lib/oclgrind /usr/local/lib/oclgrind; do
    [ -f "$folder/liboclgrind-rt.so" ] && library=$folder/liboclgrind-rt.so && break
done
[ -n "$library" ] || skip "there is an oclgrind, but no liboclgrind-rt.so beside it"

if ! $CC -std=c11 -D_GNU_SOURCE -shared -fPIC test/oclgrind/host.c -o "$work/host.so" -ldl ||
    ! $CC -std=c11 test/oclgrind/control.c -o "$work/control" "$library"; then
    echo "0 passed, 1 failed"
    exit 1
fi

dtypes="f32 i32"
[ "$GRADC_TEST_LONG" = 0 ] || dtypes=

watched() { # command: its exit status; what was reported is in $work/report
    : >"$work/report"
    env LD_PRELOAD="$work/host.so $library" OCLGRIND_DATA_RACES=1 OCLGRIND_UNINITIALIZED=1 OCLGRIND_MAX_ERRORS=50 \
        OCLGRIND_BUILD_OPTIONS=-cl-opt-disable \
        OCLGRIND_LOG="$work/report" XDG_CACHE_HOME="$work/cache" \
        GRADC_ISOLATE=1 GRADC_TEST_LONG=1 GRADC_TEST_ALL="$GRADC_TEST_LONG" ${dtypes:+GRADC_TEST_DTYPES="$dtypes"} \
        GRADC_TEST_DEVICES=opencl:0 timeout 600 "$@" >"$work/log" 2>&1 </dev/null
}

ok() {
    passed=$((passed + 1))
}

bad() { # what
    failed=$((failed + 1))
    echo "failed: $1"
    head -40 "$work/report"
    tail -5 "$work/log"
}

for what in race bounds uninitialized; do
    watched "$work/control" $what
    if [ -s "$work/report" ]; then ok; else bad "Oclgrind does not report the control \"$what\""; fi
done
if watched "$work/control" nothing && [ ! -s "$work/report" ]; then ok; else bad "Oclgrind reports what is right"; fi

GRADC_TEST_DEVICES=cpu CMOCKA_MESSAGE_OUTPUT=STDOUT "$BUILD/test/every_op" '*planned' 2>/dev/null |
    sed -n 's/^\[ RUN  *\] \(.*\): cpu, planned$/\1/p' >"$work/groups"
[ -s "$work/groups" ] || bad "$BUILD/test/every_op names no tests"
while read -r group; do
    if ! watched "$BUILD/test/every_op" "$group: opencl:0, planned"; then
        bad "$group: the program failed"
    elif ! grep -q "PASSED  \] 1 test" "$work/log"; then
        bad "$group: it did not run"
    elif [ -s "$work/report" ]; then
        bad "$group: Oclgrind reports:"
    else
        ok
    fi
done <"$work/groups"

# Matrix units, emulated.
for program in units conv; do
    if ! watched "$BUILD/test/matrix_$program" 'tiny*planned'; then
        bad "matrix_$program: it failed"
    elif ! grep -q "PASSED  \] [1-9]" "$work/log"; then
        bad "matrix_$program: it did not run"
    elif [ -s "$work/report" ]; then
        bad "matrix_$program: Oclgrind reports:"
    else
        ok
    fi
done

# Chains, updates of many parameters and values made again, as random programs come to them.
if ! watched "$BUILD/test/random_programs" 8; then
    bad "random programs: they failed"
elif ! grep -q "^1 passed, 0 failed" "$work/log"; then
    bad "random programs: they did not run"
elif [ -s "$work/report" ]; then
    bad "random programs: Oclgrind reports:"
else
    ok
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
