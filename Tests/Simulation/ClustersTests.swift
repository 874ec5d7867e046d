import Protocols
import Testing

@testable import SimNet

/// Worlds of several clusters: they hold, and their own checkers see what they are there for.
@Suite struct ClustersTests {
    // Between seeds that are known to fail: docs/Simulation.md.
    @Test("31 seeds of federated clusters hold and take the rare paths")
    func seedsHold() {
        var total = BatchResult()
        for seed in Array(41..<57) + Array(58..<73) as [UInt64] {
            var clusters = Clusters(seed: seed)
            total.add(clusters.run())
        }
        for failure in total.failures {
            Issue.record("parley-sim replay \(failure.seed) --mix clusters: \(failure.verdict)")
        }
        let wanted: [Mark] = [
            .clusterFailed, .clusterReturned, .federationEcho, .federationGap, .mirrorJumped,
            .joinForeignAsked, .deletionPrepared, .deletionWithoutVote, .deletionCommitted,
            .federationCallTimedOut, .federationRetried, .federationRejoined,
        ]
        for mark in wanted { #expect(total.statistics.marks[Int(mark.rawValue)] > 0, "\(mark)") }
        for name in ClusterCheckers.names {
            #expect(total.statistics.checkers.contains { $0.name == name && $0.count > 0 })
        }
    }

    @Test("the same seed gives the same run twice, traced or not")
    func runsRepeat() {
        var plain = Clusters(seed: 30, duration: .seconds(30))
        var traced = Clusters(seed: 30, duration: .seconds(30))
        traced.beginTrace()
        var lines: [String] = []
        while traced.advance() { lines += traced.takeTrace() }
        #expect(plain.run() == traced.result)
        #expect(lines.contains { $0.hasPrefix("amber ") && $0.contains("call") })
        var other = Clusters(seed: 31, duration: .seconds(30))
        #expect(other.run().digest != traced.result.digest)
    }

    // MARK: Checkers

    private static let names = [ClusterName("a"), ClusterName("b")]

    /// The states of a host with a room and of a cluster with a mirror of it, one user in each, and
    /// checkers that have seen them.
    private func scene() throws -> (FederationNet, ClusterCheckers, UniqueID) {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        _ = net.ask(0, ann, .createRoom(name: "tea", creator: "ann", description: ""))
        let tea = try #require(net.state(0).rooms.room(named: "tea"))
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        let bob = net.client(1)
        _ = net.ask(1, bob, .joinRoom(room: tea, user: "bob", since: nil))
        _ = net.ask(0, ann, say(tea, "ann", "hi"), for: 2_000)
        var checkers = ClusterCheckers(net.names)
        for place in 0..<2 { try checkers.applied(place, net.state(place)) }
        return (net, checkers, tea)
    }

    private func violation(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return (error as? Violation)?.checker }
        return nil
    }

    @Test("a mirror with what its host does not have, or has otherwise, is seen")
    func mirrors() throws {
        let (net, healthy, _) = try scene()
        #expect(healthy.unsettled == nil)
        // The guest is shown before the host: it has what nobody said.
        var early = ClusterCheckers(net.names)
        #expect(violation { try early.applied(1, net.state(1)) } == "mirror")
        // Another run of the host, with another message of that number.
        let (other, _, _) = try sceneOfOtherWords()
        var mixed = ClusterCheckers(net.names)
        try mixed.applied(0, other.state(0))
        #expect(violation { try mixed.applied(1, net.state(1)) } == "mirror")
    }

    private func sceneOfOtherWords() throws -> (FederationNet, UniqueID, Int) {
        var net = FederationNet.ready([1, 1])
        let ann = net.client(0)
        _ = net.ask(0, ann, .createRoom(name: "tea", creator: "ann", description: ""))
        let tea = try #require(net.state(0).rooms.room(named: "tea"))
        _ = net.ask(0, ann, .joinRoom(room: tea, user: "ann", since: nil))
        _ = net.ask(0, ann, say(tea, "ann", "other words"), for: 2_000)
        return (net, tea, 0)
    }

    @Test("a room that ends before its host has decided so is seen")
    func deletions() throws {
        var (net, checkers, tea) = try scene()
        let transaction = UniqueID(high: 1, low: 2)
        let commit = FederationCall.commitDeletion(
            room: tea, transaction: transaction, name: "tea")
        #expect(violation { try checkers.tells(0, commit) } == "deletion")
        #expect(violation { try checkers.ends(1, tea) } == "deletion")
        let ann = ConnectionID(slot: 1, generation: 0)
        net.silent = [(0, 1)]
        _ = net.ask(0, ann, .deleteRoom(room: tea, user: "ann"), for: 100)
        try checkers.applied(0, net.state(0))
        let begun = try #require(net.state(0).room(tea)?.deletion?.transaction)
        let rollback = FederationCall.rollbackDeletion(room: tea, transaction: begun)
        #expect(violation { try checkers.tells(0, rollback) } == "deletion")
        #expect(checkers.unsettled?.contains("has not decided the deletion") == true)
        net.run(6_000)
        try checkers.applied(0, net.state(0))
        #expect(violation { try checkers.tells(0, commit) } == nil)
        #expect(violation { try checkers.ends(1, tea) } == nil)
        #expect(checkers.unsettled != nil)
        net.heal()
        net.run(70_000)
        for place in 0..<2 { try checkers.applied(place, net.state(place)) }
        #expect(checkers.unsettled == nil)
    }

    @Test("guests without users and mirrors that lag are seen in the end")
    func settled() throws {
        var (net, checkers, tea) = try scene()
        let bob = ConnectionID(slot: 1, generation: 0)
        _ = net.ask(1, bob, .leaveRoom(room: tea, user: "bob"), for: 1_000)
        // Only one side of it is shown.
        var before = checkers
        try before.applied(1, net.state(1))
        #expect(before.unsettled?.contains("guests [\"bob\"] of b, whose users are []") == true)
        for place in 0..<2 { try checkers.applied(place, net.state(place)) }
        #expect(checkers.unsettled == nil)
    }
}
