#!/usr/bin/env python3
"""Copies the simulator's sources with all planted bugs in them, each behind a number.

    scripts/plant.py check          every bug fits the sources
    scripts/plant.py copy FOLDER    writes the package of the planted build
    scripts/plant.py tables FROM TO puts the tables of an output into a document, between its marks

planted/README.md describes the form of the bugs' files.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPIED = [
    "Sources/Protocols",
    "Sources/SimNet",
    "Sources/SimCodecs",
    "Sources/LiveNet/Codecs",
    "Sources/LiveNet/CJSON",
    "Sources/LiveNet/COpenSSL",
    "Sources/LiveNet/CZlib",
    "Sources/LiveNet/CExpat",
    "Sources/bins/parley-sim",
]
FIELDS = {"number", "title", "expect", "note", "mix", "explore", "branch"}


class Misfit(Exception):
    """A bug's file makes no sense, or does not fit the sources any more."""


class Bug:
    """One bug: its header, and its edits as (file, text to find, replacement)."""

    def __init__(self, path):
        self.path = path
        self.fields = {}
        self.edits = []
        file, part, lines = None, None, {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if part is None and line == "<<<<":
                part, lines = "find", {"find": [], "put": []}
            elif part == "find" and line == "====":
                part = "put"
            elif part == "put" and line == ">>>>":
                if file is None:
                    raise Misfit(f"{path.name}:{number}: an edit of no file")
                self.edits.append((file, "\n".join(lines["find"]), "\n".join(lines["put"])))
                part = None
            elif part is not None:
                lines[part].append(line)
            elif line.strip():
                key, colon, value = line.partition(":")
                if not colon or key not in FIELDS | {"file"}:
                    raise Misfit(f"{path.name}:{number}: '{line}' is no field")
                if key == "file":
                    file = value.strip()
                else:
                    self.fields[key] = value.strip()
        if part is not None:
            raise Misfit(f"{path.name}: the last edit does not end")
        for key in ("number", "title", "expect"):
            if not self.fields.get(key):
                raise Misfit(f"{path.name}: no {key}")
        self.number = int(self.fields["number"])
        if not path.name.startswith(f"{self.number:02}-"):
            raise Misfit(f"{path.name}: its number is {self.number}")
        if not any(f"Planted.is({self.number})" in put for _, _, put in self.edits):
            raise Misfit(f"{path.name}: no edit asks Planted.is({self.number})")


def read_bugs():
    """All bugs, by number."""
    bugs = [Bug(path) for path in sorted((ROOT / "planted").glob("*.bug"))]
    numbers = [bug.number for bug in bugs]
    if len(set(numbers)) != len(numbers):
        raise Misfit("two bugs have one number")
    return sorted(bugs, key=lambda bug: bug.number)


def planted_sources(bugs):
    """The changed files: every edit's place is looked for in the original."""
    places = {}
    for bug in bugs:
        for file, find, put in bug.edits:
            text = (ROOT / file).read_text() if (ROOT / file).exists() else ""
            count = text.count(find)
            if count != 1:
                first = find.strip().splitlines()[0] if find.strip() else ""
                raise Misfit(f"{bug.path.name}: '{first}' occurs {count} times in {file}")
            start = text.index(find)
            places.setdefault(file, []).append((start, start + len(find), put, bug.path.name))
    changed = {}
    for file, edits in places.items():
        text = (ROOT / file).read_text()
        edits.sort()
        for before, after in zip(edits, edits[1:]):
            if before[1] > after[0]:
                raise Misfit(f"{before[3]} and {after[3]} change the same text of {file}")
        for start, end, put, _ in reversed(edits):
            text = text[:start] + put + text[end:]
        changed[file] = text
    return changed


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


PLANTED = """\
/// Which planted bug is switched on; in the kill matrix's copy of the sources alone.
public enum Planted {
    /// The bug's number; 0 when none is on.
    public nonisolated(unsafe) static var active = 0

    /// True when this bug is on.
    @inline(__always)
    public static func `is`(_ number: Int) -> Bool { active == number }
}
"""

PLANT = """\
import Protocols

/// Switches on planted bugs. Written by scripts/plant.py.
enum Plant {
    /// All bugs of this build.
    static let bugs: [PlantedBug] = [
%s
    ]

    /// Switches on one bug; false if there is none of that number.
    static func select(_ number: Int) -> Bool {
        guard bugs.contains(where: { $0.number == number }) else { return false }
        Planted.active = number
        return true
    }
}
"""

PACKAGE = """\
// swift-tools-version: 6.2
import PackageDescription

// The simulator alone, with planted bugs. Written by scripts/plant.py.
let optimised: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let package = Package(
    name: "planted",
    targets: [
        .target(name: "Protocols", swiftSettings: optimised),
        .target(name: "SimNet", dependencies: ["Protocols"], swiftSettings: optimised),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/LiveNet/COpenSSL", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/LiveNet/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CExpat", path: "Sources/LiveNet/CExpat", pkgConfig: "expat",
            providers: [.apt(["libexpat1-dev"])]),
        .target(
            name: "CJSON", path: "Sources/LiveNet/CJSON",
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(
            name: "EdgeCodecs",
            dependencies: ["Protocols", "CJSON", "COpenSSL", "CZlib", "CExpat"],
            path: "Sources/LiveNet/Codecs"),
        .target(name: "SimCodecs", dependencies: ["Protocols", "SimNet", "EdgeCodecs"]),
        .executableTarget(
            name: "parley-sim", dependencies: ["Protocols", "SimNet", "SimCodecs"],
            path: "Sources/bins/parley-sim"),
    ],
    cxxLanguageStandard: .cxx17
)
"""


def copy(bugs, folder):
    """Writes the planted package; files that did not change keep their time, for the build."""
    wanted = planted_sources(bugs)
    for part in COPIED:
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file():
                name = str(path.relative_to(ROOT))
                wanted.setdefault(name, path.read_bytes())
    rows = ",\n".join(
        "        PlantedBug(number: {}, title: {}, expect: {}, mix: {}, explore: {}, branch: {})"
        .format(
            bug.number, *(literal(bug.fields[key]) for key in ("title", "expect")),
            *(literal(bug.fields.get(key, "")) for key in ("mix", "explore", "branch")))
        for bug in bugs)
    wanted["Sources/Protocols/Planted.swift"] = PLANTED
    wanted["Sources/bins/parley-sim/Plant.swift"] = PLANT % rows
    wanted["Package.swift"] = PACKAGE
    sources = folder / "Sources"
    if sources.exists():
        for path in sorted(sources.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif str(path.relative_to(folder)) not in wanted:
                path.unlink()
    for name, content in wanted.items():
        data = content.encode() if isinstance(content, str) else content
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


END = "<!-- end of table -->"


def put_tables(source, document):
    """Replaces each table of the document that has a mark and stands in the source, too."""
    text = document.read_text()
    for part in source.read_text().split("<!-- table: ")[1:]:
        mark = "<!-- table: " + part[: part.index("\n") + 1]
        table = part[part.index("\n") + 1 : part.index(END)]
        if text.count(mark) != 1:
            raise Misfit(f"{document} has not one place for {mark.strip()}")
        start = text.index(mark) + len(mark)
        text = text[:start] + table + text[text.index(END, start) :]
    document.write_text(text)


def main(arguments):
    try:
        bugs = read_bugs()
        if arguments == ["check"]:
            planted_sources(bugs)
            print(f"{len(bugs)} bugs fit the sources")
        elif len(arguments) == 2 and arguments[0] == "copy":
            copy(bugs, pathlib.Path(arguments[1]))
        elif len(arguments) == 3 and arguments[0] == "tables":
            put_tables(pathlib.Path(arguments[1]), pathlib.Path(arguments[2]))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (Misfit, OSError, ValueError) as error:
        print(f"plant: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
