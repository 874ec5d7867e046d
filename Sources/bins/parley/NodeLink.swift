import EdgeCodecs
import LiveNet
import Protocols
import TerminalClient

/// The connection of a chat session: does what the session wants done and says what happens.
final class NodeLink: WebSocketClientHandler {
    private let loop: Loop
    private let reader = JSONReader(maximumBytes: 16 << 20)
    private var client: WebSocketClient?
    private let onInput: (ChatSession.Input) -> Void
    /// A node that does not take a connection within this time is passed over.
    private static let connectLimit: Int64 = 3000

    /// Makes a link without a connection; `onInput` is called on the loop, also from `perform`.
    init(loop: Loop, onInput: @escaping (ChatSession.Input) -> Void) {
        self.loop = loop
        self.onInput = onInput
    }

    /// When the node was last heard of; `nil` without a connection.
    var lastHeard: Instant? { client?.lastHeard }

    /// True when there is no connection, nor one that is being made or closed.
    var isOver: Bool { client == nil }

    /// Does what the session wants done; `tell` is the caller's matter.
    func perform(_ effect: ChatSession.Effect) {
        switch effect {
        case .connect(let url):
            let former = client
            client = WebSocketClient(
                loop: loop, url: url, limitMilliseconds: Self.connectLimit, handler: self)
            former?.abandon("another node is connected to")
        case .send(let request):
            var text: [UInt8] = []
            ChatJSON.encode(request, into: &text)
            client?.send(text: text)
        case .close: client?.close()
        case .abandon(let why): client?.abandon(why)
        case .tell: break
        }
    }

    func webSocketOpened(_ client: WebSocketClient) {
        if client === self.client { onInput(.opened) }
    }

    func webSocket(_ client: WebSocketClient, received text: [UInt8]) {
        guard client === self.client else { return }
        do {
            onInput(.received(try ChatJSON.message(parsing: text, with: reader)))
        } catch {
            switch error {
            case .unknownType: break
            case .notJSON: onInput(.unreadable("the node says something that is not JSON"))
            case .malformed(let type):
                onInput(.unreadable("the node's \(type) has not the expected form"))
            }
        }
    }

    func webSocket(_ client: WebSocketClient, ended end: WebSocketEnd) {
        guard client === self.client else { return }
        self.client = nil
        onInput(.ended(why: "\(end)"))
    }
}

extension Timer {
    /// Starts the timer for a deadline, or stops it.
    func set(_ deadline: Instant?, now: Instant, _ handler: @escaping () -> Void) {
        guard let deadline else {
            stop()
            return
        }
        // Rounded up, so that the deadline has come when the handler is called.
        let wait = max(0, (deadline - now).nanoseconds + 999_999) / 1_000_000
        start(milliseconds: wait, handler)
    }
}
