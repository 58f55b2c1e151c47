#!/usr/bin/env python3
"""A second verifier of ledgers, written from FORMAT.md alone: it shares no code with the first.

    pip install blake3 pynacl
    verify.py LEDGER VKEY [CHECKPOINT]

VKEY is the first key of the log, as you know it from elsewhere; CHECKPOINT one that you remember. It says whether the
ledger holds, and not what was done to it; tiles it reads only where they stand in for segments.
"""

import base64
import hashlib
import json
import pathlib
import re
import struct
import sys
import zlib

from blake3 import blake3
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey


class Bad(Exception):
    """What does not hold."""


def need(holds, why):
    if not holds:
        raise Bad(why)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def derive(context, data):
    return blake3(data, derive_key_context=context).digest()


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("no base64") from None
    need(base64.b64encode(data).decode() == text, "base64 with stray bits")
    return data


def decimal(text):
    need(re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) < 2**64, "no number")
    return int(text)


class Key:
    """A verifier key of a log (C2SP signed-note)."""

    def __init__(self, vkey):
        need(len(vkey.split("+", 2)) == 3, "no verifier key")
        self.vkey, (self.name, key_id, material) = vkey, vkey.split("+", 2)
        data = unbase64(material)
        need(len(data) == 33 and data[0] == 1, "no Ed25519 key")
        self.id = sha256(self.name.encode() + b"\n" + data)[:4]
        need(self.id.hex() == key_id, "key and its id differ")
        self.key = VerifyKey(data[1:])

    def text(self, note):
        """The text of a note, if this key signed it."""
        try:
            text, found, lines = note.decode("utf-8").rpartition("\n\n")
        except UnicodeDecodeError:
            raise Bad("note is no text") from None
        need(found and lines.endswith("\n"), "no note")
        text, signed = text + "\n", False
        for line in lines[:-1].split("\n"):
            need(re.fullmatch("— [^ +]+ [^ ]+", line), "no signature line")
            _, name, signature = line.split(" ")
            signature = unbase64(signature)
            if name == self.name and signature[:4] == self.id:
                try:
                    self.key.verify(text.encode(), signature[4:])
                except (BadSignatureError, ValueError):
                    raise Bad("wrong signature") from None
                signed = True
        need(signed, "not signed by the key of its epoch")
        return text


class Tree:
    """The right edge of an RFC 6962 tree."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, leaf_hash):
        size, node = self.size, leaf_hash
        while size & 1:
            size, node = size >> 1, sha256(b"\1", self.edge.pop(), node)
        self.edge.append(node)
        self.size += 1

    def root(self):
        if not self.edge:
            return sha256()
        node = self.edge[-1]
        for left in self.edge[-2::-1]:
            node = sha256(b"\1", left, node)
        return node


def frame(data, at):
    """Kind, seq, payload and end of the frame at an offset; None where none follows."""
    if not any(data[at : at + 4]):
        return None
    need(len(data) >= at + 17, "torn")
    length, kind, crc, seq = struct.unpack_from("<IBIQ", data, at)
    payload = data[at + 17 : at + 17 + length]
    need(0 < length <= 1 << 20 and len(payload) == length, "torn")
    need(zlib.crc32(struct.pack("<BQ", kind, seq) + payload) == crc and 1 <= kind <= 4, "no CRC")
    return kind, seq, payload, at + 17 + length


def body(data):
    """The public part of a body, after a look at all of it."""
    need(len(data) <= 96 << 10, "body too long")
    (length,) = struct.unpack_from("<I", data.ljust(4, b"\0"))
    public = data[4 : 4 + length]
    need(len(data) >= 6 + length and public[:1] == b"{" and public[-1:] == b"}", "no object")
    (count,) = struct.unpack_from("<H", data, 4 + length)
    at, before = 6 + length, b""
    for _ in range(count):
        path = data[at + 1 : at + 1 + data[at]] if at < len(data) else b""
        need(path > before and path[:1] == b"/", "paths out of order")
        need(not re.search(rb"[\0-\x1f]|~(?![01])", path), "no JSON pointer")
        path.decode("utf-8")
        at, before = at + 1 + len(path) + 32, path
    need(at == len(data), "body does not end where it says")
    return public.decode("utf-8")


def said(public, outer, inner):
    """A member of the public part of a record that says something about the ledger."""
    try:
        return json.loads(public)[outer][inner]
    except (ValueError, LookupError, TypeError):
        return None


class Ledger:
    def __init__(self, path, vkey):
        self.path, first = pathlib.Path(path), Key(vkey)
        self.origin = first.name
        need(self.read("origin") == f"{first.name}\n{vkey}\n".encode(), "another log or key")
        self.keys = [(0, first)]
        notes = sorted(self.path.glob("keys/epoch-*.note"))
        for number, note in enumerate(notes, 1):
            need(note.name == f"epoch-{number:010}.note", "a rotation note is missing")
            lines = self.keys[-1][1].text(note.read_bytes()).split("\n")
            need(len(lines) == 6 and lines[0] == "mcpo2.dev/rotation/v1", "no rotation note")
            need(lines[1:3] == [self.origin, str(number)] and lines[5] == "", "another rotation")
            size, key = decimal(lines[3]), Key(lines[4])
            need(size > self.keys[-1][0] and key.name == self.origin, "rotation out of order")
            self.keys.append((size, key))
        self.tree, self.chain, self.times = Tree(), bytes(32), None
        self.committed = self.first = self.kept = self.retention = 0
        self.values, self.torn, self.roots = False, False, {}

    def read(self, name):
        path = self.path / name
        return path.read_bytes() if path.exists() else None

    def checkpoint(self, note):
        """Size and root of a checkpoint that the right key signed."""
        lines = note.split(b"\n")
        need(len(lines) > 3 and lines[0] == self.origin.encode(), "checkpoint of another log")
        size = decimal(lines[1].decode("utf-8", "replace"))
        key = [key for since, key in self.keys if since < size or since == 0][-1]
        root = unbase64(key.text(note).split("\n")[2])
        need(len(root) == 32, "no root")
        return size, root

    def leaf(self, data):
        """Takes a leaf into chain and tree."""
        magic, flags, seq, wall, mono, boot, _, digest, chain, kind, schema, pad = struct.unpack(
            "<4sIQQQ16s32s32s32sHHI", data
        )
        need(magic == b"M2A1" and flags < 4 and pad == 0, "no leaf")
        need(seq == self.tree.size, "a record is missing or there twice")
        need(self.chain in (None, chain), "the chain is broken")
        if self.times:
            need(wall >= self.times[0], "time runs backwards")
            need(boot != self.times[2] or mono >= self.times[1], "the clock ran backwards")
        self.times = wall, mono, boot
        self.chain = derive("mcpo2 2026 audit chain v1", chain + data)
        self.push(sha256(b"\0", data))
        return digest, kind, schema

    def push(self, leaf_hash):
        self.tree.push(leaf_hash)
        if self.tree.size in self.roots:
            need(self.tree.root() == self.roots[self.tree.size], "a fork")

    def record(self, seq, payload):
        need(seq == self.tree.size and len(payload) >= 152, "a record is missing or there twice")
        rotates = seq > self.first and any(seq == size for size, _ in self.keys[1:])
        need(not rotates or self.committed == seq, "nothing is signed before a rotation")
        digest, kind, schema = self.leaf(payload[:152])
        need(digest == derive("mcpo2 2026 audit record v1", payload[152:]), "an edited body")
        need(schema == 1, "unknown schema")
        public = body(payload[152:])
        for size, key in self.keys[1:]:
            names = kind == 11 and said(public, "rotation", "key") == key.vkey
            need(size != seq + 1 or names, "the log does not name the new key")
        if kind == 13 and isinstance(before := said(public, "retention", "before"), int):
            self.retention = max(self.retention, min(before, seq))
        self.values = True

    def commit(self, seq, payload):
        need(len(payload) <= 4096, "commit too long")
        size, root = self.checkpoint(payload)
        need(size == seq == self.tree.size and root == self.tree.root(), "an edited tree")
        self.committed, self.kept, self.values = size, self.retention, False

    def header(self, name, found):
        need(found and found[0] == 1, "no header")
        _, seq, payload, end = found
        frontier = payload[45 : 45 + 32 * len(self.tree.edge)]
        rest = payload[45 + len(frontier) :]
        need(payload[:12] == b"MCPO2SEG\1\0\0\0" and seq == name, "another segment")
        need(self.chain in (None, payload[12:44]), "a segment of another history")
        need(payload[44] == len(self.tree.edge) and frontier == b"".join(self.tree.edge), "as above")
        origin = self.origin.encode()
        need(rest == struct.pack("<H", len(origin)) + origin, "a segment of another log")
        self.chain, self.values = payload[12:44], False
        return end

    def segment(self, first, data, last):
        need(first == self.tree.size, "a segment is missing or there twice")
        if last and not any(data):
            return
        at, headed = 0, False
        try:
            while found := frame(data, at):
                if not headed:
                    at, headed = self.header(first, found), True
                    continue
                kind, seq, payload, at = found
                if kind == 2:
                    self.record(seq, payload)
                elif kind == 3:
                    fits = self.values and seq + 1 == self.tree.size and len(payload) >= 56
                    need(fits, "values stand elsewhere")
                else:
                    need(kind == 4, "a second header")
                    self.commit(seq, payload)
            need(not any(data[at:]), "torn")
            need(headed, "no header")
        except Bad as bad:
            torn = last and str(bad) in ("torn", "no CRC") and not self.commit_behind(data, at)
            need(torn, str(bad))
            self.torn = True

    def commit_behind(self, data, at):
        start = self.origin.encode() + b"\n"
        while (found := data.find(start, at)) >= 0:
            at = found + 1
            try:
                kind, _, payload, _ = frame(data, max(0, found - 17)) or (0, 0, b"", 0)
                if kind == 4 and self.checkpoint(payload)[0] > self.committed:
                    return True
            except Bad:
                pass
        return False

    def front(self, first):
        """What stands in for segments that retention removed."""
        while self.tree.size < first:
            index, count = self.tree.size // 256, min(256, first - self.tree.size)
            hashes, leaves = self.tile("0", index, 32 * count), self.tile("entries", index, 154 * count)
            need(hashes, "segments are missing, and no tile stands in for them")
            for at in range(count):
                leaf_hash = hashes[32 * at : 32 * at + 32]
                if not leaves:
                    self.chain = self.times = None
                    self.push(leaf_hash)
                    continue
                entry = leaves[154 * at : 154 * at + 154]
                need(entry[:2] == b"\0\x98" and sha256(b"\0", entry[2:]) == leaf_hash, "an edited tile")
                self.leaf(entry[2:])
        self.first = first

    def tile(self, level, index, length):
        number = f"{index % 1000:03}"
        while index := index // 1000:
            number = f"x{index % 1000:03}/{number}"
        full = self.path / "tile" / level / number
        partial = sorted(full.with_name(full.name + ".p").glob("*"), key=lambda path: -int(path.name))
        files = [path.read_bytes() for path in (full, *partial) if path.exists()]
        return next((data for data in files if len(data) >= length), None)

    def verify(self, since=None):
        published, notes = self.read("checkpoint"), []
        notes = [self.checkpoint(note) for note in (published, since) if note is not None]
        for size, root in notes:
            need(self.roots.setdefault(size, root) == root, "a fork")
        need(self.roots.get(0, sha256()) == sha256(), "a fork")
        names = (path.name for path in self.path.glob("seg/*.seg"))
        firsts = sorted(int(name[:20]) for name in names if re.fullmatch(r"[0-9]{20}\.seg", name))
        self.front(firsts[0] if firsts else 0)
        for first in firsts:
            self.segment(first, self.read(f"seg/{first:020}.seg"), first == firsts[-1])
        need(all(size <= self.committed for size, _ in notes), "the end is missing")
        need(self.keys[-1][0] <= self.committed, "the end is missing")
        need(self.kept >= self.first, "segments are missing at the front")
        return self.committed


def main(ledger, vkey, checkpoint=None):
    since = checkpoint and pathlib.Path(checkpoint).read_bytes()
    try:
        print(Ledger(ledger, vkey).verify(since), "records hold")
    except (Bad, UnicodeDecodeError, OSError) as bad:
        sys.exit(f"does not hold: {bad}")


if __name__ == "__main__":
    main(*sys.argv[1:])
