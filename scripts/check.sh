#!/bin/sh
# Everything that needs no run of the library: layers, ABI, layout, lengths, the ops' completeness, the reference.
# usage: scripts/check.sh SHARED-LIBRARY
set -u
cd "$(dirname "$0")/.." || exit 1
version=$(basename "$1" | sed 's/^libgradc\.so\.//')
bad=0
sh scripts/check-layers.sh || bad=1
sh scripts/check-abi.sh "$1" || bad=1
sh scripts/check-format.sh || bad=1
sh scripts/check-lengths.sh || bad=1
sh scripts/check-ops.sh || bad=1
sh scripts/check-docs.sh "$version" || bad=1
[ "$bad" -eq 0 ] && echo "check: ok"
exit "$bad"
