import Protocols
import TerminalClient
import Testing

@Suite("A chat session")
struct SessionTests {
    @Test("connects, joins and hears the room's messages in order, each once")
    func joins() {
        var run = SessionRun()
        #expect(run.step(.connect) == [.connect(nodeA)])
        #expect(run.step(.opened) == [.tell(.connected(nodeA))])
        #expect(
            run.step(.join(tea)) == [.send(.joinRoom(room: tea.id, user: "ann", since: nil))])
        let reply = joined(tea, ["ann", "ben"], from: 8)
        #expect(run.hear(.joined(reply)) == [.tell(.joined(reply, node: nodeA, isBack: false))])
        #expect(run.session.members.keys == ["ann", "ben"])
        #expect(run.hear(.newMessage(room: tea.id, message(8))) == [.tell(.message(message(8)))])
        #expect(run.hear(.newMessage(room: tea.id, message(8))) == [])
        #expect(run.hear(.newMessage(room: tea.id, message(9))) == [.tell(.message(message(9)))])
        #expect(run.hear(.newMessage(room: room(2, "x").id, message(10))) == [])
        #expect(run.session.isInRoom)
    }

    @Test("finds a room by its name")
    func findsByName() {
        var run = SessionRun()
        _ = run.step(.enter(name: "tea", creates: false))
        _ = run.step(.connect)
        #expect(run.step(.opened) == [.tell(.connected(nodeA)), .send(.discoverRooms)])
        #expect(
            run.hear(.globalRoomsList([room(2, "x"), tea]))
                == [.send(.joinRoom(room: tea.id, user: "ann", since: nil))])
    }

    @Test("makes a room that is not there, and looks again when somebody was faster")
    func creates() {
        var run = SessionRun()
        _ = run.step(.enter(name: "tea", creates: true))
        _ = run.step(.connect)
        _ = run.step(.opened)
        let create = ClientRequest.createRoom(name: "tea", creator: "ann", description: "")
        #expect(run.hear(.globalRoomsList([])) == [.send(create)])
        #expect(run.hear(.createFailed(.nameTaken)) == [])
        #expect(run.tick() == [.send(.discoverRooms)])
        #expect(run.hear(.globalRoomsList([])) == [.send(create)])
        #expect(
            run.hear(.roomCreated(tea, createdAt: WallTime(milliseconds: 0), members: []))
                == [.send(.joinRoom(room: tea.id, user: "ann", since: nil))])
    }

    @Test("a room that is not there and may not be made is refused, and the person is in none")
    func refuses() {
        var run = SessionRun()
        _ = run.step(.enter(name: "tea", creates: false))
        _ = run.step(.connect)
        _ = run.step(.opened)
        #expect(
            run.hear(.globalRoomsList([])) == [.tell(.refused(room: "tea", .roomNotFound))])
        #expect(run.step(.say("lost")) == [])
        #expect(run.session.lines == [])
    }

    @Test("a room that was entered and is gone is not made again")
    func doesNotRevive() {
        var run = SessionRun()
        _ = run.step(.enter(name: "tea", creates: true))
        _ = run.step(.connect)
        _ = run.step(.opened)
        _ = run.hear(.globalRoomsList([tea]))
        _ = run.hear(.joined(joined(tea, ["ann"])))
        _ = run.step(.say("hello"))
        #expect(
            run.hear(
                .messageFailed(
                    room: tea.id, clientMessageID: run.session.lines[0].id, .roomNotFound))
                == [.tell(.refused(room: "tea", .roomNotFound))])
    }

    @Test("lines go out one at a time, each when the one before is acknowledged")
    func oneAtATime() {
        var run = SessionRun()
        run.joinTea()
        func send(_ text: String, _ id: String) -> ChatSession.Effect {
            .send(.sendMessage(room: tea.id, user: "ann", content: text, clientMessageID: id))
        }
        #expect(run.step(.say("one")) == [send("one", "ff-1")])
        #expect(run.step(.say("two")) == [])
        #expect(run.hear(sent(tea, 1, "other")) == [])
        #expect(run.hear(sent(tea, 1, "ff-1")) == [send("two", "ff-2")])
        #expect(run.hear(sent(tea, 2, "ff-2")) == [])
        #expect(run.session.lines == [])
    }

    @Test("after a loss it goes to the next node, asks for what came since and repeats its line")
    func failsOver() {
        var run = SessionRun()
        run.joinTea()
        _ = run.hear(.newMessage(room: tea.id, message(1)))
        _ = run.step(.say("one"))
        #expect(
            run.step(.ended(why: "closed with 1012"))
                == [.tell(.lost(nodeA, why: "closed with 1012", next: nodeB, wait: .zero))])
        #expect(!run.session.isOpen)
        #expect(run.tick() == [.connect(nodeB)])
        #expect(
            run.step(.opened) == [
                .tell(.connected(nodeB)),
                .send(.joinRoom(room: tea.id, user: "ann", since: 1)),
            ])
        let reply = joined(tea, ["ann"], from: 2)
        #expect(
            run.hear(.joined(reply)) == [
                .tell(.joined(reply, node: nodeB, isBack: true)),
                .send(
                    .sendMessage(
                        room: tea.id, user: "ann", content: "one", clientMessageID: "ff-1")),
            ])
        #expect(run.hear(.newMessage(room: tea.id, message(1))) == [])
        #expect(run.hear(.newMessage(room: tea.id, message(2))) == [.tell(.message(message(2)))])
    }

    @Test("a loss in an empty room asks for everything, not for the last hundred")
    func sinceZero() {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.ended(why: "lost"))
        _ = run.tick()
        #expect(
            run.step(.opened).last == .send(.joinRoom(room: tea.id, user: "ann", since: 0)))
    }

    @Test("what is no longer kept, or does not come, is said")
    func missed() {
        var run = SessionRun()
        run.joinTea()
        _ = run.hear(.newMessage(room: tea.id, message(1)))
        #expect(
            run.hear(.newMessage(room: tea.id, message(4))) == [
                .tell(.missed(2...3)), .tell(.message(message(4))),
            ])
        _ = run.step(.ended(why: "lost"))
        _ = run.tick()
        _ = run.step(.opened)
        let reply = joined(tea, ["ann"], from: 90, complete: false)
        #expect(
            run.hear(.joined(reply)) == [
                .tell(.joined(reply, node: nodeB, isBack: true)), .tell(.missed(5...89)),
            ])
        #expect(run.hear(.newMessage(room: tea.id, message(90))) == [.tell(.message(message(90)))])
    }

    @Test("once around without a wait, then waits that grow to two seconds, each less its jitter")
    func backoff() {
        var run = SessionRun([nodeA, nodeB])
        run.joinTea()
        var waits: [Interval] = []
        for _ in 0..<12 {
            guard case .tell(.lost(_, _, _, let wait))? = run.step(.ended(why: "no")).first else {
                Issue.record("no news of a loss")
                return
            }
            waits.append(wait)
            _ = run.tick()
        }
        #expect(waits[..<2] == [.zero, .zero])
        for (round, wait) in waits[2...].enumerated() {
            let longest = min(ChatSession.longestWait, .milliseconds(200 << Int64(min(round, 4))))
            #expect(wait >= longest / 2 && wait < longest)
        }
        #expect(Set(waits[7...].map(\.nanoseconds)).count == 5, "the waits have no jitter")
        // A node that serves again begins the count anew.
        _ = run.step(.opened)
        _ = run.hear(.joined(joined(tea, ["ann"])))
        let last = run.session.node
        let next = last == nodeA ? nodeB : nodeA
        #expect(
            run.step(.ended(why: "no"))
                == [.tell(.lost(last, why: "no", next: next, wait: .zero))])
    }

    @Test("at the start every node is tried once, and then the session stops")
    func oneRound() {
        var run = SessionRun([nodeA, nodeB])
        _ = run.step(.connect)
        #expect(
            run.step(.ended(why: "no"))
                == [.tell(.lost(nodeA, why: "no", next: nodeB, wait: .zero))])
        #expect(run.tick() == [.connect(nodeB)])
        #expect(run.step(.ended(why: "never")) == [.tell(.gaveUp(why: "b:2: never"))])
        #expect(run.session.deadline == nil)
    }

    @Test("with a time limit it gives up when no room could be entered for so long")
    func timeLimit() {
        var run = SessionRun(patience: .time(.seconds(10)))
        _ = run.step(.enter(name: "tea", creates: true))
        _ = run.step(.connect)
        _ = run.step(.opened)
        run.now = run.now + .seconds(10)
        #expect(
            run.step(.tick(lastHeard: run.now))
                == [.tell(.gaveUp(why: "no node serves for 10 s")), .close])
        #expect(run.step(.ended(why: "closed")) == [])
    }

    @Test(
        "what cannot be done just now is asked again by itself",
        arguments: [RequestError.unavailable, .outcomeUnknown, .overloaded, .rateLimited])
    func transient(error: RequestError) {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.say("one"))
        let id = run.session.lines[0].id
        #expect(
            run.hear(.messageFailed(room: tea.id, clientMessageID: id, error))
                == [.tell(.waiting(error))])
        #expect(
            run.tick() == [
                .send(
                    .sendMessage(room: tea.id, user: "ann", content: "one", clientMessageID: id))
            ])
        _ = run.step(.leaveRoom)
        _ = run.step(.join(tea))
        #expect(run.hear(.joinFailed(room: tea.id, error)) == [.tell(.waiting(error))])
        #expect(run.tick() == [.send(.joinRoom(room: tea.id, user: "ann", since: nil))])
    }

    @Test("a line that is refused is told of and the next one goes out")
    func refusedLine() {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.say("bad"))
        _ = run.step(.say("good"))
        #expect(
            run.hear(.messageFailed(room: tea.id, clientMessageID: "ff-1", .invalidContent)) == [
                .tell(.notSent("bad", .invalidContent)),
                .send(
                    .sendMessage(
                        room: tea.id, user: "ann", content: "good", clientMessageID: "ff-2")),
            ])
    }

    @Test("a node that forgot the member is joined again before the line is repeated")
    func rejoins() {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.say("one"))
        #expect(
            run.hear(.messageFailed(room: tea.id, clientMessageID: "ff-1", .notMember))
                == [.send(.joinRoom(room: tea.id, user: "ann", since: 0))])
    }

    @Test("who comes and goes is known; the end of one's own former connection is no news")
    func members() {
        var run = SessionRun()
        run.joinTea()
        let at = WallTime(milliseconds: 0)
        #expect(
            run.hear(.memberJoined(room: tea.id, user: "ben", memberCount: 2, at: at))
                == [.tell(.memberJoined("ben"))])
        #expect(run.hear(.memberJoined(room: tea.id, user: "ann", memberCount: 2, at: at)) == [])
        #expect(
            run.hear(
                .memberLeft(
                    room: tea.id, user: "ann", memberCount: 1, reason: .nodeUnreachable, at: at))
                == [])
        #expect(run.session.members.keys == ["ann", "ben"])
        #expect(
            run.hear(
                .memberLeft(room: tea.id, user: "ben", memberCount: 1, reason: .inactive, at: at))
                == [.tell(.memberLeft("ben", .inactive))])
        #expect(run.session.members.keys == ["ann"])
    }

    @Test("leaving asks the node and drops what was not acknowledged")
    func leaves() {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.say("one"))
        #expect(run.step(.leaveRoom) == [.send(.leaveRoom(room: tea.id, user: "ann"))])
        #expect(run.session.lines == [])
        #expect(run.hear(.newMessage(room: tea.id, message(1))) == [])
        #expect(run.hear(.left(room: tea.id, user: "ann")) == [.tell(.left)])
        _ = run.step(.ended(why: "lost"))
        #expect(run.step(.join(tea)) == [])
        #expect(run.step(.leaveRoom) == [.tell(.left)])
    }

    @Test("a list that was asked for is asked for again on the next connection")
    func lists() {
        var run = SessionRun()
        _ = run.step(.connect)
        _ = run.step(.opened)
        #expect(run.step(.list) == [.send(.discoverRooms)])
        #expect(run.hear(.failed(.unavailable)) == [.tell(.waiting(.unavailable))])
        #expect(run.tick() == [.send(.discoverRooms)])
        _ = run.step(.ended(why: "lost"))
        _ = run.tick()
        #expect(run.step(.opened) == [.tell(.connected(nodeB)), .send(.discoverRooms)])
        #expect(run.hear(.globalRoomsList([tea])) == [.tell(.rooms([tea]))])
        #expect(run.hear(.globalRoomsList([tea])) == [])
    }

    @Test("a node that does not answer, or is silent, is given up")
    func deadNodes() {
        var run = SessionRun()
        run.joinTea()
        run.now = run.now + .seconds(40)
        #expect(run.step(.tick(lastHeard: run.now)) == [])
        #expect(run.tick() == [.abandon(why: "silent for 50 s")])
        #expect(run.now == .zero + .seconds(90))
        run = SessionRun()
        run.joinTea()
        _ = run.step(.say("one"))
        #expect(run.tick() == [.abandon(why: "no answer for 12 s")])
    }

    @Test("the end waits until every line is acknowledged and was seen to come back")
    func finishes() {
        var run = SessionRun(patience: .time(.seconds(10)))
        run.joinTea()
        _ = run.step(.say("one"))
        #expect(run.step(.finish) == [])
        #expect(run.step(.say("too late")) == [])
        #expect(run.hear(sent(tea, 1, "ff-1")) == [])
        #expect(
            run.hear(.newMessage(room: tea.id, message(1, "ann", "one")))
                == [.tell(.message(message(1, "ann", "one"))), .close])
        #expect(run.step(.ended(why: "closed with 1000")) == [.tell(.over)])
    }

    @Test("the end does not wait for ever for an acknowledged line to come back")
    func finishesWithoutEcho() {
        var run = SessionRun()
        run.joinTea()
        _ = run.step(.say("one"))
        _ = run.hear(sent(tea, 1, "ff-1"))
        _ = run.step(.finish)
        #expect(run.tick() == [.close])
    }

    @Test("an end with lines that cannot be delivered gives up and says how many there are")
    func finishesInVain() {
        var run = SessionRun(patience: .time(.seconds(10)))
        run.joinTea()
        _ = run.step(.say("one"))
        _ = run.step(.ended(why: "lost"))
        _ = run.step(.finish)
        run.now = run.now + .seconds(10)
        #expect(
            run.step(.tick(lastHeard: nil)).first
                == .tell(.gaveUp(why: "no node serves for 10 s; 1 lines were not acknowledged")))
    }

    @Test("an end before any connection is at once")
    func finishesAtOnce() {
        var run = SessionRun()
        #expect(run.step(.finish) == [.tell(.over)])
    }
}
