import Protocols

// The messages about the deletion of a room.
extension ChatJSON {
    static func deletion(_ message: ServerMessage, _ out: inout [UInt8]) {
        switch message {
        case .deletionBegun(let room, let transaction, let initiator):
            out.text(#"{"type":"delete_room_initiated","data":{"room_id":"#)
            out.quoted(room)
            if let transaction {
                out.text(#","transaction_id":"#)
                out.quoted(transaction)
            }
            if let initiator {
                out.text(#","initiator":"#)
                out.quoted(initiator)
            }
            out.text(#","status":"in_progress"}}"#)
        case .deletionDone(let room, let transaction):
            out.text(#"{"type":"delete_room_success","data":{"room_id":"#)
            out.quoted(room)
            out.text(#","transaction_id":"#)
            out.quoted(transaction)
            out.text(#","message":"The room is deleted"}}"#)
        case .deletionFailed(let room, let transaction, let error, let reason):
            out.text(#"{"type":"delete_room_failed","data":{"room_id":"#)
            out.quoted(room)
            deletionFailure(reason ?? "\(error.explanation)", error, transaction, &out)
        case .roomDeleted(let room, let name):
            out.text(#"{"type":"room_deleted","data":{"room_id":"#)
            out.quoted(room)
            out.text(#","room_name":"#)
            out.quoted(name)
            out.text(#","message":"The room was deleted"}}"#)
        case .roomsList, .globalRoomsList, .roomCreated, .createFailed, .joined, .joinFailed,
            .left, .leaveFailed, .messageSent, .messageFailed, .newMessage, .memberJoined,
            .memberLeft, .sessionOpened, .registerValue, .registerWritten, .registerMismatch,
            .registerFailed, .failed:
            preconditionFailure("no message of a deletion: \(message)")
        }
    }

    /// The end of an answer that says why a room stays.
    static func deletionFailure(
        _ reason: String, _ error: RequestError, _ transaction: UniqueID?, _ out: inout [UInt8]
    ) {
        out.text(#","reason":"#)
        out.quoted(reason)
        out.text(#","error_code":""#)
        out.text(error.code)
        out.append(0x22)
        if let transaction {
            out.text(#","transaction_id":"#)
            out.quoted(transaction)
        }
        out.text("}}")
    }

    /// Reads one; `nil` when a field is missing or wrong.
    static func deletion(_ type: String, _ reader: JSONReader) -> ServerMessage? {
        func id(_ name: StaticString) -> UniqueID? {
            reader.string("data", name).flatMap { UniqueID($0) }
        }
        let transaction = id("transaction_id")
        if type == "delete_room_failed" {
            // A request that named no room is answered without one.
            let error = reader.string("data", "error_code").map { RequestError.named($0) }
            return .deletionFailed(
                room: id("room_id") ?? UniqueID(high: 0, low: 0), transaction: transaction,
                error ?? .deletionFailed, reason: reader.string("data", "reason"))
        }
        guard let room = id("room_id") else { return nil }
        switch type {
        case "delete_room_initiated":
            return .deletionBegun(
                room: room, transaction: transaction,
                initiator: reader.string("data", "initiator"))
        case "delete_room_success":
            return transaction.map { .deletionDone(room: room, transaction: $0) }
        case "room_deleted":
            return .roomDeleted(room: room, name: reader.string("data", "room_name") ?? "")
        default: return nil
        }
    }
}
