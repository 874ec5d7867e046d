import Protocols
import Testing

@testable import TerminalClient

@Suite("The connect screen")
struct ConnectScreenTests {
    @Test("shows both fields as they were given, with the cursor in the name")
    func fields() {
        let run = AppRun(connects: false)
        #expect(run.rows[0] == " Parley: connect")
        #expect(run.rows[2] == " Nodes  a:1,b:2")
        #expect(run.rows[3] == " User   ann")
        #expect(run.app.render().cursor == Frame.Cursor(row: 3, column: 11))
    }

    @Test("Enter connects to the nodes that were typed, as the user that was typed")
    func connects() {
        var run = AppRun(user: "", connects: false)
        run.type("ben")
        run.press(.tab, .control("u"))
        run.type("c:3, a:1")
        #expect(run.press(.enter) == [.link(.connect(nodeC))])
        #expect(run.rows[5] == " connecting to c:3")
        #expect(run.step(.link(.opened)) == [.link(.send(.discoverRooms))])
        #expect(run.rows[0].hasSuffix(" loading"))
        run.hear(.globalRoomsList([]))
        #expect(run.rows[0].hasSuffix(" ben"))
    }

    @Test("what is wrong with a field is said in place, and the cursor goes there")
    func wrongFields() {
        var run = AppRun(user: "", connects: false)
        #expect(run.press(.enter) == [])
        #expect(run.rows[5] == " a user name has 1 to 255 bytes")
        run.type("ann")
        run.press(.up, .control("u"))
        #expect(run.press(.enter) == [])
        #expect(run.rows[5] == " which node? An address such as 127.0.0.1:8081")
        run.type("nowhere:99999")
        run.press(.down)
        #expect(run.press(.enter) == [])
        #expect(run.rows[5] == " nowhere:99999 is no address such as 127.0.0.1:8081")
        #expect(run.app.render().cursor?.row == 2)
    }

    @Test("a connection that fails everywhere is told of, and can be tried again")
    func failure() {
        var run = AppRun()
        run.step(.link(.ended(why: "cannot connect: refused")))
        #expect(run.rows[5] == " a:1: cannot connect: refused; trying b:2")
        #expect(run.app.render().cursor == nil)
        #expect(run.step(.link(.tick(lastHeard: nil))) == [.link(.connect(nodeB))])
        run.step(.link(.ended(why: "cannot connect: refused")))
        #expect(run.rows[5] == " b:2: cannot connect: refused")
        #expect(run.app.render().cursor?.row == 3)
        #expect(run.press(.enter) == [.link(.connect(nodeA))])
    }

    @Test("Escape gives up connecting, and quits when nothing is under way")
    func escape() {
        var run = AppRun()
        #expect(run.press(.escape) == [.link(.abandon(why: "given up"))])
        #expect(run.rows[5] == " given up")
        #expect(run.press(.escape) == [.quit(0)])
    }

    @Test("keys do not change the fields while it connects")
    func frozen() {
        var run = AppRun()
        run.type("x")
        #expect(run.rows[3] == " User   ann")
    }
}

@Suite("The room list")
struct RoomsScreenTests {
    @Test("shows rooms by name, with members and the node that administers them")
    func list() {
        var run = AppRun()
        run.open([tea, room(2, "coffee", members: 3)])
        #expect(run.rows[0] == " Parley: 2 rooms" + String(repeating: " ", count: 60) + "ann")
        #expect(
            run.rows[1] == "  Room                            Members  Admin      Description")
        #expect(run.rows[2] == "> coffee                          3        node1")
        #expect(run.rows[3] == "  tea                             0        node1")
        #expect(run.status == " connected to a:1")
    }

    @Test("r asks for the list again; the same room stays selected")
    func refresh() {
        var run = AppRun()
        run.open([tea])
        #expect(run.press(.text("r")) == [.link(.send(.discoverRooms))])
        #expect(run.rows[0].hasSuffix(" loading"))
        run.hear(.globalRoomsList([room(2, "coffee"), tea]))
        #expect(run.rows[3].hasPrefix("> tea"))
        run.press(.text("r"))
        run.hear(.globalRoomsList([]))
        #expect(run.rows[2] == "  There are no rooms; c makes one.")
    }

    @Test("arrows, Home, End, PgUp and PgDn choose; a long list follows")
    func choosing() {
        var run = AppRun(rows: 8)
        run.open((1...9).map { room($0, "room\($0)") })
        func selected() -> String? {
            run.rows.first { $0.hasPrefix("> ") }.map { String($0.prefix(7)) }
        }
        #expect(selected() == "> room1")
        run.press(.up)
        #expect(selected() == "> room1")
        run.press(.down)
        #expect(selected() == "> room2")
        run.press(.pageDown)
        #expect(selected() == "> room6")
        run.press(.end)
        #expect(selected() == "> room9")
        run.press(.down)
        #expect(selected() == "> room9")
        run.press(.pageUp)
        #expect(selected() == "> room5")
        run.press(.home)
        #expect(selected() == "> room1")
    }

    @Test("Enter joins the chosen room, and does nothing without one")
    func joins() {
        var run = AppRun()
        run.open([])
        #expect(run.press(.enter) == [])
        run.press(.text("r"))
        run.hear(.globalRoomsList([room(2, "coffee"), tea]))
        #expect(
            run.press(.down, .enter)
                == [.link(.send(.joinRoom(room: tea.id, user: "ann", since: nil)))])
        #expect(run.rows[0].hasPrefix(" tea "))
    }

    @Test("c asks for a name and makes the room, or joins the one that has it")
    func creates() {
        var run = AppRun()
        run.open([tea])
        run.press(.text("c"))
        #expect(run.status == " New room:")
        #expect(run.press(.enter) == [])
        #expect(run.status == " a room's name has 1 to 255 bytes:")
        run.type("q r")
        #expect(run.press(.enter) == [.link(.send(.discoverRooms))])
        #expect(
            run.hear(.globalRoomsList([tea])) == [
                .link(.send(.createRoom(name: "q r", creator: "ann", description: "")))
            ])
    }

    @Test("Escape leaves the question for a name")
    func noCreation() {
        var run = AppRun()
        run.open([tea])
        run.press(.text("c"))
        run.type("x")
        #expect(run.press(.escape) == [])
        #expect(run.status == " connected to a:1")
    }

    @Test("d asks first; y deletes the room, any other key does not")
    func deletes() {
        var run = AppRun()
        run.open([])
        #expect(run.press(.text("d"), .text("y")) == [])
        run.press(.text("r"))
        run.hear(.globalRoomsList([tea]))
        #expect(run.press(.text("d")) == [])
        #expect(run.status == " Delete tea? y deletes it")
        #expect(run.press(.text("n")) == [])
        #expect(run.status == " connected to a:1")
        #expect(
            run.press(.text("d"), .text("y"))
                == [.link(.send(.deleteRoom(room: tea.id, user: "ann")))])
        let id = UniqueID(high: 3, low: 1)
        run.hear(.deletionBegun(room: tea.id, transaction: id, initiator: nil))
        #expect(run.status == " the room is being deleted")
        run.hear(
            .deletionFailed(room: tea.id, transaction: id, .deletionFailed, reason: "no vote"))
        #expect(run.status == " not deleted: no vote")
        #expect(
            run.hear(.deletionDone(room: tea.id, transaction: id))
                == [.link(.send(.discoverRooms))])
        #expect(run.status == " the room is deleted")
        run.step(.link(.ended(why: "lost")))
        #expect(run.press(.text("d"), .text("y")) == [])
        #expect(run.status.hasPrefix(" not deleted: The cluster cannot decide just now"))
    }

    @Test("q quits; Escape goes back to the form")
    func leaving() {
        var run = AppRun()
        run.open([tea])
        var other = run
        #expect(run.press(.text("q")) == [.link(.close), .quit(0)])
        #expect(other.press(.escape) == [.link(.close)])
        #expect(other.rows[2] == " Nodes  a:1,b:2")
        #expect(other.rows[3] == " User   ann")
    }

    @Test("a room that cannot be joined leads back to the list, which says why")
    func refused() {
        var run = AppRun()
        run.open([tea])
        run.press(.enter)
        #expect(
            run.hear(.joinFailed(room: tea.id, .roomNotFound)) == [.link(.send(.discoverRooms))])
        #expect(
            run.status == " tea: The room does not exist; list the rooms and choose another")
    }

    @Test("the room of the command line is entered at once")
    func firstRoom() {
        var run = AppRun(room: "tea")
        #expect(run.step(.link(.opened)) == [.link(.send(.discoverRooms))])
        #expect(run.rows[0].hasPrefix(" tea "))
        #expect(
            run.hear(.globalRoomsList([tea]))
                == [.link(.send(.joinRoom(room: tea.id, user: "ann", since: nil)))])
    }
}

@Suite("The chat screen")
struct ChatScreenTests {
    @Test("shows the log, the members beside it, the connection and the line of input")
    func screen() {
        var run = AppRun()
        run.openTea()
        run.hear(.newMessage(room: tea.id, message(1, "ben", "hello")))
        run.type("hi")
        #expect(run.rows[0] == " tea" + String(repeating: " ", count: 66) + "2 members")
        let bar = String(repeating: " ", count: 17)
        #expect(run.rows[1] == "    * joined tea on a:1, 2 in the room" + bar + "     │ ann")
        #expect(
            run.rows[2] == "13:34 ben: hello" + bar + String(repeating: " ", count: 27) + "│ ben")
        #expect(run.status == " connected to a:1")
        #expect(run.rows[23] == "> hi")
        #expect(run.app.render().cursor == Frame.Cursor(row: 23, column: 4))
    }

    @Test("a narrow terminal shows the log alone")
    func narrow() {
        var run = AppRun(columns: 59)
        run.openTea()
        #expect(run.rows[1] == "    * joined tea on a:1, 2 in the room")
    }

    @Test("members that do not fit are counted")
    func manyMembers() {
        var run = AppRun(rows: 6)
        run.openTea((1...9).map { "user\($0)" })
        #expect(run.rows[1...3].map { String($0.suffix(10)) }.last == "and 7 more")
    }

    @Test("Enter says the line; it shows as not acknowledged until it is")
    func says() {
        var run = AppRun()
        run.openTea()
        run.type("日本")
        #expect(
            run.press(.enter) == [
                .link(
                    .send(
                        .sendMessage(
                            room: tea.id, user: "ann", content: "日本", clientMessageID: "ff-1")))
            ])
        #expect(run.rows[23] == ">")
        #expect(run.status.hasSuffix(" 1 not acknowledged"))
        #expect(run.rows[2].hasPrefix("  ... 日本"))
        run.hear(.newMessage(room: tea.id, message(1, "ann", "日本")))
        run.hear(sent(tea, 1, "ff-1"))
        #expect(run.status == " connected to a:1")
        #expect(run.rows[2].hasPrefix("13:34 ann: 日本"))
        #expect(!run.rows[3].hasPrefix("  ..."))
        #expect(run.press(.enter) == [])
    }

    @Test("joins, leaves, losses and returns are notices in the log")
    func notices() {
        var run = AppRun(columns: 59)
        run.openTea()
        let at = WallTime(milliseconds: 0)
        run.hear(.memberJoined(room: tea.id, user: "eve", memberCount: 3, at: at))
        run.hear(
            .memberLeft(room: tea.id, user: "eve", memberCount: 2, reason: .disconnected, at: at))
        run.step(.link(.ended(why: "closed with 1012")))
        #expect(run.status == " not connected; trying b:2")
        run.step(.link(.tick(lastHeard: nil)))
        run.step(.link(.opened))
        run.hear(.joined(joined(tea, ["ann", "ben"])))
        #expect(
            run.rows[2...5] == [
                "    * eve joined", "    * eve left (disconnected)",
                "    * a:1: closed with 1012; trying b:2", "    * back in tea on b:2",
            ])
        #expect(run.status == " connected to b:2")
    }

    @Test("text of others cannot steer the terminal")
    func harmless() {
        var run = AppRun(columns: 59)
        run.open([room(1, "\u{1B}[31mtea")])
        #expect(run.rows[2].hasPrefix("> \u{FFFD}[31mtea"))
        run.press(.enter)
        run.hear(.joined(joined(room(1, "\u{1B}c"), ["\u{7}ann"])))
        run.hear(.newMessage(room: tea.id, message(1, "b\u{8}en", "\u{1B}[2Jx\ny")))
        #expect(run.rows[2...3] == ["13:34 b\u{FFFD}en: \u{FFFD}[2Jx", "      y"])
        for row in run.app.render().rows {
            for span in row {
                #expect(
                    !span.text.unicodeScalars.contains { $0.properties.generalCategory == .control }
                )
            }
        }
    }

    @Test("PgUp and PgDn scroll; the view stays where it is while more comes")
    func scrolls() {
        var run = AppRun(columns: 40, rows: 8)
        run.openTea()
        for number in 1...20 { run.hear(.newMessage(room: tea.id, message(UInt64(number)))) }
        #expect(run.rows[5] == "13:34 ben: message 20")
        run.press(.pageUp)
        #expect(run.rows[5] == "13:34 ben: message 16")
        #expect(run.status.hasSuffix(" PgDn for more"))
        run.hear(.newMessage(room: tea.id, message(21)))
        #expect(run.rows[5] == "13:34 ben: message 16")
        run.press(.up)
        #expect(run.rows[5] == "13:34 ben: message 15")
        run.press(.down, .pageDown, .pageDown)
        #expect(run.rows[5] == "13:34 ben: message 21")
        run.press(.pageUp, .enter)
        #expect(run.rows[5] == "13:34 ben: message 21")
        for _ in 0..<20 { run.press(.pageUp) }
        #expect(run.rows[1] == "    * joined tea on a:1, 2 in the room")
        #expect(run.rows[5] == "13:34 ben: message 4")
    }

    @Test("Escape leaves the room and shows the rooms anew")
    func leaves() {
        var run = AppRun()
        run.openTea()
        #expect(
            run.press(.escape) == [.link(.send(.leaveRoom(room: tea.id, user: "ann")))])
        #expect(run.rows[0].hasPrefix(" Parley: 1 room"))
        #expect(run.hear(.left(room: tea.id, user: "ann")) == [.link(.send(.discoverRooms))])
        run.hear(.globalRoomsList([tea]))
        run.press(.enter)
        run.hear(.joined(joined(tea, ["ann"])))
        #expect(run.rows[2].hasPrefix("      "), "the log of the last visit is gone")
    }

    @Test("lines that are not acknowledged are lost only after a question")
    func keepsLines() {
        var run = AppRun()
        run.openTea()
        run.type("x")
        run.press(.enter)
        var second = run
        #expect(run.press(.escape) == [])
        #expect(
            run.rows[2].hasPrefix(
                "    * not acknowledged: 1; the same again leaves and drops"))
        #expect(run.press(.escape) == [.link(.send(.leaveRoom(room: tea.id, user: "ann")))])
        second.press(.escape)
        second.type("y")
        #expect(second.press(.escape) == [], "typing takes the question back")
        #expect(second.step(.quit(0)) == [.link(.close), .quit(1)])
    }

    @Test("commands")
    func commands() {
        var run = AppRun(columns: 59)
        run.openTea()
        func enter(_ text: String) -> [ChatApp.Effect] {
            run.type(text)
            return run.press(.enter)
        }
        #expect(enter("/members") == [])
        #expect(run.rows[2] == "    * in the room: ann, ben")
        #expect(enter("/help") == [])
        #expect(enter("/nonsense") == [])
        #expect(run.rows[5].hasPrefix("    * unknown command;"))
        #expect(
            enter("//x") == [
                .link(
                    .send(
                        .sendMessage(
                            room: tea.id, user: "ann", content: "/x", clientMessageID: "ff-1")))
            ])
        run.hear(sent(tea, 1, "ff-1"))
        var other = run
        #expect(enter("/leave") == [.link(.send(.leaveRoom(room: tea.id, user: "ann")))])
        other.type("/quit")
        #expect(other.press(.enter) == [.link(.close), .quit(0)])
    }

    @Test("/delete asks the node; a room that is deleted leads back to the list")
    func deletion() {
        var run = AppRun(columns: 59)
        run.openTea()
        run.type("/delete")
        #expect(
            run.press(.enter) == [.link(.send(.deleteRoom(room: tea.id, user: "ann")))])
        run.hear(.deletionBegun(room: tea.id, transaction: nil, initiator: "ann"))
        #expect(run.rows[2] == "    * ann is deleting the room")
        #expect(
            run.hear(.roomDeleted(room: tea.id, name: "tea")) == [.link(.send(.discoverRooms))])
        #expect(run.status == " tea was deleted")
        #expect(run.rows[0].hasPrefix(" Parley:"))
    }

    @Test("a signal quits with its code, wherever the person is")
    func signals() {
        var run = AppRun(connects: false)
        #expect(run.step(.quit(130)) == [.quit(130)])
        run = AppRun()
        run.openTea()
        #expect(run.step(.quit(143)) == [.link(.close), .quit(143)])
    }

    @Test(
        "every screen fits every size",
        arguments: [(1, 1), (2, 3), (3, 10), (5, 20), (24, 80), (60, 200)])
    func sizes(rows: Int, columns: Int) {
        var run = AppRun()
        func check() {
            run.step(.resized(ScreenSize(rows: rows, columns: columns)))
            let frame = run.app.render()
            #expect(frame.rows.count == rows)
            for row in frame.text { #expect(TextWidth.columns(of: row) <= columns) }
            if let cursor = frame.cursor {
                #expect((0..<rows).contains(cursor.row) && (0..<columns).contains(cursor.column))
            }
        }
        check()
        run.open([tea, room(2, "日本語日本語日本語日本語日本語")])
        check()
        run.press(.enter)
        run.hear(.joined(joined(tea, ["日本語日本語日本語", "ann"])))
        for number in 1...30 {
            run.hear(
                .newMessage(
                    room: tea.id, message(UInt64(number), "ann", "日本語 and words \(number)")))
        }
        run.type("日本語日本語")
        run.press(.pageUp)
        check()
    }
}

@Suite("The log of a room")
struct ChatLogTests {
    @Test("keeps the newest entries")
    func bounded() {
        var log = ChatLog()
        for number in 0..<ChatLog.limit + 10 { log.add(.notice("\(number)"), columns: 40) }
        #expect(log.entries.count == ChatLog.limit)
        #expect(log.entries.first == .notice("10"))
    }

    @Test("a window that grows shows more, not nothing")
    func grows() {
        var log = ChatLog()
        for number in 0..<10 { log.add(.notice("\(number)"), columns: 40) }
        log.scrollUp(100, height: 3, columns: 40)
        #expect(log.scroll == 7)
        let rows = log.view(height: 8, columns: 40).map { $0.map(\.text).joined() }
        #expect(rows == (0..<8).map { "    * \($0)" })
    }
}
