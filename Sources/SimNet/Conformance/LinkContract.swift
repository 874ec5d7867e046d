import Protocols

/// What every link promises to the two nodes at its ends, be it real or simulated; a trace that
/// breaks a promise is refused.
///
/// 1. A node learns that the link is open before it hears anything on it; it learns that the link is
///    closed before it learns that the next is open, and hears nothing in between.
/// 2. What a node hears was said to it, by a process that took the link for open.
/// 3. An opening at one end belongs to one opening at the other: what is heard in one was said in
///    one, and later openings to later ones.
/// 4. A process that is dead learns and hears nothing.
/// 5. Of a *stream*: what is heard in one opening is the beginning of what was said in it, in order,
///    without gap or double. Real links are streams; the simulated ones lose, double and reorder
///    messages as well, unless these faults are off.
public struct LinkContract: Sendable {
    /// The name in reports.
    public static let name = "link-contract"

    /// One member.
    private struct End: Sendable {
        var isRunning = true
        /// How many openings it has learned of.
        var openings = 0
        var isUp = false
        /// The numbers of what it said in each opening, from 1.
        var said: [[UInt64]] = [[]]
        /// The opening of the other end to which the present one belongs; 0 when not known.
        var pair = 0
        /// The newest opening of the other end that any belonged to.
        var newest = 0
        /// How many messages it has heard in the present opening.
        var heard = 0
    }

    private let isStream: Bool
    private var ends = [End(), End()]
    /// How many messages were compared with what was said.
    public private(set) var messages = 0

    /// Makes a contract for two members that run and do not know each other yet.
    public init(isStream: Bool) { self.isStream = isStream }

    /// Checks a whole trace.
    public static func check(_ trace: [LinkSight], isStream: Bool) throws(Violation) {
        var contract = LinkContract(isStream: isStream)
        for sight in trace { try contract.see(sight) }
    }

    /// Takes the next thing seen.
    public mutating func see(_ sight: LinkSight) throws(Violation) {
        switch sight {
        case .did(.kill(let end)):
            ends[end].isRunning = false
            ends[end].isUp = false
        case .did(.start(let end)): ends[end].isRunning = true
        case .did: break
        case .said(let end, let number):
            if ends[end].isUp { ends[end].said[ends[end].openings].append(number) }
        case .up(let end):
            try expectRunning(end)
            guard !ends[end].isUp else {
                throw refusal("member \(end) learns of an opening within an opening")
            }
            ends[end].isUp = true
            ends[end].openings += 1
            ends[end].said.append([])
            ends[end].pair = 0
            ends[end].heard = 0
        case .down(let end):
            try expectRunning(end)
            guard ends[end].isUp else {
                throw refusal("member \(end) learns of the end of a link that was not open")
            }
            ends[end].isUp = false
        case .heard(let end, let number):
            try expectRunning(end)
            try heard(end, number)
        }
    }

    private func refusal(_ text: String) -> Violation { Violation(Self.name, text) }

    private func expectRunning(_ end: Int) throws(Violation) {
        guard ends[end].isRunning else {
            throw refusal("member \(end) is dead and learns of its link")
        }
    }

    private mutating func heard(_ end: Int, _ number: UInt64) throws(Violation) {
        guard ends[end].isUp else {
            throw refusal("member \(end) hears message \(number) while its link is closed")
        }
        messages += 1
        let other = ends[1 - end]
        guard let opening = other.said.firstIndex(where: { $0.contains(number) }) else {
            throw refusal("member \(end) hears message \(number), which was said to nobody")
        }
        if ends[end].pair == 0 {
            guard opening > ends[end].newest else {
                throw refusal("member \(end) hears message \(number) of an earlier opening")
            }
            ends[end].pair = opening
            ends[end].newest = opening
        }
        guard ends[end].pair == opening else {
            throw refusal("member \(end) hears message \(number) of another opening")
        }
        if isStream {
            let next =
                ends[end].heard < other.said[opening].count
                ? other.said[opening][ends[end].heard] : nil
            guard next == number else {
                throw refusal(
                    "member \(end) hears message \(number) in the place of "
                        + (next.map { "message \($0)" } ?? "none"))
            }
        }
        ends[end].heard += 1
    }
}
