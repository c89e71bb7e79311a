#!/bin/sh
# Every program that the library makes (test/every_op.c, recorded by test/vendors/recorder.c instead of a driver),
# compiled by the vendors' compilers, which need no hardware: AMD (gfx906, gfx1030, gfx1100: clang-15), NVIDIA (clang-15
# to PTX, and ptxas where there is one), Intel (Gen9 and Arc: ocloc).  A missing tool is a skipped vendor.
# Programs for matrix units (test/matrix_units.c, matrix_conv.c) go to PTX for sm_80 and sm_90, to gfx1100, gfx908 and
# gfx90a, and to Arc and Ponte Vecchio; registers that are spilt are a failure, but on gfx1100.
# Ends with "N passed, N failed, N skipped"; a pass is a program on a target.
#
# By default one target of each compiler gets the first program of each source and type, the others the first of each
# source; of those for matrix units the first four, and gfx908 those in bf16, which has other instructions there.  With
# GRADC_TEST_LONG=1 there are more programs, and every one goes everywhere, also to Gen12.
# CC  the compiler      BUILD  the build folder
# KEEP  a folder: puts the programs there, and compiles nothing (for bench/resources.py)
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}" "${CC:=cc}" "${GRADC_TEST_LONG:=0}" "${CLANG:=clang-15}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $BUILD in
*-address* | *-thread* | *-undefined* | *-cpu* | *-debug* | *-clang*)
    echo "skipped: the programs are those of the plain build"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
    ;;
esac

if [ ! -d /sys/devices/system/cpu ]; then
    echo "skipped: /sys is not mounted, so the library opens no OpenCL"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

# ---- What the library gives a driver ----

mkdir "$work/lib" "$work/record" "$work/programs"

recorded() { # folder, command...
    folder=$1
    shift
    mkdir -p "$work/$folder"
    env LD_LIBRARY_PATH="$work/lib" RECORDER="$work/$folder" XDG_CACHE_HOME="$work/cache-$folder" GRADC_TUNE=off GRADC_TEST_LONG=1 \
        GRADC_TEST_ALL="$GRADC_TEST_LONG" GRADC_TEST_DEVICES=opencl:0 "$@" >"$work/log" 2>&1 && ls "$work/$folder"/*.cl >/dev/null 2>&1
}

recorded_units() { # as recorder.c names them
    recorded "$1-products" env RECORDER_MATRIX="$1" "$BUILD/test/matrix_units" 'programs*planned' &&
        recorded "$1-convolutions" env RECORDER_MATRIX="$1" "$BUILD/test/matrix_conv" 'programs*planned'
}

if ! $CC -std=c11 -D_GNU_SOURCE -shared -fPIC test/vendors/recorder.c -o "$work/lib/libOpenCL.so.1" -pthread ||
    ! recorded record "$BUILD/test/every_op" '*planned' || ! recorded_units nvidia || ! recorded_units amd ||
    ! recorded_units mfma || ! recorded_units intel-8 || ! recorded_units intel-16; then
    tail -20 "$work/log"
    echo "0 passed, 1 failed"
    exit 1
fi

# Each once; named SOURCE-TYPE-HASH, the source being the first file behind the prelude, or behind a chain's text.
# What asks a compiler for a matrix unit has no prelude.
for program in "$work"/record/*.cl "$work"/nvidia-*/*.cl "$work"/amd-*/*.cl "$work"/mfma-*/*.cl "$work"/intel-*/*.cl; do
    options=${program%.cl}.options
    hash=$(cat "$program" "$options" | md5sum | cut -c1-12)
    source=$(sed -n '/^#line 1 "made for/,$ s/^#line 1 "\(.*\)\.cl"$/\1_chain/p' "$program" | sed -n 1p)
    [ -n "$source" ] || source=$(sed -n 's/^#line 1 "\(.*\)\.cl"$/\1/p' "$program" | sed -n 2p)
    [ -n "$source" ] || source=probe
    type=$(sed -n 's/.*-DREAL_IS_\([A-Z0-9]*\).*/\1/p' "$options")
    mv "$program" "$work/programs/$source-$type-$hash.cl"
    mv "$options" "$work/programs/$source-$type-$hash.options"
done
if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP" && cp "$work"/programs/* "$KEEP"
    exit
fi
(cd "$work/programs" && ls ./*.cl | sed 's/^\.\/\(.*\)\.cl$/\1/') >"$work/every"
names() { # list of files in $work/programs: their names
    sed 's/^\.\/\(.*\)\.[a-z]*$/\1/'
}
(cd "$work/programs" && grep -l -- -DUNIT_MMA ./*.options | names) >"$work/mma"
(cd "$work/programs" && { grep -l -- -DUNIT_WMMA ./*.options; grep -l '^__kernel void wmma(' ./probe-*.cl; } | names) >"$work/wmma"
(cd "$work/programs" && { grep -l -- -DUNIT_MFMA ./*.options; grep -l '^__kernel void mfma(' ./probe-*.cl; } | names) >"$work/mfma"
(cd "$work/programs" && grep -l -- '-DUNIT_BF16 -DUNIT_MFMA' ./*.options | names) >"$work/mfma-bf16"
[ "$GRADC_TEST_LONG" = 0 ] || cp "$work/mfma" "$work/mfma-bf16"
(cd "$work/programs" && grep -l -- '-DUNIT_DPAS.*-DTEAM=8' ./*.options | names) >"$work/dpas-8"
(cd "$work/programs" && grep -l -- '-DUNIT_DPAS.*-DTEAM=16' ./*.options | names) >"$work/dpas-16"
cat "$work/mma" "$work/wmma" "$work/mfma" "$work/dpas-8" "$work/dpas-16" >"$work/units"
grep -vxFf "$work/units" "$work/every" >"$work/all"
# A chain of f32 that casts from f64 needs a device with f64, too.
(cd "$work/programs" && grep -lE '^#define CHAIN_PARAMS.* double ' ./*.cl | sed 's/^\.\/\(.*\)\.cl$/\1/') >"$work/doubles"
grep -v -- '-F64-' "$work/all" | grep -vxFf "$work/doubles" >"$work/without"
cp "$work/all" "$work/first"
f32_first() { # list
    grep -- '-F32-' "$work/$1"
    grep -v -- '-F32-' "$work/$1"
}
f32_first all >"$work/sources"
f32_first without >"$work/sources-without"
some() { # how many of each source, or source and type (1, 2), list: cuts it, but in the long form
    [ "$GRADC_TEST_LONG" = 0 ] || return
    awk -F- -v most="$1" -v by="$2" 'seen[$1 (by == 2 ? "-" $2 : "")]++ < most' "$work/$3" >"$work/some"
    mv "$work/some" "$work/$3"
}
echo "$(wc -l <"$work/all") programs, $(wc -l <"$work/units") for matrix units"

some 1 2 first
for list in sources sources-without; do
    some 1 1 $list
done
for list in mma wmma mfma mfma-bf16 dpas-8 dpas-16; do
    some 4 2 $list
done

# ---- The compilers ----

cp test/vendors/intel_tf32.cl "$work"

# compile.sh TARGET NAME: writes NAME to TARGET.passed, or to TARGET.failed with the log.
cat >"$work/compile.sh" <<'END'
target=$1 name=$2
source=programs/$name.cl out=out/$target-$name
options=$(sed 's/-cl-std=CL1.2//' "programs/$name.options")
amd=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode
opencl="$CLANG -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -O2 $options"
case $target in
gfx1100)
    $opencl -target amdgcn-amd-amdhsa -mcpu=$target -nogpulib -Xclang -mlink-builtin-bitcode \
        -Xclang /usr/lib/clc/amdgcn--amdhsa.bc -S -o "$out" "$source" ;;
mfma-*)
    $opencl -target amdgcn-amd-amdhsa -mcpu=${target#mfma-} --rocm-device-lib-path=$amd -S -o "$out" "$source" &&
        ! grep -q '; ScratchSize: [1-9]' "$out" ;;
gfx*)
    # What multiplies keeps its sums in registers.
    $opencl -target amdgcn-amd-amdhsa -mcpu=$target --rocm-device-lib-path=$amd -S -o "$out" "$source" &&
        case $name in
        gemm* | conv* | skinny* | winograd* | depthwise*) ! grep -q '; ScratchSize: [1-9]' "$out" ;;
        esac ;;
nvptx)
    $opencl -target nvptx64-nvidia-nvcl -Xclang -mlink-builtin-bitcode -Xclang /usr/lib/clc/nvptx64--nvidiacl.bc \
        -Xclang -target-cpu -Xclang sm_75 -S -o "$out" "$source" &&
        { [ -z "$PTXAS" ] || "$PTXAS" -arch=sm_75 "$out" -o "$out.cubin"; } ;;
sm_*)
    # No stack and no spilt registers: sums that lie in memory would be no use.  The compiler doesn't know sm_90 yet.
    rounds=
    [ $target = sm_80 ] || rounds=-DUNIT_ROUNDS
    $opencl $rounds -fgnu-keywords -target nvptx64-nvidia-nvcl -Xclang -mlink-builtin-bitcode \
        -Xclang /usr/lib/clc/nvptx64--nvidiacl.bc -Xclang -target-cpu -Xclang sm_80 -Xclang -target-feature \
        -Xclang +ptx70 -S -o "$out" "$source" &&
        { [ $target = sm_80 ] || sed -i 's/^\.version .*/.version 7.8/; s/^\.target .*/.target sm_90/' "$out"; } &&
        { [ -z "$PTXAS" ] || { "$PTXAS" -arch=$target -v "$out" -o "$out.cubin" &&
            ! grep -qE '[1-9][0-9]* bytes (stack frame|spill)' "$out.log"; }; } ;;
dpas-*)
    # What the device's driver would know of it by itself; and the binary's kind that says what is spilt.
    internal="-ze-allow-zebin -cl-ext=+cl_intel_subgroup_matrix_multiply_accumulate"
    internal="$internal,+cl_intel_subgroup_local_block_io,+cl_intel_bfloat16_conversions"
    mkdir "$out.d" && cat $(case $options in *UNIT_TF32*) echo intel_tf32.cl ;; esac) "$source" >"$out.d/k.cl" &&
        ocloc compile -file "$out.d/k.cl" -device ${target#dpas-} -options \
            "-cl-std=CL1.2 $(echo "$options" | sed 's/-DDEVICE_F64//')" \
            -internal_options "$internal" -out_dir "$out.d" &&
        ! grep -aqE 'spill_fill_space|private_space' "$out.d"/*.bin && ! grep -q 'spilled around' "$out.log" ;;
*)
    [ $target = skl ] || options=$(echo "$options" | sed 's/-DDEVICE_F64//')
    mkdir "$out.d" && ocloc compile -q -file "$source" -device $target -options "-cl-std=CL1.2 $options" \
        -out_dir "$out.d" ;;
esac >"$out.log" 2>&1 </dev/null
status=$?
[ $status -eq 0 ] || { echo "failed: $name for $target ($options)"; head -12 "$out.log"; } >"$out.failed"
rm -rf "$out" "$out.cubin" "$out.d"
exit 0
END

passed=0 failed=0 skipped=0
CLANG=$(command -v "$CLANG")
PTXAS=$(command -v ptxas)
export CLANG PTXAS
mkdir "$work/out"
both=$(nproc 2>/dev/null || echo 2)

target() { # target, list of programs, what must be there...
    target=$1 list=$2
    shift 2
    for needed in "$@"; do
        if [ -z "$needed" ] || [ ! -e "$needed" ]; then
            echo "skipped: $target: ${needed:-its compiler} is not there"
            skipped=$((skipped + 1))
            return
        fi
    done
    (cd "$work" && xargs -P "$both" -n 1 sh compile.sh "$target" <"$list")
    bad=$(find "$work/out" -name "$target-*.failed" | wc -l)
    find "$work/out" -name "$target-*.failed" | sort | head -3 | xargs -r cat
    failed=$((failed + bad)) passed=$((passed + $(wc -l <"$list") - bad))
}

amd=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode
target gfx1030 "$work/first" "$CLANG" $amd/ocml.bc
target gfx906 "$work/sources" "$CLANG" $amd/ocml.bc
target gfx1100 "$work/sources" "$CLANG" /usr/lib/clc/amdgcn--amdhsa.bc
target gfx1100 "$work/wmma" "$CLANG" /usr/lib/clc/amdgcn--amdhsa.bc
target mfma-gfx908 "$work/mfma-bf16" "$CLANG" $amd/ocml.bc
target mfma-gfx90a "$work/mfma" "$CLANG" $amd/ocml.bc
target nvptx "$work/first" "$CLANG" /usr/lib/clc/nvptx64--nvidiacl.bc
target sm_80 "$work/mma" "$CLANG" /usr/lib/clc/nvptx64--nvidiacl.bc
target sm_90 "$work/mma" "$CLANG" /usr/lib/clc/nvptx64--nvidiacl.bc
[ -n "$PTXAS" ] || echo "without ptxas, NVIDIA's PTX is not assembled"
target skl "$work/first" "$(command -v ocloc)"
target dg2 "$work/sources-without" "$(command -v ocloc)" # Arc has no f64, nor has Gen12
target dpas-dg2 "$work/dpas-8" "$(command -v ocloc)"
target dpas-pvc "$work/dpas-16" "$(command -v ocloc)"
[ "$GRADC_TEST_LONG" = 0 ] || target tgllp "$work/without" "$(command -v ocloc)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
