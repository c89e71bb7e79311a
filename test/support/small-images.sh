#!/bin/sh
# Makes a small data set in the form of Fashion-MNIST: N training images of two classes that are easy to tell, a bright
# upper half and a bright lower half, and half as many test images.
# usage: small-images.sh FOLDER N
python3 - "$1" "$2" <<'END'
import gzip, os, struct, sys
folder, count = sys.argv[1], int(sys.argv[2])
os.makedirs(folder, exist_ok=True)
def part(name, n):
    labels = bytes(i % 2 for i in range(n))
    half = 14 * 28
    images = b"".join(bytes([200 + i % 50]) * half + bytes(half) if i % 2 else bytes(half) + bytes([180 + i % 70]) * half
                      for i in range(n))
    with gzip.open(f"{folder}/{name}-images-idx3-ubyte.gz", "wb") as f:
        f.write(struct.pack(">4B3i", 0, 0, 8, 3, n, 28, 28) + images)
    with open(f"{folder}/{name}-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">4Bi", 0, 0, 8, 1, n) + labels)
part("train", count)
part("t10k", count // 2 + 1)
END
