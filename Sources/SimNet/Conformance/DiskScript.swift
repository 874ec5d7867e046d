import Protocols

/// How a process that has a data directory open comes to its end.
public enum DiskEnding: String, CaseIterable, Sendable {
    /// The process dies in the middle of whatever it did; what the kernel has stays.
    case kill
    /// The machine loses its power; only what was synced is sure to stay.
    case power
    /// The directory is closed as it should be.
    case stop
}

/// One thing that a script does to a data directory.
public enum DiskAct: Equatable, Sendable {
    /// Writes entries with payloads of these lengths behind the last one, in one write.
    case append([Int])
    /// Writes a later term with a vote.
    case vote
    /// Replaces so many of the last entries by one of a later term.
    case rewrite(Int)
    /// Saves a snapshot of so many bytes that ends so many entries before the last; what it covers
    /// is removed when it is durable.
    case snapshot(back: Int, bytes: Int)
    /// Saves a snapshot that ends so many entries past the last, of a later term; when it is durable
    /// the log starts anew behind it.
    case install(ahead: Int, bytes: Int)
    /// Ends the turn of the loop: what was asked for up to here may go to the disk.
    case turn
    /// Waits until all that was asked for is done.
    case settle
    /// Ends the process and starts it again.
    case end(DiskEnding)
}

/// What a node might ask of its data directory, in a line that a person can write:
/// `append 10 2000; vote; turn; rewrite 1; snapshot 2 100; settle; end kill`.
public struct DiskScript: Equatable, Sendable, CustomStringConvertible {
    /// What is done, one after the other.
    public var acts: [DiskAct]

    /// Makes a script.
    public init(_ acts: [DiskAct]) { self.acts = acts }

    /// Reads a script; nil when a word in it makes no sense. Numbers are 0 to 1,000,000.
    public init?(_ text: String) {
        acts = []
        for part in text.split(separator: ";") {
            let words = part.split(separator: " ")
            guard let verb = words.first, let act = DiskScript.act(verb, words.dropFirst()) else {
                return nil
            }
            acts.append(act)
        }
    }

    private static func act(_ verb: Substring, _ words: ArraySlice<Substring>) -> DiskAct? {
        if verb == "end", words.count == 1, let ending = DiskEnding(rawValue: String(words.first!))
        {
            return .end(ending)
        }
        let numbers = words.compactMap { Int($0) }.filter { (0...1_000_000).contains($0) }
        guard numbers.count == words.count else { return nil }
        switch (verb, numbers.count) {
        case ("append", 1...): return .append(numbers)
        case ("vote", 0): return .vote
        case ("rewrite", 1): return .rewrite(numbers[0])
        case ("snapshot", 2): return .snapshot(back: numbers[0], bytes: numbers[1])
        case ("install", 2): return .install(ahead: numbers[0], bytes: numbers[1])
        case ("turn", 0): return .turn
        case ("settle", 0): return .settle
        default: return nil
        }
    }

    /// The text that makes this script.
    public var description: String {
        acts.map { act in
            switch act {
            case .append(let lengths): "append " + lengths.map(String.init).joined(separator: " ")
            case .vote: "vote"
            case .rewrite(let count): "rewrite \(count)"
            case .snapshot(let back, let bytes): "snapshot \(back) \(bytes)"
            case .install(let ahead, let bytes): "install \(ahead) \(bytes)"
            case .turn: "turn"
            case .settle: "settle"
            case .end(let ending): "end \(ending.rawValue)"
            }
        }.joined(separator: "; ")
    }

    /// Draws a script of about so many acts, which ends with a start.
    public static func draw(_ count: Int, power: Bool, from prng: inout Prng) -> DiskScript {
        var acts: [DiskAct] = []
        let endings: [DiskEnding] = power ? [.kill, .power, .stop] : [.kill, .stop]
        while acts.count < count {
            switch prng.int(in: 0..<16) {
            case 0...5:
                let lengths = (0..<prng.int(in: 1..<4)).map { _ in
                    prng.chance(1, in: 8) ? prng.int(in: 0..<5_000) : prng.int(in: 0..<200)
                }
                acts.append(.append(lengths))
            case 6: acts.append(.vote)
            case 7: acts.append(.rewrite(prng.int(in: 1..<4)))
            case 8, 9:
                acts.append(.snapshot(back: prng.int(in: 0..<4), bytes: prng.int(in: 1..<3_000)))
            case 10: acts.append(.install(ahead: prng.int(in: 1..<5), bytes: prng.int(in: 1..<500)))
            case 11, 12, 13: acts.append(.turn)
            case 14: acts.append(.settle)
            default: acts.append(.end(endings[prng.int(in: 0..<endings.count)]))
            }
        }
        acts.append(.end(endings[prng.int(in: 0..<endings.count)]))
        return DiskScript(acts)
    }
}
