#!/usr/bin/env python3
"""Writes first files for the fuzzing of the safetensors reader into a folder: good ones and nearly good ones.

usage: seeds.py FOLDER
"""

import os
import struct
import sys

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}


def text(value):
    return '"' + value + '"'


def entry(name, dtype, shape, begin, end):
    sizes = ",".join(str(size) for size in shape)
    return f'{text(name)}:{{"dtype":{text(dtype)},"shape":[{sizes}],"data_offsets":[{begin},{end}]}}'


def file(header, data=b"", length=None):
    raw = header.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def good():
    for dtype, size in SIZES.items():
        for shape in ((), (0,), (3,), (2, 3), (1, 2, 1, 2, 1, 2, 1, 2)):
            count = 1
            for n in shape:
                count *= n
            yield file("{" + entry("a", dtype, shape, 0, count * size) + "}", bytes(range(256))[: count * size])
    meta = '"__metadata__":{"model":"mlp","k\\u00e9\\ud83d\\ude00":"\\"\\\\\\/\\b\\f\\n\\r\\t"}'
    yield file("{" + meta + "}")
    yield file("{" + meta + "," + entry("w", "F32", (2,), 1, 9) + "," + entry("m", "BOOL", (1,), 0, 1) + "}   ", bytes(9))
    yield file('{ "x" :\t{"y":[1,[2,{"z":null}],true,false],\n"shape":[1],"dtype":"U8","data_offsets":[0,1]}}', b"1")
    yield file("{" + ",".join(entry(f"layer.{i}", "U8", (1,), i, i + 1) for i in range(20)) + "}", bytes(20))


def bad():
    one = entry("a", "U8", (8,), 0, 8)
    for length in (0, 7, 99, 100000000, 100000001, 2**63, 2**64 - 1):
        yield file("{" + one + "}", bytes(8), length)
    for a, b in (((0, 5), (4, 8)), ((0, 3), (4, 8)), ((8, 0), (0, 8)), ((0, 8), (0, 8)), ((2, 8), (0, 2))):
        yield file("{" + entry("a", "U8", (4,), *a) + "," + entry("b", "U8", (4,), *b) + "}", bytes(8))
    for number in ("-1", "1.5", "1e400", "9007199254740992", "9223372036854775808", "18446744073709551616", "08", "NaN"):
        yield file('{"a":{"dtype":"U8","shape":[%s],"data_offsets":[0,8]}}' % number, bytes(8))
    yield file("{" + entry("a", "F32", (4294967296, 4294967296), 0, 8) + "}", bytes(8))
    yield file("{" + entry("a", "U8", (1,) * 9, 0, 1) + "}", bytes(1))
    for dtype in ("I8", "U16", "F8_E4M3", "Q8"):
        yield file("{" + entry("a", dtype, (8,), 0, 8) + "}", bytes(8))
    for name in ("\\u0000", "\\ud800", "\udcff", "\x01", "\\q", "\\u001b[2J", "n" * 200):
        yield file("{" + entry(name, "U8", (8,), 0, 8) + "}", bytes(8))
    yield file('{"a":' * 20 + "1" + "}" * 20)
    yield file("[" * 40)
    for header in ("{}x", "{}{}", " {}", "[]", "{", "", '{"a', '{"a\\', "{" + one + "," + one + "}",
                   '{"__metadata__":{},"__metadata__":{}}', '{"__metadata__":{"k":1}}', '{"__metadata__":[]}',
                   '{"__metadata__":{"k":"","k":""}}', '{"a":[]}', '{"a":{"dtype":1}}', '{"a":{"dtype":"U8"}}',
                   '{"a":{"dtype":"U8","shape":[]}}', '{"a":{"shape":[],"shape":[]}}'):
        yield file(header)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for kind, files in (("good", good()), ("bad", bad())):
        for i, content in enumerate(files):
            with open(os.path.join(folder, f"{kind}-{i:02d}"), "wb") as out:
                out.write(content)


if __name__ == "__main__":
    main()
