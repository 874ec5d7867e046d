import Glibc
import Protocols

/// Decides whether one more client may connect.
///
/// Each connection takes a descriptor, and so do the log, snapshots and links to members, without
/// which the node could not go on. So clients get only a part of what the system allows, and HTTP,
/// by which an operator asks, a little more than chat.
struct Admission {
    /// The most files and sockets that the process may have open.
    let descriptors: Int
    private var refused: UInt64 = 0
    private var notedAt: Instant?

    /// Fewer are worth a warning at the start.
    static let usual = 4096
    /// So many are kept back, or the half if there are not many.
    private static let kept = 128
    /// The time between two lines about it.
    private static let pause = Interval.seconds(10)

    /// Makes it from what the system allows now.
    init() { self.init(descriptors: Self.allowed) }

    init(descriptors: Int) { self.descriptors = descriptors }

    /// The most connections of this kind; those of the other kind count.
    func maximum(_ kind: EdgeKind) -> Int {
        let kept = min(Self.kept, descriptors / 2)
        return switch kind {
        case .webSocket: descriptors - kept
        case .http: descriptors - kept / 2
        }
    }

    /// Counts a refusal; the number of them when it is time for a line in the log.
    mutating func refuse(at now: Instant) -> UInt64? {
        refused += 1
        if let notedAt, now < notedAt + Self.pause { return nil }
        notedAt = now
        return refused
    }

    private static var allowed: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        return Int(min(limit.rlim_cur, rlim_t(1 << 30)))
    }
}
