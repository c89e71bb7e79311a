#!/bin/sh
# The second start of a program builds no kernel: it takes them from the disk cache, in a folder that is the user's
# alone; damaged entries are built again; a cache that can't be written costs time and nothing else.
# Ends with "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${CC:=cc}" "${GRADC_TEST_DEVICES:=cpu opencl:0}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

device=
for name in $GRADC_TEST_DEVICES; do
    [ "$name" = cpu ] || { device=$name && break; }
done
archive=$BUILD/lib/libgradc.a
[ "$BUILD" != build ] || archive=lib/libgradc.a
if [ -z "$device" ] || [ ! -f "$archive" ]; then
    echo "skipped: no OpenCL device, or no $archive"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

cat >"$work/start.c" <<'END'
#include <stdio.h>
#include "gradc.h"
int main(int argc, char **argv)
{
    const float values[6] = {1, 2, 3, 4, 5, 6};
    int64_t built = -1, loaded = -1;
    gradc_context *g = gradc_open(argc > 1 ? argv[1] : NULL);
    gradc_tensor *x = gradc_new(g, GRADC_F32, GRADC_SHAPE(2, 3));
    gradc_write(x, values, sizeof values);
    double sum = gradc_item(gradc_sum(gradc_matmul(x, gradc_transpose(gradc_tanh(x), 0, 1)), 0, NULL, 0));
    gradc_counters(g, NULL, NULL, &built, &loaded);
    printf("%d %d %.9g %s\n", (int)built, (int)loaded, sum, g ? gradc_message(g) : gradc_message(NULL));
    gradc_release(x);
    gradc_close(g);
    return 0;
}
END
sanitize=
case $BUILD in
*-address* | *-undefined*) sanitize=-fsanitize=address,undefined ;;
*-thread*) sanitize=-fsanitize=thread ;;
esac
# shellcheck disable=SC2086
if ! $CC $sanitize -Iinclude "$work/start.c" "$archive" -o "$work/start" -lcjson -lpng -lturbojpeg -lz -ldl -lm \
    -pthread; then
    echo "0 passed, 1 failed"
    exit 1
fi

start() { # sets built, loaded, sum, message
    line=$(env ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}" XDG_CACHE_HOME="${1:-$work/cache}" "$work/start" "$device" \
        2>/dev/null)
    built=${line%% *} line=${line#* }
    loaded=${line%% *} line=${line#* }
    sum=${line%% *} message=${line#* }
}

expect() { # what, condition...
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $what: built $built, loaded $loaded, sum $sum ($message)"
    fi
}

start
first=$built right=$sum
expect "the first start builds" [ "$built" -gt 0 ]
expect "the first start loads nothing" [ "$loaded" -eq 0 ]
expect "the first start gives a number" [ -n "$sum" ]
expect "each program is a file" [ "$(find "$work/cache/gradc" -name '*.clbin' | wc -l)" -eq "$first" ]
expect "the folder is the user's alone" [ "$(stat -c %a "$work/cache/gradc")" = 700 ]
expect "no temporary file is left" [ "$(find "$work/cache/gradc" -type f ! -name '*.clbin' | wc -l)" -eq 0 ]

start
expect "the second start builds nothing" [ "$built" -eq 0 ]
expect "the second start loads all" [ "$loaded" -eq "$first" ]
expect "the second start gives the same number" [ "$sum" = "$right" ]

damage() { # how, a file
    case $1 in
    "cut short") truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
    empty) : >"$2" ;;
    "changed near the end") printf 'X' | dd of="$2" bs=1 seek=$(($(stat -c %s "$2") - 60)) conv=notrunc 2>/dev/null ;;
    "changed near the beginning") printf 'X' | dd of="$2" bs=1 seek=20 conv=notrunc 2>/dev/null ;;
    "something else") echo "this is no program" >"$2" ;;
    esac
}

for how in "cut short" empty "changed near the end" "changed near the beginning" "something else"; do
    for file in "$work"/cache/gradc/*.clbin; do
        damage "$how" "$file"
    done
    start
    expect "entries ($how) are built again" [ "$built" -eq "$first" ]
    expect "entries ($how) give the same number" [ "$sum" = "$right" ]
done
start
expect "they are whole after that" [ "$built" -eq 0 ]

# An entry under another's name is not taken for it.
set -- "$work"/cache/gradc/*.clbin
if [ $# -ge 2 ]; then
    cp "$1" "$2"
    start
    expect "an exchanged entry is built again" [ "$built" -eq 1 ]
    expect "an exchanged entry gives the same number" [ "$sum" = "$right" ]
fi

mkdir "$work/blocked"
echo "no folder" >"$work/blocked/gradc"
start "$work/blocked"
expect "without a folder all are built" [ "$built" -eq "$first" ]
expect "without a folder the number is the same" [ "$sum" = "$right" ]

# Many at the same time fill one cache.
rm -rf "$work/cache"
for i in 1 2 3; do
    XDG_CACHE_HOME=$work/cache "$work/start" "$device" >"$work/out$i" 2>/dev/null &
done
wait
start
expect "after three starts at a time nothing is built" [ "$built" -eq 0 ]
expect "three starts at a time agree" [ "$(cut -d' ' -f3 "$work"/out[123] | sort -u)" = "$right" ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
