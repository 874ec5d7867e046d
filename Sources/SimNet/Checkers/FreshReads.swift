import Protocols

/// A read is answered from a state that holds all that was committed when it was asked for: what
/// ReadIndex promises (section 6.4 of Ongaro's thesis), whatever key is read.
///
/// A leader that a majority confirms after the read began has everything that anybody knew as
/// committed by then. Which of several reads of one connection an answer belongs to is not known
/// here: it is compared with the oldest, so that no comparison is too strict.
public struct FreshReads: Sendable {
    /// The name in reports.
    public static let name = "fresh-reads"
    /// How many answers were compared with what was committed before.
    public private(set) var exercised = 0

    private struct Asked: Sendable {
        var connection: ConnectionID
        /// The last index that any node knew as committed.
        var committed: LogIndex
    }

    /// By node, in the order in which they were asked.
    private var asked = PerNode<[Asked]>([])

    /// Makes a checker.
    public init() {}

    /// A node is about to handle an event.
    public mutating func told(_ id: NodeID, _ event: NodeEvent, committed: LogIndex) {
        switch event {
        case .request(let connection, .readRegister), .request(let connection, .listRooms),
            .request(let connection, .discoverRooms):
            asked.update(id) { $0.append(Asked(connection: connection, committed: committed)) }
        case .disconnected(let connection):
            asked.update(id) { $0.removeAll { $0.connection == connection } }
        case .request, .connected, .backlog, .tick, .peerUp, .peerDown, .peer, .persisted,
            .snapshotSaved, .wallClock, .drain, .transfer, .rpc, .called:
            break
        }
    }

    /// A node answers a client from a state up to this index.
    public mutating func answers(
        _ id: NodeID, _ connection: ConnectionID, _ message: ServerMessage, from applied: LogIndex
    ) throws(Violation) {
        let isValue: Bool
        switch message {
        case .registerValue, .roomsList, .globalRoomsList: isValue = true
        case .failed: isValue = false
        default: return
        }
        let waiting = asked[id]
        guard let oldest = waiting.first(where: { $0.connection == connection }),
            let newest = waiting.lastIndex(where: { $0.connection == connection })
        else { return }
        asked.update(id) { _ = $0.remove(at: newest) }
        guard isValue else { return }
        exercised += 1
        guard applied >= oldest.committed else {
            throw Violation(
                Self.name,
                "\(id) answers a read from its state at \(applied.rawValue), and "
                    + "\(oldest.committed.rawValue) was committed when it was asked")
        }
    }

    /// A node is gone, and with it what it was asked.
    public mutating func crashed(_ id: NodeID) { asked[id] = [] }
}
