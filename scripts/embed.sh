#!/bin/sh
# embed.sh - turns kernel sources into one C file: for each NAME.cl an array gradc_cl_NAME of its lines, ended by NULL,
# and the table of all of them (src/device/opencl/sources.h).
#
#   scripts/embed.sh opencl/*.cl src/ops/elementwise.def > build/kernels.c      then compile it with -Isrc
#
# A file that does not end in .cl keeps its ending in its name, as sources include it.
# One literal a line stays inside C's limit of 4095 characters and keeps the line numbers of build logs.
set -eu

if [ $# -eq 0 ]; then
    echo "usage: embed.sh NAME.cl ... > kernels.c" >&2
    exit 2
fi

echo '/* Made by scripts/embed.sh from opencl/: do not edit. */'
echo '#include "device/opencl/sources.h"'
for file in "$@"; do
    name=$(basename "$file" .cl)
    echo
    echo "static const char *const gradc_cl_$(echo "$name" | tr . _)[] = {"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/.*/    "&\\n",/' "$file"
    echo '    NULL,'
    echo '};'
done
echo
echo 'const struct source source_list[] = {'
for file in "$@"; do
    name=$(basename "$file" .cl)
    echo "    {\"$name\", gradc_cl_$(echo "$name" | tr . _)},"
done
echo '    {NULL, NULL},'
echo '};'
