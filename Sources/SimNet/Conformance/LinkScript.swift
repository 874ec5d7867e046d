import Protocols

/// One thing that a script does to two members and the link between them.
public enum LinkAct: Equatable, Sendable {
    /// A member says so many bytes to the other, one message for each number.
    case say(Int, [Int])
    /// Something between the two cuts the connection.
    case cut
    /// The process of a member dies.
    case kill(Int)
    /// The process of a member begins anew.
    case start(Int)
    /// What a member sends does not get through for so many milliseconds; it is not lost.
    case clog(Int, Int)
    /// Waits until both that run know that the link is open, and have heard what was said.
    case settle
}

/// What befalls two members, numbered 0 and 1: `settle; say 0 10 70000; cut; settle; kill 1`.
public struct LinkScript: Equatable, Sendable, CustomStringConvertible {
    /// What is done, one after the other.
    public var acts: [LinkAct]

    /// Makes a script.
    public init(_ acts: [LinkAct]) { self.acts = acts }

    /// Reads a script; nil when a word in it makes no sense. Lengths are 0 to 1,000,000.
    public init?(_ text: String) {
        acts = []
        for part in text.split(separator: ";") {
            let words = part.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int($0) }
            guard let verb = words.first, numbers.count == words.count - 1,
                numbers.allSatisfy({ (0...1_000_000).contains($0) }),
                let act = LinkScript.act(verb, numbers)
            else { return nil }
            acts.append(act)
        }
    }

    private static func act(_ verb: Substring, _ numbers: [Int]) -> LinkAct? {
        switch (verb, numbers.count) {
        case ("cut", 0): return .cut
        case ("settle", 0): return .settle
        case ("kill", 1): return numbers[0] < 2 ? .kill(numbers[0]) : nil
        case ("start", 1): return numbers[0] < 2 ? .start(numbers[0]) : nil
        case ("clog", 2): return numbers[0] < 2 ? .clog(numbers[0], numbers[1]) : nil
        case ("say", 2...): return numbers[0] < 2 ? .say(numbers[0], Array(numbers[1...])) : nil
        default: return nil
        }
    }

    /// The text that makes this script.
    public var description: String {
        acts.map { act in
            switch act {
            case .say(let end, let lengths):
                "say \(end) " + lengths.map(String.init).joined(separator: " ")
            case .cut: "cut"
            case .kill(let end): "kill \(end)"
            case .start(let end): "start \(end)"
            case .clog(let end, let time): "clog \(end) \(time)"
            case .settle: "settle"
            }
        }.joined(separator: "; ")
    }

    /// Draws a script of about so many acts; at its end both members run.
    public static func draw(_ count: Int, longest: Int, from prng: inout Prng) -> LinkScript {
        var acts: [LinkAct] = [.settle]
        var isUp = [true, true]
        while acts.count < count {
            let end = prng.int(in: 0..<2)
            switch prng.int(in: 0..<12) {
            case 0...5:
                let lengths = (0..<prng.int(in: 1..<4)).map { _ in
                    prng.chance(1, in: 5) ? prng.int(in: 0..<longest) : prng.int(in: 0..<300)
                }
                if isUp[end] { acts.append(.say(end, lengths)) }
            case 6: acts.append(.cut)
            case 7, 8:
                acts.append(isUp[end] ? .kill(end) : .start(end))
                isUp[end].toggle()
            case 9: acts.append(.clog(end, prng.int(in: 1..<40)))
            default: if isUp == [true, true] { acts.append(.settle) }
            }
        }
        for end in 0..<2 where !isUp[end] { acts.append(.start(end)) }
        return LinkScript(acts + [.settle])
    }
}

/// One thing that is seen where two members meet their link.
public enum LinkSight: Equatable, Sendable {
    /// The script's next act.
    case did(LinkAct)
    /// A member said a message of this number.
    case said(Int, UInt64)
    /// A member learned that the link is open.
    case up(Int)
    /// A member learned that the link is closed.
    case down(Int)
    /// A member heard a message of this number.
    case heard(Int, UInt64)
}

extension LinkSight {
    /// What is seen when the node of a member takes an event; nil when it is none of a link.
    public init?(_ member: Int, _ event: NodeEvent) {
        switch event {
        case .peerUp: self = .up(member)
        case .peerDown: self = .down(member)
        case .peer(_, .raft(let message)): self = .heard(member, message.term.rawValue)
        default: return nil
        }
    }

    /// The message of a number with so many bytes in it.
    public static func message(_ number: UInt64, bytes: Int) -> PeerMessage {
        .raft(
            RaftMessage(
                group: .main, term: Term(number),
                body: .forward(
                    kind: .command,
                    payload: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes))))
    }
}
