import EdgeCodecs
import Protocols

/// One text on its way to any number of clients: framed plain and framed compressed, each once and
/// not before the first client wants it so.
struct OutgoingText {
    private let text: [UInt8]
    private var plain: [UInt8]?
    private var compressed: [UInt8]?

    init(_ text: [UInt8]) { self.text = text }

    /// The frame for a client that takes compressed messages, or for one that does not. A text that
    /// compression would not make shorter goes to all as it is.
    mutating func frame(isCompressed: Bool, _ codec: MessageDeflate) -> [UInt8] {
        guard isCompressed else {
            if let plain { return plain }
            let frame = WebSocketFrame.encoded(.text, text)
            plain = frame
            return frame
        }
        if let compressed { return compressed }
        let deflated = codec.deflated(text)
        let frame =
            deflated.map { WebSocketFrame.encoded(.text, $0, isCompressed: true) }
            ?? frame(isCompressed: false, codec)
        compressed = frame
        return frame
    }
}
