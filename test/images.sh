#!/bin/sh
# Images against Pillow: what PNG and JPEG files of every kind decode to, and what a loader makes of them in other sizes.
# Ends with "N passed, N failed, N skipped".
#
# PYTHON   the interpreter, by default /usr/bin/python3, for which Debian's python3-pil is
# LIBRARY  the shared library
set -u
cd "$(dirname "$0")/.." || exit 1
: "${PYTHON:=/usr/bin/python3}" "${LIBRARY:=lib/libgradc.so}"

skip() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

"$PYTHON" -c "import numpy, PIL" 2>/dev/null || skip "$PYTHON has no NumPy and Pillow (Debian: python3-pil)"
GRADC_LIBRARY=$(realpath "$LIBRARY") || exit 1
export GRADC_LIBRARY PYTHONDONTWRITEBYTECODE=1
nm -D --undefined-only "$GRADC_LIBRARY" | grep -qE '__(tsan|asan)_init' && skip "the library has a sanitizer"
nm -D --undefined-only "$GRADC_LIBRARY" | grep -q tjInitDecompress || skip "the library has no images (IMAGES=0)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" test/oracle/images.py "$work"
