#!/bin/sh
# The models against torchvision's, with the same weights, on the CPU and the first OpenCL device.
# Ends with "N passed, N failed, N skipped".
#
# PYTHON   the interpreter, by default /usr/bin/python3, for which Debian's python3-torchvision is
# LIBRARY  the shared library      ORACLE_SEED  the seed
# GRADC_TEST_DEVICES  the devices to choose from; with GRADC_TEST_LONG=1 all of them, and the models at their own size
set -u
cd "$(dirname "$0")/.." || exit 1
: "${PYTHON:=/usr/bin/python3}" "${LIBRARY:=lib/libgradc.so}" "${ORACLE_SEED:=1}" "${GRADC_TEST_LONG:=0}"
: "${GRADC_TEST_DEVICES:=cpu opencl}"
. test/oracle/parts.sh

"$PYTHON" -c "import torchvision" 2>/dev/null || skip "$PYTHON has no torchvision (Debian: python3-torchvision)"
long=
[ "$GRADC_TEST_LONG" = 0 ] || long=--long
for device in $(judged_devices); do
    # shellcheck disable=SC2086
    part test/oracle/models.py --seed "$ORACLE_SEED" --device "$device" $long
done
finish
