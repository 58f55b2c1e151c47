#!/usr/bin/env python3
"""A second verifier of excerpts, written from FORMAT.md and the BLAKE3 paper alone, of the standard library alone.

    verify_excerpt.py ROOT PROOF

ROOT is the root of a manifest as you know it from elsewhere, `b3:` and 64 digits; PROOF the file of an excerpt proof. It
writes the bytes that are proven to stdout, and says on stderr which they are. It shares no code with the first verifier.
"""

import pathlib
import re
import struct
import sys

GROUP = 16 * 1024
CHUNK = 1024

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
MIXED += ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
START, END, PARENT, IS_ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF


class Bad(Exception):
    """What does not hold."""


def need(holds, why):
    if not holds:
        raise Bad(why)


def compress(value, block, counter, length, flags):
    """BLAKE3's compression function: the eight words of the next chaining value."""
    words = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*value, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        for at, (a, b, c, d) in enumerate(MIXED):
            for word, turn_d, turn_b in ((words[2 * at], 16, 12), (words[2 * at + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & MASK
                x = v[d] ^ v[a]
                v[d] = (x >> turn_d | x << (32 - turn_d)) & MASK
                v[c] = (v[c] + v[d]) & MASK
                x = v[b] ^ v[c]
                v[b] = (x >> turn_b | x << (32 - turn_b)) & MASK
        words = [words[at] for at in PERMUTATION]
    return tuple(low ^ high for low, high in zip(v[:8], v[8:]))


def left_length(length):
    """How many bytes the left subtree has: the largest power of two that leaves some for the right one."""
    return 1 << (length - 1).bit_length() - 1


def node(key, data, offset, flags):
    """The last compression of a subtree that begins at this offset of the whole, not yet done."""
    if len(data) > CHUNK:
        left = left_length(len(data))
        return parent(key, [(data[:left], offset), (data[left:], offset + left)], flags)
    value, blocks = key, [data[at : at + 64] for at in range(0, len(data), 64)] or [b""]
    for number, block in enumerate(blocks):
        ends = (START if number == 0 else 0) | (END if number == len(blocks) - 1 else 0)
        last = (value, block, offset // CHUNK, len(block), flags | ends)
        if number < len(blocks) - 1:
            value = compress(*last)
    return last


def parent(key, halves, flags):
    left, right = (packed(compress(*node(key, data, offset, flags))) for data, offset in halves)
    return above(left, right, key, flags)


def above(left, right, key=IV, flags=0):
    return (key, left + right, 0, 64, flags | PARENT)


def packed(words):
    return struct.pack("<8I", *words)


def root(last):
    *rest, flags = last
    return packed(compress(*rest, flags | IS_ROOT))


def derive(context, material, keys={}):
    if context not in keys:
        keys[context] = struct.unpack("<8I", root(node(IV, context.encode(), 0, CONTEXT)))
    return root(node(keys[context], material, 0, MATERIAL))


class Reader:
    """What is left of some bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        taken = self.data[self.at : self.at + length]
        need(len(taken) == length, "the proof ends too early")
        self.at += length
        return taken

    def number(self):
        number = shift = 0
        while True:
            (byte,) = self.take(1)
            need(byte or not shift, "a number is not in its shortest form")
            number |= (byte & 127) << shift
            shift += 7
            need(number < 2**64 and shift <= 70, "a number is over 64 bits")
            if byte < 128:
                return number


class Head:
    """What a root binds beside its tree."""

    def __init__(self, proof):
        begin = proof.at
        need(proof.number() == 1, "another version")
        proof.take(32)
        self.count, _size = proof.number(), proof.number()
        self.data = proof.data[begin : proof.at]

    def root(self, tree):
        return derive("mcpo2 manifest root v1", self.data + tree)


class File:
    """The entry of a file, as bytes and as what they say."""

    def __init__(self, proof):
        begin = proof.at
        need(proof.take(1)[0] in (0, 1), "the entry is no file")
        try:
            self.path = proof.take(proof.number()).decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("a path that is not UTF-8") from None
        self.size, self.digest = proof.number(), proof.take(32)
        self.data = proof.data[begin : proof.at]


def climb(leaf, index, count, proof):
    """The hash of the tree that the leaf and the hashes of the proof lead to."""
    need(index < count, "the index is behind the end")
    last = count - 1
    while last:
        if index ^ 1 <= last:
            sibling = proof.take(32)
            pair = sibling + leaf if index & 1 else leaf + sibling
            leaf = derive("mcpo2 manifest node v1", pair)
        index, last = index >> 1, last >> 1
    return leaf


class Part:
    """Which bytes of the file are meant, and which are there."""

    def __init__(self, proof, size):
        self.start, self.end = proof.number(), proof.number()
        (cover,) = proof.take(1)
        need(self.start < self.end <= size or self.start == self.end == size == 0, "no range of the file")
        need(cover == 0 or cover == 1 and self.start >= GROUP, "another cover")
        self.from_ = 0 if cover else self.start // GROUP * GROUP
        self.to = min(-(-self.end // GROUP) * GROUP, size)

    def missing(self, start, end):
        """The nodes below this one that the part does not touch, from the left."""
        if self.from_ <= start and end <= self.to:
            return []
        if end <= self.from_ or self.to <= start:
            return [(start, end)]
        middle = start + left_length(end - start)
        return self.missing(start, middle) + self.missing(middle, end)

    def node(self, start, end, data, hashes):
        if self.from_ <= start and end <= self.to:
            return node(IV, data[start - self.from_ : end - self.from_], start, 0)
        middle = start + left_length(end - start)
        return above(*(self.value(*half, data, hashes) for half in ((start, middle), (middle, end))))

    def value(self, start, end, data, hashes):
        known = hashes.get((start, end))
        return known or packed(compress(*self.node(start, end, data, hashes)))


class Excerpt:
    """A part of a file that stands in the manifest with this root."""

    def __init__(self, expected, data):
        proof = Reader(data)
        need(proof.take(14) == b"mcpo2 excerpt\n", "no proof of an excerpt")
        head, index = Head(proof), proof.number()
        file = File(proof)
        tree = climb(derive("mcpo2 manifest leaf v1", file.data), index, head.count, proof)
        need(head.root(tree) == expected, "another root")
        part = Part(proof, file.size)
        hashes = {span: proof.take(32) for span in part.missing(0, file.size)}
        covered = proof.take(part.to - part.from_)
        need(proof.at == len(data), "more bytes than it takes")
        need(root(part.node(0, file.size, covered, hashes)) == file.digest, "other bytes than the file's")
        self.path, self.start, self.end = file.path, part.start, part.end
        above, self.data = covered[: part.start - part.from_], covered[part.start - part.from_ : part.end - part.from_]
        self.line = above.count(b"\n") + 1 if part.from_ == 0 and self.data else None


def main():
    if len(sys.argv) != 3 or not re.fullmatch("b3:[0-9a-f]{64}", sys.argv[1]):
        sys.exit(__doc__)
    try:
        excerpt = Excerpt(bytes.fromhex(sys.argv[1][3:]), pathlib.Path(sys.argv[2]).read_bytes())
    except Bad as bad:
        sys.exit(f"does not hold: {bad}")
    line = f", from line {excerpt.line}" if excerpt.line else ", lines not proven"
    print(f"holds: bytes {excerpt.start}..{excerpt.end} of {excerpt.path!r}{line}", file=sys.stderr)
    sys.stdout.buffer.write(excerpt.data)


if __name__ == "__main__":
    main()
