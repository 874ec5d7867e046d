import Protocols

extension ChatJSON {
    /// Why the text of a client is no request, and what the client is told.
    public enum Refusal: Error, Equatable, Sendable {
        /// The text is not a JSON object.
        case notJSON
        /// There is no such type.
        case unknownType(String)
        /// A room could not be made from this.
        case createRoom(String)
        /// Fields of a join are missing or wrong; the room as it was given.
        case joinRoom(room: String?, RequestError, String)
        /// Fields of a leave are missing or wrong.
        case leaveRoom(RequestError, String)
        /// Fields of a deletion are missing or wrong; the room as it was given.
        case deleteRoom(room: String?, RequestError, String)
        /// Fields of a message are missing or wrong; the room and the client's own name for the
        /// message as they were given.
        case sendMessage(room: String?, clientMessageID: String?, RequestError, String)
        /// Fields of a request that concerns a register are missing or wrong.
        case register(key: String?, String)
    }

    /// Reads what a client asks; the reader may be any, its document is replaced.
    public static func request(
        parsing text: [UInt8], with reader: JSONReader
    ) -> Result<ClientRequest, Refusal> {
        Result { () throws(Refusal) in try read(text, reader) }
    }

    private static func read(
        _ text: [UInt8], _ reader: JSONReader
    ) throws(Refusal) -> ClientRequest {
        do throws(JSONError) {
            try reader.parse(text)
        } catch {
            throw .notJSON
        }
        guard reader.root == .object else { throw .notJSON }
        // What is missing is called None, as a client of the documented system expects.
        let type = reader.string("type") ?? "None"
        let fields = Fields(reader: reader)
        switch type {
        case "send_message": return try sendMessage(fields)
        case "join_room": return try joinRoom(fields)
        case "leave_room": return try leaveRoom(fields)
        case "delete_room": return try deleteRoom(fields)
        case "create_room": return try createRoom(fields)
        case "list_rooms": return .listRooms
        case "discover_rooms": return .discoverRooms
        case "open_session": return .openSession
        case "register_get": return try .readRegister(key: registerKey(fields))
        case "register_set": return try writeRegister(fields, isConditional: false)
        case "register_cas": return try writeRegister(fields, isConditional: true)
        default: throw .unknownType(String(type.prefix(maximumEcho)))
        }
    }

    /// The fields of `data`, with the faults that were found so far.
    private struct Fields {
        let reader: JSONReader
        var faults: [String] = []

        init(reader: JSONReader) { self.reader = reader }

        /// A string that must be there and not be empty.
        mutating func required(_ name: StaticString) -> String {
            guard let value = reader.string("data", name), !value.isEmpty else {
                faults.append("\(name)")
                return ""
            }
            return value
        }

        /// A string that must be there.
        mutating func present(_ name: StaticString) -> String {
            guard let value = reader.string("data", name) else {
                faults.append("\(name)")
                return ""
            }
            return value
        }

        /// A string that may be absent or null.
        mutating func optional(_ name: StaticString) -> String? {
            switch reader.kind("data", name) {
            case .missing, .null: return nil
            case .string: return reader.string("data", name)
            case .bool, .integer, .fraction, .array, .object:
                faults.append("\(name)")
                return nil
            }
        }

        /// A whole number from 0 that may be absent or null.
        mutating func optionalNumber(_ name: StaticString) -> UInt64? {
            switch reader.kind("data", name) {
            case .missing, .null: return nil
            case .integer:
                if let number = reader.int64("data", name), number >= 0 { return UInt64(number) }
                faults.append("\(name)")
                return nil
            case .string, .bool, .fraction, .array, .object:
                faults.append("\(name)")
                return nil
            }
        }

        /// The sentence that names the faults; `nil` when there are none.
        var complaint: String? {
            guard !faults.isEmpty else { return nil }
            return "Missing or invalid fields: " + faults.joined(separator: ", ")
        }
    }

    private static let unknownRoom = "\(RequestError.roomNotFound.explanation)"

    // MARK: Requests

    private static func createRoom(_ fields: Fields) throws(Refusal) -> ClientRequest {
        var fields = fields
        let name = fields.required("room_name")
        let creator = fields.required("creator_id")
        let description = fields.optional("description") ?? ""
        if let complaint = fields.complaint { throw .createRoom(complaint) }
        return .createRoom(name: name, creator: creator, description: description)
    }

    private static func joinRoom(_ fields: Fields) throws(Refusal) -> ClientRequest {
        var fields = fields
        let room = fields.required("room_id")
        let user = fields.required("username")
        let since = fields.optionalNumber("since")
        let given = room.isEmpty ? nil : String(room.prefix(maximumEcho))
        if let complaint = fields.complaint {
            throw .joinRoom(room: given, .invalidRequest, complaint)
        }
        guard let id = UniqueID(room) else {
            throw .joinRoom(room: given, .roomNotFound, unknownRoom)
        }
        return .joinRoom(room: id, user: user, since: since)
    }

    private static func leaveRoom(_ fields: Fields) throws(Refusal) -> ClientRequest {
        var fields = fields
        let room = fields.required("room_id")
        let user = fields.required("username")
        if let complaint = fields.complaint { throw .leaveRoom(.invalidRequest, complaint) }
        guard let id = UniqueID(room) else { throw .leaveRoom(.roomNotFound, unknownRoom) }
        return .leaveRoom(room: id, user: user)
    }

    private static func deleteRoom(_ fields: Fields) throws(Refusal) -> ClientRequest {
        var fields = fields
        let room = fields.required("room_id")
        let user = fields.required("username")
        let given = room.isEmpty ? nil : String(room.prefix(maximumEcho))
        if let complaint = fields.complaint {
            throw .deleteRoom(room: given, .invalidRequest, complaint)
        }
        guard let id = UniqueID(room) else {
            throw .deleteRoom(room: given, .roomNotFound, unknownRoom)
        }
        return .deleteRoom(room: id, user: user)
    }

    private static func sendMessage(_ fields: Fields) throws(Refusal) -> ClientRequest {
        var fields = fields
        let room = fields.required("room_id")
        let user = fields.required("username")
        // An empty content is a matter of its own: INVALID_CONTENT, which the node says.
        let content = fields.present("content")
        let name = fields.optional("client_message_id")
        let given = room.isEmpty ? nil : String(room.prefix(maximumEcho))
        if let complaint = fields.complaint {
            throw .sendMessage(room: given, clientMessageID: name, .invalidRequest, complaint)
        }
        guard let id = UniqueID(room) else {
            throw .sendMessage(room: given, clientMessageID: name, .roomNotFound, unknownRoom)
        }
        return .sendMessage(room: id, user: user, content: content, clientMessageID: name)
    }

    // MARK: Registers

    private static func registerKey(_ fields: Fields) throws(Refusal) -> String {
        var fields = fields
        let key = fields.required("key")
        if let complaint = fields.complaint { throw .register(key: nil, complaint) }
        return key
    }

    private static func writeRegister(
        _ fields: Fields, isConditional: Bool
    ) throws(Refusal) -> ClientRequest {
        var fields = fields
        let key = fields.required("key")
        let value = Array(fields.present("value").utf8)
        let expected = isConditional ? fields.optionalNumber("expected_version") : nil
        if isConditional, expected == nil, fields.faults.last != "expected_version" {
            fields.faults.append("expected_version")
        }
        let session = fields.optionalNumber("session_id")
        let number = fields.optionalNumber("request")
        let acknowledged = fields.optionalNumber("acknowledged_below")
        var request: SessionRequest?
        if let session, let number, number > 0, acknowledged ?? 0 <= number {
            request = SessionRequest(
                session: SessionID(session), sequence: number,
                acknowledgedBelow: acknowledged ?? 0)
        } else if session != nil || number != nil || acknowledged != nil {
            // A session, a number from 1 and what is acknowledged below it belong together.
            fields.faults.append("session_id with request and acknowledged_below")
        }
        if let complaint = fields.complaint {
            throw .register(key: key.isEmpty ? nil : String(key.prefix(maximumEcho)), complaint)
        }
        guard let expected else {
            return .writeRegister(key: key, .set(value: value), request: request)
        }
        return .writeRegister(
            key: key, .compareAndSet(expectedVersion: expected, value: value), request: request)
    }
}
