/// What is left out of a run, to see what it was good for: kinds of faults, and checkers.
///
/// Everything else is as the seed draws it: each kind of fault draws from a stream of its own.
public struct Ablation: Equatable, Sendable {
    /// The kinds of faults that do not strike, in order.
    public private(set) var faults: [Fault] = []
    /// The checkers whose word does not count, in order.
    public private(set) var checkers: [String] = []
    private var faultBits: UInt64 = 0

    /// Leaves nothing out.
    public init() {}

    /// Leaves out one kind of fault; it must not follow from others.
    public mutating func leaveOut(_ fault: Fault) {
        precondition(!fault.isConsequence, "\(fault) follows from other faults")
        guard !lacks(fault) else { return }
        faultBits |= 1 << UInt64(fault.rawValue)
        faults.append(fault)
        faults.sort { $0.rawValue < $1.rawValue }
    }

    /// Leaves out one checker; false if there is none of that name.
    public mutating func leaveOut(checker name: String) -> Bool {
        guard Checkers.names.contains(name) else { return false }
        if !checkers.contains(name) { checkers = (checkers + [name]).sorted() }
        return true
    }

    /// True when this kind of fault is left out.
    @inline(__always)
    public func lacks(_ fault: Fault) -> Bool { faultBits >> UInt64(fault.rawValue) & 1 == 1 }
}

extension Fault {
    /// True for what only follows from other faults and cannot be left out by itself: a node that
    /// went down starts again, a directory that was damaged is refused.
    public var isConsequence: Bool { self == .restart || self == .recoveryRefused }

    /// Kinds that can stand in for each other, under one name; those in no group stand alone.
    public static let groups: [(name: String, faults: [Fault])] = [
        ("messages", [.messageLost, .messageDuplicated, .messageReordered, .messageLate]),
        ("cuts", [.partition, .oneWayPartition, .partialPartition, .linkClogged, .linkReset]),
        ("clients", [.clientReset, .clientUnreachable, .slowReader, .clientGarbage]),
        ("restarts", [.crash, .crashMidStep, .crashOfAll, .drain, .syncFailed, .diskFull]),
        ("slowness", [.pause, .slowNode, .diskSlow, .diskStall]),
        ("unsynced", [.writeLost, .writeTorn, .writeReordered, .directoryLost]),
        ("damage", [.writeMisdirected, .bitRot, .wiped]),
        ("clocks", [.clockDrift, .wallJump]),
    ]
}

extension Options {
    /// Leaves out what is not wanted of what was drawn.
    public mutating func leaveOut(_ ablation: Ablation) {
        self.ablation = ablation
        for fault in ablation.faults {
            self[fault] = .zero
            switch fault {
            case .messageLost: lossChance = 0
            case .messageDuplicated: duplicateChance = 0
            case .messageReordered: reorderChance = 0
            case .messageLate: lateChance = 0
            case .messageForged: forgeChance = 0
            case .clientGarbage: garbageChance = 0
            case .clockDrift: clockDrift = 0
            case .segmented: bytes = false
            default: break
            }
        }
    }
}
