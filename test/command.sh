#!/bin/sh
# The gradc command: help, devices, wrong options, a short training on each device from a small data set in the form of
# Fashion-MNIST, what it saves, and what the other commands make of it.  Ends with "N passed, N failed".
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
expect 2 "vgg16-bn-32 or resnet18, not" train --model vgg
expect 2 "adamw or rmsprop" train --optimizer none
expect 2 "whole number" train --epochs 0
expect 2 "whole number" train --batch 3x
expect 2 "must be a number" train --lr -1
expect 2 "must be a number" train --lr=nan
expect 2 "needs a value" train --seed
expect 2 "needs a value" train --save --checkpoint x
expect 2 "several lines" train --save "a
b"
expect 2 "no option" train --speed 9
expect 2 "takes options only" train now
expect 2 "fashion-mnist" train --data imagenet
expect 2 "bf16 or f16" train --amp f8
expect 2 "folder:DIR" train --data folder:
expect 2 "dataset-fashion-mnist" train --data "fashion-mnist:$work/nowhere"
expect 2 "$work/nowhere" train --data "folder:$work/nowhere"
expect 2 "can't write" train --save "$work/nowhere/model"
expect 2 "--save needs" train --save /dev/null
expect 2 "can't write" train --report "$work/nowhere/page.html"
expect 2 "files of their own" train --save "$work/x" --checkpoint "$work/x"
ln -s x "$work/link"
expect 2 "something else" train --checkpoint "$work/link"
expect 2 "something else" compare --html "$work"
expect 2 "something else" predict x y --csv "$work"
expect 2 "fail or skip" eval x --bad-images mend
expect 2 "--checkpoint F" train --checkpoint-every 5
expect 2 "leave --pretrained out" train --resume x --pretrained y
expect 2 "cosine" train --schedule sine
expect 2 "size" train --schedule step,size=0
expect 2 "crop,flip" train --augment turn
expect 2 "pad, crop or stretch" train --resize bend
expect 2 "fail or skip" train --bad-images mend
expect 2 "1 or 3" train --channels 2
expect 2 "has its own two" train --optimizer adam --momentum 0.9
expect 1 "no-such-file" train --resume "$work/no-such-file"
expect 2 "a model's file and images" predict
expect 2 "one model's file" eval
expect 2 "one model or file" info
expect 1 "no-such-file" predict "$work/no-such-file" x.png
expect 1 "no-such-file" eval "$work/no-such-file"
expect 1 "no-such-file" info no-such-file
expect 2 "--names" devices now
expect 0 "--names" devices -h
expect 0 "138357544" info vgg16
expect 0 "224" info vgg16 --batch 2
expect 2 "such as 60s" tune --budget soon
expect 1 "nothing to tune" tune --device cpu
expect 2 "takes one model" explain
expect 2 "adamw or rmsprop" explain mlp --optimizer none
expect 1 "nonsense" explain nonsense --device cpu
expect 0 "adam of 4 tensors" explain mlp --device cpu --batch 2 --optimizer adam
expect 0 "linear [2,7]" explain mlp --device cpu --batch 2 --classes 7 --infer
if [ "$(tail -1 "$work/log" | grep -cE '^[0-9]+ launches, [0-9]+ bytes, [0-9]+ flop$')" = 1 ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "failed: gradc explain does not end with its totals"
fi
expect 0 "--html" compare --help

# Every option of every command is in the manual page and among the completions.
for command in train predict eval info explain compare tune; do
    "$GRADC" $command --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' >"$work/options"
    missing=
    for option in $(grep -v -- --help "$work/options"); do
        grep -qF -- "$(echo "$option" | sed 's/-/\\-/g')" docs/gradc.1 || missing="$missing $option"
    done
    completed=$(PATH="$(dirname "$(realpath "$GRADC")"):$PATH" bash -c ". tools/gradc/gradc.bash
        COMP_WORDS=(gradc $command --); COMP_CWORD=2; _gradc; printf '%s\n' \"\${COMPREPLY[@]}\"")
    if [ -s "$work/options" ] && [ -z "$missing" ] && [ "$completed" = "$(cat "$work/options")" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: options of $command: not in docs/gradc.1:$missing; completed: $(echo "$completed" | tr '\n' ' ')"
    fi
done

sh test/support/small-images.sh "$work" 200 || { echo "0 passed, 1 failed"; exit 1; }
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
assert len(meta["classes"].split("\n")) == 10 and float(meta["mean"]) > 0 and float(meta["std"]) > 0, meta
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
# The other commands, with what was saved.
expect 0 "accuracy 1.0000" eval --device cpu "$work/lenet.safetensors"
expect 0 "recall" eval --device cpu "$work/lenet.safetensors"
expect 0 "100.0 %" predict --device cpu "$work/lenet.safetensors" --data fashion-mnist --count 3
if [ "$(grep -c '^image ' "$work/log")" -eq 3 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); cat "$work/log"; fi
expect 0 "test_accuracy" info "$work/lenet.safetensors"
expect 0 "conv1.weight" info "$work/lenet.safetensors"
expect 2 "not both" predict "$work/lenet.safetensors" x.png --data fashion-mnist
expect 1 "x.png" predict --device cpu "$work/lenet.safetensors" x.png

# Reports: one file, without a word that points elsewhere.
expect 0 "saved $work/report.html" train --model lenet --device cpu --epochs 2 --batch 20 --report "$work/report.html"
expect 0 "Do I need a GPU?" compare --device cpu --seconds 0 --batch 1 --html "$work/compare.html"
for page in report compare; do
    if python3 - "$work/$page.html" $page <<'END'
import re, sys
from html.parser import HTMLParser
text = open(sys.argv[1], encoding="utf-8").read()
assert not re.search(r"(src|href)=\"(?!data:)|@import|url\((?!data:)|<script", text)
open_tags, empty = [], {"meta", "br", "img", "line", "polyline", "circle"}
class Check(HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag not in empty:
            open_tags.append(tag)
    def handle_startendtag(self, tag, attributes):
        assert tag in empty, tag
    def handle_endtag(self, tag):
        assert open_tags and open_tags.pop() == tag, (tag, self.getpos())
Check().feed(text)
assert not open_tags, open_tags
if sys.argv[2] == "report":
    assert "Confusion matrix" in text and "filters" in text and text.count("<polyline") == 5 and "data:image/png;base64" in text
else:
    assert "vgg16 224x224" in text and text.count("class=\"bar\"") == 6, text.count("class=\"bar\"")
END
    then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $page.html"; fi
done

# A screen that takes nothing is a failure that is told; what is printed lands in no file.
check() { # what failed, command
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $what"; fi
}
for command in --help "info vgg16"; do
    # shellcheck disable=SC2086
    "$GRADC" $command >/dev/full 2>"$work/log"
    check "$command on a full disk" [ $? -eq 1 -a "$(wc -l <"$work/log")" -eq 1 ]
done
"$GRADC" train --model mlp --device cpu --steps 2 --losses "$work/closed" >&- 2>"$work/log"
check "a closed standard output" [ $? -eq 1 -a "$(grep -c '^[0-9.]*$' "$work/closed")" -eq 2 -a "$(wc -l <"$work/closed")" -eq 2 ]

# The losses of a resumed training are those of the whole one, though more had been written than the checkpoint knows.
train="train --model mlp --device cpu --batch 20"
# shellcheck disable=SC2086
{
    expect 0 "" $train --losses "$work/whole"
    expect 0 "" $train --losses "$work/part" --checkpoint "$work/part.safetensors" --steps 13
    echo 1 >>"$work/part"
    expect 0 "from step 13 of 30" train --resume "$work/part.safetensors" --steps 30
}
check "the losses of a resumed training" cmp "$work/whole" "$work/part"
expect 0 "nothing is left" train --resume "$work/part.safetensors" --steps 30

# Classes of a folder: any name but one of several lines, and by name, not by order.
if python3 - "$work" <<'END'
import os, struct, sys, zlib
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
def image(path, gray):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress((b"\0" + bytes([gray]) * 8) * 8)) + chunk(b"IEND", b""))
for i in range(10):
    for gray, name in ((10, 'a,"b"'), (120, "m\u00fctze"), (240, "z")):
        image(f"{sys.argv[1]}/three/{name}/{i}.png", gray + i)
        if gray != 120:
            image(f"{sys.argv[1]}/two/{name}/{i}.png", gray + i)
        image(f"{sys.argv[1]}/lines/{name}\n{name}/{i}.png", gray)
        image(f"{sys.argv[1]}/others/{name}x/{i}.png", gray)
END
then
    expect 2 "several lines" train --device cpu --data "folder:$work/lines"
    expect 0 "accuracy 1.0000" train --model mlp --device cpu --image 8 --batch 8 --epochs 30 --lr 0.01 \
        --data "folder:$work/three" --save "$work/three.safetensors"
    expect 0 "4 images, accuracy 1.0000" eval --device cpu "$work/three.safetensors" --data "folder:$work/two"
    expect 0 "mütze              .   2   .   100.0 %" eval --device cpu "$work/three.safetensors"
    expect 0 "1 steps" train --model mlp --device cpu --image 8 --channels 1 --batch 8 --steps 1 --data "folder:$work/three" \
        --pretrained "$work/three.safetensors"
    expect 2 "none of the model's 3" eval --device cpu "$work/three.safetensors" --data "folder:$work/others"
    expect 0 ',"a,""b""",' predict --device cpu "$work/three.safetensors" "$work/three"
else
    failed=$((failed + 1))
fi

[ -z "$(find "$work" -name '*.tmp*')" ] || { echo "failed: a temporary file is left"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
