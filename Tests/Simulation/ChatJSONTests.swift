import EdgeCodecs
import Protocols
import Testing

@Suite("chat in JSON")
struct ChatJSONTests {
    private static let roomText = "0190b2a4-0000-4000-8000-00000000abcd"
    private static let idText = "11111111-2222-4333-8444-555555555555"
    private let room = UniqueID(roomText)!
    private let id = UniqueID(idText)!
    /// 2026-01-02T03:04:05.678Z
    private let at = WallTime(milliseconds: 1_767_323_045_678)
    private let cluster = ChatJSON.Cluster(
        node: NodeID(1), available: [NodeID(1), NodeID(3)], unavailable: [NodeID(2)])
    private let reader = JSONReader()

    private func request(_ text: String) -> Result<ClientRequest, ChatJSON.Refusal> {
        ChatJSON.request(parsing: Array(text.utf8), with: reader)
    }

    private func text(_ message: ServerMessage) -> String {
        var bytes: [UInt8] = []
        ChatJSON.encode(message, in: cluster, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What a client is told that sends `text`, which must be refused.
    private func refusal(_ text: String) -> String {
        var bytes: [UInt8] = []
        if case .failure(let refusal) = request(text) { ChatJSON.encode(refusal, into: &bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func summary(_ admin: UInt32) -> RoomSummary {
        RoomSummary(
            id: room, name: "general", description: "all", memberCount: 2, admin: NodeID(admin))
    }

    private var foreign: RoomSummary {
        RoomSummary(
            id: room, name: "general", description: "all", memberCount: 2,
            admin: .cluster(ClusterName("berlin")), address: "http://c:9090")
    }

    // MARK: Requests

    @Test("every request of the table is read")
    func requests() {
        let r = Self.roomText
        let expected: [(String, ClientRequest)] = [
            (#"{"type":"list_rooms"}"#, .listRooms),
            (#"{"type":"list_rooms","data":{}}"#, .listRooms),
            (#"{"type":"list_rooms","data":null}"#, .listRooms),
            (#"{"type":"discover_rooms"}"#, .discoverRooms),
            (
                #"{"type":"create_room","data":{"room_name":"a","creator_id":"b"}}"#,
                .createRoom(name: "a", creator: "b", description: "")
            ),
            (
                #"{"data":{"room_name":"ä","creator_id":"b","description":"d","x":[1]},"type":"create_room"}"#,
                .createRoom(name: "ä", creator: "b", description: "d")
            ),
            (
                #"{"type":"join_room","data":{"room_id":"\#(r)","username":"u"}}"#,
                .joinRoom(room: room, user: "u", since: nil)
            ),
            (
                #"{"type":"join_room","data":{"room_id":"\#(r.uppercased())","username":"u","since":7}}"#,
                .joinRoom(room: room, user: "u", since: 7)
            ),
            (
                #"{"type":"join_room","data":{"room_id":"\#(r)","username":"u","since":null}}"#,
                .joinRoom(room: room, user: "u", since: nil)
            ),
            (
                #"{"type":"leave_room","data":{"room_id":"\#(r)","username":"u"}}"#,
                .leaveRoom(room: room, user: "u")
            ),
            (
                #"{"type":"send_message","data":{"room_id":"\#(r)","username":"u","content":"a\n\u00e9"}}"#,
                .sendMessage(room: room, user: "u", content: "a\né", clientMessageID: nil)
            ),
            (
                #"{"type":"send_message","data":{"room_id":"\#(r)","username":"u","content":"","client_message_id":"k"}}"#,
                .sendMessage(room: room, user: "u", content: "", clientMessageID: "k")
            ),
            (#"{"type":"open_session"}"#, .openSession),
            (#"{"type":"register_get","data":{"key":"k"}}"#, .readRegister(key: "k")),
            (
                #"{"type":"register_set","data":{"key":"k","value":"v"}}"#,
                .writeRegister(key: "k", .set(value: [118]), request: nil)
            ),
            (
                #"{"type":"register_set","data":{"key":"k","value":"","session_id":9,"request":3,"acknowledged_below":2}}"#,
                .writeRegister(
                    key: "k", .set(value: []),
                    request: SessionRequest(
                        session: SessionID(9), sequence: 3, acknowledgedBelow: 2))
            ),
            (
                #"{"type":"register_cas","data":{"key":"k","value":"v","expected_version":0,"session_id":9,"request":1}}"#,
                .writeRegister(
                    key: "k", .compareAndSet(expectedVersion: 0, value: [118]),
                    request: SessionRequest(
                        session: SessionID(9), sequence: 1, acknowledgedBelow: 0))
            ),
        ]
        for (text, value) in expected { #expect(request(text) == .success(value), "\(text)") }
    }

    @Test("bad JSON and unknown types get the documented errors")
    func notRequests() {
        let notJSON = #"{"type":"error","data":{"success":false,"message":"Invalid JSON format"}}"#
        for text in ["", "{", "[]", "7", #""list_rooms""#, "null", "{}}", "{\"type\":\"\u{1}\"}"] {
            #expect(refusal(text) == notJSON, "\(text)")
        }
        #expect(
            ChatJSON.request(parsing: [0x7B, 0x22, 0xFF, 0x22, 0x7D], with: reader)
                == .failure(.notJSON))
        func unknown(_ type: String) -> String {
            #"{"type":"error","data":{"success":false,"message":"Unknown message type: \#(type)"}}"#
        }
        #expect(
            refusal(#"{"type":"delete_room","data":{}}"#)
                == #"{"type":"delete_room_failed","data":{"room_id":null,"reason":"Missing or invalid fields: room_id, username","error_code":"INVALID_REQUEST"}}"#
        )
        #expect(refusal(#"{"type":"remove_room","data":{}}"#) == unknown("remove_room"))
        #expect(refusal(#"{"type":"a\"b"}"#) == unknown(#"a\"b"#))
        #expect(refusal("{}") == unknown("None"))
        #expect(refusal(#"{"type":7}"#) == unknown("None"))
        let long = String(repeating: "x", count: 5000)
        #expect(refusal(#"{"type":"\#(long)"}"#) == unknown(String(long.prefix(64))))
    }

    @Test("missing or ill-typed fields get the request's own error")
    func badFields() {
        let r = Self.roomText
        func end(_ fields: String, _ code: String = "INVALID_REQUEST") -> String {
            #""Missing or invalid fields: \#(fields)","error_code":"\#(code)""#
        }
        #expect(
            refusal(#"{"type":"create_room"}"#)
                == #"{"type":"room_created","data":{"success":false,"message":"#
                + end("room_name, creator_id") + "}}")
        #expect(
            refusal(
                #"{"type":"create_room","data":{"room_name":"a","creator_id":7,"description":1}}"#)
                == #"{"type":"room_created","data":{"success":false,"message":"#
                + end("creator_id, description") + "}}")
        #expect(
            refusal(#"{"type":"join_room","data":[]}"#)
                == #"{"type":"join_room_error","data":{"room_id":null,"error":"#
                + end("room_id, username") + "}}")
        for since in ["-1", "1.5", "\"7\"", "true", "18446744073709551615"] {
            let text =
                #"{"type":"join_room","data":{"room_id":"\#(r)","username":"u","since":\#(since)}}"#
            #expect(
                refusal(text) == #"{"type":"join_room_error","data":{"room_id":"\#(r)","error":"#
                    + end("since") + "}}")
        }
        #expect(
            refusal(#"{"type":"leave_room","data":{"room_id":"\#(r)","username":""}}"#)
                == #"{"type":"error","data":{"success":false,"message":"# + end("username") + "}}")
        #expect(
            refusal(
                #"{"type":"send_message","data":{"username":"u","content":"c","client_message_id":"k"}}"#
            )
                == #"{"type":"message_error","data":{"room_id":null,"error":"# + end("room_id")
                + #","client_message_id":"k"}}"#)
        #expect(
            refusal(
                #"{"type":"send_message","data":{"room_id":"\#(r)","username":"u","content":5}}"#)
                == #"{"type":"message_error","data":{"room_id":"\#(r)","error":"# + end("content")
                + "}}")
        #expect(
            refusal(#"{"type":"register_get","data":{}}"#)
                == #"{"type":"register_error","data":{"error":"# + end("key") + "}}")
        #expect(
            refusal(#"{"type":"register_cas","data":{"key":"k","value":"v"}}"#)
                == #"{"type":"register_error","data":{"key":"k","error":"# + end("expected_version")
                + "}}")
        for numbering in [
            #""session_id":1"#, #""request":1"#, #""session_id":1,"request":0"#,
            #""session_id":1,"request":2,"acknowledged_below":3"#, #""acknowledged_below":0"#,
        ] {
            #expect(
                refusal(#"{"type":"register_set","data":{"key":"k","value":"v",\#(numbering)}}"#)
                    == #"{"type":"register_error","data":{"key":"k","error":"#
                    + end("session_id with request and acknowledged_below") + "}}")
        }
    }

    @Test("a room_id that is no UUID is a room that is not found")
    func unknownRooms() {
        let words =
            #""The room does not exist; list the rooms and choose another","error_code":"ROOM_NOT_FOUND""#
        #expect(
            refusal(#"{"type":"join_room","data":{"room_id":"nope","username":"u"}}"#)
                == #"{"type":"join_room_error","data":{"room_id":"nope","error":"# + words + "}}")
        #expect(
            refusal(#"{"type":"leave_room","data":{"room_id":"nope","username":"u"}}"#)
                == #"{"type":"error","data":{"success":false,"message":"# + words + "}}")
        #expect(
            refusal(
                #"{"type":"send_message","data":{"room_id":"nope","username":"u","content":"c"}}"#)
                == #"{"type":"message_error","data":{"room_id":"nope","error":"# + words + "}}")
    }

    // MARK: Answers

    @Test("answers about rooms have the documented form")
    func roomAnswers() {
        let r = Self.roomText
        let start =
            #"{"room_id":"\#(r)","room_name":"general","description":"all","member_count":2,"#
        #expect(
            text(.roomsList([summary(1)])) == #"{"type":"rooms_list","data":{"rooms":["#
                + start + #""admin_node":"node1"}],"total_count":1}}"#)
        #expect(
            text(.roomsList([])) == #"{"type":"rooms_list","data":{"rooms":[],"total_count":0}}"#)
        #expect(
            text(
                .globalRoomsList(
                    [summary(1), foreign, summary(2)],
                    Reach(
                        available: [ClusterName("berlin")], unavailable: [ClusterName("b")])))
                == #"{"type":"global_rooms_list","data":{"rooms":["# + start
                + #""admin_node":"node1"},"# + start
                + #""admin_node":"berlin","node_address":"http://c:9090"},"# + start
                + #""admin_node":"node2"}],"total_count":3,"nodes_queried":["b","berlin","node1","node2","node3"],"#
                + #""nodes_available":["node1","node3","berlin"],"nodes_unavailable":["node2","b"]}}"#
        )
        #expect(
            text(.roomCreated(summary(1), createdAt: at, members: ["a", "b\"c"]))
                == #"{"type":"room_created","data":{"room_id":"\#(r)","room_name":"general","admin_node":"node1","members":["a","b\"c"],"created_at":"2026-01-02T03:04:05.678+00:00"}}"#
        )
        #expect(
            text(.createFailed(.nameTaken))
                == #"{"type":"room_created","data":{"success":false,"message":"A room with this name exists already; join it or choose another name","error_code":"NAME_TAKEN"}}"#
        )
        let reply = JoinReply(
            room: summary(2), members: ["u"], historyFrom: 5, historyComplete: false)
        #expect(
            text(.joined(reply))
                == #"{"type":"join_room_success","data":{"room_id":"\#(r)","room_name":"general","description":"all","members":["u"],"member_count":2,"admin_node":"node2","history_from":5,"history_complete":false}}"#
        )
        #expect(
            text(.joinFailed(room: room, .unavailable))
                == #"{"type":"join_room_error","data":{"room_id":"\#(r)","error":"The cluster cannot decide just now; nothing was done, try again shortly","error_code":"ADMIN_NODE_UNAVAILABLE"}}"#
        )
        #expect(
            text(.left(room: room, user: "u"))
                == #"{"type":"leave_room_success","data":{"room_id":"\#(r)","username":"u"}}"#)
    }

    @Test("answers about messages have the documented form")
    func messageAnswers() {
        let r = Self.roomText
        let i = Self.idText
        let time = "2026-01-02T03:04:05.678+00:00"
        let message = ChatMessage(id: id, sequence: 12, user: "ü", content: "a\"\\\n\u{1}é", at: at)
        #expect(
            text(.newMessage(room: room, message))
                == #"{"type":"new_message","data":{"message_id":"\#(i)","room_id":"\#(r)","username":"ü","content":"a\"\\\n\u0001é","sequence_number":12,"timestamp":"\#(time)"}}"#
        )
        let sent =
            #"{"type":"message_sent","data":{"room_id":"\#(r)","message_id":"\#(i)","sequence_number":12,"timestamp":"\#(time)""#
        #expect(
            text(.messageSent(room: room, id: id, sequence: 12, at: at, clientMessageID: nil))
                == sent + "}}")
        #expect(
            text(.messageSent(room: room, id: id, sequence: 12, at: at, clientMessageID: "k"))
                == sent + #","client_message_id":"k"}}"#)
        #expect(
            text(.messageFailed(room: room, clientMessageID: "k", .invalidContent))
                == #"{"type":"message_error","data":{"room_id":"\#(r)","error":"The content must have 1 to 5,000 characters, not all of them white space, and no control characters but tabs and line ends","error_code":"INVALID_CONTENT","client_message_id":"k"}}"#
        )
        let event =
            #""data":{"room_id":"\#(r)","username":"u","member_count":3,"timestamp":"\#(time)""#
        #expect(
            text(.memberJoined(room: room, user: "u", memberCount: 3, at: at))
                == #"{"type":"member_joined","# + event + "}}")
        for (reason, words) in [
            (LeaveReason.requested, ""), (.disconnected, #","reason":"User disconnected""#),
            (.nodeUnreachable, #","reason":"Node unreachable""#),
            (.inactive, #","reason":"Inactivity""#),
        ] {
            let left = ServerMessage.memberLeft(
                room: room, user: "u", memberCount: 3, reason: reason, at: at)
            #expect(text(left) == #"{"type":"member_left","# + event + words + "}}")
        }
        #expect(
            text(.leaveFailed(room: room, .notMember))
                == #"{"type":"error","data":{"success":false,"message":"You are not a member of this room on this connection; join it first","error_code":"NOT_MEMBER","room_id":"\#(r)"}}"#
        )
    }

    @Test("answers about registers repair bytes that are not UTF-8")
    func registerAnswers() {
        #expect(
            text(.sessionOpened(SessionID(9)))
                == #"{"type":"session_opened","data":{"session_id":9}}"#)
        #expect(
            text(.registerValue(key: "k", RegisterValue(value: [0x61, 0xFF], version: 2)))
                == #"{"type":"register_value","data":{"key":"k","value":"a\#u{FFFD}","version":2}}"#
        )
        #expect(
            text(.registerWritten(key: "k", version: 3))
                == #"{"type":"register_written","data":{"key":"k","version":3}}"#)
        #expect(
            text(.registerMismatch(key: "k", RegisterValue()))
                == #"{"type":"register_mismatch","data":{"key":"k","value":"","version":0}}"#)
        #expect(
            text(.registerFailed(key: "k", .sessionExpired))
                == #"{"type":"register_error","data":{"key":"k","error":"The session is over; open a new one, and read before you repeat the request","error_code":"SESSION_EXPIRED"}}"#
        )
        #expect(
            text(.failed(.unavailable))
                == #"{"type":"error","data":{"success":false,"message":"The cluster cannot decide just now; nothing was done, try again shortly","error_code":"UNAVAILABLE"}}"#
        )
    }

    // MARK: Both ways

    private var everyMessage: [ServerMessage] {
        let errors: [RequestError] = [
            .invalidRequest, .invalidContent, .roomNotFound, .nameTaken, .notMember, .unavailable,
            .outcomeUnknown, .overloaded, .stateFull, .sessionExpired, .alreadyAcknowledged,
            .rateLimited, .roomLimit, .roomFull,
        ]
        var messages: [ServerMessage] = [
            .roomsList([]), .roomsList([summary(1), summary(12)]),
            .roomsList([summary(3), foreign, summary(4_294_967_295)]),
            .deletionBegun(room: room, transaction: id, initiator: nil),
            .deletionBegun(room: room, transaction: nil, initiator: "u"),
            .deletionDone(room: room, transaction: id),
            .deletionFailed(room: room, transaction: id, .deletionFailed, reason: "no"),
            .roomDeleted(room: room, name: "general"),
            .joined(
                JoinReply(
                    room: summary(1), members: ["a", "", "\u{0}\"é"], historyFrom: 1,
                    historyComplete: true)),
            .left(room: room, user: "u"),
            .messageSent(room: room, id: id, sequence: 1, at: at, clientMessageID: nil),
            .messageSent(room: room, id: id, sequence: 1, at: at, clientMessageID: "k\\"),
            .newMessage(
                room: room,
                ChatMessage(
                    id: id, sequence: 9_007_199_254_740_993, user: "u", content: "😀\t", at: at)),
            .memberJoined(room: room, user: "u", memberCount: 0, at: at),
            .memberLeft(room: room, user: "u", memberCount: 1, reason: .requested, at: at),
            .memberLeft(room: room, user: "u", memberCount: 1, reason: .inactive, at: at),
            .sessionOpened(SessionID(1)), .registerValue(key: "k", RegisterValue()),
            .registerWritten(key: "", version: 1),
            .registerMismatch(key: "k", RegisterValue(value: Array("v".utf8), version: 4)),
        ]
        for error in errors {
            messages += [
                .createFailed(error), .joinFailed(room: room, error),
                .leaveFailed(room: room, error), .failed(error),
                .registerFailed(key: "k", error),
                .messageFailed(room: room, clientMessageID: "k", error),
                .messageFailed(room: room, clientMessageID: nil, error),
            ]
        }
        return messages
    }

    @Test("what a node says, a client reads")
    func messagesRoundTrip() throws {
        for message in everyMessage {
            let bytes = Array(text(message).utf8)
            #expect(try ChatJSON.message(parsing: bytes, with: reader) == message)
        }
        // A list says of the cluster what its node knows, besides the other clusters.
        let list = text(.globalRoomsList([foreign], Reach(available: [ClusterName("berlin")])))
        let expected = ServerMessage.globalRoomsList(
            [foreign],
            Reach(
                available: ["node1", "node3", "berlin"].map { ClusterName($0) },
                unavailable: [ClusterName("node2")]))
        #expect(try ChatJSON.message(parsing: Array(list.utf8), with: reader) == expected)
        var created = summary(1)
        created.description = ""
        created.memberCount = 1
        let message = ServerMessage.roomCreated(created, createdAt: at, members: ["u"])
        let bytes = Array(text(message).utf8)
        #expect(try ChatJSON.message(parsing: bytes, with: reader) == message)
    }

    @Test("what a client asks, a node reads")
    func requestsRoundTrip() {
        let numbered = SessionRequest(
            session: SessionID(5), sequence: 6, acknowledgedBelow: 4)
        let requests: [ClientRequest] = [
            .listRooms, .discoverRooms, .openSession,
            .createRoom(name: "n\"", creator: "c", description: "d\n"),
            .joinRoom(room: room, user: "u", since: nil),
            .joinRoom(room: room, user: "u", since: 0),
            .leaveRoom(room: room, user: "u"), .readRegister(key: "k"),
            .sendMessage(room: room, user: "u", content: "\u{7F}\u{1F}é", clientMessageID: nil),
            .sendMessage(room: room, user: "u", content: "c", clientMessageID: "k"),
            .writeRegister(key: "k", .set(value: [65]), request: nil),
            .writeRegister(key: "k", .set(value: []), request: numbered),
            .writeRegister(
                key: "k", .compareAndSet(expectedVersion: 3, value: [66]), request: numbered),
        ]
        for value in requests {
            var bytes: [UInt8] = []
            ChatJSON.encode(value, into: &bytes)
            #expect(ChatJSON.request(parsing: bytes, with: reader) == .success(value))
        }
    }

    @Test("a client tells unknown types from broken messages")
    func unreadable() {
        func error(_ text: String) -> ChatJSON.Unreadable? {
            do {
                _ = try ChatJSON.message(parsing: Array(text.utf8), with: reader)
                return nil
            } catch {
                return error
            }
        }
        #expect(error("[") == .notJSON)
        #expect(error("[]") == .notJSON)
        #expect(error(#"{"type":"room_removed"}"#) == .unknownType("room_removed"))
        #expect(error(#"{"type":"new_message","data":{}}"#) == .malformed("new_message"))
        #expect(
            error(#"{"type":"rooms_list","data":{"rooms":[{"room_id":1}]}}"#)
                == .malformed("rooms_list"))
        // The reader's root is whole again after a list that was left early.
        #expect(reader.string("type") == "rooms_list")
    }

    // MARK: Details

    @Test("times are exact at leap days, before 1970 and at the edges")
    func times() throws {
        for (milliseconds, words) in [
            (0, "1970-01-01T00:00:00.000"), (-1, "1969-12-31T23:59:59.999"),
            (951_782_400_000, "2000-02-29T00:00:00.000"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000"),
            (Int64.max, "9999-12-31T23:59:59.999"), (Int64.min, "0001-01-01T00:00:00.000"),
        ] {
            let event = ServerMessage.memberJoined(
                room: room, user: "u", memberCount: 1, at: WallTime(milliseconds: milliseconds))
            #expect(text(event).contains(#""timestamp":"\#(words)+00:00""#))
        }
        var prng = Prng(seed: 1)
        for _ in 0..<2000 {
            let at = WallTime(
                milliseconds: Int64(prng.below(315_537_897_600_000)) - 62_135_596_800_000)
            let event = ServerMessage.memberJoined(room: room, user: "u", memberCount: 1, at: at)
            let bytes = Array(text(event).utf8)
            #expect(try ChatJSON.message(parsing: bytes, with: reader) == event)
        }
        // What other servers write.
        for words in [
            "2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678Z",
            "2026-01-02T05:34:05.678+02:30", "2026-01-02T03:04:05.678",
        ] {
            let other = text(.memberJoined(room: room, user: "u", memberCount: 1, at: at))
                .replacing("2026-01-02T03:04:05.678+00:00", with: words)
            #expect(
                try ChatJSON.message(parsing: Array(other.utf8), with: reader)
                    == .memberJoined(room: room, user: "u", memberCount: 1, at: at))
        }
    }

    @Test("strings of every byte and length survive escaping")
    func escapes() throws {
        var prng = Prng(seed: 2)
        for length in 0..<200 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<length {
                let value = prng.chance(1, in: 4) ? prng.below(0x80) : prng.below(0x2000)
                scalars.append(Unicode.Scalar(UInt32(value))!)
            }
            let request = ClientRequest.sendMessage(
                room: room, user: "u", content: String(scalars), clientMessageID: nil)
            var bytes: [UInt8] = []
            ChatJSON.encode(request, into: &bytes)
            #expect(ChatJSON.request(parsing: bytes, with: reader) == .success(request))
            #expect(bytes.allSatisfy { $0 >= 0x20 })
        }
    }

    @Test("garbage and damaged messages are answered, never trapped")
    func garbage() {
        var prng = Prng(seed: 3)
        var texts = everyMessage.map { Array(text($0).utf8) }
        for value: ClientRequest in [
            .joinRoom(room: room, user: "u", since: 3), .openSession,
            .sendMessage(room: room, user: "u", content: "c", clientMessageID: "k"),
            .writeRegister(
                key: "k", .compareAndSet(expectedVersion: 3, value: [66]),
                request: SessionRequest(session: SessionID(5), sequence: 6, acknowledgedBelow: 4)),
        ] {
            var bytes: [UInt8] = []
            ChatJSON.encode(value, into: &bytes)
            texts.append(bytes)
        }
        let pieces = [
            "null", "-1", "1e400", "[]", "{}", "\"\"", "9223372036854775808", "[[[[", "\u{0}",
            "true", "\"room_id\"", ",", ":",
        ].map { Array($0.utf8) }
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = texts[prng.int(in: 0..<texts.count)]
            for _ in 0...prng.below(3) {
                let position = prng.int(in: 0..<bytes.count)
                switch prng.below(4) {
                case 0: bytes[position] = UInt8(truncatingIfNeeded: prng.next())
                case 1: bytes.removeSubrange(position..<min(bytes.count, position + 8))
                case 2:
                    bytes.insert(contentsOf: pieces[prng.int(in: 0..<pieces.count)], at: position)
                default: bytes.removeLast(bytes.count - position)
                }
                if bytes.isEmpty { bytes = [0] }
            }
            _ = try? ChatJSON.message(parsing: bytes, with: reader)
            guard case .failure(let refusal) = ChatJSON.request(parsing: bytes, with: reader) else {
                continue
            }
            refused += 1
            var answer: [UInt8] = []
            ChatJSON.encode(refusal, into: &answer)
            #expect(throws: Never.self) { try reader.parse(answer) }
            #expect(reader.kind("data") == .object)
        }
        #expect(refused > 10_000)
    }
}
