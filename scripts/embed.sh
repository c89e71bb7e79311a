#!/bin/sh
# embed.sh - turns kernel sources and tuning stores into one C file: for each NAME.cl or NAME.txt an array of its lines,
# ended by NULL, and the tables of all sources and of all stores (src/device/opencl/sources.h).
#
#   scripts/embed.sh opencl/*.cl src/ops/elementwise.def opencl/tuned/*.txt > build/kernels.c
#
# then compile it with -Isrc.  A file that ends in neither keeps its ending in its name, as sources include it.
# One literal a line stays inside C's limit of 4095 characters and keeps the line numbers of build logs.
set -eu

if [ $# -eq 0 ]; then
    echo "usage: embed.sh NAME.cl ... > kernels.c" >&2
    exit 2
fi

name_of() { basename "${1%.cl}" .txt; }
array_of() { echo "gradc_cl_$(basename "${1%.cl}" | tr -c 'A-Za-z0-9\n' _)"; }

table() { # its name, what of (source or store), FILE...
    echo
    echo "const struct source $1[] = {"
    shift
    wanted=$1
    shift
    for file in "$@"; do
        case $file in *.txt) kind=store ;; *) kind=source ;; esac
        [ $kind != "$wanted" ] || echo "    {\"$(name_of "$file")\", $(array_of "$file")},"
    done
    echo '    {NULL, NULL},'
    echo '};'
}

echo '/* Made by scripts/embed.sh from opencl/: do not edit. */'
echo '#include "device/opencl/sources.h"'
for file in "$@"; do
    echo
    echo "static const char *const $(array_of "$file")[] = {"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/.*/    "&\\n",/' "$file"
    echo '    NULL,'
    echo '};'
done
table source_list source "$@"
table shipped_stores store "$@"
