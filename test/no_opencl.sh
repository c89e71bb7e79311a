#!/bin/sh
# One program, any machine: without a platform, without the loader's library, or with a library that is no OpenCL, the
# same command runs on the CPU and says why there is no more; the library itself needs none of OpenCL, CLBlast and BLAS.
# Ends with "N passed, N failed[, N skipped]".
#
# GRADC  the command      LIBRARY  the shared library
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${GRADC:=./gradc}" "${LIBRARY:=lib/libgradc.so}" "${CC:=cc}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
case $BUILD in
*-address* | *-undefined*) sanitize=-fsanitize=address,undefined ;;
*-thread*) sanitize=-fsanitize=thread ;;
*) sanitize= ;;
esac

# Says what came of opening a device: the sum of 1, 2, 3 on it, or the message.
cat >"$work/open.c" <<'END'
#include <stdio.h>
#include "gradc.h"
int main(int argc, char **argv)
{
    const float values[3] = {1, 2, 3};
    gradc_context *g = gradc_open(argc > 1 ? argv[1] : NULL);
    if (!g) {
        printf("%s: %s\n", gradc_status_name(gradc_check(NULL)), gradc_message(NULL));
        return 1;
    }
    gradc_tensor *x = gradc_new(g, GRADC_F32, GRADC_SHAPE(3));
    gradc_write(x, values, sizeof values);
    printf("%d of %d: %g\n", (int)gradc_context_device(g), (int)gradc_device_count(),
           gradc_item(gradc_sum(x, 0, NULL, 0)));
    gradc_release(x);
    gradc_close(g);
    return 0;
}
END
# shellcheck disable=SC2086
if ! $CC $sanitize -Iinclude "$work/open.c" "$LIBRARY" -Wl,-rpath,"$(dirname "$(realpath "$LIBRARY")")" -o "$work/open"
then
    echo "0 passed, 1 failed"
    exit 1
fi

expect() { # what, text that the output must hold, command...
    what=$1 text=$2
    shift 2
    "$@" >"$work/log" 2>&1 </dev/null
    if grep -qF -- "$text" "$work/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $what: not \"$text\":"
        tail -5 "$work/log"
    fi
}

needs_none() { # file
    if ldd "$1" | grep -iE 'opencl|clblast|blas|gomp'; then echo "too much"; else echo "nothing of these"; fi
}

expect "the library needs no OpenCL and no BLAS" "nothing of these" needs_none "$LIBRARY"
expect "the command needs no OpenCL and no BLAS" "nothing of these" needs_none "$GRADC"

# The loader is there and knows no platform; its library can't be loaded; it is another library.
mkdir "$work/vendors" "$work/broken" "$work/other"
echo "this is no library" >"$work/broken/libOpenCL.so.1"
echo "int nothing_of_opencl;" >"$work/other.c"
$CC -shared -fPIC "$work/other.c" -o "$work/other/libOpenCL.so.1" || failed=$((failed + 1))

machine() { # what, the reason that is given, VARIABLE=value: the same program on a machine like that
    kind=$1 reason=$2 setting=$3
    [ -d /sys/devices/system/cpu ] || reason="/sys is not mounted" # then nothing is looked for
    case $BUILD in
    *-cpu*) reason="this build is without OpenCL" ;;
    esac
    for device in cpu auto; do
        expect "$kind, $device" "0 of 1: 6" env "$setting" "$work/open" $device
    done
    for device in opencl opencl:0 gpu opencl:NVIDIA; do
        expect "$kind, $device: the status" "GRADC_E_DEVICE: " env "$setting" "$work/open" $device
    done
    expect "$kind: the reason" "$reason" env "$setting" "$work/open" opencl:0
    expect "$kind: the command lists the CPU" "cpu" env "$setting" "$GRADC" devices --names
    expect "$kind: the tests run on the CPU" "PASSED" env "$setting" GRADC_TEST_DEVICES=cpu CMOCKA_MESSAGE_OUTPUT=STDOUT \
        "$BUILD/test/missing"
}

machine "no platform" "no OpenCL platform on this machine" OCL_ICD_VENDORS="$work/vendors"
machine "no loader" "libOpenCL.so.1 was not found" LD_LIBRARY_PATH="$work/broken"
machine "another library" "libOpenCL.so.1 has no cl" LD_LIBRARY_PATH="$work/other"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
