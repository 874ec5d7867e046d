import Protocols

/// Stands in a world in the place of its nodes: it decides nothing and keeps what they would hear.
///
/// So a script can drive the very disks and links that the nodes of a run have.
struct Probe: Sendable {
    /// Something that a node would have heard.
    enum Sight: Equatable, Sendable {
        /// The process of a host began with what its disk held.
        case started(Int, Boot, DurableState)
        /// An event for the node of a host.
        case told(Int, NodeEvent)
    }

    /// What was heard and not taken yet, oldest first.
    var sights: [Sight] = []
}

extension World {
    /// A world of `options.nodes` hosts without nodes, clients and faults; all hosts are down.
    ///
    /// The disks and links are driven by whoever made it, through `perform`.
    static func probed(seed: UInt64, options: Options) -> World {
        var options = options
        options.load.only = []
        options.duration = .seconds(10_000_000)
        var world = World(seed: seed, options: options, plan: Plan())
        world.probe = Probe()
        world.schedule = Schedule()
        return world
    }

    /// Takes the events up to a time and stands at that time; stops early when something was
    /// heard, right after the event that brought it.
    mutating func wait(until time: Int64) {
        while verdict == nil, probe?.sights.isEmpty != false, let next = schedule.nextTime,
            next <= time
        {
            _ = advance()
        }
        if verdict == nil, probe?.sights.isEmpty != false { now = max(now, time) }
    }

    /// Takes what was heard.
    mutating func takeSights() -> [Probe.Sight] {
        let sights = probe?.sights ?? []
        probe?.sights.removeAll(keepingCapacity: true)
        return sights
    }
}
