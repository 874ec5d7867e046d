import Testing

@testable import Protocols

private func decode(_ bytes: [UInt8]) -> Result<PeerMessage, DecodeError> {
    do throws(DecodeError) {
        return .success(try PeerMessage(decoding: bytes))
    } catch {
        return .failure(error)
    }
}

@Suite("Peer codec: what members say to each other, as bytes")
struct PeerCodecTests {
    static let read = ReadID(boot: Boot(300), sequence: 70_000)
    static let hello = PeerHello(
        incarnation: Incarnation(.max), oldestVersion: 1, newestVersion: .max,
        configured: [node(1), node(2), node(.max)],
        founders: [
            Member(id: node(1), incarnation: Incarnation(7)),
            Member(id: node(2), incarnation: Incarnation(0)),
        ])

    static let bodies: [RaftMessage.Body] = [
        preVoteRequest(point(300, 200)), voteRequest(point(1, 1), transfer: true),
        voteRequest(.zero), .preVoteResponse(granted: true), .preVoteResponse(granted: false),
        .voteResponse(granted: true), .voteResponse(granted: false),
        append(after: .zero, commit: 0),
        append(
            after: point(7, 2), commit: 8,
            [
                Entry(
                    index: index(8), term: Term(2), stamp: ClusterTime(nanoseconds: .max),
                    kind: .command, payload: [1, 2, 3]),
                Entry(
                    index: index(9), term: Term(500), stamp: ClusterTime(nanoseconds: -1),
                    kind: .checkpoint, payload: []),
            ]),
        matched(1 << 61),
        .appendResponse(.rejected(previous: index(9), hint: point(4, 3))),
        heartbeat(commit: 5, round: .max), .heartbeatResponse(round: 0),
        .snapshotChunk(
            SnapshotChunk(
                point: point(900, 3), number: 2, count: 3,
                bytes: [UInt8](repeating: 9, count: Snapshot.maximumChunk))),
        .snapshotChunk(SnapshotChunk(point: point(1, 1), number: 0, count: 1, bytes: [])),
        .snapshotResponse(.wants(number: 65_536, of: index(900))),
        .snapshotResponse(.installed(index(900))), .timeoutNow,
        .forward(kind: .clusterVersion, payload: [0, 255]), .forward(kind: .noop, payload: []),
        .readRequest(read), .readResponse(read, index: index(3)), .readResponse(read, index: nil),
    ]

    static var messages: [PeerMessage] {
        bodies.map {
            .raft(RaftMessage(group: GroupID(.max), term: Term(1 << 61), body: $0))
        } + [
            .hello(hello),
            .hello(
                PeerHello(
                    incarnation: Incarnation(1), oldestVersion: 1, newestVersion: 1,
                    configured: [], founders: [])),
        ]
    }

    @Test("every message comes back as it was written")
    func roundTrip() {
        for message in PeerCodecTests.messages {
            #expect(decode(message.encoded()) == .success(message))
        }
    }

    @Test("a message cut short anywhere is an error")
    func truncated() {
        for message in PeerCodecTests.messages {
            let bytes = message.encoded()
            for length in Swift.stride(from: 0, to: bytes.count, by: max(1, bytes.count / 200)) {
                let read = decode(Array(bytes[..<length]))
                // A count that the rest cannot hold is found before the end is.
                #expect(read == .failure(.truncated) || read == .failure(.tooLarge))
            }
        }
    }

    @Test("bytes behind a message are an error")
    func trailing() {
        for message in PeerCodecTests.messages {
            #expect(decode(message.encoded() + [0]) == .failure(.trailingBytes))
        }
    }

    @Test("another version and an unknown kind are malformed")
    func unknown() {
        var bytes = PeerMessage.hello(PeerCodecTests.hello).encoded()
        bytes[0] = 2
        #expect(decode(bytes) == .failure(.malformed))
        #expect(decode([1, 18, 0, 0]) == .failure(.malformed))
        #expect(decode([1, 255, 0, 0]) == .failure(.malformed))
    }

    @Test("random and damaged bytes never trap, and what is read is written back the same")
    func garbage() {
        var prng = Prng(seed: 42)
        var good = 0
        for _ in 0..<20_000 {
            var bytes = (0..<prng.int(in: 0..<40)).map { _ in UInt8(prng.below(256)) }
            if bytes.count > 2 { bytes[0...1] = [1, UInt8(prng.below(19))] }
            guard case .success(let message) = decode(bytes) else { continue }
            good += 1
            #expect(message.encoded() == bytes)
        }
        let small = PeerCodecTests.messages.map { $0.encoded() }.filter { $0.count < 1_000 }
        for bytes in small {
            for _ in 0..<500 {
                var damaged = bytes
                damaged[prng.int(in: 0..<damaged.count)] = UInt8(prng.below(256))
                guard case .success(let message) = decode(damaged) else { continue }
                good += 1
                #expect(message.encoded() == damaged)
            }
        }
        #expect(good > 500)
    }

    @Test("a snapshot's part has bounds: its bytes, its number, the number of parts")
    func chunkBounds() {
        func encoded(number: Int, count: Int, bytes: Int) -> [UInt8] {
            PeerMessage.raft(
                message(
                    1,
                    .snapshotChunk(
                        SnapshotChunk(
                            point: point(1, 1), number: number, count: count,
                            bytes: [UInt8](repeating: 0, count: bytes))))
            ).encoded()
        }
        #expect(
            decode(encoded(number: 0, count: 1, bytes: Snapshot.maximumChunk + 1))
                == .failure(.tooLarge))
        #expect(decode(encoded(number: 1, count: 1, bytes: 0)) == .failure(.malformed))
        #expect(decode(encoded(number: 0, count: 0, bytes: 0)) == .failure(.malformed))
        #expect(decode(encoded(number: 0, count: 65_537, bytes: 0)) == .failure(.tooLarge))
    }

    @Test("a count of entries that the bytes cannot hold makes no room")
    func entryCount() {
        var writer = ByteWriter()
        for byte in [1, 5] as [UInt8] { writer.write(byte: byte) }
        for number in [0, 1, 0, 0, 0, 1 << 40] as [UInt64] { writer.write(number) }
        #expect(decode(writer.bytes) == .failure(.tooLarge))
    }

    @Test("terms of entries must not go back")
    func entryTerms() {
        let backwards = append(after: point(4, 3), commit: 0, [entry(5, 2)])
        #expect(decode(PeerMessage.raft(message(3, backwards)).encoded()) == .failure(.malformed))
    }

    @Test("an index or a term so large that counting on would overflow is malformed")
    func overflow() {
        let large: [RaftMessage] = [
            message(1, matched(1 << 62)), message(1, heartbeat(commit: .max)),
            message(1, append(after: point(.max, 1), commit: 0)),
            message(.max, heartbeat()), message(.max, .timeoutNow),
            message(1, append(after: point(1, .max), commit: 0)),
            message(1, voteRequest(point(1, .max))),
            message(5, append(after: point(1, 1), commit: 0, [entry(2, .max)])),
        ]
        for message in large {
            #expect(decode(PeerMessage.raft(message).encoded()) == .failure(.malformed))
        }
    }

    @Test("a hello has bounds, and its versions are in order")
    func helloBounds() {
        var hello = PeerCodecTests.hello
        hello.configured = (0..<1_025).map { node($0) }
        #expect(decode(PeerMessage.hello(hello).encoded()) == .failure(.tooLarge))
        hello = PeerCodecTests.hello
        hello.oldestVersion = 3
        hello.newestVersion = 2
        #expect(decode(PeerMessage.hello(hello).encoded()) == .failure(.malformed))
    }
}
