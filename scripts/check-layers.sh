#!/bin/sh
# Includes go downward only (nn, optim, data, io -> ops -> core -> device -> base), and each foreign interface has one
# home: OpenCL's headers src/device/opencl, BLAS's src/device/cpu, cJSON's src/io, PNG's and JPEG's src/data/image.c, the
# operating system's src/base/os*.c.
# The library does not print, end the process, read the environment or allocate by itself.
set -u
cd "$(dirname "$0")/.." || exit 1

level() { # of a folder of src/
    case $1 in
    base) echo 0 ;; device) echo 1 ;; core) echo 2 ;; ops) echo 3 ;;
    nn | optim | data | io) echo 4 ;;
    *) echo 9 ;;
    esac
}

complain() { echo "layers: $1"; bad=1; }

bad=0
for file in $(find src -name '*.[ch]' -o -name '*.def' | sort); do
    layer=${file#src/}
    layer=${layer%%/*}
    own=$(level "$layer")
    for include in $(sed -n 's/^ *# *include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
        other=$(level "$include")
        [ "$other" -ne 9 ] || complain "$file includes $include/, which is no layer"
        [ "$other" -le "$own" ] || complain "$file includes $include/, which lies above it"
        [ "$other" -ne 4 ] || [ "$own" -ne 4 ] || [ "$include" = "$layer" ] ||
            complain "$file includes $include/, which lies beside it"
    done
done

# Files below that name what is another folder's.
outside() { # pattern, the only folder or file that may, what it is
    found=$(grep -rlE "$1" src --include='*.[ch]' --include='*.def' | grep -v "^$2")
    [ -z "$found" ] || complain "$3 outside $2: $(echo "$found" | tr '\n' ' ')"
}
outside '^ *# *include <(CL/|clblast)' src/device/opencl/ "OpenCL's headers"
outside '^ *# *include [<"](device/opencl/opencl\.h|device/opencl/)' 'src/device/\(opencl/\|device\.c\)' \
    "the OpenCL device's headers"
outside '^ *# *include <cblas' src/device/cpu/ "BLAS's headers"
outside '^ *# *include <cjson/' src/io/ "cJSON's headers"
outside '^ *# *include <(unistd|fcntl|dlfcn|sched|sys/|linux/|poll|dirent|pwd|signal)' 'src/base/os\(_[a-z]*\)\?\.c' \
    "the operating system's headers"
outside '^ *# *include <(png|turbojpeg)' src/data/image.c "the headers of PNG and JPEG"
outside '_GNU_SOURCE' src/base/os.c "_GNU_SOURCE"

# Text without comments and strings.
code() { sed -e 's|"\([^"\\]\|\\.\)*"|""|g' -e 's|/\*.*\*/||' "$1" | awk '/\/\*/ {skip = 1} !skip {print} /\*\// {skip = 0}'; }
for file in $(find src -name '*.[ch]' | sort); do
    calls=$(code "$file" | grep -oE \
        '(^|[^A-Za-z0-9_.>])(printf|fprintf|puts|fputs|putchar|perror|abort|exit|_Exit|_exit|assert|getenv|setlocale|system) *\(' |
        tr -d ' (;{}' | sort -u | tr '\n' ' ')
    case $file in src/base/os.c) calls=$(echo "$calls" | sed 's/getenv//') ;; esac
    [ -z "$(echo "$calls" | tr -d ' ')" ] || complain "$file calls $calls"
    case $file in src/base/os.c | src/base/host.c) continue ;; esac
    calls=$(code "$file" | grep -oE '(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|free|strdup|aligned_alloc) *\(' |
        tr -d ' (;{}' | sort -u | tr '\n' ' ')
    [ -z "$calls" ] || complain "$file allocates by itself: $calls"
done
[ "$bad" -eq 0 ] && echo "layers: ok"
exit "$bad"
