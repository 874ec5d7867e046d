import Protocols

/// The files of one data directory as a disk with a volatile cache keeps them.
///
/// ## Overview
/// Content counts as durable after a `sync`, names after a `syncDirectory`. What a crash does to
/// the rest is drawn: a process that dies loses nothing that reached the kernel; a power cut
/// loses, tears or reorders it by sectors, and undoes names.
struct Disk: Sendable {
    /// The unit that a disk writes whole.
    static let sectorBytes = 512

    struct File: Equatable, Sendable {
        var bytes: [UInt8] = []
        /// The first so many bytes are durable.
        var syncedLength = 0
        /// The durable content where it is not a prefix of `bytes`: after a cut without a sync.
        var durable: [UInt8]?
        /// Durable content was changed behind the node's back.
        var isHarmed = false
    }

    /// A change of a name that no `syncDirectory` followed yet.
    private enum NameChange: Equatable, Sendable {
        case link(String, file: Int)
        case unlink(String)
        case rename(from: String, to: String, file: Int)
    }

    /// One name and the number of its file.
    private struct Name: Equatable, Sendable {
        var name: String
        var file: Int
    }

    private var files: [File] = []
    private var names: [Name] = []
    private var durableNames: [Name] = []
    private var changes: [NameChange] = []
    /// Files that no name leads to, durable or not.
    private var free: [Int] = []

    /// Makes an empty directory.
    init() {}

    /// The names of all files, in order of their making.
    var listing: [String] { names.map(\.name) }

    /// The content of a file.
    func read(_ name: String) -> [UInt8]? {
        place(of: name).map { files[names[$0].file].bytes }
    }

    /// True when durable content of the file was changed behind the node's back.
    func isHarmed(_ name: String) -> Bool {
        place(of: name).map { files[names[$0].file].isHarmed } ?? false
    }

    /// All bytes of all named files.
    var byteCount: Int { names.reduce(0) { $0 + files[$1.file].bytes.count } }

    // MARK: Operations

    /// Performs one step as the kernel does it.
    mutating func perform(_ operation: FileOperation) {
        switch operation {
        case .create(let name): create(name)
        case .append(let name, let bytes):
            files[file(name)].bytes.append(contentsOf: bytes)
        case .truncate(let name, let length): truncate(file(name), to: length)
        case .sync(let name):
            let number = file(name)
            files[number].syncedLength = files[number].bytes.count
            files[number].durable = nil
        case .rename(let from, let to):
            guard let place = place(of: from) else { preconditionFailure("\(from) is no file") }
            let number = names[place].file
            names.remove(at: place)
            set(to, number, in: &names)
            changes.append(.rename(from: from, to: to, file: number))
        case .delete(let name):
            guard let place = place(of: name) else { preconditionFailure("\(name) is no file") }
            names.remove(at: place)
            changes.append(.unlink(name))
        case .syncDirectory:
            changes.removeAll(keepingCapacity: true)
            durableNames = names
            releaseNameless()
        }
    }

    /// Performs a part of a step: an append that a crash or a full disk cut short.
    mutating func performPart(_ operation: FileOperation, from prng: inout Prng) {
        guard case .append(let name, let bytes) = operation, !bytes.isEmpty else { return }
        let count = prng.int(in: 0..<bytes.count)
        files[file(name)].bytes.append(contentsOf: bytes[..<count])
    }

    private mutating func create(_ name: String) {
        let number = free.popLast() ?? files.count
        if number == files.count { files.append(File()) }
        set(name, number, in: &names)
        changes.append(.link(name, file: number))
    }

    private mutating func truncate(_ number: Int, to length: Int) {
        precondition(length <= files[number].bytes.count, "a cut never lengthens a file")
        if length < files[number].syncedLength, files[number].durable == nil {
            files[number].durable = Array(files[number].bytes[..<files[number].syncedLength])
        }
        files[number].bytes.removeLast(files[number].bytes.count - length)
        files[number].syncedLength = min(files[number].syncedLength, length)
    }

    private func place(of name: String) -> Int? { names.lastIndex { $0.name == name } }

    private func file(_ name: String) -> Int {
        guard let place = place(of: name) else { preconditionFailure("\(name) is no file") }
        return names[place].file
    }

    private func set(_ name: String, _ file: Int, in names: inout [Name]) {
        if let place = names.firstIndex(where: { $0.name == name }) {
            names[place].file = file
        } else {
            names.append(Name(name: name, file: file))
        }
    }

    /// Frees the content of files that no name leads to, once that is durable.
    private mutating func releaseNameless() {
        free.removeAll(keepingCapacity: true)
        for number in files.indices where !names.contains(where: { $0.file == number }) {
            files[number] = File()
            free.append(number)
        }
    }

    // MARK: Crashes

    /// What a crash does: with `powerLoss` only the durable part is sure to stay.
    ///
    /// Afterwards everything that is left counts as durable. Returns what was lost or harmed; harm
    /// of a kind that is left out is drawn and not done.
    mutating func crash(
        powerLoss: Bool, sparing ablation: Ablation = Ablation(), from prng: inout Prng
    ) -> [Fault] {
        var faults: [Fault] = []
        if powerLoss {
            for number in files.indices {
                let before = ablation.faults.isEmpty ? nil : files[number].bytes
                let known = faults.count
                harmContent(number, from: &prng, faults: &faults)
                if let before, faults.count > known, ablation.lacks(faults[known]) {
                    files[number].bytes = before
                    faults.removeLast()
                }
            }
            if !ablation.lacks(.directoryLost) { harmNames(from: &prng, faults: &faults) }
        }
        for number in files.indices {
            files[number].syncedLength = files[number].bytes.count
            files[number].durable = nil
        }
        changes.removeAll()
        durableNames = names
        releaseNameless()
        return faults
    }

    /// What a crash does by name; see `Loss`.
    mutating func crash(
        _ loss: Loss, sparing ablation: Ablation = Ablation(), from prng: inout Prng
    ) -> [Fault] {
        switch loss {
        case .nothing, .torn: return crash(powerLoss: false, from: &prng)
        case .power: return crash(powerLoss: true, sparing: ablation, from: &prng)
        case .unsynced:
            var faults: [Fault] = []
            for number in files.indices {
                if let durable = files[number].durable {
                    files[number].bytes = durable
                    faults.append(.writeLost)
                } else if files[number].syncedLength < files[number].bytes.count {
                    let lost = files[number].bytes.count - files[number].syncedLength
                    files[number].bytes.removeLast(lost)
                    faults.append(.writeLost)
                }
            }
            if !changes.isEmpty { faults.append(.directoryLost) }
            names = durableNames
            return faults + crash(powerLoss: false, from: &prng)
        }
    }

    private mutating func harmContent(
        _ number: Int, from prng: inout Prng, faults: inout [Fault]
    ) {
        if let durable = files[number].durable, prng.chance(1, in: 2) {
            files[number].bytes = durable
            faults.append(.writeLost)
            return
        }
        let synced = files[number].syncedLength
        let count = files[number].bytes.count
        guard synced < count else { return }
        switch prng.int(in: 0..<8) {
        case 0, 1:
            files[number].bytes.removeLast(count - synced)
            faults.append(.writeLost)
        case 2, 3, 4:
            var kept = prng.int(in: synced..<count)
            if prng.chance(3, in: 4) {
                kept = max(synced, kept / Disk.sectorBytes * Disk.sectorBytes)
            }
            files[number].bytes.removeLast(count - kept)
            faults.append(.writeTorn)
        case 5, 6:
            if loseSectors(number, from: synced, &prng) { faults.append(.writeReordered) }
        default: break
        }
    }

    /// Each sector behind `synced` has landed or not; a hole reads as zeros.
    private mutating func loseSectors(_ number: Int, from synced: Int, _ prng: inout Prng) -> Bool {
        var harmed = false
        var start = synced
        while start < files[number].bytes.count {
            let next = (start / Disk.sectorBytes + 1) * Disk.sectorBytes
            let end = min(next, files[number].bytes.count)
            if prng.chance(1, in: 2) {
                harmed = true
                for offset in start..<end { files[number].bytes[offset] = 0 }
            }
            start = end
        }
        return harmed
    }

    private mutating func harmNames(from prng: inout Prng, faults: inout [Fault]) {
        guard !changes.isEmpty else { return }
        // A journal keeps the order of the changes; a file system without one may not.
        let ordered = prng.chance(2, in: 3)
        let kept = prng.int(in: 0..<changes.count + 1)
        var result = durableNames
        for (position, change) in changes.enumerated() {
            guard ordered ? position < kept : prng.chance(1, in: 2) else {
                faults.append(.directoryLost)
                continue
            }
            switch change {
            case .link(let name, let file): set(name, file, in: &result)
            case .unlink(let name): result.removeAll { $0.name == name }
            case .rename(let from, let to, let file):
                result.removeAll { $0.name == from }
                set(to, file, in: &result)
            }
        }
        names = result
    }

    // MARK: Corruption

    /// Flips one bit of a file below `limit`; false when there is no such byte.
    mutating func rot(_ name: String, below limit: Int, from prng: inout Prng) -> Bool {
        guard let place = place(of: name) else { return false }
        let number = names[place].file
        let count = min(limit, files[number].bytes.count)
        guard count > 0 else { return false }
        let offset = prng.int(in: 0..<count)
        let bit = UInt8(1 << prng.int(in: 0..<8))
        files[number].bytes[offset] ^= bit
        files[number].isHarmed = true
        if files[number].durable != nil { files[number].durable![offset] ^= bit }
        return true
    }

    /// Overwrites a part of a file below `limit` with bytes that belong elsewhere.
    mutating func misdirect(
        _ bytes: [UInt8], onto name: String, below limit: Int, from prng: inout Prng
    ) -> Bool {
        guard let place = place(of: name) else { return false }
        let number = names[place].file
        let count = min(limit, files[number].bytes.count)
        guard count > 0, !bytes.isEmpty else { return false }
        let offset = prng.int(in: 0..<count)
        var changed = false
        for (position, byte) in bytes.enumerated() where offset + position < count {
            changed = changed || files[number].bytes[offset + position] != byte
            files[number].bytes[offset + position] = byte
        }
        if changed { files[number].isHarmed = true }
        return changed
    }

    /// Zeros where bytes should have landed that went elsewhere.
    mutating func appendHole(_ name: String, count: Int) {
        files[file(name)].bytes.append(contentsOf: repeatElement(0, count: count))
    }
}
