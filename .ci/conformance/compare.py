#!/usr/bin/env python3
"""Compares two results of run.sh: compare.py [--own-lists] BARE_DIR GATEWAY_DIR

Equal means: the multiset of (part, scenario, check id, status) is the same, informational checks included. The suite's
exit code is no measure, as it is 0 with warnings. Prints the difference and exits with 1 if there is one. A bare run with
a FAILURE also exits with 1: two servers that fail alike prove nothing.

One flake of the suite is tolerated, as it also comes and goes without a gateway:
sep-2575-server-sends-tools-list-changed-on-subscription races its trigger against its subscription, and is SUCCESS or
WARNING accordingly. FAILURE, or its absence, is a difference like any other.

With --own-lists one more may differ: server-sse-streams-functional is SUCCESS where `tools/list` is answered by a stream
and INFO ("SSE streaming is optional") where it is answered by JSON, as the gateway answers lists over several modules.
"""

import collections
import json
import pathlib
import re
import sys

FLAKE = "sep-2575-server-sends-tools-list-changed-on-subscription"
TIME = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z$")


LISTS = "server-sse-streams-functional"


def checks(directory, own_lists):
    """Counts (part, scenario, check id, status) under a directory of run.sh."""
    found = collections.Counter()
    for path in sorted(pathlib.Path(directory).glob("*/*/checks.json")):
        scenario = TIME.sub("", path.parent.name)
        for check in json.loads(path.read_text(encoding="utf-8")):
            status = check["status"]
            if check["id"] == FLAKE and status in ("SUCCESS", "WARNING"):
                status = "SUCCESS or WARNING"
            if own_lists and check["id"] == LISTS and status in ("SUCCESS", "INFO"):
                status = "SUCCESS or INFO"
            found[path.parent.parent.name, scenario, check["id"], status] += 1
    if not found:
        sys.exit(f"{directory}: no */*/checks.json")
    return found


def summary(found):
    """Words the counts of each part and status."""
    totals = collections.Counter()
    for (part, _, _, status), count in found.items():
        totals[part, status] += count
    return ", ".join(f"{part} {status} {count}" for (part, status), count in sorted(totals.items()))


def main():
    own_lists = sys.argv[1:2] == ["--own-lists"]
    directories = sys.argv[2 if own_lists else 1 :]
    if len(directories) != 2:
        sys.exit(__doc__)
    bare, gateway = (checks(directory, own_lists) for directory in directories)
    print(f"bare:    {summary(bare)}")
    print(f"gateway: {summary(gateway)}")
    for sign, missing in (("-", bare - gateway), ("+", gateway - bare)):
        for key, count in sorted(missing.items()):
            print(f"{sign} {count} x {' / '.join(key)}")
    failures = [key for key in sorted(bare) if key[3] == "FAILURE"]
    for key in failures:
        print(f"! bare: {' / '.join(key)}")
    if bare != gateway or failures:
        sys.exit(1)
    print("equal")


if __name__ == "__main__":
    main()
