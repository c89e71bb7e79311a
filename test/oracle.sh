#!/bin/sh
# The Python package, and every op, optimiser and a training against PyTorch, on the CPU (f32, f64 and bf16) and the
# first OpenCL device (f32).
# Ends with "N passed, N failed, N skipped".
#
# PYTHON   the interpreter, by default /usr/bin/python3, for which Debian's python3-torch is
# LIBRARY  the shared library      ORACLE_SEED  the seed
# GRADC_TEST_DEVICES  the devices to choose from; with GRADC_TEST_LONG=1 all of them, with f64 and bf16 too
set -u
cd "$(dirname "$0")/.." || exit 1
: "${PYTHON:=/usr/bin/python3}" "${LIBRARY:=lib/libgradc.so}" "${ORACLE_SEED:=1}" "${GRADC_TEST_LONG:=0}"
: "${GRADC_TEST_DEVICES:=cpu opencl}"
. test/oracle/parts.sh

torch=1
"$PYTHON" -c "import torch" 2>/dev/null || torch=0
for device in $(judged_devices); do
    dtypes=
    [ "$device" = cpu ] || [ "$GRADC_TEST_LONG" = 1 ] || dtypes="--dtype f32"
    # OpenCL on the CPU takes a quarter of a second to compile a chain, and seconds behind a product: they are test/plan.c's
    # and test/epilogue.c's.
    plan=
    [ "$device" = cpu ] || [ "$GRADC_TEST_LONG" = 1 ] || plan=-fuse-epilogue-prologue
    part test/oracle/binding.py --device "$device"
    # shellcheck disable=SC2086
    [ $torch = 0 ] || GRADC_PLAN=$plan part test/oracle/oracle.py --seed "$ORACLE_SEED" --device "$device" $dtypes
    [ $torch = 0 ] || [ -n "$dtypes" ] || part test/oracle/halves.py --seed "$ORACLE_SEED" --device "$device"
done
[ $torch = 1 ] || skip "$PYTHON has no PyTorch (Debian: python3-torch)"
finish
