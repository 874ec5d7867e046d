/// Decides whether messages of a conversation are compressed: permessage-deflate (RFC 7692).
///
/// ## Overview
/// Either side begins each message with an empty window ("no context takeover"). So an idle
/// connection keeps no compressor and no window, and a message that goes to many receivers is
/// compressed once for all of them.
///
/// ## Function
/// The server takes the first offer that it can keep. What is sent needs a window of
/// `sentWindowBits`, so an offer that allows the server less is declined; what is received may use
/// any window. An offer with a parameter that is unknown, repeated or out of range is declined, as
/// RFC 7692, 7.1 demands, and the conversation goes on without compression.
public enum WebSocketDeflate {
    /// The extension's name.
    public static let name = "permessage-deflate"
    /// The window that a receiver of our messages needs, as a power of two: 4 KiB.
    ///
    /// Widespread clients offer no more, and chat messages are rarely longer.
    public static let sentWindowBits = 12
    /// Shorter messages are sent as they are: little would be saved.
    public static let minimumBytes = 256

    /// What a client of ours asks for.
    public static let offer = WebSocketExtension(
        name, [.init(serverStartsAnew), .init(clientStartsAnew)])

    private static let serverStartsAnew = "server_no_context_takeover"
    private static let clientStartsAnew = "client_no_context_takeover"
    private static let serverWindow = "server_max_window_bits"
    private static let clientWindow = "client_max_window_bits"

    /// The server's answer to the first offer that it can keep; `nil` to go on uncompressed.
    public static func answer(to offers: [WebSocketExtension]) -> WebSocketExtension? {
        for offer in offers where offer.name == name {
            guard let terms = Terms(offer, isOffer: true),
                terms.serverWindow ?? 15 >= sentWindowBits
            else { continue }
            var answer = WebSocketDeflate.offer
            if terms.serverWindow != nil {
                answer.parameters.append(.init(serverWindow, "\(sentWindowBits)"))
            }
            return answer
        }
        return nil
    }

    /// True when a server's answer agrees to our `offer`, whose terms it must repeat.
    public static func isAgreement(_ answer: WebSocketExtension) -> Bool {
        guard let terms = Terms(answer, isOffer: false) else { return false }
        // We did not offer to limit our own window, so the server must not ask for it (7.1.2.2).
        return terms.serverStartsAnew && !terms.limitsClient
    }

    /// The parameters of an offer or an answer (RFC 7692, 7.1).
    private struct Terms {
        var serverStartsAnew = false
        var serverWindow: Int?
        var limitsClient = false

        init?(_ terms: WebSocketExtension, isOffer: Bool) {
            guard terms.name == WebSocketDeflate.name else { return nil }
            for (place, parameter) in terms.parameters.enumerated() {
                let name = parameter.name
                guard !terms.parameters[..<place].contains(where: { $0.name == name }) else {
                    return nil
                }
                switch name {
                case WebSocketDeflate.serverStartsAnew:
                    guard parameter.value == nil else { return nil }
                    serverStartsAnew = true
                case WebSocketDeflate.clientStartsAnew:
                    guard parameter.value == nil else { return nil }
                case WebSocketDeflate.serverWindow:
                    guard let bits = Terms.bits(parameter.value) else { return nil }
                    serverWindow = bits
                case WebSocketDeflate.clientWindow:
                    // Only a client may leave the number out: it says that it knows the parameter.
                    guard isOffer && parameter.value == nil || Terms.bits(parameter.value) != nil
                    else { return nil }
                    limitsClient = true
                default: return nil
                }
            }
        }

        /// A number from 8 to 15 without leading zeros.
        private static func bits(_ text: String?) -> Int? {
            (8...15).first { "\($0)" == text }
        }
    }
}

extension WebSocketExtension {
    /// The extension as a header field has it.
    public var encoded: String {
        var text = name
        for parameter in parameters {
            text += "; " + parameter.name
            if let value = parameter.value { text += "=" + value }
        }
        return text
    }
}
