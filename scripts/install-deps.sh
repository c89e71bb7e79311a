#!/bin/sh
# Installs what is missing, by apt on Debian and Ubuntu; elsewhere says what to install and ends with 1.
# usage: scripts/install-deps.sh GROUP...     build, demo, test, check
set -u

build="gcc libc6-dev make zlib1g-dev libcjson-dev libpng-dev libturbojpeg0-dev libprotobuf-c-dev protobuf-c-compiler
       opencl-c-headers libopenblas0-serial"
demo="dataset-fashion-mnist ocl-icd-libopencl1 pocl-opencl-icd"
test="libcmocka-dev dataset-fashion-mnist python3 python3-numpy python3-pil python3-venv python3-torch
      python3-torchvision ocl-icd-libopencl1 pocl-opencl-icd mesa-opencl-icd
      libclblast1 oclgrind clang-15 libclc-15 rocm-device-libs intel-opencl-icd pkg-config cmake
      gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
check="clang clang-format doxygen binutils"

# Packages that some releases or machines do not have; without them the tests that need them say so.
optional=" rocm-device-libs intel-opencl-icd clang-15 libclc-15 python3-torch python3-torchvision mesa-opencl-icd oclgrind python3-pil "
optional="$optional gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static libclblast1 "

if [ $# -eq 0 ]; then
    echo "usage: scripts/install-deps.sh GROUP...   (build, demo, test, check)" >&2
    exit 2
fi
wanted=
for group in "$@"; do
    case $group in
    build) wanted="$wanted $build" ;;
    demo) wanted="$wanted $demo" ;;
    test) wanted="$wanted $test" ;;
    check) wanted="$wanted $check" ;;
    *) echo "install-deps: no group $group; there are build, demo, test and check" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not Debian or Ubuntu.  Please install what these Debian packages hold:"
    echo "$wanted" | tr -s ' \n' '\n\n' | sort -u | sed '/^$/d; s/^/    /'
    exit 1
fi

missing=
for package in $(echo "$wanted" | tr -s ' \n' '\n\n' | sort -u); do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Not root, and there is no sudo.  As root, run: apt-get install$missing"
        exit 1
    fi
    as_root="sudo"
fi

echo "installing:$missing"
apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends"
$apt update >/dev/null || echo "apt-get update failed; trying with the lists that are here"
# shellcheck disable=SC2086
$apt install $missing >/dev/null && exit 0

# One package that can't be had must not keep the others away.
failed=0
for package in $missing; do
    $apt install "$package" >/dev/null 2>&1 && continue
    case $optional in
    *" $package "*) echo "$package can't be installed here; what needs it is left out" ;;
    *) echo "$package can't be installed"; failed=1 ;;
    esac
done
exit $failed
