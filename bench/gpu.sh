#!/bin/sh
# Builds, checks and times libgradc on a machine with a GPU, in one call and without a package registry: what is there
# is used, and what is missing is said.
# usage: bench/gpu.sh [REGEX]     the cases to time, matched against DEVICE/NAME (all)
#
# DEVICE   gpu; "opencl" to try it where there is no GPU      LOG  a folder for the logs (build/gpu)
# PYTHON   the interpreter with NumPy and PyTorch (/usr/bin/python3, else python3)      JOBS  of make (all processors)
# PARTS    what is done after the build (oracle examples losses tests start times maths; and tune);  SAMPLES, THREADS as
#          in bench/bench.py;  BUDGET of tune (60s);  MATHS  what "maths" times besides "fast" (strict tf32 bf16 amp-bf16)
#
# Where time with the GPU is short: PARTS="oracle times maths" bench/gpu.sh '^gpu/(vgg16-224-train-b64|matmul-4096)', the
# rest next.
#
# Ends with "gpu: N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${DEVICE:=gpu}" "${LOG:=build/gpu}" "${JOBS:=$(nproc)}" "${PARTS:=oracle examples losses tests start times maths}" \
    "${BUDGET:=60s}" "${MATHS:=strict tf32 bf16 amp-bf16}"
cases=${1:-^$DEVICE/}
passed=0 failed=0
mkdir -p "$LOG"

if [ -z "${PYTHON:-}" ]; then
    PYTHON=/usr/bin/python3
    "$PYTHON" -c "import torch" 2>/dev/null || PYTHON=$(command -v python3 || echo python3)
fi
export PYTHON

# Runs a command into a log; its last lines are shown.
part() {
    name=$1
    shift
    echo "==== $name"
    if "$@" >"$LOG/$name.log" 2>&1; then
        passed=$((passed + 1))
        tail -3 "$LOG/$name.log"
    else
        failed=$((failed + 1))
        tail -30 "$LOG/$name.log"
        echo "FAILED: $name"
    fi
}

chosen() {
    case " $PARTS " in
    *" $1 "*) true ;;
    *) false ;;
    esac
}

finish() {
    echo "gpu: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# The same steps on the CPU and the device, so short that differences of rounding do not grow; the losses agree to 1e-4.
same_losses() {
    for device in cpu "$DEVICE"; do
        ./gradc train --device "$device" --model lenet --steps 50 --lr 0.0001 --losses "$LOG/losses-$device" || return 1
    done
    paste "$LOG/losses-cpu" "$LOG/losses-$DEVICE" | awk '
        { d = $1 - $2; d = d < 0 ? -d : d; d = $1 > 1 ? d / $1 : d; if (!(d <= most)) most = d; n++ }
        END { printf "%d steps, largest difference %.2e\n", n, most; exit !(n == 50 && most <= 1e-4) }'
}

have_header() {
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
        ${CC:-cc} -E - >/dev/null 2>&1
}

echo "==== machine"
uname -srm
nproc | sed 's/$/ processors/'
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm --format=csv,noheader
"$PYTHON" -c "import torch; print('torch', torch.__version__, 'cuda', torch.version.cuda, torch.cuda.is_available())" \
    2>/dev/null || echo "$PYTHON has no PyTorch: ours is timed alone"

have_header CL/cl.h || echo "no CL/cl.h here: the build will say how to get it"
part build make -j"$JOBS" library gradc build/bench/bench build/examples/cnn build/examples/mlp \
    bindings/python/gradc/_generated.py
[ "$failed" -eq 0 ] || finish
./gradc devices || failed=$((failed + 1))
part open build/bench/bench --has "$DEVICE"
[ "$failed" -eq 0 ] || finish

chosen oracle && part oracle env GRADC_TEST_DEVICES="$DEVICE" GRADC_TEST_LONG=1 sh test/oracle.sh
if chosen examples; then
    for example in build/examples/*; do
        case $example in
        *.o | *.d) ;;
        *) part "$(basename "$example")" "$example" "$DEVICE" ;;
        esac
    done
fi
if chosen losses && [ -d "${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" ]; then
    part losses same_losses
elif chosen losses; then
    echo "no Fashion-MNIST here (FASHION_MNIST names its folder): the training steps are not compared"
fi
if chosen tests && have_header cmocka.h; then
    part tests-build make -j"$JOBS" test-programs
    part tests env GRADC_TEST_DEVICES="$DEVICE" sh scripts/run-tests.sh \
        '^test/(ops/|step$|gradients$|gemm$|conv$|winograd$|depthwise$|tiles$|tuning$|half$|amp$|zoo$)'
elif chosen tests; then
    echo "no cmocka here: the C tests are left out"
fi
# The second start has the programs of the first one.
if chosen start; then
    for model in vgg16 resnet18; do
        for start in first second; do
            part "start-$model-$start" build/bench/bench --start "$DEVICE" $model-224-train-b64 0
        done
    done
fi
chosen tune && part tune ./gradc tune --device "$DEVICE" --budget "$BUDGET" --export "$LOG/tuned.txt"

# The models' rows as images a second, ours and the peer's.
images_a_second() {
    awk '/^# all/ { on = 1 }
         on && $1 ~ /-(train|infer)-b[0-9]+$/ && $4 == "ms" && $3 > 0 {
             batch = $1
             sub(/.*-b/, "", batch)
             theirs = $6 > 0 ? sprintf("%.0f", batch / $6 * 1000) : "-"
             printf "%s %s %.0f %s %s\n", $1, $2, batch / $3 * 1000, $5, theirs
         }' "$1"
}

timed() { # a value of BENCH_MATH
    echo "==== times, $1"
    if ! env DEVICES="$DEVICE" BENCH_MATH="$1" python3 bench/bench.py build/bench/bench "$cases" >"$LOG/times-$1.log"; then
        failed=$((failed + 1))
        echo "FAILED: times, $1"
    fi
    cat "$LOG/times-$1.log"
    echo "==== images a second, $1"
    images_a_second "$LOG/times-$1.log"
}

chosen times && timed fast
if chosen maths; then
    for math in $MATHS; do
        timed "$math"
    done
fi
finish
