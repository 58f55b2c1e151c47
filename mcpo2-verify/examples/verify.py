#!/usr/bin/env python3
"""A second verifier of ledgers, written from FORMAT.md alone: it shares no code with the first.

    pip install blake3 pynacl
    verify.py LEDGER VKEY [CHECKPOINT]

VKEY is the first key of the log, as you know it from elsewhere; CHECKPOINT one that you remember.
It says whether the ledger holds, and not what was done to it; tiles it reads only where they stand
in for segments. A quarter of it is for keys that change, segments that retention removed and ends
that a crash tore. It would be shorter without them, and wrong about honest ledgers.
"""

import base64
import contextlib
import hashlib
import io
import json
import pathlib
import re
import struct
import sys
import zlib

from blake3 import blake3
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

# what is raised where something does not hold
FAILS = (ValueError, struct.error, BadSignatureError, OSError)


class Torn(ValueError):
    """No frame stands here. At the very end, a crash may have left it so."""


def need(holds, why):
    if not holds:
        raise ValueError(why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 with stray bits")
    return data


def decimal(text):
    need(re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) < 2**64, "no number")
    return int(text)


class Key:
    """A verifier key of a log (C2SP signed-note)."""

    def __init__(self, vkey):
        self.vkey, (self.name, key_id, material) = vkey, vkey.split("+", 2)
        data = unbase64(material)
        need(len(data) == 33 and data[0] == 1, "no Ed25519 key")
        self.id, self.key = sha256(self.name.encode() + b"\n" + data)[:4], VerifyKey(data[1:])
        need(self.id.hex() == key_id, "key and its id differ")

    def text(self, note):
        """The text of a note, if this key signed it."""
        text, found, lines = note.decode("utf-8").rpartition("\n\n")
        need(found and lines.endswith("\n"), "no note")
        text, signed = text + "\n", False
        for line in lines[:-1].split("\n"):
            need(re.fullmatch("— [^ +]+ [^ ]+", line), "no signature line")
            _, name, signature = line.split(" ")
            signature = unbase64(signature)
            if (name, signature[:4]) == (self.name, self.id):
                signed = self.key.verify(text.encode(), signature[4:])
        need(signed, "not signed by the key of its epoch")
        return text


class Tree:
    """The right edge of an RFC 6962 tree."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, node):
        size = self.size
        while size & 1:
            size, node = size >> 1, sha256(b"\1", self.edge.pop(), node)
        self.edge.append(node)
        self.size += 1

    def root(self):
        *lefts, node = self.edge or [sha256()]
        for left in reversed(lefts):
            node = sha256(b"\1", left, node)
        return node


def frame(data, at):
    """Kind, seq, payload and end of the frame at an offset; None where none follows."""
    if not any(data[at : at + 4]):
        return None
    length, kind, crc, seq = struct.unpack("<IBIQ", data[at : at + 17].ljust(17, b"\0"))
    payload, end = data[at + 17 : at + 17 + length], at + 17 + length
    is_whole = 0 < length <= 1 << 20 and end <= len(data) and 1 <= kind <= 4
    if not is_whole or zlib.crc32(struct.pack("<BQ", kind, seq) + payload) != crc:
        raise Torn("torn")
    return kind, seq, payload, end


def body(data):
    """The public part of a body, after a look at all of it."""
    need(len(data) <= 96 << 10, "body too long")
    stream = io.BytesIO(data)
    public = stream.read(*struct.unpack("<I", stream.read(4)))
    need(public[:1] == b"{" and public[-1:] == b"}", "no object")
    (count,) = struct.unpack("<H", stream.read(2))
    before = b""
    for _ in range(count):
        path = stream.read(*struct.unpack("<B", stream.read(1)))
        need(path > before, "paths out of order")
        need(re.fullmatch(rb"/([^\0-\x1f~]|~[01])*", path) and path.decode("utf-8"), "no pointer")
        need(len(stream.read(32)) == 32, "no commitment")
        before = path
    need(not stream.read(), "body does not end where it says")
    return public.decode("utf-8")


class Ledger:
    def __init__(self, path, vkey):
        self.path, first = pathlib.Path(path), Key(vkey)
        self.origin = first.name
        origin = (self.path / "origin").read_bytes()
        need(origin == f"{first.name}\n{vkey}\n".encode(), "another log or key")
        self.keys, (last, key) = {0: first}, (0, first)
        for number, note in enumerate(sorted(self.path.glob("keys/epoch-*.note")), 1):
            need(note.name == f"epoch-{number:010}.note", "a rotation note is missing")
            *kind, size, vkey, end = key.text(note.read_bytes()).split("\n")
            need(kind == ["mcpo2.dev/rotation/v1", self.origin, str(number)], "another rotation")
            before, last, key = last, decimal(size), Key(vkey)
            in_order = last > before and key.name == self.origin and end == ""
            need(in_order, "rotation out of order")
            self.keys[last] = key
        self.tree, self.roots, self.chain, self.times = Tree(), {}, bytes(32), None
        self.first = self.committed = self.retention = self.kept = 0
        self.values = False

    def checkpoint(self, note):
        """Size and root of a checkpoint that the right key signed."""
        origin, size, *_ = note.decode("utf-8").split("\n")
        need(origin == self.origin, "checkpoint of another log")
        size = decimal(size)
        key = [key for since, key in self.keys.items() if since < size or since == 0][-1]
        root = unbase64(key.text(note).split("\n")[2])
        need(len(root) == 32, "no root")
        return size, root

    def push(self, leaf_hash):
        self.tree.push(leaf_hash)
        if self.tree.size in self.roots:
            need(self.tree.root() == self.roots[self.tree.size], "a fork")

    def leaf(self, data):
        """Takes a leaf into chain and tree."""
        magic, flags, seq, wall, mono, boot, _, digest, chain, kind, schema, pad = struct.unpack(
            "<4sIQQQ16s32s32s32sHHI", data
        )
        need(magic == b"M2A1" and flags < 4 and pad == 0, "no leaf")
        need(seq == self.tree.size, "a record is missing or there twice")
        need(self.chain in (None, chain), "the chain is broken")
        before_wall, before_mono, before_boot = self.times or (0, 0, None)
        need(wall >= before_wall, "time runs backwards")
        need(boot != before_boot or mono >= before_mono, "the clock ran backwards")
        self.times = wall, mono, boot
        self.chain = blake3(chain + data, derive_key_context="mcpo2 2026 audit chain v1").digest()
        self.push(sha256(b"\0", data))
        return digest, kind, schema

    def header(self, seq, payload):
        origin, edge, chain = self.origin.encode(), self.tree.edge, self.chain or payload[12:44]
        parts = [b"MCPO2SEG\1\0\0\0", chain, bytes([len(edge)]), *edge]
        same = payload == b"".join(parts) + struct.pack("<H", len(origin)) + origin
        need(same and seq == self.tree.size, "a segment of another history or log")
        self.chain, self.values = chain, False

    def record(self, seq, payload):
        signed = self.committed == seq or seq <= self.first or seq not in self.keys
        need(signed, "nothing is signed before a rotation")
        need(seq == self.tree.size, "a record is missing or there twice")
        digest, kind, schema = self.leaf(payload[:152])
        hashed = blake3(payload[152:], derive_key_context="mcpo2 2026 audit record v1").digest()
        need(digest == hashed, "an edited body")
        need(schema == 1, "unknown schema")
        named, public = None, body(payload[152:])
        match kind, kind in (11, 13) and json.loads(public):
            case 11, {"rotation": {"key": named}}:
                pass
            case 13, {"retention": {"before": int(before)}}:
                self.retention = max(self.retention, min(before, seq))
        need(seq + 1 not in self.keys or named == self.keys[seq + 1].vkey, "another key follows")
        self.values = True

    def vault(self, seq, payload):
        fits = self.values and seq + 1 == self.tree.size and len(payload) >= 56
        need(fits, "values stand elsewhere")

    def commit(self, seq, payload):
        need(len(payload) <= 4096, "commit too long")
        signed, here = self.checkpoint(payload), (self.tree.size, self.tree.root())
        need(signed == here and seq == self.tree.size, "an edited tree")
        self.committed, self.kept, self.values = seq, self.retention, False

    def segment(self, first, data, last):
        need(first == self.tree.size, "a segment is missing or there twice")
        if last and not any(data):
            return
        at, frames = 0, {1: self.header, 2: self.record, 3: self.vault, 4: self.commit}
        try:
            while found := frame(data, at):
                kind, seq, payload, end = found
                need((kind == 1) == (at == 0), "no header, or a second one")
                frames[kind](seq, payload)
                at = end
            if any(data[at:]):
                raise Torn("torn")
            need(at > 0, "no header")
        except Torn:
            if not last or self.commit_behind(data, at):
                raise

    def commit_behind(self, data, at):
        """Whether what is torn was signed: a crash does not leave that."""
        for found in re.finditer(re.escape(self.origin.encode()) + b"\n", data[at:]):
            with contextlib.suppress(*FAILS):
                kind, _, payload, _ = frame(data, max(0, at + found.start() - 17)) or [0] * 4
                if kind == 4 and self.checkpoint(payload)[0] > self.committed:
                    return True
        return False

    def front(self, first):
        """What stands in for segments that retention removed."""
        while self.tree.size < first:
            index, count = self.tree.size // 256, min(256, first - self.tree.size)
            hashes = self.tile("0", index, 32 * count)
            leaves = self.tile("entries", index, 154 * count)
            need(hashes, "segments are missing, and no tile stands in for them")
            for at in range(count):
                leaf_hash = hashes[32 * at : 32 * at + 32]
                if not leaves:
                    self.chain = self.times = None
                    self.push(leaf_hash)
                    continue
                entry = leaves[154 * at : 154 * at + 154]
                same = entry[:2] == b"\0\x98" and sha256(b"\0", entry[2:]) == leaf_hash
                need(same, "an edited tile")
                self.leaf(entry[2:])
        self.first = first

    def tile(self, level, index, length):
        """The fullest file of a tile that has so many bytes."""
        number = f"{index % 1000:03}"
        while index := index // 1000:
            number = f"x{index % 1000:03}/{number}"
        full = self.path / "tile" / level / number
        partial = sorted(full.with_name(full.name + ".p").glob("*"), key=lambda it: -int(it.name))
        files = (path.read_bytes() for path in (full, *partial) if path.exists())
        return next((data for data in files if len(data) >= length), None)

    def verify(self, since=None):
        published = self.path / "checkpoint"
        notes = [published.read_bytes()] if published.exists() else []
        notes += [since] if since is not None else []
        seen = [(0, sha256()), *map(self.checkpoint, notes)]
        for size, root in seen:
            need(self.roots.setdefault(size, root) == root, "a fork")
        is_segment = re.compile(r"[0-9]{20}\.seg").fullmatch
        segments = sorted(path for path in self.path.glob("seg/*") if is_segment(path.name))
        self.front(int(segments[0].stem) if segments else 0)
        for path in segments:
            self.segment(int(path.stem), path.read_bytes(), path == segments[-1])
        newest = max(*self.keys, *(size for size, _ in seen))
        need(newest <= self.committed, "the end is missing")
        need(self.kept >= self.first, "segments are missing at the front")
        return self.committed


def main(ledger, vkey, checkpoint=None):
    since = checkpoint and pathlib.Path(checkpoint).read_bytes()
    try:
        print(Ledger(ledger, vkey).verify(since), "records hold")
    except FAILS as wrong:
        sys.exit(f"does not hold: {wrong}")


if __name__ == "__main__":
    main(*sys.argv[1:])
