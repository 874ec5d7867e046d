import CUV
import EdgeCodecs
import Glibc
import Protocols

/// The event loop: time, signals, one deadline, and the end of each turn.
///
/// ## Overview
/// Everything in this module but the storage thread runs on the thread that calls `run`. A turn is
/// what libuv does between two waits for events. At its end, in this order: `onDeadline` when the
/// deadline has come, `onTurnEnd`, then every stream that was written to is flushed. That happens
/// after the events of a poll (`uv_check`) and once more before the next (`uv_prepare`), because
/// timers run in between.
///
/// ## Function
/// Handles are allocated by hand and freed in their close callbacks only. `shutDown` closes all of
/// them, runs what is left and checks that libuv agrees that nothing is open.
public final class Loop {
    /// The bytes of the one buffer into which all streams read.
    static let readBufferSize = 64 * 1024

    let raw: UnsafeMutablePointer<uv_loop_t>
    let readBuffer: UnsafeMutablePointer<CChar>
    private let prepare: UnsafeMutablePointer<uv_prepare_t>
    private let check: UnsafeMutablePointer<uv_check_t>
    private let timer: UnsafeMutablePointer<uv_timer_t>
    private let async: UnsafeMutablePointer<uv_async_t>
    private var signals: [SignalHandle] = []
    private var isClosed = false

    /// Streams that were written to since their last flush.
    private var dirty: [Stream] = []
    private var flushing: [Stream] = []
    /// Empty buffers with storage, for streams that are about to be written to; an idle stream has
    /// none of its own.
    private var spareBuffers: [[UInt8]] = []
    /// Compresses messages for all connections of the loop, which need none of their own.
    private(set) lazy var deflate = MessageDeflate()

    private var deadline: Instant?
    private var armed: Instant?

    /// Called once, on the loop, when the deadline has come; set the next one from inside.
    public var onDeadline: ((Instant) -> Void)?
    /// Called at the end of each turn, before streams are flushed. It must be cheap.
    public var onTurnEnd: (() -> Void)?
    /// Called on the loop after any number of `Waker.wake` calls.
    private var wakeHandlers: [() -> Void] = []
    private var wakers = 0
    /// What the module's own parts do after `onTurnEnd`.
    private var turnEndHandlers: [() -> Void] = []

    /// Makes a loop and makes the process ignore SIGPIPE: a write to a dead connection is an error
    /// code, not the end of the process.
    public init() {
        signal(SIGPIPE, SIG_IGN)
        raw = .allocate(capacity: 1)
        must(uv_loop_init(raw), "uv_loop_init")
        readBuffer = .allocate(capacity: Self.readBufferSize)
        prepare = .allocate(capacity: 1)
        check = .allocate(capacity: 1)
        timer = .allocate(capacity: 1)
        async = .allocate(capacity: 1)
        must(uv_prepare_init(raw, prepare), "uv_prepare_init")
        must(uv_check_init(raw, check), "uv_check_init")
        must(uv_timer_init(raw, timer), "uv_timer_init")
        must(uv_async_init(raw, async) { Loop.of($0!.pointee.loop).woken() }, "uv_async_init")
        raw.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        for handle in innerHandles { handle.pointee.data = nil }
        must(uv_prepare_start(prepare) { Loop.of($0!.pointee.loop).endTurn() }, "uv_prepare_start")
        must(uv_check_start(check) { Loop.of($0!.pointee.loop).endTurn() }, "uv_check_start")
        // These four alone do not keep `run` going.
        for handle in innerHandles { uv_unref(handle) }
    }

    deinit {
        precondition(isClosed, "a loop was released before shutDown")
        readBuffer.deallocate()
        raw.deallocate()
    }

    /// The monotonic clock, read now and not taken from the loop's cache.
    public var now: Instant { Instant(nanoseconds: Int64(bitPattern: uv_hrtime())) }

    /// The wall clock, for display.
    public var wallTime: WallTime {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return WallTime(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
    }

    /// Runs until `stop` is called or nothing is left to wait for.
    public func run() {
        precondition(!isClosed)
        uv_run(raw, UV_RUN_DEFAULT)
    }

    /// Runs one turn; waits for an event unless `waiting` is false.
    public func runOnce(waiting: Bool = true) {
        precondition(!isClosed)
        uv_run(raw, waiting ? UV_RUN_ONCE : UV_RUN_NOWAIT)
    }

    /// Makes `run` return after the current turn.
    public func stop() { uv_stop(raw) }

    /// Sets the time of the next `onDeadline`, or none; cheap enough to call after every event. A
    /// deadline in the past comes at the end of this turn.
    public func setDeadline(_ deadline: Instant?) { self.deadline = deadline }

    /// Calls `handler` on the loop whenever the process gets this signal.
    public func onSignal(_ number: Int32, _ handler: @escaping () -> Void) {
        signals.append(SignalHandle(loop: self, number: number, handler: handler))
    }

    /// Adds a handler for wake-ups from other threads and returns what wakes; `run` goes on as long
    /// as there is a waker.
    func addWaker(_ handler: @escaping () -> Void) -> Waker {
        wakeHandlers.append(handler)
        wakers += 1
        uv_ref(asHandle(async))
        return Waker(async)
    }

    /// One waker will not be used any more.
    func retireWaker() {
        wakers -= 1
        if wakers == 0 { uv_unref(asHandle(async)) }
    }

    /// Calls `handler` after each `onTurnEnd`.
    func addTurnEnd(_ handler: @escaping () -> Void) { turnEndHandlers.append(handler) }

    /// Closes every handle, runs the loop until the last close callback, frees it.
    ///
    /// Streams are cut: flush and close them first where it matters. Storage is closed before. Call
    /// it once, not from a callback.
    public func shutDown() {
        precondition(!isClosed, "a loop is shut down once")
        precondition(wakers == 0, "storage is closed before its loop is shut down")
        onDeadline = nil
        onTurnEnd = nil
        wakeHandlers = []
        turnEndHandlers = []
        uv_walk(
            raw,
            { handle, _ in
                guard uv_is_closing(handle) == 0, let owner = handle!.pointee.data else { return }
                Unmanaged<Handle>.fromOpaque(owner).takeUnretainedValue().close()
            }, nil)
        // Owners may close more handles from their close callbacks, so the loop's own go last.
        while uv_run(raw, UV_RUN_NOWAIT) != 0 || hasOwners {
            uv_run(raw, UV_RUN_ONCE)
        }
        for handle in innerHandles {
            uv_close(handle) { UnsafeMutableRawPointer($0!).deallocate() }
        }
        while uv_run(raw, UV_RUN_DEFAULT) != 0 {}
        let status = uv_loop_close(raw)
        precondition(status == 0, "the loop still has open handles")
        isClosed = true
    }

    // MARK: - Turns

    private func endTurn() {
        // A flush may report a backlog, and what hears of it may write: hence rounds. More than a
        // few would starve the sockets, so the rest waits for the next turn.
        for _ in 0..<8 {
            if let deadline, now >= deadline {
                self.deadline = nil
                onDeadline?(now)
            }
            onTurnEnd?()
            for handler in turnEndHandlers { handler() }
            if dirty.isEmpty { break }
            flushDirty()
        }
        if !dirty.isEmpty { uv_async_send(async) }
        armTimer()
    }

    private func flushDirty() {
        swap(&dirty, &flushing)
        for stream in flushing { stream.flush() }
        flushing.removeAll(keepingCapacity: true)
    }

    private func armTimer() {
        guard deadline != armed else { return }
        armed = deadline
        guard let deadline else {
            uv_timer_stop(timer)
            return
        }
        // Timers count milliseconds of the loop's cached time; rounding up keeps them from firing
        // before the deadline.
        let due = (deadline.nanoseconds + 999_999) / 1_000_000
        let wait = max(0, due - Int64(bitPattern: uv_now(raw)))
        uv_timer_start(timer, { Loop.of($0!.pointee.loop).timerFired() }, UInt64(wait), 0)
    }

    private func timerFired() {
        // `endTurn` compares with the clock itself; this callback exists to end the wait.
        armed = nil
    }

    private func woken() {
        for handler in wakeHandlers { handler() }
    }

    func addDirty(_ stream: Stream) { dirty.append(stream) }

    func takeBuffer() -> [UInt8] { spareBuffers.popLast() ?? [] }

    func giveBack(_ buffer: inout [UInt8]) {
        // One burst must not pin its memory for ever.
        if buffer.capacity <= 64 * 1024 && spareBuffers.count < 64 {
            buffer.removeAll(keepingCapacity: true)
            spareBuffers.append(buffer)
        }
        buffer = []
    }

    private var innerHandles: [UnsafeMutablePointer<uv_handle_t>] {
        [asHandle(prepare), asHandle(check), asHandle(timer), asHandle(async)]
    }

    /// True while any handle but the loop's own is not closed.
    private var hasOwners: Bool {
        var count = 0
        withUnsafeMutablePointer(to: &count) {
            uv_walk(
                raw,
                { handle, count in
                    if handle!.pointee.data != nil {
                        count!.assumingMemoryBound(to: Int.self).pointee += 1
                    }
                }, $0)
        }
        return count > 0
    }

    static func of(_ raw: UnsafeMutablePointer<uv_loop_t>) -> Loop {
        Unmanaged<Loop>.fromOpaque(raw.pointee.data).takeUnretainedValue()
    }
}

/// Wakes a loop from another thread; wake-ups that come close together count as one.
struct Waker: @unchecked Sendable {
    // uv_async_send is the one libuv function that any thread may call.
    private let async: UnsafeMutablePointer<uv_async_t>

    init(_ async: UnsafeMutablePointer<uv_async_t>) { self.async = async }

    func wake() { uv_async_send(async) }
}
