import Protocols

extension ChatSession {
    /// What can happen to a session.
    public enum Input: Equatable, Sendable {
        /// Begin: connect to the first node.
        case connect
        /// The connection that was asked for is open.
        case opened
        /// The connection that was asked for, or that was open, is no more.
        case ended(why: String)
        /// The node said something.
        case received(ServerMessage)
        /// The node said something that this client cannot read.
        case unreadable(String)
        /// The person wants to be in the room of this name; it may be made if there is none.
        case enter(name: String, creates: Bool)
        /// The person wants to be in a room of a list.
        case join(RoomSummary)
        /// The person wants to be in no room; what was not acknowledged is dropped.
        case leaveRoom
        /// The person says something; 1 to 5,000 characters.
        case say(String)
        /// The person wants to see the rooms.
        case list
        /// The person wants a room to be deleted.
        case delete(room: UniqueID)
        /// Nothing more will be said: leave when all is acknowledged and was seen to come back.
        case finish
        /// Time has passed; when the connection was last heard of, if there is one.
        case tick(lastHeard: Instant?)
    }

    /// What a session wants done; in this order.
    public enum Effect: Equatable, Sendable {
        /// Connect to a node; whatever connection there was is forgotten.
        case connect(WebSocketURL)
        /// Send a request.
        case send(ClientRequest)
        /// Say goodbye to the node; `ended` comes then.
        case close
        /// Cut the connection; `ended` comes then.
        case abandon(why: String)
        /// Show the person something.
        case tell(News)
    }

    /// What a person hears from a session.
    public enum News: Equatable, Sendable {
        /// A node serves.
        case connected(WebSocketURL)
        /// The connection is lost or was not made; the next node is tried after a wait.
        case lost(WebSocketURL, why: String, next: WebSocketURL, wait: Interval)
        /// Nobody serves, and the session stops.
        case gaveUp(why: String)
        /// The session is over in good order.
        case over
        /// The node cannot do it just now; it is asked again by itself.
        case waiting(RequestError)
        /// The room cannot be entered, or is gone; the person is in no room.
        case refused(room: String, RequestError)
        /// A request failed for good.
        case failed(RequestError)
        /// The rooms, as asked.
        case rooms([RoomSummary])
        /// The person is in the room; `isBack` after a loss of the connection.
        case joined(JoinReply, node: WebSocketURL, isBack: Bool)
        /// Messages that were missed are no longer kept, or did not come.
        case missed(ClosedRange<UInt64>)
        /// Somebody said something; in order, each once.
        case message(ChatMessage)
        /// Another user became a member.
        case memberJoined(String)
        /// A user is a member no more.
        case memberLeft(String, LeaveReason)
        /// The person has left the room and is in none.
        case left
        /// A room is about to be deleted, by this user if it is another.
        case deletionBegun(by: String?)
        /// The room that the person wanted to be deleted is gone.
        case deleted
        /// It is not deleted; `reason` says more where there is more to say.
        case notDeleted(RequestError, reason: String?)
        /// The room in which the person was is gone; they are in none.
        case roomDeleted(String)
        /// A line was refused and will not be said.
        case notSent(String, RequestError)
        /// The node says something that this client cannot read.
        case unreadable(String)
    }
}
