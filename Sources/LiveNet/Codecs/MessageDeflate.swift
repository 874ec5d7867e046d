import CZlib
import Protocols

/// Deflates and inflates whole WebSocket messages (RFC 7692, 7.2), each on its own.
///
/// ## Overview
/// There is no context takeover, so one codec serves any number of connections, one message after
/// the other. It takes about 100 KiB, most of it from its first use on; a connection takes nothing.
///
/// ## Function
/// Inflating is bounded: it stops as soon as the result would be longer than the limit, and never
/// holds more than the limit and one chunk.
public final class MessageDeflate {
    /// How hard zlib tries, from 1 to 9. Measured: 6 takes twice as long on a long message and saves
    /// 2% of its length; on a short one both are alike.
    private static let level: Int32 = 3
    /// The size of zlib's hash table. It is cleared for each message, so it is small.
    private static let memoryLevel: Int32 = 4
    private static let chunkBytes = 16 * 1024
    /// What a sender leaves out at the end of each message (7.2.1): an empty stored block.
    private static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]

    private let chunk: UnsafeMutablePointer<UInt8>
    private var deflater: UnsafeMutablePointer<z_stream>?
    private var inflater: UnsafeMutablePointer<z_stream>?

    /// Makes a codec.
    public init() { chunk = .allocate(capacity: Self.chunkBytes) }

    deinit {
        if let deflater {
            deflateEnd(deflater)
            deflater.deallocate()
        }
        if let inflater {
            inflateEnd(inflater)
            inflater.deallocate()
        }
        chunk.deallocate()
    }

    // MARK: Deflating

    /// The message compressed; `nil` when it is too short to try, or would not become shorter.
    public func deflated(_ message: [UInt8]) -> [UInt8]? {
        guard message.count >= WebSocketDeflate.minimumBytes else { return nil }
        let stream = readyDeflater()
        var result: [UInt8] = []
        result.reserveCapacity(message.count)
        message.withUnsafeBufferPointer { bytes in
            // zlib reads through this pointer and does not write.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
            stream.pointee.avail_in = UInt32(bytes.count)
            repeat {
                let count = fill(stream) { deflate($0, Z_SYNC_FLUSH) }
                result.append(contentsOf: UnsafeBufferPointer(start: chunk, count: count))
            } while stream.pointee.avail_out == 0 && result.count < message.count
        }
        guard result.count < message.count else { return nil }
        precondition(result.suffix(4) == Self.tail[...], "a flush ends in an empty stored block")
        result.removeLast(4)
        return result
    }

    private func readyDeflater() -> UnsafeMutablePointer<z_stream> {
        if let deflater {
            deflateReset(deflater)
            return deflater
        }
        let stream = Self.stream()
        let status = parley_deflate_init(
            stream, Self.level, Int32(WebSocketDeflate.sentWindowBits), Self.memoryLevel)
        precondition(status == Z_OK, "zlib has no memory for a compressor")
        deflater = stream
        return stream
    }

    // MARK: Inflating

    /// The message that was compressed, at most `limit` bytes. Throws `messageTooBig`, or
    /// `badCompression` when the bytes are not whole blocks of RFC 1951.
    public func inflated(_ bytes: [UInt8], limit: Int) throws(WebSocketError) -> [UInt8] {
        let stream = readyInflater()
        var result: [UInt8] = []
        try inflate(bytes, of: stream, into: &result, limit)
        try inflate(Self.tail, of: stream, into: &result, limit)
        // Bit 7 alone: all input is used, and it ended where a block ends.
        guard stream.pointee.data_type == 128 else { throw .badCompression }
        return result
    }

    /// Inflates a text and checks that it is UTF-8, which cannot be seen before; else `invalidUTF8`.
    public func inflatedText(_ bytes: [UInt8], limit: Int) throws(WebSocketError) -> [UInt8] {
        let text = try inflated(bytes, limit: limit)
        guard UTF8Validator.isValid(text) else { throw .invalidUTF8 }
        return text
    }

    private func inflate(
        _ bytes: [UInt8], of stream: UnsafeMutablePointer<z_stream>, into result: inout [UInt8],
        _ limit: Int
    ) throws(WebSocketError) {
        var position = 0
        while true {
            let (status, count) = bytes.withUnsafeBufferPointer { all in
                let rest = UnsafeBufferPointer(rebasing: all[position...])
                stream.pointee.next_in = UnsafeMutablePointer(mutating: rest.baseAddress)
                stream.pointee.avail_in = UInt32(rest.count)
                var status: Int32 = Z_OK
                let count = fill(stream) { status = CZlib.inflate($0, Z_SYNC_FLUSH) }
                return (status, count)
            }
            position = bytes.count - Int(stream.pointee.avail_in)
            guard count <= limit - result.count else { throw .messageTooBig }
            append(count, to: &result, limit)
            switch status {
            case Z_OK:
                if position == bytes.count, stream.pointee.avail_out > 0 { return }
            case Z_BUF_ERROR where position == bytes.count: return
            case Z_STREAM_END:
                // A final block may stand inside a message (7.2.3.4); what follows starts anew.
                inflateReset(stream)
                if position == bytes.count { return }
            default: throw .badCompression
            }
        }
    }

    /// Appends what is in the chunk, with room for no more than the limit allows.
    private func append(_ count: Int, to result: inout [UInt8], _ limit: Int) {
        let needed = result.count + count
        if needed > result.capacity {
            result.reserveCapacity(min(limit, max(needed, 2 * result.capacity)))
        }
        result.append(contentsOf: UnsafeBufferPointer(start: chunk, count: count))
    }

    private func readyInflater() -> UnsafeMutablePointer<z_stream> {
        if let inflater {
            inflateReset(inflater)
            return inflater
        }
        let stream = Self.stream()
        precondition(
            parley_inflate_init(stream) == Z_OK, "zlib has no memory for a decompressor")
        inflater = stream
        return stream
    }

    // MARK: Both

    /// Lets zlib write into the chunk once; the number of bytes that it wrote.
    private func fill(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ body: (UnsafeMutablePointer<z_stream>) -> Void
    ) -> Int {
        stream.pointee.next_out = chunk
        stream.pointee.avail_out = UInt32(Self.chunkBytes)
        body(stream)
        return Self.chunkBytes - Int(stream.pointee.avail_out)
    }

    /// A stream that is not begun; zlib keeps its address.
    private static func stream() -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        return stream
    }
}
