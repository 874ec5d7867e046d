import Protocols

/// What a recorder saw of a world the last time it looked, so that it notices what changed.
struct RecorderEyes: Sendable {
    /// A node as it was.
    struct Glance: Equatable, Sendable {
        var status = -1
        var role = Role.follower
        var term: UInt64 = 0
        var leader: UInt32 = 0
        var boot: UInt64 = 0
        var commit: UInt64 = 0
        var applied: UInt64 = 0
    }

    var glances: [Glance]
    /// The bar that stands open for each node and kind, a position in the recorder's; -1 for none.
    var open: [Int]
    /// Until when the bar lasts unless something ends it earlier.
    var until: [Int64]
    /// The directions that are cut.
    var cut: [Bool]
    var cutBar = -1
    var clogged: [Int64]
    var cloggedBars: [Int]
    var faults = [UInt64](repeating: 0, count: Fault.allCases.count)
    var marks = [UInt64](repeating: 0, count: Mark.allCases.count)

    /// Makes eyes that saw nothing yet.
    init(nodes: Int) {
        glances = Array(repeating: Glance(), count: nodes)
        open = Array(repeating: -1, count: nodes * Recorder.Bar.Kind.allCases.count)
        until = Array(repeating: 0, count: open.count)
        cut = Array(repeating: false, count: nodes * nodes)
        clogged = Array(repeating: 0, count: nodes * nodes)
        cloggedBars = Array(repeating: -1, count: nodes * nodes)
    }
}

extension Recorder {
    /// Looks at a world after one event of a host or the world, and notes what changed.
    mutating func look(at world: borrowing World, _ host: Int) {
        for host in world.hosts.indices { look(at: world, node: host) }
        lookAtPaths(world)
        lookAtCounts(world, host)
        if settled < 0, world.phase != .chaos { settled = world.now }
    }

    // MARK: Nodes

    private mutating func look(at world: borrowing World, node host: Int) {
        let now = world.now
        var glance = RecorderEyes.Glance()
        switch world.hosts[host].status {
        case .up: glance.status = 0
        case .down: glance.status = 1
        case .lost: glance.status = 2
        }
        if glance.status == 0 {
            glance.role = world.nodes[host].raft.role
            glance.term = world.nodes[host].raft.term.rawValue
            glance.leader = world.nodes[host].raft.leader?.rawValue ?? 0
            glance.commit = world.nodes[host].raft.commitIndex.rawValue
            glance.applied = world.nodes[host].state.applied.index.rawValue
        }
        glance.boot = world.hosts[host].boot.rawValue
        lookAtBars(world, host, isUp: glance.status == 0)
        let before = eyes.glances[host]
        guard glance != before else { return }
        eyes.glances[host] = glance
        if glance.status != before.status || glance.boot != before.boot { crashed(host) }
        if glance.status == 0, before.status == 0, glance.boot == before.boot {
            if glance.commit != before.commit {
                add(now, host, isApply: false, glance.commit)
            }
            if glance.applied != before.applied { add(now, host, isApply: true, glance.applied) }
        } else if glance.status == 0 {
            if glance.commit > 0 { add(now, host, isApply: false, glance.commit) }
            if glance.applied > 0 { add(now, host, isApply: true, glance.applied) }
        }
        let isSame =
            glance.status == before.status && glance.role == before.role
            && glance.term == before.term && glance.leader == before.leader
            && glance.boot == before.boot
        guard !isSame else { return }
        spans.append(
            Span(
                time: now, host: host, status: glance.status, role: glance.role,
                term: glance.term, leader: glance.leader, boot: glance.boot))
    }

    private mutating func add(_ now: Int64, _ host: Int, isApply: Bool, _ index: UInt64) {
        progress.append(Progress(time: now, host: host, isApply: isApply, index: index))
    }

    /// A pause is told from a slow step by its length.
    private static let shortestPause: Int64 = 8_000_000

    private mutating func lookAtBars(_ world: borrowing World, _ host: Int, isUp: Bool) {
        let now = world.now
        let body = world.hosts[host]
        let busy = body.busyUntil
        let isOpen = eyes.open[host * Bar.Kind.allCases.count + Int(Bar.Kind.pause.rawValue)] >= 0
        let pauses = isUp && busy > now && (isOpen || busy - now >= Recorder.shortestPause)
        hold(.pause, host, pauses, until: busy, now) { "paused" }
        hold(.slowNode, host, isUp && body.stepCost > 0, until: .max, now) {
            "slow: \(body.stepCost / 1_000) µs a step"
        }
        hold(.slowDisk, host, body.diskFactor > 1, until: .max, now) {
            "disk \(body.diskFactor) times slower"
        }
        hold(.stalledDisk, host, body.diskStalled > now, until: body.diskStalled, now) {
            "disk stalls"
        }
        let isApart = world.phase != .chaos && !body.isCore
        let until = body.unreachableUntil
        hold(.unreachable, host, until > now && !isApart, until: until, now) {
            "clients cannot reach it"
        }
        hold(.apart, host, isApart, until: .max, now) { "not in the core: faults stay" }
    }

    /// Opens a bar while `lasts` is true and closes it after.
    private mutating func hold(
        _ kind: Bar.Kind, _ host: Int, _ lasts: Bool, until: Int64, _ now: Int64,
        _ text: () -> String
    ) {
        let place = host * Bar.Kind.allCases.count + Int(kind.rawValue)
        let bar = eyes.open[place]
        if bar >= 0, !lasts {
            bars[bar].end = min(now, eyes.until[place])
            eyes.open[place] = -1
        } else if lasts {
            eyes.until[place] = until
            guard bar < 0 else { return }
            eyes.open[place] = bars.count
            bars.append(Bar(kind: kind, host: host, start: now, text: intern(text())))
        }
    }

    // MARK: Network

    private mutating func lookAtPaths(_ world: borrowing World) {
        let now = world.now
        var changed = false
        for a in 0..<nodes {
            for b in 0..<nodes where a != b {
                let path = world.network.path(a, b)
                let isCut = world.network.paths[path].isCut
                if isCut != eyes.cut[path] {
                    eyes.cut[path] = isCut
                    changed = true
                }
                let clogged = world.network.paths[path].clogged
                if clogged != eyes.clogged[path] { clog(a, b, path, clogged, now) }
            }
        }
        guard changed else { return }
        if eyes.cutBar >= 0 { bars[eyes.cutBar].end = now }
        eyes.cutBar = -1
        guard eyes.cut.contains(true) else { return }
        eyes.cutBar = bars.count
        bars.append(Bar(kind: .cut, host: -1, start: now, text: intern(cutText())))
    }

    private mutating func clog(_ a: Int, _ b: Int, _ path: Int, _ until: Int64, _ now: Int64) {
        eyes.clogged[path] = until
        if eyes.cloggedBars[path] >= 0, bars[eyes.cloggedBars[path]].end > now {
            bars[eyes.cloggedBars[path]].end = now
        }
        eyes.cloggedBars[path] = -1
        guard until > now else { return }
        eyes.cloggedBars[path] = bars.count
        let text = "\(a + 1) → \(b + 1) clogged"
        bars.append(
            Bar(kind: .clogged, host: -1, start: now, end: until, text: intern(text)))
    }

    /// What is cut, in words: the sides of a partition, or else the directions one by one.
    private func cutText() -> String {
        var side = Array(0..<nodes)
        for a in 0..<nodes {
            for b in 0..<nodes where a != b && !isCut(a, b) && !isCut(b, a) {
                let (low, high) = (min(side[a], side[b]), max(side[a], side[b]))
                for node in side.indices where side[node] == high { side[node] = low }
            }
        }
        var isClean = true
        var ways: [String] = []
        for a in 0..<nodes {
            for b in 0..<nodes where a != b {
                if isCut(a, b) != (side[a] != side[b]) { isClean = false }
                guard isCut(a, b) else { continue }
                if !isCut(b, a) {
                    ways.append("\(a + 1) → \(b + 1)")
                } else if a < b {
                    ways.append("\(a + 1) ↔ \(b + 1)")
                }
            }
        }
        guard isClean else { return "cut " + ways.joined(separator: ", ") }
        var sides: [String] = []
        for name in 0..<nodes {
            let members = (0..<nodes).filter { side[$0] == name }.map { "\($0 + 1)" }
            if !members.isEmpty { sides.append(members.joined(separator: " ")) }
        }
        return "partition " + sides.joined(separator: " | ")
    }

    private func isCut(_ a: Int, _ b: Int) -> Bool { eyes.cut[a * nodes + b] }

    // MARK: Counts

    private mutating func lookAtCounts(_ world: borrowing World, _ host: Int) {
        for fault in Fault.allCases {
            let number = Int(fault.rawValue)
            let count = world.statistics.faults[number]
            guard count != eyes.faults[number] else { continue }
            let more = count - eyes.faults[number]
            eyes.faults[number] = count
            switch fault {
            // The messages show what befell them.
            case .messageLost, .messageDuplicated, .messageReordered, .messageLate, .segmented:
                continue
            default: break
            }
            moments.append(
                Moment(
                    time: world.now, host: -1, kind: .fault, value: more, text: intern("\(fault)"))
            )
        }
        for mark in Mark.allCases where world.statistics.marks[Int(mark.rawValue)] != 0 {
            let number = Int(mark.rawValue)
            let count = world.statistics.marks[number]
            guard count != eyes.marks[number] else { continue }
            let more = count - eyes.marks[number]
            eyes.marks[number] = count
            moments.append(
                Moment(
                    time: world.now, host: host, kind: .mark, value: more, text: intern("\(mark)"))
            )
        }
    }
}
