#!/bin/sh
# Fuzzes the reader of safetensors files (make fuzz builds the program), from the kept corpus on.
#
# FUZZER        the program
# FUZZ_SECONDS  how long, 60 by default
# WORK          where new inputs and failing ones go, by default a folder beside the program
#
# New inputs that are worth keeping: FUZZER -merge=1 test/fuzz/corpus/safetensors WORK/corpus
set -u
cd "$(dirname "$0")/.." || exit 1
: "${FUZZER:?the libFuzzer program}" "${FUZZ_SECONDS:=60}"
: "${WORK:=${FUZZER%/*}/safetensors-work}"
mkdir -p "$WORK/corpus" "$WORK/failures"
python3 test/fuzz/seeds.py "$WORK/seeds" || exit 1
exec "$FUZZER" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -use_value_profile=1 -max_len=4096 \
    -dict=test/fuzz/safetensors.dict -artifact_prefix="$WORK/failures/" -print_final_stats=1 \
    "$WORK/corpus" test/fuzz/corpus/safetensors "$WORK/seeds"
