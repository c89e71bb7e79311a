#!/bin/sh
# The CPU's engines on 64-bit ARM: a cross build, its tests run by qemu-user.  libcmocka, zlib and cJSON come from
# Debian's arm64 packages, unpacked into the build folder; nothing of them is installed.
# Ends with "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${GRADC_TEST_LONG:=0}"
tests="gemm conv winograd ops/elementwise ops/sum ops/softmax ops/max_pool2d"
[ "$GRADC_TEST_LONG" = 0 ] || tests="$tests zoo ops/layer_norm ops/batch_norm ops/avg_pool2d ops/argmax ops/cast gradients step"
cross=aarch64-linux-gnu

leave() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

[ "$BUILD" = build ] || leave "the cross build is a build of its own"
[ "$(uname -m)" != aarch64 ] || leave "this is a 64-bit ARM"
command -v $cross-gcc >/dev/null || leave "$cross-gcc is not there"
command -v qemu-aarch64-static >/dev/null || leave "qemu-aarch64-static is not there"
command -v apt-get >/dev/null || leave "there is no apt-get to fetch arm64 packages with"

# ---- The libraries, from lists and folders of our own ----

packages="libcmocka0 libcmocka-dev zlib1g zlib1g-dev libcjson1 libcjson-dev"
system=$PWD/$BUILD/arm64
fetch() {
    mkdir -p "$system/lists/partial" "$system/archives/partial" "$system/tree" && : >"$system/status" || return 1
    set -- -q -o Dir::State::Lists="$system/lists" -o Dir::State::status="$system/status" \
        -o Dir::Cache="$system" -o Dir::Cache::archives="$system/archives" \
        -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=
    apt-get "$@" update || return 1
    # shellcheck disable=SC2086
    (cd "$system/archives" && apt-get "$@" download $packages) || return 1
    for package in "$system"/archives/*.deb; do
        dpkg-deb -x "$package" "$system/tree" || return 1
    done
    rm -rf "$system/lists" "$system/archives"
    touch "$system/fetched"
}
[ -f "$system/fetched" ] || fetch >"$BUILD/arm64.log" 2>&1 || leave "arm64 packages can't be fetched ($BUILD/arm64.log)"

# ---- The build ----

libraries=$system/tree/usr/lib/$cross:$system/tree/lib/$cross
programs=
for name in $tests; do
    programs="$programs build-cpu-plain-aarch64/test/$name"
done
# shellcheck disable=SC2086
if ! env -u MAKEFLAGS make -j"$(nproc)" OPENCL=0 IMAGES=0 CC="${CROSS_CC:-$cross-gcc}" AR=$cross-ar \
    OBJCOPY=$cross-objcopy CPPFLAGS="-idirafter $system/tree/usr/include" \
    LDFLAGS="-L$system/tree/usr/lib/$cross -L$system/tree/lib/$cross" $programs >"$BUILD/arm64.log" 2>&1; then
    grep -E 'error|\*\*\*' "$BUILD/arm64.log" | head -20
    echo "0 passed, 1 failed"
    exit 1
fi

# ---- The tests ----

passed=0 failed=0
for name in $tests; do
    log=$BUILD/arm64-$(echo "$name" | tr / -).log
    GRADC_TEST_DEVICES=cpu qemu-aarch64-static -L /usr/$cross -E LD_LIBRARY_PATH="$libraries" \
        "build-cpu-plain-aarch64/test/$name" >"$log" 2>&1
    status=$?
    passed=$((passed + $(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')))
    [ "$status" -eq 0 ] && continue
    failed=$((failed + 1))
    echo "failed: $name"
    grep -vE '^\[ *(RUN|OK|=+|-+) *\]' "$log" | tail -20
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
