#!/bin/sh
# The prototypes of the public headers, lib/gradc.map and the library's dynamic symbols are the same list, and the
# header is clean as C99, C11 and C++98.
# usage: scripts/check-abi.sh SHARED-LIBRARY
set -u
cd "$(dirname "$0")/.." || exit 1
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

cat include/*.h | tr '\n' ' ' | sed 's|/\*|\n/*|g; s|\*/|*/\n|g' | grep -v '^/\*' | tr '\n' ' ' |
    grep -oE 'GRADC_API [^;]*;' | sed -n 's/^GRADC_API [^(]*[ *]\(gradc_[a-z0-9_]*\)(.*/\1/p' | sort >"$work/header"
sed -n 's/^ *\(gradc_[a-z0-9_]*\);.*/\1/p' lib/gradc.map | sort >"$work/map"
nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort >"$work/library"

compare() { # two lists with names
    differences=$(diff "$work/$1" "$work/$2" | sed -n "s/^< \(.*\)/\1 is in the $1 and not in the $2/p; s/^> \(.*\)/\1 is in the $2 and not in the $1/p")
    [ -z "$differences" ] && return
    echo "$differences" | sed 's/^/abi: /'
    bad=1
}
compare header map
compare header library
[ -s "$work/header" ] || { echo "abi: no prototypes found"; bad=1; }

for needed in $(objdump -p "$library" | awk '/NEEDED/ {print $2}'); do
    case $needed in
    libc.so.* | libm.so.* | libz.so.* | libcjson.so.* | libpng16.so.* | libturbojpeg.so.* | libdl.so.* | libpthread.so.* | ld-linux*) ;;
    *) echo "abi: the library needs $needed"; bad=1 ;;
    esac
done

echo '#include "gradc.h"' >"$work/header.c"
echo '#include "gradc.h"' >"$work/header.cpp"
for standard in c99 c11; do
    ${CC:-cc} -std=$standard -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/header.c" || bad=1
done
if command -v "${CXX:-c++}" >/dev/null; then
    ${CXX:-c++} -std=c++98 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/header.cpp" || bad=1
elif command -v clang >/dev/null; then
    clang -x c++ -std=c++98 -nostdinc++ -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/header.cpp" || bad=1
fi
[ "$bad" -eq 0 ] && echo "abi: ok, $(wc -l <"$work/header") functions"
exit "$bad"
