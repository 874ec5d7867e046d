import Protocols

/// Numbers the simulated clients of a world, from 0.
public struct ClientID: Hashable, Comparable, Sendable {
    /// The number.
    public let rawValue: Int
    /// Makes an id.
    public init(_ rawValue: Int) { self.rawValue = rawValue }
    /// Orders by number.
    public static func < (a: ClientID, b: ClientID) -> Bool { a.rawValue < b.rawValue }
}

/// What can happen to a simulated client, a machine of its own that the world drives.
public enum ClientEvent: Equatable, Sendable {
    /// The time it asked to be woken at has come.
    case wake
    /// Its connection to this node is open.
    case connected(NodeID)
    /// Its connection was refused, closed or lost; the code is there if the node gave one.
    case disconnected(code: UInt16?)
    /// The node said something.
    case message(ServerMessage)
    /// The faults are over: from now on a request must succeed within bounded time.
    case quiesce
    /// A client that acts on orders alone has one; others take no notice.
    case order(ClientOrder)
}

/// What a simulated client does.
public enum ClientEffect: Equatable, Sendable {
    /// Opens a connection; at most one is open or opening at a time.
    case connect(NodeID)
    /// Closes the connection.
    case disconnect
    /// Sends a request on the open connection.
    case request(ClientRequest)
    /// Stops or starts taking what the node sends (a slow reader).
    case pauseReading(Bool)
    /// Adds to the history that the checkers read.
    case record(Observation)
}

/// What a client saw, for the checkers; a history is these in order of time.
public enum Observation: Equatable, Sendable {
    /// A register operation was asked for.
    case invoked(RegisterCall)
    /// A register operation was answered.
    case returned(operation: Int, RegisterResult)
    /// A register operation will never be answered; it may have happened or may yet.
    case abandoned(operation: Int)
    /// A message was submitted under this id of the client's own.
    case submitted(room: UniqueID, clientMessageID: String)
    /// A message was acknowledged.
    case acknowledged(room: UniqueID, clientMessageID: String, id: UniqueID, sequence: UInt64)
    /// The client is a member and was promised everything from this sequence number on.
    case joined(room: UniqueID, historyFrom: UInt64, historyComplete: Bool, since: UInt64?)
    /// A message arrived.
    case received(room: UniqueID, ChatMessage)
    /// The client lost its place in all rooms (connection closed or lost).
    case detached
}

/// A register operation with its arguments.
public struct RegisterCall: Equatable, Sendable {
    /// Names the operation in the client's history, from 0, unique per client.
    public var operation: Int
    /// The register.
    public var key: String
    /// What is asked; `nil` reads.
    public var write: RegisterOperation?
    /// Makes a call.
    public init(operation: Int, key: String, write: RegisterOperation?) {
        self.operation = operation
        self.key = key
        self.write = write
    }
}

/// What a register operation returned.
public enum RegisterResult: Equatable, Sendable {
    /// The content read.
    case value(RegisterValue)
    /// Written; this is the version now.
    case written(version: UInt64)
    /// Not written, for the content was this.
    case mismatch(RegisterValue)
    /// Surely not done.
    case failed
}
