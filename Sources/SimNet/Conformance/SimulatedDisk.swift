import Protocols

/// A disk script driven through the simulated disk of one host.
public struct SimulatedDisk: Sendable {
    /// The node of the script, with all that was seen.
    public private(set) var player = DiskPlayer()
    private var world: World
    private var prng: Prng

    /// Makes a disk of a seed, which draws how fast it is; the log's files end at `segmentBytes`.
    public init(seed: UInt64, segmentBytes: Int) {
        prng = Prng(seed: seed ^ 0xD15C)
        var options = Options()
        options.nodes = 1
        options.segmentBytes = segmentBytes
        options.diskLatency = .microseconds(Int64(prng.int(in: 20..<1_000)))
        options.diskJitter = .microseconds(Int64(1 << prng.int(in: 4..<12)))
        world = World.probed(seed: seed, options: options)
    }

    /// Runs a script from an empty directory and returns what was seen; throws when the directory
    /// is refused.
    public mutating func run(_ script: DiskScript) throws(Violation) -> [DiskSight] {
        try begin()
        for act in script.acts {
            if player.mustWait, !act.isEnding { try wait { !$0.mustWait } }
            pass(pause())
            perform(act)
            switch act {
            case .settle: try wait { $0.isSettled }
            case .end(let ending):
                end(ending)
                try begin()
            case .turn: pass(.microseconds(Int64(prng.below(400))))
            case .append, .vote, .rewrite, .snapshot, .install: break
            }
        }
        return player.trace
    }

    // MARK: Steps

    /// Nothing for most acts, for a node does several things in one turn.
    private mutating func pause() -> Interval {
        switch prng.int(in: 0..<4) {
        case 0: .microseconds(Int64(prng.below(150)))
        case 1: .microseconds(Int64(prng.below(3_000)))
        default: .zero
        }
    }

    private mutating func begin() throws(Violation) {
        world.start(0)
        for case .started(_, let boot, let durable) in world.takeSights() {
            player.began(boot, durable)
        }
        try look()
    }

    private func look() throws(Violation) {
        if case .violated(let violation) = world.verdict { throw violation }
    }

    private mutating func end(_ ending: DiskEnding) {
        switch ending {
        case .kill:
            // A process may die while it closes its directory, too.
            if prng.chance(1, in: 4) { world.beginClosing(0) }
            world.crash(0, prng.chance(1, in: 4) ? .torn : .nothing)
        case .power: world.crash(0, prng.chance(1, in: 3) ? .unsynced : .power)
        case .stop:
            world.closeStorage(0)
            world.crash(0, .nothing)
        }
        player.ended(ending)
    }

    private mutating func perform(_ act: DiskAct) { ask(player.perform(act)) }

    private mutating func ask(_ effects: [NodeEffect]) {
        for effect in effects { _ = world.perform(effect, 0) }
    }

    /// Lets time pass; what is done meanwhile is told.
    private mutating func pass(_ time: Interval) {
        let end = world.now + time.nanoseconds
        repeat {
            world.wait(until: end)
            guard hear() else { return }
        } while true
    }

    private mutating func hear() -> Bool {
        let sights = world.takeSights()
        for case .told(_, let event) in sights { ask(player.hear(event)) }
        return !sights.isEmpty
    }

    private mutating func wait(until condition: (DiskPlayer) -> Bool) throws(Violation) {
        let end = world.now + 3_600_000_000_000
        while !condition(player) {
            world.wait(until: end)
            guard hear() else {
                throw Violation(DiskContract.name, "what was asked for is never done")
            }
        }
    }

    // MARK: Following

    /// Goes on as a trace of another world does; false when this disk does not do the same.
    mutating func follow(_ sight: DiskSight) -> Bool {
        switch sight {
        case .asked: return true
        case .did(let act):
            guard isSilent(for: pause()) else { return false }
            perform(act)
            return true
        case .told(let event):
            world.wait(until: world.now + 60_000_000_000)
            guard world.takeSights() == [.told(0, event)] else { return false }
            ask(player.hear(event))
            return true
        case .ended(let ending):
            guard isSilent(for: pause()) else { return false }
            end(ending)
            return true
        case .began(let boot, let durable):
            world.start(0)
            guard world.verdict == nil, world.takeSights() == [.started(0, boot, durable)] else {
                return false
            }
            player.began(boot, durable)
            return true
        }
    }

    private mutating func isSilent(for time: Interval) -> Bool {
        world.wait(until: world.now + time.nanoseconds)
        return world.takeSights().isEmpty
    }

    /// Another future of the same past.
    mutating func reseed(_ number: UInt64) {
        world.reseed(number)
        prng = Prng(seed: number)
    }
}

extension DiskAct {
    fileprivate var isEnding: Bool { if case .end = self { true } else { false } }
}

/// Looks for a way in which the simulated disk shows a given trace.
///
/// Many disks follow the trace. Those that do something else are given up, and copies of the others
/// take their place with other chances: as long as one is left, the simulated world can show what
/// was seen so far.
public struct DiskShowing: Sendable {
    private var disks: [SimulatedDisk]
    private var prng: Prng

    /// Makes so many disks.
    public init(seed: UInt64, disks count: Int, segmentBytes: Int) {
        prng = Prng(seed: seed)
        disks = []
        for _ in 0..<count {
            disks.append(SimulatedDisk(seed: prng.next(), segmentBytes: segmentBytes))
        }
    }

    /// As `firstUnshown`, with more and more of them as long as none can follow: a rare way is not
    /// found at once.
    public static func firstUnshown(
        in trace: [DiskSight], seed: UInt64, segmentBytes: Int
    ) -> Int? {
        var furthest = 0
        for (attempt, count) in [200, 1_000, 4_000].enumerated() {
            var showing = DiskShowing(
                seed: seed &+ UInt64(attempt) << 32, disks: count, segmentBytes: segmentBytes)
            guard let position = showing.firstUnshown(in: trace) else { return nil }
            furthest = max(furthest, position)
        }
        return furthest
    }

    /// The position of the first thing in the trace that no disk shows; nil when all is shown.
    public mutating func firstUnshown(in trace: [DiskSight]) -> Int? {
        for (position, sight) in trace.enumerated() {
            if case .asked = sight { continue }
            var left: [SimulatedDisk] = []
            for number in disks.indices where disks[number].follow(sight) {
                left.append(disks[number])
            }
            guard !left.isEmpty else { return position }
            for number in disks.indices {
                disks[number] = left[number % left.count]
                disks[number].reseed(prng.next())
            }
        }
        return nil
    }
}
