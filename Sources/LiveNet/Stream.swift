import CUV
import Glibc
import Protocols

/// Why a stream is closed.
public enum StreamEnd: Equatable, Sendable, CustomStringConvertible {
    /// This side closed it, at once or after flushing.
    case closedHere
    /// The other side did not close its half in time after this side had.
    case lingeredTooLong
    /// Reading or writing failed; a libuv error code such as `UV_ECONNRESET`.
    case failed(Int32)

    /// A short text for the log.
    public var description: String {
        switch self {
        case .closedHere: "closed here"
        case .lingeredTooLong: "the other side did not close in time"
        case .failed(let code): uvReason(code)
        }
    }
}

/// Hears what happens on one stream; called on the loop's thread only.
public protocol StreamHandler: AnyObject {
    /// Bytes came. The buffer is the loop's own and valid during the call alone.
    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer)
    /// The other side will send nothing more; this side still may.
    func streamReachedEnd(_ stream: Stream)
    /// So many bytes could not be sent at once. Comes after each flush that leaves some, and once
    /// with 0 when the last of them are sent.
    func stream(_ stream: Stream, backlog bytes: Int)
    /// The last call: the stream is gone.
    func stream(_ stream: Stream, closed end: StreamEnd)
}

/// One TCP connection.
///
/// ## Overview
/// Reading goes into a buffer that all streams of the loop share. Writing gathers until the loop's
/// turn ends; then one system call sends what the kernel takes. What it does not take waits here,
/// and the handler hears how much; there is no limit but the handler's.
///
/// ## Function
/// Short writes are copied into one buffer, which is borrowed from the loop while there is
/// something to send; a long payload is kept by reference, so that a fan-out of one payload to many
/// streams copies nothing. When the kernel is full, a small copy of the head is handed to libuv,
/// which waits until the socket takes it; all that follows is tried again then. So no memory of an
/// array is ever in use outside the call that borrows it.
///
/// The stream holds its handler until `closed` was called.
public final class Stream: Handle {
    /// Payloads from this length on are kept by reference instead of being copied (measured: up to
    /// here the copy costs less than the reference count and the longer system call).
    static let sharedPayloadLength = 2048
    /// The longest head that is copied for libuv.
    private static let headLength = 4096
    /// At most so many parts go into one system call.
    private static let maximumParts = 64

    /// Bytes that wait to be sent, oldest part first.
    private struct Part {
        var bytes: [UInt8]
        var sent: Int
        /// The buffer is the loop's and goes back there.
        var isBorrowed: Bool
        var count: Int { bytes.count - sent }
    }

    private let tcp: UnsafeMutablePointer<uv_tcp_t>
    private var handler: (any StreamHandler)?
    /// Gathers short writes.
    private var tail: [UInt8] = []
    /// What comes before `tail`; empty unless a long payload was written or the kernel is full.
    private var parts: [Part] = []
    private var partBytes = 0
    /// Bytes of the head that libuv holds.
    private var headInFlight = 0
    private var isDirty = false
    private var isReading = false
    private var reportedBacklog = false
    private var isEnding = false
    private var isShutDown = false
    private var isLingering = false
    private var sawEnd = false
    private var linger: Timer?
    private var end = StreamEnd.closedHere

    /// Bytes received so far.
    public private(set) var bytesIn: UInt64 = 0
    /// Bytes that the kernel took so far.
    public private(set) var bytesOut: UInt64 = 0

    /// Makes a stream that is not connected yet.
    override init(loop: Loop) {
        tcp = .allocate(capacity: 1)
        super.init(loop: loop)
        must(uv_tcp_init(loop.raw, tcp), "uv_tcp_init")
        adopt(tcp)
    }

    var rawTCP: UnsafeMutablePointer<uv_tcp_t> { tcp }
    private var rawStream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    }

    /// Names who hears of the stream from now on and starts to read.
    public func start(_ handler: any StreamHandler) {
        self.handler = handler
        resumeReading()
    }

    /// Hands the stream to another handler, as when a connection changes protocol.
    public func replaceHandler(_ handler: any StreamHandler) { self.handler = handler }

    /// Bytes written here that the kernel has not taken.
    public var backlog: Int { partBytes + tail.count + headInFlight }

    // MARK: - Reading

    /// Stops reading, so that the other side is held back by TCP's own window.
    public func pauseReading() {
        guard isReading, !isClosed else { return }
        isReading = false
        uv_read_stop(rawStream)
    }

    /// Reads again.
    public func resumeReading() {
        guard !isReading, !isClosed, !sawEnd else { return }
        isReading = true
        let status = uv_read_start(
            rawStream,
            { handle, _, buffer in
                let loop = Loop.of(handle!.pointee.loop)
                buffer!.pointee = uv_buf_init(loop.readBuffer, UInt32(Loop.readBufferSize))
            },
            { raw, count, _ in Stream.of(raw!).onRead(count) })
        if status != 0 { fail(status) }
    }

    private func onRead(_ count: Int) {
        if count > 0 {
            bytesIn &+= UInt64(count)
            guard !isLingering else { return }
            handler?.stream(
                self, received: UnsafeRawBufferPointer(start: loop.readBuffer, count: count))
        } else if count == Int(UV_EOF.rawValue) {
            isReading = false
            sawEnd = true
            uv_read_stop(rawStream)
            if isLingering {
                if isShutDown { finish(.closedHere) }
            } else {
                handler?.streamReachedEnd(self)
            }
        } else if count < 0 {
            fail(Int32(count))
        }
    }

    // MARK: - Writing

    /// Queues bytes; they go out at the end of the loop's turn. Ignored once the stream is ending.
    public func write(_ bytes: [UInt8]) {
        guard mayWrite, !bytes.isEmpty else { return }
        if bytes.count >= Self.sharedPayloadLength {
            sealTail()
            parts.append(Part(bytes: bytes, sent: 0, isBorrowed: false))
            partBytes += bytes.count
        } else {
            borrowTail()
            tail.append(contentsOf: bytes)
        }
        markDirty()
    }

    /// Queues a copy of the bytes. Ignored once the stream is ending.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard mayWrite, !bytes.isEmpty else { return }
        borrowTail()
        tail.append(contentsOf: bytes)
        markDirty()
    }

    /// Lets `body` append to the stream's own buffer, which saves a copy. Ignored, and `body` not
    /// called, once the stream is ending.
    public func write(_ body: (inout [UInt8]) -> Void) {
        guard mayWrite else { return }
        borrowTail()
        body(&tail)
        markDirty()
    }

    private var mayWrite: Bool { !isClosed && !isEnding }

    private func borrowTail() {
        if tail.capacity == 0 { tail = loop.takeBuffer() }
    }

    private func sealTail() {
        guard !tail.isEmpty else { return }
        partBytes += tail.count
        parts.append(Part(bytes: tail, sent: 0, isBorrowed: true))
        tail = []
    }

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        loop.addDirty(self)
    }

    /// Sends what the kernel takes; called by the loop at the end of a turn.
    func flush() {
        isDirty = false
        guard !isClosed else { return }
        if headInFlight == 0 && partBytes + tail.count > 0 {
            let status = parts.isEmpty ? sendTail() : sendParts()
            if status < 0 {
                fail(status)
                return
            }
        }
        let backlog = backlog
        if backlog > 0 || reportedBacklog {
            reportedBacklog = backlog > 0
            handler?.stream(self, backlog: backlog)
        }
        if isEnding && backlog == 0 { shutDownWriting() }
    }

    /// The usual case: one buffer, one call, all of it taken.
    private func sendTail() -> Int32 {
        let taken = tail.withUnsafeMutableBytes { bytes in
            var buffer = uv_buf_init(
                bytes.baseAddress!.assumingMemoryBound(to: CChar.self), UInt32(bytes.count))
            return uv_try_write(rawStream, &buffer, 1)
        }
        if taken == tail.count {
            bytesOut &+= UInt64(taken)
            loop.giveBack(&tail)
            return 0
        }
        if taken < 0 && taken != UV_EAGAIN.rawValue { return taken }
        let sent = max(0, Int(taken))
        bytesOut &+= UInt64(sent)
        sealTail()
        parts[0].sent = sent
        partBytes -= sent
        return waitForRoom()
    }

    private func sendParts() -> Int32 {
        sealTail()
        while partBytes > 0 {
            let number = min(parts.count, Self.maximumParts)
            let taken = withUnsafeTemporaryAllocation(of: uv_buf_t.self, capacity: number) {
                sendParts(number, buffers: $0, at: 0)
            }
            if taken < 0 && taken != UV_EAGAIN.rawValue { return taken }
            if taken <= 0 { return waitForRoom() }
            dropSent(Int(taken))
        }
        return 0
    }

    /// Borrows one part after the other, so that all pointers are valid during the system call.
    private func sendParts(
        _ number: Int, buffers: UnsafeMutableBufferPointer<uv_buf_t>, at position: Int
    ) -> Int32 {
        if position == number {
            return uv_try_write(rawStream, buffers.baseAddress, UInt32(number))
        }
        let part = parts[position]
        return part.bytes.withUnsafeBytes { bytes in
            let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + part.sent)
            buffers[position] = uv_buf_init(
                start.assumingMemoryBound(to: CChar.self), UInt32(part.count))
            return sendParts(number, buffers: buffers, at: position + 1)
        }
    }

    private func dropSent(_ sent: Int) {
        bytesOut &+= UInt64(sent)
        partBytes -= sent
        var rest = sent
        var done = 0
        while rest > 0 {
            let count = parts[done].count
            if rest < count {
                parts[done].sent += rest
                break
            }
            rest -= count
            done += 1
        }
        for position in 0..<done where parts[position].isBorrowed {
            loop.giveBack(&parts[position].bytes)
        }
        parts.removeFirst(done)
        if parts.isEmpty { parts = [] }
    }

    /// Hands a copy of the head to libuv, which waits until the socket takes bytes again.
    private func waitForRoom() -> Int32 {
        let part = parts[0]
        let count = min(part.count, Self.headLength)
        let size = MemoryLayout<uv_write_t>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + count, alignment: 16)
        let request = memory.bindMemory(to: uv_write_t.self, capacity: 1)
        let copy = (memory + size).bindMemory(to: CChar.self, capacity: count)
        part.bytes.withUnsafeBytes {
            (memory + size).copyMemory(from: $0.baseAddress! + part.sent, byteCount: count)
        }
        var buffer = uv_buf_init(copy, UInt32(count))
        let status = uv_write(request, rawStream, &buffer, 1) { request, status in
            let stream = Stream.of(request!.pointee.handle)
            UnsafeMutableRawPointer(request!).deallocate()
            stream.onHeadSent(status)
        }
        guard status == 0 else {
            memory.deallocate()
            return status
        }
        headInFlight = count
        dropSent(count)
        bytesOut &-= UInt64(count)
        return 0
    }

    private func onHeadSent(_ status: Int32) {
        let count = headInFlight
        headInFlight = 0
        guard !isClosed else { return }
        guard status == 0 else {
            fail(status)
            return
        }
        bytesOut &+= UInt64(count)
        // What waits behind the head goes with the flush at the end of this turn.
        markDirty()
    }

    // MARK: - Ending

    /// Sends what is queued, then tells the other side that nothing more comes; reading goes on.
    public func endWriting() {
        guard mayWrite else { return }
        isEnding = true
        markDirty()
    }

    /// Sends what is queued, ends this side, waits for the other side's end, closes.
    ///
    /// Closing at once while the other side still sends would make the kernel reset the connection,
    /// and the last bytes could be lost with it (RFC 1122 section 4.2.2.13). What comes in
    /// meanwhile is thrown away. After `milliseconds` the stream is closed in any case.
    public func closeAfterFlush(within milliseconds: Int64 = 2000) {
        guard !isClosed, !isLingering else { return }
        isLingering = true
        let timer = Timer(loop: loop)
        linger = timer
        timer.start(milliseconds: milliseconds) { [unowned self] in finish(.lingeredTooLong) }
        if isShutDown && sawEnd {
            finish(.closedHere)
            return
        }
        endWriting()
        resumeReading()
    }

    /// Closes at once; what is queued is lost.
    public override func close() {
        linger?.close()
        linger = nil
        super.close()
    }

    private func shutDownWriting() {
        guard !isShutDown else { return }
        isShutDown = true
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let status = uv_shutdown(request, rawStream) { request, status in
            let stream = Stream.of(request!.pointee.handle)
            request!.deallocate()
            guard !stream.isClosed else { return }
            if status != 0 {
                stream.fail(status)
            } else if stream.isLingering && stream.sawEnd {
                stream.finish(.closedHere)
            }
        }
        if status != 0 {
            request.deallocate()
            fail(status)
        }
    }

    private func finish(_ end: StreamEnd) {
        guard !isClosed else { return }
        self.end = end
        close()
    }

    private func fail(_ code: Int32) { finish(.failed(code)) }

    override func didClose() {
        parts = []
        partBytes = 0
        tail = []
        let handler = self.handler
        self.handler = nil
        handler?.stream(self, closed: end)
    }

    // MARK: - The socket

    /// Turns off Nagle's delay and turns on keep-alive; failing is harmless, the connection is
    /// dying.
    func configure() {
        uv_tcp_nodelay(tcp, 1)
        uv_tcp_keepalive(tcp, 1, 60)
    }

    /// The other side's address as text, such as `127.0.0.1:8080`; `nil` when it is gone.
    public var peerAddress: String? {
        guard !isClosed else { return nil }
        return SocketAddress.text { uv_tcp_getpeername(tcp, $0, $1) }
    }

    private static func of(_ raw: UnsafeMutablePointer<uv_stream_t>) -> Stream {
        let owner = Unmanaged<Handle>.fromOpaque(raw.pointee.data).takeUnretainedValue()
        return unsafeDowncast(owner, to: Stream.self)
    }
}
