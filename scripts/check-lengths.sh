#!/bin/sh
# The limits of the house style: files up to 600 lines (tables and the public header apart), functions up to 60 lines
# (80 in files about convolution, products and kernel launches), lines up to 120 columns.
set -u
cd "$(dirname "$0")/.." || exit 1
find src tools test examples bench opencl \( -name '*.[ch]' -o -name '*.cl' \) | sort | xargs awk '
    function most(file) { return file ~ /(conv|gemm|launch|pool)[^\/]*$/ ? 80 : 60 }
    function end_file() {
        if (file != "" && lines > 600) { print "lengths: " file " has " lines " lines"; bad = 1 }
    }
    FNR == 1 { end_file(); file = FILENAME; start = 0; head = "" }
    { lines = FNR }
    length($0) > 120 { print "lengths: " file ":" FNR " has " length($0) " columns"; bad = 1 }
    /^[A-Za-z_].*\(/ { head = $0 }
    /^\{/ { start = FNR }
    /^\}/ && start > 0 {
        if (FNR - start > most(file)) {
            sub(/\(.*/, "", head)
            print "lengths: " file ":" start ": " head " has " FNR - start " lines"
            bad = 1
        }
        start = 0
    }
    END { end_file(); if (!bad) print "lengths: ok"; exit bad }'
