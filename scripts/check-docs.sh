#!/bin/sh
# The API reference builds without a warning, and every public function has a comment.
# usage: scripts/check-docs.sh VERSION
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0

silent=$(sh scripts/doxygen-filter.sh include/gradc.h | awk '
    /^GRADC_API/ && !documented && !/\/\*\*</ { sub(/\(.*/, ""); print $NF }
    { documented = /\*\/$/ && !/\/\*\*</ }')
if [ -n "$silent" ]; then
    echo "$silent" | sed 's/^/docs: no comment: /'
    bad=1
fi

mkdir -p build
{ cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = build/docs"; echo "PROJECT_NUMBER = $1"; } >build/Doxyfile
warnings=$(doxygen build/Doxyfile 2>&1 >/dev/null)
if [ -n "$warnings" ]; then
    echo "$warnings" | sed 's/^/docs: /'
    bad=1
fi
[ "$bad" -eq 0 ] && echo "docs: ok, build/docs/html/index.html"
exit "$bad"
