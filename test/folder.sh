#!/bin/sh
# A folder of JPEGs, drawn from Fashion-MNIST: vgg11 is fine-tuned on it with frozen convolutions, and says what it sees in
# images, as bars, as CSV and as a sheet; broken images fail or are skipped.  Ends with "N passed, N failed[, N skipped]".
#
# PYTHON  an interpreter with Pillow, by default /usr/bin/python3
set -u
cd "$(dirname "$0")/.." || exit 1
: "${GRADC:=./gradc}" "${PYTHON:=/usr/bin/python3}"
images=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

skip() {
    echo "skipped: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
"$PYTHON" -c "import PIL, numpy" 2>/dev/null || skip "$PYTHON has no Pillow (Debian: python3-pil, python3-numpy)"
[ -f "$images/train-images-idx3-ubyte.gz" ] || skip "Fashion-MNIST is not there (Debian: dataset-fashion-mnist)"

# Three classes, 60 images to train and 20 to test each, 64 pixels wide, in colour.
"$PYTHON" - "$images" "$work/clothes" <<'END' || { echo "0 passed, 1 failed"; exit 1; }
import gzip, os, sys
import numpy
from PIL import Image
source, folder = sys.argv[1:]
names = {1: "trouser", 7: "sneaker", 8: "bag"}
for part, file, count in (("train", "train", 60), ("test", "t10k", 20)):
    pixels = numpy.frombuffer(gzip.open(f"{source}/{file}-images-idx3-ubyte.gz").read()[16:], numpy.uint8).reshape(-1, 28, 28)
    labels = numpy.frombuffer(gzip.open(f"{source}/{file}-labels-idx1-ubyte.gz").read()[8:], numpy.uint8)
    for label, name in names.items():
        os.makedirs(f"{folder}/{part}/{name}")
        for i, at in enumerate(numpy.flatnonzero(labels == label)[:count]):
            image = Image.fromarray(pixels[at]).resize((64, 64), Image.BILINEAR).convert("RGB")
            image.save(f"{folder}/{part}/{name}/{i:03}.jpg", quality=92)
END

ok() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "failed: $1"
    tail -5 "$work/log"
}
expect() { # status, text that the output must hold, arguments of gradc
    wanted=$1 text=$2
    shift 2
    "$GRADC" "$@" >"$work/log" 2>&1 </dev/null
    status=$?
    if [ "$status" -eq "$wanted" ] && grep -qF -- "$text" "$work/log"; then ok; else bad "gradc $*: status $status, not $wanted with \"$text\":"; fi
}

train() { "$GRADC" train --device cpu --model vgg11 --image 32 --data "folder:$work/clothes" --batch 20 "$@" >"$work/log" 2>&1; }

# What is fine-tuned: a vgg11 whose last layer has another number of classes.
"$PYTHON" - "$work/clothes/train" "$work/two" <<'END'
import os, shutil, sys
for name in ("bag", "sneaker"):
    shutil.copytree(f"{sys.argv[1]}/{name}", f"{sys.argv[2]}/{name}")
END
if "$GRADC" train --device cpu --model vgg11 --image 32 --data "folder:$work/two" --batch 20 --steps 6 --optimizer sgd --lr 0.01 \
    --save "$work/pretrained.safetensors" >"$work/log" 2>&1; then ok; else bad "the network to start from"; fi
if train --pretrained "$work/pretrained.safetensors" --freeze features. --epochs 3 --lr 0.0003 --dropout 0.2 --augment flip \
    --save "$work/clothes.safetensors"; then ok; else bad "fine-tuning"; fi
accuracy=$(sed -n 's/.*test accuracy \([0-9.]*\).*/\1/p' "$work/log" | tail -1)
if [ "$(awk "BEGIN { print (${accuracy:-0} >= 0.8) }")" -eq 1 ]; then ok; else bad "accuracy ${accuracy:-none}, not 0.8"; fi
if "$PYTHON" - "$work/pretrained.safetensors" "$work/clothes.safetensors" <<'END'
import json, struct, sys
def read(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__")
    return meta, {name: (e["shape"], data[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]])
                  for name, e in header.items()}
before, after = read(sys.argv[1])[1], read(sys.argv[2])[1]
for name in before:
    assert (before[name] == after[name]) == name.startswith("features."), name
assert after["classifier.6.weight"][0] == [3, 4096] and before["classifier.6.weight"][0] == [2, 4096]
meta = read(sys.argv[2])[0]
assert meta["classes"].split("\n") == ["bag", "sneaker", "trouser"] and meta["model"] == "vgg11", meta
END
then ok; else bad "frozen weights must stay, the others move"; fi
rm "$work/pretrained.safetensors"

model=$work/clothes.safetensors
expect 0 "sneaker" predict --device cpu "$model" "$work/clothes/test/sneaker/000.jpg"
if [ "$(grep -c '%' "$work/log")" -eq 3 ] && grep -q '█' "$work/log"; then ok; else bad "three classes with bars"; fi
expect 0 "path,class,probability" predict --device cpu "$model" "$work/clothes/test"
if [ "$(wc -l <"$work/log")" -eq 61 ]; then ok; else bad "a line for each image of the folder"; fi
expect 0 "saved" predict --device cpu "$model" "$work/clothes/test/bag" --sheet "$work/sheet.png" --csv "$work/seen.csv"
if "$PYTHON" - "$work/sheet.png" "$work/seen.csv" <<'END'
import csv, sys
from PIL import Image
sheet = Image.open(sys.argv[1])
assert sheet.mode == "RGB" and sheet.width > 700 and sheet.height > 700, sheet
assert len(set(sheet.getdata())) > 100
rows = list(csv.DictReader(open(sys.argv[2], newline="")))
assert len(rows) == 20 and all(0 <= float(row["probability"]) <= 1 for row in rows)
assert all(float(r["probability"]) >= float(r["probability2"]) >= float(r["probability3"]) for r in rows)
assert all(abs(sum(float(r[k]) for k in ("probability", "probability2", "probability3")) - 1) < 1e-4 for r in rows)
END
then ok; else bad "the sheet and the table"; fi
expect 0 "accuracy $accuracy" eval --device cpu "$model"
expect 0 "classifier.6.weight" info "$model"

# Broken images name their file.
head -c 300 "$work/clothes/test/bag/001.jpg" >"$work/clothes/test/bag/broken.jpg"
expect 1 "broken.jpg" predict --device cpu "$model" "$work/clothes/test/bag"
expect 0 "path,class" predict --device cpu "$model" "$work/clothes/test/bag" --bad-images skip --csv -
if [ "$(grep -c '\.jpg,' "$work/log")" -eq 20 ]; then ok; else bad "the broken image is left out, the others stay"; fi
expect 1 "broken.jpg" eval --device cpu "$model"
expect 0 "60 images" eval --device cpu "$model" --bad-images skip
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
