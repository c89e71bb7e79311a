#!/bin/sh
# Trainings that are killed (SIGKILL) at random moments and resumed end with the bits of one that was never interrupted,
# on the CPU and on the first OpenCL device; Ctrl-C saves, says so, and can be resumed too.
# Ends with "N passed, N failed".
#
# KILLS  how often trainings are killed on each device: 20, with GRADC_TEST_LONG=1 100      GRADC_TEST_SEED  of the moments
set -u
cd "$(dirname "$0")/.." || exit 1
: "${GRADC:=./gradc}" "${GRADC_TEST_DEVICES:=cpu}" "${GRADC_TEST_LONG:=0}" "${GRADC_TEST_SEED:=1}"
if [ "$GRADC_TEST_LONG" = 0 ]; then : "${KILLS:=20}"; else : "${KILLS:=100}"; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
echo "seed $GRADC_TEST_SEED"

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "failed: $*"
}

sh test/support/small-images.sh "$work/data" 240 || { echo "0 passed, 1 failed"; exit 1; }
export FASHION_MNIST="$work/data"

# The weights and nothing else: two files of one training differ in times.
weights() {
    python3 - "$1" <<'END'
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
header.pop("__metadata__")
print(hashlib.sha256(json.dumps(header, sort_keys=True).encode() + data[8 + size:]).hexdigest())
END
}

# Dropout is not in lenet, so random numbers come from what changes the images; Adam's averages and the place in the epoch
# are state too.  In the background this is the process itself, so that it is what is killed.
train() { # device, more
    device=$1
    shift
    exec "$GRADC" train --model lenet --device "$device" --epochs 4 --batch 20 --optimizer adam --weight-decay 0.01 \
        --schedule cosine,warmup=7 --augment crop,flip --clip-grad-norm 1 --eval-every 4 --workers 2 "$@"
}

# Milliseconds from 0 to $1, by a sequence that the seed decides.
state=$GRADC_TEST_SEED
random_below() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    random=$((state / 65536 % $1))
}

# One training with kills until it ends; adds to kills and to starts.  Says why and fails where it can't go on.
train_with_kills() { # device, folder, milliseconds that an undisturbed training takes
    rm -f "$2/part.safetensors" "$2/done.safetensors"
    while :; do
        resume=
        [ -f "$2/part.safetensors" ] && resume=$2/part.safetensors
        train "$1" --checkpoint "$2/part.safetensors" --checkpoint-every 3 --save "$2/done.safetensors" \
            ${resume:+--resume "$resume"} >"$2/log" 2>&1 &
        child=$!
        starts=$((starts + 1))
        if [ "$kills" -lt "$KILLS" ]; then
            random_below $(($3 / 5 + 300))
            sleep "$(awk "BEGIN { print ($random + 30) / 1000 }")"
            if kill -9 $child 2>/dev/null; then kills=$((kills + 1)); fi
        fi
        wait $child 2>/dev/null
        status=$?
        [ "$status" -ne 0 ] || return 0
        if [ "$status" -ne 137 ] || [ "$starts" -gt $((5 * KILLS + 10)) ]; then
            bad "$1: after $kills kills: status $status: $(tail -1 "$2/log")"
            return 1
        fi
    done
}

killed_and_resumed() { # device
    folder=$work/$(echo "$1" | tr ':' '-')
    mkdir -p "$folder"
    (train "$1" --steps 2) >"$folder/log" 2>&1 # builds the device's kernels
    start=$(date +%s%N)
    (train "$1" --save "$folder/whole.safetensors") >"$folder/log" 2>&1 || { bad "$1: $(tail -1 "$folder/log")"; return; }
    took=$((($(date +%s%N) - start) / 1000000))
    kills=0 starts=0 trainings=0
    while [ "$kills" -lt "$KILLS" ]; do
        train_with_kills "$1" "$folder" "$took" || return
        trainings=$((trainings + 1))
        [ "$(weights "$folder/whole.safetensors")" = "$(weights "$folder/done.safetensors")" ] && continue
        bad "$1: the weights after $kills kills are not those of the whole training"
        return
    done
    echo "$1: killed $kills times, $starts starts, $trainings trainings"
    ok
}

opened=
for device in $GRADC_TEST_DEVICES; do
    if [ "$device" != cpu ]; then
        [ -z "$opened" ] || continue
        opened=$device
    fi
    killed_and_resumed "$device"
done

# Ctrl-C, once the first epoch is saved.  A process in the background of a script ignores it unless it is told not to.
python3 - "$GRADC" "$work" <<'END'
import os, signal, subprocess, sys, time
gradc, work = sys.argv[1:]
checkpoint = work + "/interrupted.safetensors"
command = [gradc, "train", "--model", "lenet", "--device", "cpu", "--epochs", "400", "--batch", "20",
           "--checkpoint", checkpoint]
child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
for wait in range(600):
    if os.path.exists(checkpoint) or child.poll() is not None:
        break
    time.sleep(0.1)
child.send_signal(signal.SIGINT)
output = child.communicate(timeout=60)[0]
assert child.returncode == 130, (child.returncode, output)
assert "saved " + checkpoint in output and "--resume" in output, output
END
if [ $? -eq 0 ]; then ok; else bad "Ctrl-C must save, say so, and end with 130"; fi
if "$GRADC" info "$work/interrupted.safetensors" | grep -q "gradc.optim"; then ok; else bad "info of a checkpoint"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
