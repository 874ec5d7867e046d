import Protocols

/// A rare moment at which a run is worth being forked.
public enum BranchPoint: Equatable, Sendable {
    /// A later leader is elected, and has entries that it does not know committed.
    case leaderChange
    /// A leader is elected while another does not know yet that it is none.
    case twoLeaders
    /// A leader gives up its role and has entries that it does not know committed.
    case suffixLeft
    /// A leader begins to send a snapshot.
    case snapshotInFlight
    /// A leader's snapshot goes to the disk of a node whose log contradicts it.
    case snapshotOverSuffix
    /// A process dies with something on its way to the disk that was not synced.
    case crashBeforeSync
    /// A process dies with a snapshot on its way to the disk.
    case crashOverSnapshot
    /// A machine takes a path that it marks.
    case mark(Mark)
    /// A time of the run, which is rare in nothing: what branching gains without a rare moment.
    case time(Interval)

    /// The moments that have names of their own.
    public static let named: [(name: String, point: BranchPoint)] = [
        ("leader-change", .leaderChange), ("two-leaders", .twoLeaders),
        ("suffix-left", .suffixLeft), ("snapshot-in-flight", .snapshotInFlight),
        ("snapshot-over-suffix", .snapshotOverSuffix),
        ("crash-before-sync", .crashBeforeSync), ("crash-over-snapshot", .crashOverSnapshot),
    ]

    /// The moment of this name, the mark of this name, or this time.
    public init?(_ name: String) {
        if let named = BranchPoint.named.first(where: { $0.name == name }) {
            self = named.point
        } else if let mark = Mark.allCases.first(where: { "\($0)" == name }) {
            self = .mark(mark)
        } else if let time = Interval(scenarioText: name) {
            self = .time(time)
        } else {
            return nil
        }
    }

    /// How often the run has been there; a moment is where this grows.
    func count(in world: World) -> UInt64 {
        switch self {
        case .leaderChange: UInt64(world.moments.leaderChanges)
        case .twoLeaders: UInt64(world.moments.leadersBeside)
        case .suffixLeft: UInt64(world.moments.suffixesLeft)
        case .snapshotInFlight: world.statistics.marks[Int(Mark.snapshotSent.rawValue)]
        case .snapshotOverSuffix: UInt64(world.moments.snapshotsOverSuffix)
        case .crashBeforeSync: UInt64(world.moments.crashesBeforeSync)
        case .crashOverSnapshot: UInt64(world.moments.crashesOverSnapshot)
        case .mark(let mark): world.statistics.marks[Int(mark.rawValue)]
        case .time(let time): world.now >= time.nanoseconds ? 1 : 0
        }
    }
}
