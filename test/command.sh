#!/bin/sh
# The gradc command: help, devices, wrong options, a short training on each device from a small data set in the form of
# Fashion-MNIST, and what it saves.  Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
: "${GRADC:=./gradc}" "${GRADC_TEST_DEVICES:=cpu}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

expect() { # status, text that the output must hold, arguments of gradc
    wanted=$1 text=$2
    shift 2
    "$GRADC" "$@" >"$work/log" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq "$wanted" ] && grep -qF -- "$text" "$work/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: gradc $*: status $status, not $wanted with \"$text\":"
        tail -5 "$work/log"
    fi
}

expect 0 "usage:" --help
expect 0 "gradc 0." --version
expect 2 "usage:"
expect 2 "gradc --help" nonsense
expect 0 "device " devices
expect 0 "cpu" devices --names
expect 2 "--names" devices --nonsense
expect 0 "--optimizer" train --help
expect 2 "mlp or lenet" train --model vgg
expect 2 "sgd or adam" train --optimizer none
expect 2 "whole number" train --epochs 0
expect 2 "whole number" train --batch 3x
expect 2 "above 0" train --lr -1
expect 2 "above 0" train --lr=nan
expect 2 "needs a value" train --seed
expect 2 "no option" train --speed 9
expect 2 "fashion-mnist" train --data imagenet
expect 2 "dataset-fashion-mnist" train --data "fashion-mnist:$work/nowhere"
expect 2 "can't write" train --save "$work/nowhere/model"
expect 2 "--save needs" train --save /dev/null

# Two classes that are easy to tell: a bright upper half, a bright lower half.
python3 - "$work" <<'END' || { echo "0 passed, 1 failed"; exit 1; }
import gzip, struct, sys
def part(name, n):
    labels = bytes(i % 2 for i in range(n))
    half = 14 * 28
    images = b"".join(bytes([200 + i % 50]) * half + bytes(half) if i % 2 else bytes(half) + bytes([180 + i % 70]) * half
                      for i in range(n))
    with gzip.open(f"{sys.argv[1]}/{name}-images-idx3-ubyte.gz", "wb") as f:
        f.write(struct.pack(">4B3i", 0, 0, 8, 3, n, 28, 28) + images)
    with open(f"{sys.argv[1]}/{name}-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">4Bi", 0, 0, 8, 1, n) + labels)
part("train", 200)
part("t10k", 301)
END
export FASHION_MNIST="$work"
expect 2 "at most 200" train --batch 201
expect 1 "no " train --device opencl:nobody-makes-this

for device in $GRADC_TEST_DEVICES; do
    for model in mlp lenet; do
        expect 0 "test accuracy 1.0000" train --model $model --device "$device" --epochs 2 --batch 10 \
            --save "$work/$model.safetensors"
        expect 0 "images/s" train --model $model --device "$device" --optimizer sgd --lr 0.01 --batch 64 --steps 3 \
            --losses "$work/losses-$model"
        [ -f "$work/first-$model" ] || cp "$work/losses-$model" "$work/first-$model"
        if paste "$work/first-$model" "$work/losses-$model" |
            awk '{d = $1 - $2; if (!(d <= 1e-4 && d >= -1e-4)) bad = 1} END {exit bad || NR != 3}'; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "failed: the losses of $model on $device are not the first device's"
            paste "$work/first-$model" "$work/losses-$model"
        fi
    done
done

# Seeds decide, and nothing else does.
expect 0 "" train --model mlp --device cpu --batch 20 --steps 5 --seed 3 --losses "$work/a"
expect 0 "" train --model mlp --device cpu --batch 20 --steps 5 --seed 3 --threads 1 --losses "$work/b"
expect 0 "" train --model mlp --device cpu --batch 20 --steps 5 --seed 4 --losses "$work/c"
if cmp -s "$work/a" "$work/b" && ! cmp -s "$work/a" "$work/c"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "failed: runs of one seed must give the same bits, with any number of threads, and of another seed others"
fi

# What was saved, read without the library.
if python3 - "$work/lenet.safetensors" <<'END'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
assert size % 8 == 0, size
meta = header.pop("__metadata__")
assert meta["model"] == "lenet" and meta["test_accuracy"] == "1.0000", meta
shapes = {name: entry["shape"] for name, entry in header.items()}
assert shapes == {"conv1.weight": [32, 1, 3, 3], "conv1.bias": [32], "conv2.weight": [64, 32, 3, 3],
                  "conv2.bias": [64], "fc1.weight": [128, 3136], "fc1.bias": [128], "fc2.weight": [10, 128],
                  "fc2.bias": [10]}, shapes
end = 0
for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
    begin, stop = entry["data_offsets"]
    count = 1
    for length in entry["shape"]:
        count *= length
    assert entry["dtype"] == "F32" and begin == end and stop == begin + 4 * count, entry
    end = stop
assert len(data) == 8 + size + end
values = struct.unpack(f"<{end // 4}f", data[8 + size:])
assert any(values) and all(abs(v) < 10 for v in values)
END
then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
[ -z "$(find "$work" -name '*.tmp')" ] || { echo "failed: a temporary file is left"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
