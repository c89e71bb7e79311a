"""What the kernels of products and convolutions take of a GPU, as the vendors' compilers say: docs/devices.md.

usage: KEEP=programs sh test/vendors.sh
       resources.py programs > table.md

For each source and its tile, of the program with the most options: registers, bytes of spilt registers (AMD: of scratch),
and on AMD the waves that a SIMD unit holds; on Intel, whose items share a thread's registers, the items of a thread, and
the bytes that lie in its memory for want of registers.  Needs clang-15, rocm-device-libs, libclc-15, ptxas and ocloc.
"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

AMD = "/usr/lib/x86_64-linux-gnu/amdgcn/bitcode"
CLC = "/usr/lib/clc/nvptx64--nvidiacl.bc"
CLANG = ["clang-15", "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header", "-O2", "-S"]
SOURCES = re.compile(r"(gemm|conv|skinny|winograd|winograd_result|winograd_fused|depthwise|depthwise_weight|gemm_matrix|"
                     r"conv_matrix)-(F32|BF16)-")
TARGETS = "gfx906", "gfx1030", "sm_80", "sm_90", "skl", "dg2"


def amd(path, options, target, out):
    done = subprocess.run(CLANG + options + ["-target", "amdgcn-amd-amdhsa", "-mcpu=" + target,
                                             "--rocm-device-lib-path=" + AMD, "-o", out, path],
                          capture_output=True, text=True)
    if done.returncode:
        return None
    with open(out) as f:
        text = f.read()
    found = {key: [int(n) for n in re.findall(r"; %s: (\d+)" % key, text)]
             for key in ("NumVgprs", "ScratchSize", "Occupancy")}
    return max(found["NumVgprs"]), max(found["ScratchSize"]), min(found["Occupancy"])


def nvidia(path, options, target, out):
    if target == "sm_90":
        options = options + ["-DUNIT_ROUNDS"]
    done = subprocess.run(CLANG + options + ["-fgnu-keywords", "-target", "nvptx64-nvidia-nvcl", "-Xclang",
                                             "-mlink-builtin-bitcode", "-Xclang", CLC, "-Xclang", "-target-cpu", "-Xclang",
                                             "sm_80", "-Xclang", "-target-feature", "-Xclang", "+ptx70", "-o", out, path],
                          capture_output=True, text=True)
    if done.returncode:
        return None
    if target == "sm_90":  # which the compiler doesn't know yet
        with open(out) as f:
            text = f.read()
        with open(out, "w") as f:
            f.write(re.sub(r"(?m)^\.target .*", ".target sm_90", re.sub(r"(?m)^\.version .*", ".version 7.8", text)))
    done = subprocess.run(["ptxas", "-arch=" + target, "-v", out, "-o", out + ".cubin"], capture_output=True, text=True)
    if done.returncode:
        return None
    registers = [int(n) for n in re.findall(r"Used (\d+) registers", done.stderr)]
    spilt = [int(n) for n in re.findall(r"(\d+) bytes spill stores", done.stderr)]
    return max(registers), max(spilt)


def intel(path, options, target, out):
    options = [x for x in options if x != "-DDEVICE_F64"]
    done = subprocess.run(["ocloc", "compile", "-q", "-file", path, "-device", target, "-options", " ".join(options),
                           "-internal_options", "-ze-allow-zebin", "-out_dir", out], capture_output=True, text=True)
    binaries = [file for file in os.listdir(out) if file.endswith(".bin")] if os.path.isdir(out) else []
    if done.returncode or not binaries:
        return None
    with open(os.path.join(out, binaries[0]), "rb") as f:
        text = f.read()
    items, kept = [], [0]
    for kernel in text.split(b"execution_env:")[1:]:
        items.append(int(re.search(rb"simd_size:\s+(\d+)", kernel).group(1)))
        memory = re.findall(rb"usage:\s+(private_space|single_space|spill_fill_space)\s+size:\s+(\d+)", kernel)
        kept.append(sum(int(size) * (items[-1] if usage == b"private_space" else 1) for usage, size in memory))
    return min(items), max(kept)


def label(name, options):
    """Source, dtype and tile."""
    source, dtype = name.split("-")[:2]
    value = dict(re.findall(r"-D(\w+)=(\w+)", options))
    tile = ""
    if "ITEM_M" in value:
        tile = " %(TILE_M)sx%(TILE_N)sx%(TILE_K)s, %(ITEM_M)sx%(ITEM_N)s an item" % value
    elif "TILE_M" in value:
        tile = " %(TILE_M)sx%(TILE_N)s" % value
    elif "TILE" in value:
        tile = " %(TILE)sx%(TILE)s" % value
    return source + tile, dtype.lower()


def is_for_intel(source, options):
    """Whether a device of Intel's is given this (opencl_tile_fits in src/device/opencl/tiling.c, and conv_fused.c)."""
    if source == "winograd_fused":
        return False
    value = {key: int(n) for key, n in re.findall(r"-D(TILE_[MNK]|ITEM_[MN])=(\d+)", " ".join(options))}
    if "ITEM_M" not in value:
        return True
    items = value["TILE_M"] * value["TILE_N"] // (value["ITEM_M"] * value["ITEM_N"])
    brought = max(value["TILE_M"], value["TILE_N"]) * value["TILE_K"] // items
    return value["ITEM_M"] * value["ITEM_N"] <= 16 and brought <= 8


def measure(job):
    path, options, target = job
    with tempfile.TemporaryDirectory() as folder:
        run = amd if target.startswith("gfx") else nvidia if target.startswith("sm_") else intel
        return run(path, options, target, os.path.join(folder, "out"))


def main():
    folder = sys.argv[1]
    chosen = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".cl") or not SOURCES.match(file):
            continue
        with open(os.path.join(folder, file[:-3] + ".options")) as f:
            text = f.read()
        if re.search("-DUNIT_(WMMA|MFMA|DPAS)|-DBUFFERS=1", text) or "-DLANES=8" in text:
            continue
        key = label(file[:-3], text)
        if key not in chosen or len(text) > len(chosen[key][1]):
            chosen[key] = file, text
    jobs, keys = [], []
    for key, (file, text) in chosen.items():
        options = [x for x in text.split() if not x.startswith("-cl-")]
        for target in TARGETS:
            if target in ("skl", "dg2") and not is_for_intel(key[0].split()[0], options):
                continue
            if "-DUNIT_MMA" not in text or target.startswith("sm_"):
                jobs.append((os.path.join(folder, file), options, target))
                keys.append((key, target))
    table = collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (key, target), found in zip(keys, pool.map(measure, jobs)):
            if found is not None:
                table[key][target] = found
    print("| kernel | dtype | %s |\n%s" % (" | ".join(TARGETS), "| --- " * (2 + len(TARGETS)) + "|"))
    for (kernel, dtype), row in sorted(table.items()):
        cells = [" / ".join(map(str, row[t])) if t in row else "" for t in TARGETS]
        print("| %s | %s | %s |" % (kernel, dtype, " | ".join(cells)))


main()
