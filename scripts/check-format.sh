#!/bin/sh
# Every C file is laid out as .clang-format says.  `make format` does it.
# clang-format 14 decides; another version may see some lines otherwise and is only asked where there is no 14.
set -u
cd "$(dirname "$0")/.." || exit 1
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "format: there is no clang-format"; exit 1; }
files=$(find include src test tools examples bench -name '*.[ch]' | sort)
case ${1:-} in
fix) exec "$tool" -i $files ;;
esac
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$tool" --dry-run -Werror $files 2>"$log"; then
    echo "format: ok"
    exit 0
fi
sed -n 's/^\([^ :]*:[0-9]*\):.*/\1/p' "$log" | sort -u | head -40 |
    sed 's/^/format: /; s/$/ is not laid out as .clang-format says (make format)/'
exit 1
