#!/bin/sh
# Makes the header's plain comments into Doxygen's: one that begins a line belongs to every prototype down to the next
# empty line, one behind code to that code.  The headings of sections stay as they are.
exec sed -e '/^\/\* ----/!s|^/\* |/** |' -e 's|\([;,}0-9][^/]*\)/\* |\1/**< |' "$1" | awk '
    /^$/ { block = ""; used = 0 }
    /^\/\*\*/ { block = ""; used = 0; inside = 1 }
    inside { block = block $0 "\n" }
    /^GRADC_API/ { if (block != "" && used) printf "%s", block; used = 1 }
    { print }
    /\*\/$/ { inside = 0 }'
