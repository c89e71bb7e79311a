#!/bin/sh
# Trains a convolutional network on the 60,000 images of Fashion-MNIST on the CPU, classifies ten test images, takes the
# same 50 steps on every device of the machine and compares the losses, and ends with what each device can do.
# `make demo` installs, builds and calls it.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${GRADC:=./gradc}" "${OUT:=build/demo}"
model=$OUT/lenet.safetensors
needed=0.91
mkdir -p "$OUT"

echo "---- the devices of this machine"
"$GRADC" devices || exit 1

echo "---- lenet, 60,000 images, 4 epochs, on the CPU"
: >"$OUT/train.log"
"$GRADC" train --model lenet --device cpu --epochs 4 --save "$model" >"$OUT/train.log" 2>&1 &
training=$!
trap 'kill $training 2>/dev/null; exit 1' INT TERM # a shell's background program ignores Ctrl-C
tail -n +1 -f --pid=$training "$OUT/train.log"
wait $training || { echo "demo: the training failed"; exit 1; }
trap - INT TERM
accuracy=$(sed -n 's/.*test accuracy \([0-9.]*\).*/\1/p' "$OUT/train.log" | tail -1)

echo "---- ten test images"
"$GRADC" predict "$model" --device cpu --data fashion-mnist --count 10 || exit 1
"$GRADC" predict "$model" --device cpu --data fashion-mnist --count 10 --sheet "$OUT/sheet.png" >"$OUT/sheet.log" ||
    { cat "$OUT/sheet.log"; exit 1; }
echo "the pictures with what was seen in them: $OUT/sheet.png"

# Short steps, in which differences of rounding do not grow.
echo "---- the same 50 steps on each device"
steps=50 differ=0 results=
for device in $("$GRADC" devices --names); do
    losses=$OUT/losses-$(echo "$device" | tr ':' '-')
    # Once to build the device's kernels, so that the time is that of the steps.
    [ "$device" = cpu ] || "$GRADC" train --device "$device" --steps 2 >/dev/null 2>&1
    if ! "$GRADC" train --device "$device" --steps $steps --lr 0.0001 --losses "$losses" >"$losses.log" 2>&1; then
        echo "$device: $(tail -1 "$losses.log")"
        differ=1
        continue
    fi
    speed=$(sed -n 's/.*steps in .*, \([0-9]*\) images.*/\1/p' "$losses.log")
    # The largest difference from the CPU's losses: absolute, or relative where the loss is above 1.
    # 1 where a loss is missing or no number.
    most=$(paste "$OUT/losses-cpu" "$losses" | awk '
        $1 ~ /^[0-9.e+-]+$/ && $2 ~ /^[0-9.e+-]+$/ {
            d = $1 - $2; d = d < 0 ? -d : d; d = $1 > 1 ? d / $1 : d; most = d > most ? d : most; n++
        }
        END { if (n == '$steps') printf "%.2e", most; else print "1" }')
    verdict=$(awk "BEGIN { print ($most <= 1e-4) ? \"agree\" : \"DIFFER\" }")
    [ "$verdict" = agree ] || differ=1
    printf '%-12s %6s images/s   first loss %s, last %s   largest difference %s: %s\n' "$device" "$speed" \
        "$(head -1 "$losses")" "$(tail -1 "$losses")" "$most" "$verdict"
    [ "$device" = cpu ] || results="$results, $device within $most"
done

good=$(awk "BEGIN { print (${accuracy:-0} >= $needed) }")
[ "$differ" -eq 0 ] || results="$results, BUT LOSSES DIFFER"
[ "$good" -eq 1 ] || results="$results, BELOW $needed"
[ -n "$results" ] || results=", no OpenCL device"
echo "demo: accuracy ${accuracy:-none} on cpu$results, model in $model"

echo "---- what each device can do"
"$GRADC" compare --seconds 1 --html "$OUT/compare.html" || exit 1
[ "$good" -eq 1 ] && [ "$differ" -eq 0 ]
