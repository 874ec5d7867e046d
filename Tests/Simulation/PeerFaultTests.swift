import Testing

@testable import Protocols

/// What a broken member may send: nothing comes of it, nothing traps, and the operator is told.
@Suite("Faulty peers")
struct PeerFaultTests {
    private func leader() -> Solo {
        var solo = Solo(term: 1, terms: [1])
        solo.becomeSettledLeader()
        return solo
    }

    @Test("a leader takes no notice of another leader of its own term (Raft 5.2)")
    func secondLeader() {
        var solo = leader()
        let term = solo.raft.term.rawValue
        let bodies: [RaftMessage.Body] = [
            heartbeat(commit: 9), append(after: point(1, 1), commit: 9, [entry(2, term)]),
            append(after: point(2, term), commit: 2), chunk(snapshot(point(9, term)), 0),
        ]
        for body in bodies {
            let before = solo.raft
            #expect(solo.receive(2, term, body) == [.peerFaulty(node(2), .secondLeader)])
            #expect(solo.raft == before)
        }
        #expect(solo.marks.contains(.faultyPeerRefused))
    }

    @Test("a leader of a later term is followed as ever")
    func laterLeader() {
        var solo = leader()
        let next = solo.raft.term.rawValue + 1
        #expect(
            solo.receive(2, next, heartbeat()) == [persist(3, hardState: hardState(next))])
        #expect(solo.raft.role == .follower && solo.raft.leader == node(2))
        #expect(!solo.marks.contains(.faultyPeerRefused))
    }

    @Test("a claim to entries that the leader never had is worth nothing")
    func claimBeyondLog() {
        var solo = leader()
        let term = solo.raft.term.rawValue
        let beyond = solo.raft.log.lastIndex.next
        for body: RaftMessage.Body in [
            .appendResponse(.matched(beyond)), .snapshotResponse(.installed(beyond)),
        ] {
            let before = solo.raft
            #expect(solo.receive(3, term, body) == [.peerFaulty(node(3), .claimBeyondLog)])
            #expect(solo.raft == before)
        }
    }

    @Test(
        "a leader appends no entry for a member that only a leader decides on",
        arguments: [EntryKind.noop, .membership, .clusterVersion, .checkpoint])
    func foreignEntry(kind: EntryKind) {
        var solo = leader()
        let before = solo.raft
        #expect(
            solo.receive(2, solo.raft.term.rawValue, .forward(kind: kind, payload: [1])) == [
                .peerFaulty(node(2), .foreignEntry)
            ])
        #expect(solo.raft == before)
    }

    @Test("a node notes a faulty peer and goes on")
    func noted() {
        var net = NodeNet.ready()
        let (leader, peer) = (net.leader, net.followers[0])
        let term = net[leader].raft.term
        net.step(
            leader,
            .peer(
                node(peer),
                .raft(RaftMessage(group: .main, term: term, body: heartbeat(commit: 1)))))
        #expect(net.notes[Int(leader) - 1].last == .peerFaulty(node(peer), .secondLeader))
        #expect(net[leader].raft.role == .leader && net[leader].halted == nil)
    }

    @Test("a snapshot's part of a later term than its message's is malformed")
    func laterPart() {
        let forged = message(3, chunk(snapshot(point(9, 4)), 0))
        var failure: DecodeError?
        do throws(DecodeError) {
            _ = try PeerMessage(decoding: PeerMessage.raft(forged).encoded())
        } catch {
            failure = error
        }
        #expect(failure == .malformed)
    }

    @Test("a snapshot whose content is the state at another index stops the node, and no trap does")
    func mislabelledSnapshot() {
        var net = NodeNet.ready()
        let id = net.followers[0]
        let last = net[id].raft.log.last
        let label = SnapshotPoint(index: last.index + 5, term: last.term)
        let chunks = net[id].state.snapshotChunks()
        for (number, bytes) in chunks.enumerated() {
            let part = SnapshotChunk(
                point: label, number: number, count: chunks.count, bytes: bytes)
            net.step(
                id,
                .peer(
                    node(net.leader),
                    .raft(
                        RaftMessage(
                            group: .main, term: net[id].raft.term, body: .snapshotChunk(part)))))
        }
        #expect(net[id].halted == .snapshotUnreadable(at: label.index))
        #expect(throws: StartRefusal.snapshotUnreadable(.malformed)) {
            try Node(
                net[id].configuration,
                durable: DurableState(snapshot: Snapshot(point: label, chunks: chunks)),
                now: .zero)
        }
    }
}
