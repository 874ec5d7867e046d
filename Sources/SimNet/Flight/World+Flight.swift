import Protocols

// A world that goes on from live nodes.
extension World {
    /// A world whose nodes are those of recordings, all at one moment; from there on network, disks
    /// and clients are simulated, and everything goes wrong that the seed draws.
    ///
    /// It is a future that the live cluster might have had: at the moment all connections break,
    /// what was on its way is lost, all clients are gone and others come. The nodes must be all
    /// members of one cluster, numbered from 1, and their moments one: none may have heard what
    /// another has not said yet. Throws when the nodes contradict one another.
    public static func continuing(
        _ flights: [FlightNode], seed: UInt64, mix: Mix, duration: Interval,
        codecs: ByteCodecs? = nil
    ) throws(Violation) -> World {
        let live = flights.compactMap { $0.replay.node }
        precondition(!live.isEmpty && live.count == flights.count, "a recording makes a node")
        var options = Options.draw(mix: mix, seed: seed, duration: duration)
        options.nodes = live.count
        options.raft = live[0].configuration.raft
        options.state = live[0].configuration.state
        options.limits = live[0].configuration.limits
        options.crampedBytes = 0
        options.upgrades = false
        options.segmentBytes = LogWriter.usualSegmentLimit
        // The clients know nothing of what was said before, and stay away from it.
        options.load.rooms = "future"
        var world = World(seed: seed, options: options, codecs: codecs)
        world.schedule = Schedule()
        world.strangers = flights.map(\.newestGeneration).max() ?? 0
        for host in flights.indices { world.adopt(flights[host], live[host], host) }
        try world.checkers.adopt(
            flights.indices.map {
                (world.hosts[$0].id, world.nodes[$0], flights[$0].log.hardState)
            },
            clusterTime: flights.map(\.latestClusterTime).max() ?? .zero)
        world.resume()
        return world
    }

    private mutating func adopt(_ flight: FlightNode, _ node: Node, _ host: Int) {
        let configuration = node.configuration
        precondition(configuration.id == hosts[host].id, "the members are numbered from 1")
        let wall = flight.wall.map {
            $0.time.milliseconds * 1_000_000 + (flight.now - $0.at).nanoseconds
        }
        hosts[host].clock = HostClock(
            drift: hosts[host].clock.drift, offset: flight.now.nanoseconds,
            wallOffset: wall ?? hosts[host].clock.wallOffset)
        hosts[host].incarnation = configuration.incarnation
        hosts[host].boot = configuration.boot
        hosts[host].version = configuration.versions.upperBound
        hosts[host].status = .up
        hosts[host].life = 1
        hosts[host].lastNow = flight.now
        let directory = flight.directory(segmentBytes: options.segmentBytes)
        hosts[host].disk = directory.disk
        hosts[host].storage.writer = directory.writer
        nodes[host] = node
        for (write, token) in flight.writes { persist(write, token, host) }
        for (snapshot, token) in flight.snapshots { save(snapshot, token, host) }
        // All connections break; what the node says to that reaches nobody.
        for connection in flight.connections { tellQuietly(host, .disconnected(connection)) }
        for peer in flight.peers { tellQuietly(host, .peerDown(peer)) }
        // Other people's registers are none of these clients' business.
        let keys = ["r0", "r1", "r2"]
        guard keys.contains(where: { node.state.registers[$0].version > 0 }) else { return }
        for client in clients.indices {
            if case .register = clients[client] { clientLinks[client].isMuted = true }
        }
    }

    private mutating func tellQuietly(_ host: Int, _ event: NodeEvent) {
        var out = Outbox<NodeEffect>()
        nodes[host].step(event, at: hosts[host].lastNow, into: &out)
        for effect in out.effects {
            switch effect {
            case .persist(let write, let token): persist(write, token, host)
            case .saveSnapshot(let snapshot, let token): save(snapshot, token, host)
            case .send, .compactLog, .reply, .deliver, .close, .note, .halt, .call,
                .abandonCall, .answer:
                break
            }
        }
    }

    private mutating func resume() {
        for host in hosts.indices {
            hosts[host].deadline = nodes[host].deadline
            push(.wallSecond, host: host, epoch: hosts[host].life)
            armTick(host)
            for peer in hosts.indices where peer > host {
                scheduleTry(
                    host, peer, after: draw(link: host, peer, .zero, .milliseconds(50)))
            }
        }
        for client in clients.indices {
            clientLinks[client].epoch = strangers
            clientLinks[client].wakeFor = .distantFuture
            armClient(client, clients[client].deadline)
        }
        armStrike()
        push(.liveness, after: max(options.duration - options.settling, .zero))
    }
}
