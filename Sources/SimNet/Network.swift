import Protocols

/// The links between the hosts: which are open, how messages travel on them, what cuts them.
///
/// Knows nothing of nodes; the world asks it when a message arrives, if at all.
struct Network: Sendable {
    /// One direction between two hosts.
    struct Path: Sendable {
        /// How many faults cut it; nothing gets through while there are any.
        var cuts = 0
        /// Nothing gets through.
        var isCut: Bool {
            get { cuts > 0 }
            set { cuts = newValue ? max(cuts, 1) : 0 }
        }
        /// What is sent before this time arrives after it.
        var clogged: Int64 = 0
        /// No message arrives before this: first in, first out.
        var floor: Int64 = 0
        /// No message of the present link arrives before this, whatever overtakes whatever.
        var opened: Int64 = 0
        /// Chance faults are off.
        var isQuiet = false
        /// Bytes on their way into the stream, in byte mode.
        var outgoing: [UInt8] = []
        /// Bytes that arrived and are no whole frame yet, in byte mode.
        var incoming: [UInt8] = []
        /// An event will flush `outgoing`.
        var flushes = false
        /// A hello is in `outgoing`.
        var introduces = false
        /// The opening of the link that the host at the path's beginning takes for open; 0: none.
        var known: UInt32 = 0
        /// The opening that is closed by now and from which messages may still come; 0: none.
        var lingers: UInt32 = 0
    }

    /// Both directions between two hosts.
    struct Link: Sendable {
        var isUp = false
        /// Counts openings and closings; what was sent on another count is lost.
        var epoch: UInt32 = 0
        /// An attempt to open it is scheduled.
        var tries = false
    }

    /// What becomes of a message.
    enum Fate {
        case lost
        case arrives(Int64)
        case arrivesTwice(Int64, Int64)
    }

    private(set) var paths: [Path]
    var links: [Link]
    let count: Int
    private let options: Options
    private let base: Int64
    private let spread: UInt64

    /// Makes a network of closed links between `options.nodes` hosts.
    init(_ options: Options) {
        count = options.nodes
        self.options = options
        base = max(1, options.latency.nanoseconds)
        spread = UInt64(max(1, options.jitter.nanoseconds))
        paths = Array(repeating: Path(), count: count * count)
        links = Array(repeating: Link(), count: count * count)
    }

    /// The number of a direction.
    @inline(__always)
    func path(_ from: Int, _ to: Int) -> Int { from * count + to }

    /// The number of a pair, the same both ways.
    @inline(__always)
    func link(_ a: Int, _ b: Int) -> Int { min(a, b) * count + max(a, b) }

    /// The link of a pair.
    @inline(__always)
    func between(_ a: Int, _ b: Int) -> Link { links[link(a, b)] }

    /// Changes a direction in place.
    mutating func update<Result>(
        _ from: Int, _ to: Int, _ body: (inout Path) -> Result
    ) -> Result {
        body(&paths[path(from, to)])
    }

    /// True when something gets through both ways.
    func isWhole(_ a: Int, _ b: Int) -> Bool {
        !paths[path(a, b)].isCut && !paths[path(b, a)].isCut
    }

    /// Opens a link; each end learns of it at its time, and hears nothing before.
    mutating func open(_ a: Int, _ b: Int, learnsA: Int64, learnsB: Int64) {
        links[link(a, b)].isUp = true
        links[link(a, b)].epoch &+= 1
        reset(path(a, b), floor: learnsB)
        reset(path(b, a), floor: learnsA)
    }

    /// Closes a link; what was on its way is lost, save where the path lingers.
    mutating func close(_ a: Int, _ b: Int) {
        links[link(a, b)].isUp = false
        links[link(a, b)].epoch &+= 1
    }

    /// True when a host hears what the other end sent on this opening of their link: it knows of
    /// the opening, and either that lasts, or its kernel holds the last words of it.
    func hears(_ host: Int, _ other: Int, _ epoch: UInt32) -> Bool {
        guard paths[path(host, other)].known == epoch else { return false }
        return between(host, other).epoch == epoch || paths[path(other, host)].lingers == epoch
    }

    /// True when what a host sends to another goes out on the link that is open now.
    func speaks(_ host: Int, _ other: Int) -> Bool {
        let link = between(host, other)
        return link.isUp && paths[path(host, other)].known == link.epoch
    }

    /// A process is gone, and with it what it knew of its links and what waited for it.
    mutating func forget(_ host: Int) {
        for other in 0..<count where other != host {
            paths[path(host, other)].known = 0
            paths[path(other, host)].lingers = 0
        }
    }

    private mutating func reset(_ path: Int, floor: Int64) {
        paths[path].floor = floor
        paths[path].opened = floor
        paths[path].outgoing = []
        paths[path].incoming = []
        paths[path].flushes = false
        paths[path].introduces = false
    }

    /// Decides when a message sent now arrives, and counts what befalls it.
    ///
    /// A rare kind of message comes late, twice or out of turn more often than others: there are
    /// thousands of appends for one vote, and a fault that strikes each message alike never meets
    /// the vote.
    mutating func send(
        _ from: Int, _ to: Int, isRare: Bool = false, at now: Int64, from prng: inout Prng,
        counts: inout Statistics
    ) -> Fate {
        let number = path(from, to)
        if paths[number].isCut { return .lost }
        let bits = prng.next()
        var arrival = now + base + Int64((bits >> 48) &* spread >> 16)
        var again: Int64?
        var overtakes = false
        if !paths[number].isQuiet {
            if bits & 0xFFFF < options.lossChance {
                counts.count(.messageLost)
                return .lost
            }
            if bits >> 16 & 0xFFFF < weigh(options.duplicateChance, isRare) {
                counts.count(.messageDuplicated)
                again = arrival + Int64(prng.below(spread * 8 + 1_000_000))
            }
            if bits >> 32 & 0xFFFF < weigh(options.lateChance, isRare) {
                counts.count(.messageLate)
                arrival += Int64(prng.below(UInt64(options.lateness.nanoseconds)))
            }
            overtakes =
                options.reorderChance > 0
                && prng.next() & 0xFFFF < weigh(options.reorderChance, isRare)
        }
        arrival = max(arrival, paths[number].clogged)
        if overtakes, arrival < paths[number].floor {
            counts.count(.messageReordered)
            arrival = max(arrival, paths[number].opened)
        } else {
            arrival = max(arrival, paths[number].floor)
            paths[number].floor = arrival
        }
        if let again { return .arrivesTwice(arrival, max(again, paths[number].opened)) }
        return .arrives(arrival)
    }

    @inline(__always)
    private func weigh(_ chance: UInt64, _ isRare: Bool) -> UInt64 {
        isRare ? max(chance, min(chance * 16, 1 << 14)) : chance
    }

    /// Decides when bytes sent now arrive, in order, in byte mode; nil when they are lost.
    mutating func carry(
        _ from: Int, _ to: Int, at now: Int64, from prng: inout Prng, counts: inout Statistics
    ) -> Int64? {
        let number = path(from, to)
        if paths[number].isCut { return nil }
        var arrival = now + base + Int64(prng.below(spread))
        if !paths[number].isQuiet, prng.next() & 0xFFFF < options.lateChance {
            counts.count(.messageLate)
            arrival += Int64(prng.below(UInt64(options.lateness.nanoseconds)))
        }
        arrival = max(arrival, paths[number].clogged, paths[number].floor)
        paths[number].floor = arrival
        return arrival
    }
}
