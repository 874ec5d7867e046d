/// What is known of one room's messages, and the judgement of what its receivers got.
struct Ledger {
    /// The identity of the message with each number, from 1; 0 while unknown.
    private var identities: [UInt64] = []
    private var acknowledged: [Bool] = []
    /// The highest number that was acknowledged.
    private(set) var lastAcknowledged: UInt64 = 0
    /// Numbers that meant different messages to different members.
    private(set) var contradictions = 0

    /// A member says that a message has this number; counts a contradiction.
    mutating func note(_ identity: UInt64, at sequence: UInt64) {
        guard sequence > 0, sequence < 1 << 32 else {
            contradictions += 1
            return
        }
        let index = Int(sequence - 1)
        while identities.count <= index {
            identities.append(0)
            acknowledged.append(false)
        }
        if identities[index] == 0 {
            identities[index] = identity
        } else if identities[index] != identity {
            contradictions += 1
        }
    }

    /// The message with this number is acknowledged.
    mutating func acknowledge(_ identity: UInt64, at sequence: UInt64) {
        note(identity, at: sequence)
        guard sequence > 0, Int(sequence) <= acknowledged.count else { return }
        acknowledged[Int(sequence - 1)] = true
        lastAcknowledged = max(lastAcknowledged, sequence)
    }

    /// Acknowledged messages that a receiver did not get.
    func lost(_ receipts: Receipts) -> Int {
        var lost = 0
        for sequence in receipts.missing where isAcknowledged(sequence) { lost += 1 }
        var sequence = receipts.next
        while sequence <= lastAcknowledged {
            if isAcknowledged(sequence) { lost += 1 }
            sequence += 1
        }
        return lost
    }

    private func isAcknowledged(_ sequence: UInt64) -> Bool {
        sequence > 0 && Int(sequence) <= acknowledged.count && acknowledged[Int(sequence - 1)]
    }

    /// Numbers below the last acknowledged one that nobody has seen: a room's have no gaps.
    var gaps: Int { identities.prefix(Int(lastAcknowledged)).count { $0 == 0 } }

    /// Messages that stand in the room under more than one number.
    var doubled: Int {
        let sorted = identities.filter { $0 != 0 }.sorted()
        return zip(sorted, sorted.dropFirst()).count { $0 == $1 }
    }
}

/// Which numbers of a room one receiver got.
struct Receipts {
    /// One past the highest.
    private(set) var next: UInt64 = 1
    /// Numbers below `next` that did not come, ascending.
    private(set) var missing: [UInt64] = []
    /// Numbers that came again.
    private(set) var duplicates = 0
    /// Numbers that came after a higher one.
    private(set) var late = 0

    /// Takes a number; false when it came before.
    mutating func take(_ sequence: UInt64) -> Bool {
        if sequence == next {
            next += 1
            return true
        }
        if sequence > next {
            // More than this are hardly a gap but a server that numbers otherwise.
            if sequence - next < 1_000_000 { missing.append(contentsOf: next..<sequence) }
            next = sequence + 1
            return true
        }
        if let position = missing.firstIndex(of: sequence) {
            missing.remove(at: position)
            late += 1
            return true
        }
        duplicates += 1
        return false
    }
}
