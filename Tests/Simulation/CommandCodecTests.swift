import Protocols
import Testing

@Suite("Command codec")
struct CommandCodecTests {
    @Test("every command is read back as it was written")
    func roundTrip() throws {
        var prng = Prng(seed: 4)
        for _ in 0..<3_000 {
            let command = Command(
                session: SessionID(prng.next() >> prng.below(64)), sequence: prng.next(),
                acknowledgedBelow: prng.below(300), operation: randomOperation(&prng))
            #expect(try Command(decoding: command.encoded()) == command)
        }
    }

    @Test("the form of a send is the documented one")
    func golden() {
        let command = Command(
            session: SessionID(300), sequence: 5, acknowledgedBelow: 4,
            operation: .register(key: "k", .set(value: [9])))
        #expect(command.encoded() == [1, 0xAC, 2, 5, 4, 10, 1, 107, 1, 9])
    }

    @Test("a cut, longer or changed encoding is refused or means something else, never a trap")
    func garbage() throws {
        var prng = Prng(seed: 5)
        for _ in 0..<2_000 {
            let command = Command(
                session: SessionID(prng.below(1_000)), sequence: 3, acknowledgedBelow: 2,
                operation: randomOperation(&prng))
            let bytes = command.encoded()
            let cut = prng.int(in: 0..<bytes.count)
            #expect(throws: DecodeError.self) { try Command(decoding: Array(bytes[..<cut])) }
            #expect(throws: DecodeError.self) { try Command(decoding: bytes + [0]) }
            var changed = bytes
            changed[prng.int(in: 0..<bytes.count)] ^= UInt8(1 + prng.below(255))
            // What is accepted is the one encoding of what it means.
            if let other = try? Command(decoding: changed) { #expect(other.encoded() == changed) }
            #expect(throws: DecodeError.malformed) {
                try Command(decoding: [2] + bytes.dropFirst())
            }
        }
    }

    @Test("the payloads of other entries are read back, and refused when out of order")
    func payloads() throws {
        let members = [1, 2, 9].map {
            Member(id: NodeID($0), incarnation: Incarnation(UInt64.max - UInt64($0)))
        }
        let membership = MembershipPayload(members: members, clusterVersion: 3)
        #expect(try MembershipPayload(decoding: membership.encoded()) == membership)
        let version = ClusterVersionPayload(clusterVersion: .max)
        #expect(try ClusterVersionPayload(decoding: version.encoded()) == version)
        let checkpoint = CheckpointPayload(index: LogIndex(1_024), digest: 0xFEED)
        #expect(try CheckpointPayload(decoding: checkpoint.encoded()) == checkpoint)
        #expect(throws: DecodeError.malformed) {
            try MembershipPayload(
                decoding: MembershipPayload(members: members.reversed(), clusterVersion: 1)
                    .encoded())
        }
        #expect(throws: DecodeError.malformed) {
            try MembershipPayload(
                decoding: MembershipPayload(members: [], clusterVersion: 1).encoded())
        }
        #expect(throws: DecodeError.trailingBytes) {
            try CheckpointPayload(decoding: checkpoint.encoded() + [1])
        }
    }
}
