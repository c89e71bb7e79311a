#!/bin/sh
# Every op is complete: shape rule, CPU form, OpenCL form, gradient, a test.  Rows of src/ops/elementwise.def have their
# forms by construction: a prototype and a test are looked for.  And each kernel is there and asked for.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { echo "ops: $1"; bad=1; }

# Ops through which nothing flows, on purpose.
without_gradient=" total_norm clip_grad argmax argmin any all detach mask uniform normal one_hot nll_weight "

# The descriptors, one a line: FILE op_NAME {...}; those of elementwise.c come from its table.
descriptors=$(for file in src/ops/*.c; do
    awk -v file="$file" '
        /^(static )?const struct op op_[a-z0-9_]* = / { inside = 1; text = "" }
        inside { gsub(/\/\*[^*]*\*\//, ""); text = text " " $0 }
        inside && /};/ { inside = 0; sub(/.*const struct op /, "", text); gsub(/ +/, " ", text); print file " " text }
    ' "$file"
done)

is_public() { grep -q "[ *]gradc_$1(" include/gradc.h; }
is_tested() { # in the C tests or the oracle's samples, by its public name
    grep -rqiE "(gradc[_.]|\"|')$1(\(|\"|')" test --include='*.c' --include='*.py' --include='*.h'
}

# The longest beginning of a name, up to an underscore, that is a public function: conv2d of conv2d_weight.
public_name() {
    name=$1
    while [ -n "$name" ]; do
        is_public "$name" && { echo "$name"; return; }
        case $name in *_*) name=${name%_*} ;; *) return ;; esac
    done
}

count=0
for descriptor in $(sed -n 's/^OP(\(op_[a-z0-9_]*\)).*/\1/p' src/ops/ops.def); do
    count=$((count + 1))
    name=${descriptor#op_}
    line=$(echo "$descriptors" | grep " $descriptor = ")
    [ -n "$line" ] || { complain "$descriptor of ops.def is not in src/ops/*.c"; continue; }
    file=${line%% *}
    for part in shape cpu opencl gradient; do
        case $part,$line in
        cpu,*OP_VIEW* | opencl,*OP_VIEW*) continue ;;      # never run
        cpu,*OP_LIST* | opencl,*OP_LIST*) continue ;;      # run by .many
        gradient,*OP_ONCE*) continue ;;                    # says so
        gradient,*".writes ="*) continue ;;                # an update has none
        esac
        case "$part$without_gradient" in gradient*" $name "*) continue ;; esac
        echo "$line" | grep -q "\.$part = " || complain "$name ($file) has no .$part"
    done
    # By its own name, by that of the op whose gradient it is, or by a public function of its file.
    tested=0
    for public in "$name" $(public_name "$name") $(sed -n 's/^gradc_.*[ *]gradc_\([a-z0-9_]*\)(.*/\1/p' "$file"); do
        is_tested "$public" && tested=1
    done
    [ "$tested" -eq 1 ] || complain "$name ($file) has no test"
done
for descriptor in $(echo "$descriptors" | awk '{print $2}'); do
    [ "$descriptor" != op_chain ] || continue # the planner's own: never recorded
    grep -q "^OP($descriptor)" src/ops/ops.def || complain "$descriptor is not in src/ops/ops.def"
done

# Elementwise rows.
for name in $(sed -n 's/^EW[0-9A-Z]*(\([a-z0-9_]*\),.*/\1/p' src/ops/elementwise.def); do
    count=$((count + 1))
    is_public "$name" || complain "$name of elementwise.def has no prototype gradc_$name"
    is_tested "$name" || complain "$name of elementwise.def has no test"
done

# Each kernel is asked for, and each one asked for is there.
for file in opencl/*.cl; do
    name=$(basename "$file" .cl)
    grep -rq "\"$name\"" src/ops src/device --include='*.c' || grep -rqE "include \"$name\.cl\"" opencl src ||
        [ "$name" = prelude ] || complain "opencl/$name.cl is used by nobody"
done
for name in $(grep -rhoE 'kernel_start\([^,]*, "[a-z0-9_]*"' src | sed 's/.*"\([a-z0-9_]*\)"/\1/' | sort -u); do
    [ -f "opencl/$name.cl" ] || complain "opencl/$name.cl is missing"
done
[ "$count" -gt 0 ] || complain "no ops found"
[ "$bad" -eq 0 ] && echo "ops: ok, $count"
exit "$bad"
