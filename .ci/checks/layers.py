"""Dependencies point one way: core <- layers and adapters <- server <- examples."""

import fnmatch
import sys

import workspace

CORE = "mcpo2-core"
LAYERS = {"mcpo2-classify", "mcpo2-policy", "mcpo2-preamble", "mcpo2-artifact", "mcpo2-audit"}
ADAPTERS = {"mcpo2-route", "mcpo2-rmcp"}
SERVER = "mcpo2-server"
SEAL = "mcpo2-seal"
VERIFY = "mcpo2-verify"

# What each crate may name of ours in [dependencies]. A crate missing here fails the check.
MAY_USE = {
    CORE: set(),
    SEAL: set(),
    VERIFY: set(),
    "mcpo2-verify-web": {VERIFY},
    **{name: {CORE} for name in LAYERS | ADAPTERS},
    "mcpo2-route": {CORE, SEAL},
    "mcpo2-audit": {CORE, VERIFY},
    SERVER: {CORE, SEAL, VERIFY} | LAYERS | ADAPTERS,
    "mcpo2-testkit": {CORE},
    "mcpo2-load": set(),
    "examples": {CORE, SEAL, VERIFY, SERVER} | LAYERS | ADAPTERS,
}
MAY_TEST_SERVER = {"examples", SERVER}
MAY_USE_RMCP = {"mcpo2-rmcp", SERVER, "mcpo2-testkit", "examples"}

# What must not be anywhere below a crate with its default features, patterns of names.
RUNTIMES = ["tokio", "tokio-*", "tower", "tower-*", "rmcp", "rmcp-*", "hyper", "hyper-*"]
LAYER_TRAITS = {"tower-layer", "tower-service"}
FREE_OF_RUNTIME = {CORE: set(), SEAL: set(), VERIFY: set(), **{name: LAYER_TRAITS for name in LAYERS | {"mcpo2-route"}}}


def direct_problems(packages):
    for name, package in packages.items():
        if name not in MAY_USE:
            yield f"{name} has no place in the table of this check: say what it may use"
            continue
        ours = workspace.direct(package) & packages.keys()
        for other in sorted(ours - MAY_USE[name]):
            yield f"{name} must not depend on {other}"
        everything = workspace.direct(package, dev=True)
        if SERVER in everything and name not in MAY_TEST_SERVER:
            yield f"{name} must not see {SERVER}, not even in its tests"
        if "rmcp" in everything and name not in MAY_USE_RMCP:
            yield f"{name} must not depend on rmcp"


def tree_problems(name, below, allowed):
    for dependency in sorted({dependency for dependency, _ in below} - allowed):
        if any(fnmatch.fnmatchcase(dependency, pattern) for pattern in RUNTIMES):
            yield f"{name} pulls in {dependency}: cargo tree -p {name} -e normal -i {dependency}"


def main():
    problems = list(direct_problems(workspace.packages()))
    for name, allowed in FREE_OF_RUNTIME.items():
        problems += tree_problems(name, workspace.tree(name), allowed)
    return workspace.report("layers", problems)


if __name__ == "__main__":
    sys.exit(main())
