#!/usr/bin/env python3
"""Says on the planted bugs what shrinking and branching are worth, as tables for docs/Simulation.md.

    scripts/gain.py shrink [BUG...]    lines of a failing seed before and after
    scripts/gain.py branch [BUG...]    seeds and events to the first catch, plain and with branches

Takes the planted build of parley-sim that `make kill-matrix` makes, or SIM=path.
STARTS=7 places to begin from, LIMIT=5000 seeds from each, JOBS=1.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIM = os.environ.get("SIM", str(ROOT / ".planted/.build/release/parley-sim"))
STARTS = int(os.environ.get("STARTS", "7"))
LIMIT = int(os.environ.get("LIMIT", "5000"))
JOBS = os.environ.get("JOBS", "1")
STRIDE = 10_000

# Of each kind some: elections, replication, snapshots and disks, reads, liveness, clients, and one
# in which a machine traps.
SHRUNK = [1, 7, 8, 9, 11, 13, 14, 16, 17, 19, 21, 22, 23, 24, 26, 30, 31, 34, 35, 36, 41, 51, 53, 60]
# Where to branch for a bug, how many futures for a moment of each level, how many moments a run.
BRANCHED = {
    8: ("campaigned", "8", 2),
    11: ("leader-change", "8", 2),
    21: ("snapshot-in-flight", "8", 2),
    23: ("snapshot-in-flight", "8", 2),
    31: ("two-leaders", "8", 2),
    34: ("suffix-left", "8", 2),
    35: ("transferStarted", "8", 2),
    60: ("snapshot-in-flight", "8", 2),
    61: ("snapshotTaken,two-leaders,snapshot-over-suffix", "6,6,48", 1),
}


def titles():
    names = {}
    for path in (ROOT / "planted").glob("*.bug"):
        fields = dict(
            line.split(": ", 1) for line in path.read_text().splitlines()[:4] if ": " in line)
        names[int(fields["number"])] = fields["title"]
    return names


def call(*words):
    """The output's lines, the last line's object if there is one, and the exit code."""
    run = subprocess.run([SIM, *map(str, words)], capture_output=True, text=True)
    lines = (run.stdout + run.stderr).splitlines()
    last = [line for line in run.stdout.splitlines() if line.startswith("{")]
    return lines, json.loads(last[-1]) if last else None, run.returncode


def plain(bug, first):
    """Seeds and events of a plain search; no seeds when nothing was found."""
    command = ["run", "--jobs", JOBS, "--plant", bug, "--seeds"]
    lines, result, code = call(*command, f"{first}..<{first + LIMIT}")
    if code == 0:
        return None, result["events"], None
    if result:
        return result["seeds"], result["events"], result["first_failed_seed"]
    # A trap ends the program before it has counted: its seeds are reckoned from others.
    trapped = next(line for line in lines if line.startswith("crashed: "))
    seed = int(trapped.split()[-1])
    seeds = seed - first + 1
    _, sample, _ = call("run", "--jobs", JOBS, "--seeds", f"{first}..<{first + 200}")
    return seeds, sample["events"] * seeds // 200, seed


def branched(bug, first, folder):
    at, futures, per_run = BRANCHED[bug]
    _, result, code = call(
        "branch", "--jobs", JOBS, "--plant", bug, "--at", at, "--futures", futures, "--per-run",
        per_run, "--seeds", f"{first}..<{first + LIMIT}", "--out", f"{folder}/found.scenario")
    if code == 0:
        return None, None, result["events"]
    return result["seeds"], result["futures"], result["events"]


def median(values, unit=1):
    """The median of counts of which None are beyond all others."""
    ordered = sorted(values, key=lambda value: (value is None, value))
    middle = ordered[len(ordered) // 2]
    if middle is None:
        return f"over {LIMIT}"
    return f"{middle:,}" if unit == 1 else f"{middle / unit:.2f}"


def branch_table(bugs):
    names = titles()
    print("| Bug | Plain: seeds | million events | Branched at | futures of a moment "
          "| Seeds | futures | million events | Gain |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for bug in bugs or BRANCHED:
            without, with_branches = [], []
            for start in range(STARTS):
                without.append(plain(bug, start * STRIDE))
                with_branches.append(branched(bug, start * STRIDE, folder))
                print(f"{bug}: {without[-1]} {with_branches[-1]}", file=sys.stderr)
            at, futures, per_run = BRANCHED[bug]
            ratio = statistics.median(w[1] for w in without) / statistics.median(
                w[2] for w in with_branches)
            least = "over " if median([w[0] for w in without]).startswith("over") else ""
            print(
                f"| {bug} {names[bug]} | {median([w[0] for w in without])} "
                f"| {least}{median([w[1] for w in without], 1e6)} "
                f"| {at.replace(',', ', ')} | {futures.replace(',', ', ')} "
                f"| {median([w[0] for w in with_branches])} "
                f"| {median([w[1] for w in with_branches])} "
                f"| {median([w[2] for w in with_branches], 1e6)} | {least}{ratio:.1f} |",
                flush=True)


def shrink_table(bugs):
    names = titles()
    short, count = 0, 0
    print("| Bug | Seed | Kept | Lines | after | Faults | after | Nodes | Clients | For "
          "| Runs | Seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for bug in bugs or SHRUNK:
            _, _, seed = plain(bug, 0)
            if seed is None:
                print(f"{bug}: no seed", file=sys.stderr)
                continue
            command = ["shrink", seed, "--plant", bug, "--jobs", os.environ.get("JOBS", "0")]
            began = time.monotonic()
            _, result, _ = call(*command, "--out", f"{folder}/{bug}.scenario")
            seconds = time.monotonic() - began
            if os.environ.get("TWICE"):
                call(*command, "--out", f"{folder}/again.scenario")
                first = pathlib.Path(f"{folder}/{bug}.scenario").read_bytes()
                if first != pathlib.Path(f"{folder}/again.scenario").read_bytes():
                    sys.exit(f"bug {bug}: two shrinkings of seed {seed} differ")
            if os.environ.get("KEEP"):
                text = pathlib.Path(f"{folder}/{bug}.scenario").read_text()
                (pathlib.Path(os.environ["KEEP"]) / f"{bug}.scenario").write_text(text)
            count += 1
            short += result["lines"] < 20
            print(
                f"| {bug} {names[bug]} | {seed} | {result['kept']} | {result['lines_before']} "
                f"| {result['lines']} | {result['strikes_before']} | {result['strikes']} "
                f"| {result['nodes']} | {result['clients']} | {result['for']} "
                f"| {result['runs']:,} | {seconds:.1f} |", flush=True)
    print(f"\n{short} of {count} have under 20 lines.")


def main(arguments):
    tables = {"shrink": shrink_table, "branch": branch_table}
    if not arguments or arguments[0] not in tables:
        print(__doc__, file=sys.stderr)
        return 2
    if not os.access(SIM, os.X_OK):
        print(f"{SIM} is missing: make kill-matrix builds it", file=sys.stderr)
        return 2
    tables[arguments[0]]([int(bug) for bug in arguments[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
