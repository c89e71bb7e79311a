#!/bin/sh
# A training that is killed (SIGKILL) at random moments and resumed ends with the bits of one that was never interrupted,
# on the CPU and on the first OpenCL device; Ctrl-C saves, says so, and can be resumed too.
# Ends with "N passed, N failed".
#
# KILLS  how often each training is killed: 20, with GRADC_TEST_LONG=1 100      GRADC_TEST_SEED  of the moments
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

sh test/support/small-images.sh "$work/data" 600 || { echo "0 passed, 1 failed"; exit 1; }
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

# Dropout is not in lenet, so random numbers come from what changes the images; momentum and clipping are state too.
train() { # device, more
    device=$1
    shift
    "$GRADC" train --model lenet --device "$device" --epochs 4 --batch 20 --optimizer adam --weight-decay 0.01 \
        --schedule cosine,warmup=7 --augment crop,flip --clip-grad-norm 1 --eval-every 4 --workers 2 "$@"
}

# Milliseconds from 0 to $1, by a sequence that the seed decides.
state=$GRADC_TEST_SEED
random_below() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    random=$((state / 65536 % $1))
}

killed_and_resumed() { # device
    device=$1
    folder=$work/$(echo "$device" | tr ':' '-')
    mkdir -p "$folder"
    start=$(date +%s%N)
    train "$device" --save "$folder/whole.safetensors" >"$folder/log" 2>&1 || { bad "$device: $(tail -1 "$folder/log")"; return; }
    took=$((($(date +%s%N) - start) / 1000000))
    kills=0 tries=0
    while :; do
        resume=
        [ -f "$folder/part.safetensors" ] && resume="--resume $folder/part.safetensors"
        # shellcheck disable=SC2086
        train "$device" --checkpoint "$folder/part.safetensors" --checkpoint-every 3 --save "$folder/done.safetensors" \
            $resume >"$folder/log" 2>&1 &
        child=$!
        if [ "$kills" -lt "$KILLS" ]; then
            random_below "$((took / 4 + 200))"
            sleep "$(awk "BEGIN { print ($random + 50) / 1000 }")"
            if kill -9 $child 2>/dev/null; then kills=$((kills + 1)); fi
        fi
        wait $child 2>/dev/null
        status=$?
        tries=$((tries + 1))
        [ "$status" -ne 0 ] || break
        if [ "$status" -ne 137 ] || [ "$tries" -gt $((3 * KILLS + 10)) ]; then
            bad "$device: after $kills kills: status $status: $(tail -1 "$folder/log")"
            return
        fi
    done
    echo "$device: killed $kills times, $tries starts"
    if [ "$(weights "$folder/whole.safetensors")" = "$(weights "$folder/done.safetensors")" ]; then
        ok
    else
        bad "$device: the weights after $kills kills are not those of the whole training"
    fi
    [ -z "$(find "$folder" -name '*.tmp*' -newer "$folder/done.safetensors")" ] || bad "$device: a temporary file is left"
}

opened=
for device in $GRADC_TEST_DEVICES; do
    if [ "$device" != cpu ]; then
        [ -z "$opened" ] || continue
        opened=$device
    fi
    killed_and_resumed "$device"
done

# Ctrl-C.  A process in the background of a script ignores it unless it is told not to.
python3 - "$GRADC" "$work" <<'END'
import signal, subprocess, sys, time
gradc, work = sys.argv[1:]
command = [gradc, "train", "--model", "lenet", "--device", "cpu", "--epochs", "400", "--batch", "20",
           "--checkpoint", work + "/interrupted.safetensors"]
child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
time.sleep(2)
child.send_signal(signal.SIGINT)
output = child.communicate(timeout=60)[0]
assert child.returncode == 130, (child.returncode, output)
assert "saved " + work + "/interrupted.safetensors" in output and "--resume" in output, output
END
if [ $? -eq 0 ]; then ok; else bad "Ctrl-C must save, say so, and end with 130"; fi
if "$GRADC" info "$work/interrupted.safetensors" | grep -q "gradc.train.step"; then ok; else bad "info of a checkpoint"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
