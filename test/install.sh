#!/bin/sh
# Installs into an empty folder, builds the README's program against it by pkg-config, CMake and plain cc, runs it, and
# uninstalls.  Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
if [ "${BUILD:-build}" != build ]; then
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
prefix=$root/usr
passed=0 failed=0
expect() { # what, command...
    what=$1
    shift
    if "$@" >"$root/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $what"
        tail -20 "$root/log"
    fi
}

# The running make's jobs and variables are not this one's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
expect "make install" make install PREFIX="$prefix"

awk '/^```c$/ {inside = 1; next} /^```$/ && inside {exit} inside' README.md | sed 's/"auto"/"cpu"/' >"$root/program.c"
lines=$(wc -l <"$root/program.c")
expect "the README's program has at most 25 lines" [ "$lines" -le 25 ]

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
if command -v pkg-config >/dev/null; then
    # shellcheck disable=SC2046
    expect "pkg-config" cc -std=c99 "$root/program.c" $(pkg-config --cflags --libs gradc) -o "$root/shared"
else
    expect "the shared library" cc -std=c99 -I"$prefix/include" "$root/program.c" -L"$prefix/lib" -lgradc \
        -o "$root/shared"
fi
expect "the program with the shared library" env LD_LIBRARY_PATH="$prefix/lib" "$root/shared"
cp "$root/log" "$root/said"
expect "it says ok" grep -q '^ok$' "$root/said"
expect "the static library" cc -I"$prefix/include" "$root/program.c" "$prefix/lib/libgradc.a" -lcjson -lpng -lturbojpeg \
    -lz -ldl -lm -pthread \
    -o "$root/static"
expect "the program with the static library" "$root/static"

if command -v cmake >/dev/null; then
    mkdir "$root/cmake"
    cp "$root/program.c" "$root/cmake"
    cat >"$root/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.10)
project(program C)
find_package(gradc 0.1 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared gradc::gradc)
add_executable(static program.c)
target_link_libraries(static gradc::static)
END
    expect "cmake" cmake -S "$root/cmake" -B "$root/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
    expect "cmake --build" cmake --build "$root/cmake/build"
    expect "CMake's program" "$root/cmake/build/shared"
    expect "CMake's static program" "$root/cmake/build/static"
fi

expect "make uninstall" make uninstall PREFIX="$prefix"
expect "nothing is left" [ -z "$(find "$prefix" -type f -o -type l)" ]

DESTDIR=$root/staged
export DESTDIR
expect "make install with DESTDIR" make install PREFIX=/usr
expect "the paths inside are the final ones" grep -q '^prefix=/usr$' "$root/staged/usr/lib/pkgconfig/gradc.pc"
expect "the library's name" [ -L "$root/staged/usr/lib/libgradc.so.0" ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
