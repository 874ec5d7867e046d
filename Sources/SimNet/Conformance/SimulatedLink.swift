import Protocols

/// A link script driven through the simulated network of two hosts.
public struct SimulatedLink: Sendable {
    /// What the network does by itself.
    public enum Manner: CaseIterable, Sendable {
        /// Nothing but to take its time.
        case calm
        /// As calm, through the codecs and in pieces.
        case bytes
        /// It loses, doubles and reorders messages.
        case hostile

        /// True when each opening is a stream.
        public var isStream: Bool { self != .hostile }
    }

    /// All that was seen, oldest first.
    public private(set) var trace: [LinkSight] = []
    private var world: World
    private var prng: Prng
    private var said: UInt64 = 0
    private var isUp = [false, false]
    /// What was heard at once and not followed yet.
    private var queue: [LinkSight] = []

    /// Makes a link of a seed, which draws how fast it is.
    public init(seed: UInt64, _ manner: Manner) {
        prng = Prng(seed: seed ^ 0x117C)
        var options = Options()
        options.nodes = 2
        options.latency = .microseconds(Int64(prng.int(in: 20..<500)))
        options.jitter = .microseconds(Int64(1 << prng.int(in: 4..<12)))
        options.bytes = manner == .bytes
        if manner == .hostile {
            options.lossChance = 1 << 13
            options.duplicateChance = 1 << 13
            options.reorderChance = 1 << 13
            options.lateChance = 1 << 12
            options.lateness = .milliseconds(20)
        }
        world = World.probed(seed: seed, options: options)
        for host in 0..<2 { world.start(host) }
        _ = world.takeSights()
    }

    /// Runs a script and returns what was seen.
    public mutating func run(_ script: LinkScript) throws(Violation) -> [LinkSight] {
        for act in script.acts {
            pass(pause())
            perform(act)
            if act == .settle { try settle() }
            if case .violated(let violation) = world.verdict { throw violation }
        }
        return trace
    }

    // MARK: Steps

    private mutating func pause() -> Interval {
        switch prng.int(in: 0..<4) {
        case 0: .microseconds(Int64(prng.below(200)))
        case 1: .microseconds(Int64(prng.below(3_000)))
        default: .zero
        }
    }

    private mutating func perform(_ act: LinkAct) {
        trace.append(.did(act))
        switch act {
        case .say(let end, let lengths):
            for length in lengths { say(end, length) }
        case .cut:
            world.closeLink(0, 1, learned: .microseconds(Int64(1 << prng.int(in: 6..<18))))
        case .kill(let end):
            isUp[end] = false
            world.crash(end, prng.chance(1, in: 2) ? .nothing : .power)
        case .start(let end):
            world.start(end)
            _ = world.takeSights()
        case .clog(let end, let time):
            let until = world.now + Interval.milliseconds(Int64(time)).nanoseconds
            world.network.update(end, 1 - end) { $0.clogged = until }
        case .settle: break
        }
    }

    private mutating func say(_ end: Int, _ length: Int) {
        guard world.hosts[end].status == .up else { return }
        said += 1
        trace.append(.said(end, said))
        let message = LinkSight.message(said, bytes: length)
        _ = world.perform(.send(NodeID(UInt32(2 - end)), message), end)
    }

    private mutating func pass(_ time: Interval) {
        let end = world.now + time.nanoseconds
        repeat { world.wait(until: end) } while hear()
    }

    private mutating func hear() -> Bool {
        let sights = world.takeSights()
        for case .told(let host, let event) in sights {
            guard let sight = LinkSight(host, event) else { continue }
            note(sight)
        }
        return !sights.isEmpty
    }

    private mutating func note(_ sight: LinkSight) {
        trace.append(sight)
        switch sight {
        case .up(let end): isUp[end] = true
        case .down(let end): isUp[end] = false
        case .did, .said, .heard: break
        }
    }

    private mutating func settle() throws(Violation) {
        let end = world.now + 20_000_000_000
        while world.hosts.indices.allSatisfy({ world.hosts[$0].status == .up }),
            isUp != [true, true] || !world.network.between(0, 1).isUp
        {
            guard world.now < end else {
                throw Violation(LinkContract.name, "the link is never opened")
            }
            pass(.milliseconds(1))
        }
        // Longer than anything is on its way.
        pass(.milliseconds(100))
    }

    // MARK: Following

    /// Goes on as a trace of another world does; false when this link does not do the same.
    mutating func follow(_ sight: LinkSight) -> Bool {
        switch sight {
        case .said: return true
        case .did(let act):
            world.wait(until: world.now + pause().nanoseconds)
            guard queue.isEmpty, world.takeSights().isEmpty else { return false }
            perform(act)
            return true
        case .up, .down, .heard:
            if queue.isEmpty {
                world.wait(until: world.now + 60_000_000_000)
                for case .told(let host, let event) in world.takeSights() {
                    if let sight = LinkSight(host, event) { queue.append(sight) }
                }
            }
            guard queue.first == sight else { return false }
            note(queue.removeFirst())
            return true
        }
    }

    /// Another future of the same past.
    mutating func reseed(_ number: UInt64) {
        world.reseed(number)
        prng = Prng(seed: number)
    }
}

/// Looks for a way in which the simulated link shows a given trace; see `DiskShowing`.
public struct LinkShowing: Sendable {
    private var links: [SimulatedLink]
    private var prng: Prng

    /// Makes so many links.
    public init(seed: UInt64, links count: Int, _ manner: SimulatedLink.Manner) {
        prng = Prng(seed: seed)
        links = []
        for _ in 0..<count { links.append(SimulatedLink(seed: prng.next(), manner)) }
    }

    /// As `firstUnshown`, with more and more of them as long as none can follow: a rare way is not
    /// found at once.
    public static func firstUnshown(
        in trace: [LinkSight], seed: UInt64, _ manner: SimulatedLink.Manner
    ) -> Int? {
        var furthest = 0
        for (attempt, count) in [200, 1_000, 4_000].enumerated() {
            var showing = LinkShowing(seed: seed &+ UInt64(attempt) << 32, links: count, manner)
            guard let position = showing.firstUnshown(in: trace) else { return nil }
            furthest = max(furthest, position)
        }
        return furthest
    }

    /// The position of the first thing in the trace that no link shows; nil when all is shown.
    public mutating func firstUnshown(in trace: [LinkSight]) -> Int? {
        for (position, sight) in trace.enumerated() {
            if case .said = sight { continue }
            var left: [SimulatedLink] = []
            for number in links.indices where links[number].follow(sight) {
                left.append(links[number])
            }
            guard !left.isEmpty else { return position }
            for number in links.indices {
                links[number] = left[number % left.count]
                links[number].reseed(prng.next())
            }
        }
        return nil
    }
}
