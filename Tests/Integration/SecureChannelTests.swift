@testable import EdgeCodecs
import Protocols
import Testing

@Suite("secure channel")
struct SecureChannelTests {
    private static let key = EncryptionKey(bytes: (0..<32).map { UInt8($0) })
    private static let otherKey = EncryptionKey(bytes: (0..<32).map { UInt8($0 ^ 1) })

    private func channel(
        _ role: SecureChannelRole, key: EncryptionKey = key, node: UInt32 = 1, random: UInt8 = 1,
        payload: [UInt8] = [], maximumFrame: Int = 4096
    ) -> SecureChannel {
        SecureChannel(
            role: role, key: key, node: NodeID(node), random: [UInt8](repeating: random, count: 32),
            payload: payload, maximumFrame: maximumFrame)
    }

    /// Two ends that have shaken hands.
    private func pair(maximumFrame: Int = 4096) throws -> (SecureChannel, SecureChannel) {
        let a = channel(.initiator, node: 1, random: 1, maximumFrame: maximumFrame)
        let b = channel(.acceptor, node: 2, random: 2, maximumFrame: maximumFrame)
        var toA: [UInt8] = []
        var toB: [UInt8] = []
        a.start(into: &toB)
        b.start(into: &toA)
        var answerA: [UInt8] = []
        var answerB: [UInt8] = []
        #expect(try a.receive(toA, into: &answerA) == [])
        #expect(try b.receive(toB, into: &answerB) == [])
        #expect(try a.receive(answerB, into: &toB) == [.established(node: NodeID(2), payload: [])])
        #expect(try b.receive(answerA, into: &toA) == [.established(node: NodeID(1), payload: [])])
        return (a, b)
    }

    private func error(_ channel: SecureChannel, _ bytes: [UInt8]) -> SecureChannelError? {
        var out: [UInt8] = []
        do {
            _ = try channel.receive(bytes, into: &out)
            return nil
        } catch {
            return error
        }
    }

    @Test("two ends with one key deliver hellos and frames, in any segmentation")
    func delivers() throws {
        for size in [1, 2, 3, 5, 7, 48, 61, 1000, 100_000] {
            let a = channel(.initiator, node: 7, random: 1, payload: [1, 2, 3])
            let b = channel(.acceptor, node: 9, random: 2, payload: [4])
            var wire: [[UInt8]] = [[], []]  // to a, to b
            a.start(into: &wire[1])
            b.start(into: &wire[0])
            var events: [[SecureChannelEvent]] = [[], []]
            func drain() throws {
                while !(wire[0].isEmpty && wire[1].isEmpty) {
                    for (side, end) in [a, b].enumerated() {
                        let part = Array(wire[side].prefix(size))
                        wire[side].removeFirst(part.count)
                        events[side] += try end.receive(part, into: &wire[1 - side])
                    }
                }
            }
            try drain()
            #expect(a.isEstablished && b.isEstablished)
            let payloads: [[UInt8]] = [[], [0], [UInt8](repeating: 5, count: 4096), [1, 2, 3]]
            for payload in payloads {
                try a.seal(payload, into: &wire[1])
                try b.seal(payload.reversed(), into: &wire[0])
            }
            try drain()
            #expect(
                events[0] == [.established(node: NodeID(9), payload: [4])]
                    + payloads.map { .frame($0.reversed()) })
            #expect(
                events[1] == [.established(node: NodeID(7), payload: [1, 2, 3])]
                    + payloads.map { .frame($0) })
        }
    }

    @Test("nothing of the payload is readable on the wire, and equal frames look different")
    func hides() throws {
        let (a, _) = try pair()
        var first: [UInt8] = []
        var second: [UInt8] = []
        let secret = [UInt8](repeating: 0x41, count: 64)
        try a.seal(secret, into: &first)
        try a.seal(secret, into: &second)
        #expect(first.count == 4 + 64 + 16)
        #expect(first[4...] != second[4...])
        #expect(!first.contains(0x41) || first.split(separator: 0x41).count > 1)
    }

    @Test("a wrong key is found by both sides with the first sealed frame")
    func wrongKey() throws {
        let a = channel(.initiator, random: 1)
        let b = channel(.acceptor, key: Self.otherKey, random: 2)
        var toA: [UInt8] = []
        var toB: [UInt8] = []
        a.start(into: &toB)
        b.start(into: &toA)
        var proofA: [UInt8] = []
        var proofB: [UInt8] = []
        #expect(try a.receive(toA, into: &proofA) == [])
        #expect(try b.receive(toB, into: &proofB) == [])
        #expect(error(a, proofB) == .wrongKey)
        #expect(error(b, proofA) == .wrongKey)
        // Dead for good, with the same error.
        #expect(error(a, []) == .wrongKey)
        #expect(throws: SecureChannelError.wrongKey) {
            var out: [UInt8] = []
            try a.seal([1], into: &out)
        }
    }

    @Test("every changed byte of a hello is found before its payload is believed")
    func tamperedHello() throws {
        var hello: [UInt8] = []
        channel(.initiator, node: 3, payload: [9, 9]).start(into: &hello)
        for position in hello.indices {
            for change in [UInt8(1), 0x80] {
                let a = channel(.initiator, node: 3, payload: [9, 9])
                let b = channel(.acceptor, node: 4, random: 2)
                var toA: [UInt8] = []
                b.start(into: &toA)
                var toB: [UInt8] = []
                var changed = hello
                changed[position] ^= change
                var answer: [UInt8] = []
                var proof: [UInt8] = []
                _ = try a.receive(toA, into: &proof)
                var found: SecureChannelError?
                do {
                    var events = try b.receive(changed, into: &answer)
                    events += try b.receive(proof, into: &toB)
                    #expect(events == [])
                    // A longer length only waits for more, which the proof's bytes then fill.
                    #expect((position == 2 || position == 3) && !b.isEstablished)
                } catch {
                    found = error
                }
                switch position {
                case 0..<2: #expect(found == .notParley)
                case 2, 3: break
                case 4..<8: #expect(found == .notParley)
                case 8: #expect(found == .version(1 ^ change))
                case 9: #expect(found == .notParley)
                default: #expect(found == .wrongKey, "byte \(position)")
                }
            }
        }
    }

    @Test("a reflected hello and a connection to oneself are refused")
    func reflection() {
        let a = channel(.initiator)
        var hello: [UInt8] = []
        a.start(into: &hello)
        #expect(error(a, hello) == .sameRole)
    }

    @Test("a recorded conversation does not replay to a fresh end")
    func replayedHandshake() throws {
        let a = channel(.initiator, random: 1)
        let b = channel(.acceptor, random: 2)
        var recorded: [UInt8] = []
        a.start(into: &recorded)
        var toA: [UInt8] = []
        b.start(into: &toA)
        _ = try a.receive(toA, into: &recorded)
        #expect(error(channel(.acceptor, random: 2), recorded) == nil)
        #expect(error(channel(.acceptor, random: 3), recorded) == .wrongKey)
    }

    @Test("changed, replayed, dropped and swapped frames are forged")
    func forgedFrames() throws {
        func frames() throws -> (SecureChannel, [[UInt8]]) {
            let (a, b) = try pair()
            let frames = try (0..<3).map { number in
                var frame: [UInt8] = []
                try a.seal([UInt8](repeating: UInt8(number), count: 8), into: &frame)
                return frame
            }
            return (b, frames)
        }
        for position in 4..<28 {
            var (b, sealed) = try frames()
            sealed[0][position] ^= 1
            #expect(error(b, sealed[0]) == .forged)
            b = try frames().0
        }
        var (b, sealed) = try frames()
        #expect(error(b, sealed[0] + sealed[0]) == .forged)
        (b, sealed) = try frames()
        #expect(error(b, sealed[1]) == .forged)
        (b, sealed) = try frames()
        #expect(error(b, sealed[0] + sealed[2]) == .forged)
        // A length that was made shorter is authenticated, too.
        (b, sealed) = try frames()
        sealed[0][3] -= 1
        #expect(error(b, sealed[0]) == .forged)
        // A frame of one direction does not count in the other.
        let (c, d) = try pair()
        var own: [UInt8] = []
        try c.seal([1], into: &own)
        #expect(error(c, own) == .forged)
        #expect(d.isEstablished)
    }

    @Test("lengths are bounded before the bytes come")
    func lengths() throws {
        let (a, b) = try pair(maximumFrame: 64)
        var frame: [UInt8] = []
        #expect(throws: SecureChannelError.tooLarge(65)) {
            try a.seal([UInt8](repeating: 0, count: 65), into: &frame)
        }
        #expect(frame == [])
        #expect(error(b, [0, 0, 0, 81]) == .tooLarge(65))
        #expect(error(try pair().1, [0, 0, 0, 15]) == .tooShort)
        #expect(error(channel(.acceptor), Array("GET / HTTP/1.1\r\n".utf8)) == .notParley)
        #expect(error(channel(.acceptor), [0, 0, 0, 41]) == .notParley)
        #expect(error(channel(.acceptor), [0, 0, 0x10, 0x2B]) == .notParley)
    }

    @Test("SHA-256 and HKDF give the values of their standards (FIPS 180-4, RFC 5869 A.1)")
    func vectors() {
        #expect(
            hexText(sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(sha256(Array("a".utf8), [], Array("bc".utf8)) == sha256(Array("abc".utf8)))
        #expect(
            hexText(sha256())
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let okm = hkdfSHA256(
            key: [UInt8](repeating: 0x0B, count: 22), salt: Array(0...12),
            info: Array(0xF0...0xF9), length: 42)
        #expect(
            hexText(okm)
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        )
    }

    @Test("random bytes come in any number and differ")
    func random() {
        #expect(randomBytes(0) == [])
        #expect(randomBytes(1000).count == 1000)
        #expect(randomBytes(32) != randomBytes(32))
    }

    @Test("ENCRYPTION_KEY is 64 hexadecimal digits, and errors never show it")
    func keyText() throws {
        let text = String(repeating: "0aF9", count: 16)
        #expect(try EncryptionKey(hex: text).bytes.prefix(2) == [0x0A, 0xF9])
        #expect(try EncryptionKey(hex: text + "\n") == EncryptionKey(hex: text))
        #expect(throws: EncryptionKeyError.length(62)) {
            try EncryptionKey(hex: String(text.dropLast(2)))
        }
        #expect(throws: EncryptionKeyError.length(0)) { try EncryptionKey(hex: "") }
        #expect(throws: EncryptionKeyError.notHexadecimal(position: 5)) {
            try EncryptionKey(hex: "your-secure-key-here".replacingPrefix("your", "abcd"))
        }
        #expect(
            EncryptionKeyError.length(3).description
                == "ENCRYPTION_KEY has 3 characters; it must be 64 hexadecimal digits, such as "
                + "`openssl rand -hex 32` prints")
        #expect("\(try EncryptionKey(hex: text))" == "EncryptionKey(hidden)")
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, _ other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
