import Protocols

// The end of a run: the faults stop for a majority, which must then serve and converge.
extension World {
    /// The faults stop for the core and stay for the rest.
    mutating func settle() {
        phase = .settling
        chooseCore()
        rules.removeAll()
        candidates = nil
        note { "the faults stop for \($0.hosts.filter(\.isCore).map(\.id))" }
        healPaths()
        for host in hosts.indices where !hosts[host].isCore { afflict(host) }
        for host in hosts.indices where hosts[host].isCore { relieve(host) }
        for a in hosts.indices where hosts[a].isCore {
            for b in hosts.indices where a != b && hosts[b].isCore {
                network.update(a, b) {
                    $0.isQuiet = true
                    $0.clogged = 0
                }
            }
        }
        for host in hosts.indices where !hosts[host].isCore {
            hosts[host].unreachableUntil = .max
            for client in clients.indices where hosts[host].connected[client] != 0 {
                dropClient(client, host, code: 0, within: .milliseconds(50))
            }
        }
        for client in clients.indices where verdict == nil && takesPart(client) {
            stepClient(client, .quiesce)
        }
        push(.checkConverged, after: .milliseconds(100))
    }

    /// The plan's core, as far as the data there is whole, and no less than a majority; all whole
    /// hosts as long as not every node knows the cluster, for a first start needs all members.
    private mutating func chooseCore() {
        let whole = hosts.indices.filter {
            !hosts[$0].isDamaged && !hosts[$0].isWiped && hosts[$0].status != .lost
        }
        let majority = hosts.count / 2 + 1
        precondition(whole.count >= majority, "the world harms a minority at most")
        var core = Array(whole)
        if isBootstrapped, let wanted = plan.ending.core {
            core = whole.filter { wanted.contains($0) }
            let others = whole.filter { !wanted.contains($0) }
            core += others.prefix(max(0, majority - core.count))
        }
        for host in hosts.indices { hosts[host].isCore = core.contains(host) }
    }

    private mutating func afflict(_ host: Int) {
        let rest = plan.ending.rest(of: host)
        note { "\($0.hosts[host].id) stays \(rest)" }
        switch rest {
        case .down:
            crash(host, .nothing)
            hosts[host].staysDown = true
        case .cutOff, .heardOnly, .hearsOnly:
            for peer in hosts.indices where peer != host {
                if rest != .heardOnly { network.update(host, peer) { $0.isCut = true } }
                if rest != .hearsOnly { network.update(peer, host) { $0.isCut = true } }
            }
        case .connected: break
        }
    }

    private mutating func relieve(_ host: Int) {
        hosts[host].unreachableUntil = 0
        hosts[host].ambush = nil
        hosts[host].stepCost = 0
        hosts[host].diskFactor = 1
        hosts[host].diskStalled = min(hosts[host].diskStalled, now)
        hosts[host].nextWriteFault = nil
        if hosts[host].isCramped {
            // The operator sees it and starts the node again with a better limit.
            hosts[host].isCramped = false
            crash(host, .nothing)
        }
        if hosts[host].busyUntil > now {
            hosts[host].busyUntil = now
            push(.wake, host: host)
        }
        if hosts[host].status == .down { push(.restart, host: host) }
    }

    /// Ends the run when the core has served and converged, or when its time is over.
    mutating func checkConverged() {
        guard phase == .settling else { return }
        let start = max(options.duration - options.settling, .zero)
        let isOver = now > (start + options.livenessBound).nanoseconds
        guard now >= options.duration.nanoseconds || isOver else {
            push(.checkConverged, after: .milliseconds(20))
            return
        }
        if let core = convergedCore, now >= options.duration.nanoseconds {
            // Among others it goes on until all have converged.
            guard abroad != nil else { return finish(core) }
            push(.checkConverged, after: .milliseconds(20))
            return
        }
        if isOver {
            phase = .finished
            verdict =
                checkers.isMuted("liveness") ? .held : .stuck(explainStuck())
            return
        }
        push(.checkConverged, after: .milliseconds(20))
    }

    /// The core, if it has served all clients and all of it applied the same.
    var convergedCore: [Int]? {
        let core = hosts.indices.filter { hosts[$0].isCore }
        let isServed = clients.indices.allSatisfy { !takesPart($0) || clients[$0].isSatisfied }
        let isEven = core.allSatisfy {
            hosts[$0].status == .up
                && nodes[$0].state.applied == nodes[core[0]].state.applied
                && nodes[$0].raft.commitIndex == nodes[core[0]].raft.commitIndex
        }
        return phase == .settling && isServed && isEven ? core : nil
    }

    /// Compares what the core has come to; the run is over.
    mutating func finish(_ core: [Int]) {
        phase = .finished
        var digests: [UInt64] = []
        for host in core {
            var digest = Digest()
            nodes[host].state.digest(into: &digest)
            digests.append(digest.value)
        }
        digests.forEach { digest.combine($0) }
        guard digests.allSatisfy({ $0 == digests[0] }) else {
            fail(
                Violation(
                    "convergence",
                    "\(core.map { hosts[$0].id }) applied the same entries and differ"))
            if verdict == nil { verdict = .held }
            return
        }
        do throws(Violation) {
            try checkers.answered(clients)
            try checkers.finished(core.map { nodes[$0] })
            try checkers.parted(clients, core.map { nodes[$0] })
            verdict = .held
        } catch {
            fail(error)
        }
    }

    /// Why the run is stuck, for the person who has to find out.
    private func explainStuck() -> String {
        var lines: [String] = []
        for host in hosts.indices {
            let raft = nodes[host].raft
            let leader = raft.leader.map(\.description) ?? "nobody"
            lines.append(
                "\(hosts[host].id)\(hosts[host].isCore ? "" : " (not core)") is"
                    + " \(hosts[host].status) and \(raft.role) in term \(raft.term.rawValue) under"
                    + " \(leader), log to \(raft.log.lastIndex.rawValue), durable to"
                    + " \(raft.durableIndex.rawValue), commit \(raft.commitIndex.rawValue), applied"
                    + " \(nodes[host].state.applied.index.rawValue)")
        }
        let waiting = clients.indices.filter { takesPart($0) && !clients[$0].isSatisfied }
        for client in waiting {
            lines.append("client \(client) waits for \(clients[client].waitsFor)")
        }
        return lines.joined(separator: "; ")
    }
}
