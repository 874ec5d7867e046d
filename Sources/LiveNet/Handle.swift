import CUV
import Glibc

/// The owner of one libuv handle.
///
/// libuv holds a reference to the owner from `adopt` until the close callback, so an open handle
/// lives without anyone else holding it. The memory is freed in that callback, never before.
public class Handle {
    /// The loop on whose thread everything happens.
    public let loop: Loop
    private var memory: UnsafeMutablePointer<uv_handle_t>?

    init(loop: Loop) { self.loop = loop }

    /// True from the call of `close` on.
    public private(set) var isClosed = false

    /// Takes over a handle that libuv has initialised.
    final func adopt<Kind>(_ handle: UnsafeMutablePointer<Kind>) {
        precondition(memory == nil)
        let memory = asHandle(handle)
        self.memory = memory
        memory.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// Closes the handle; safe to call again. The memory goes in a later turn.
    public func close() {
        guard !isClosed, let memory else { return }
        isClosed = true
        uv_close(memory) { handle in
            let owner = Unmanaged<Handle>.fromOpaque(handle!.pointee.data).takeRetainedValue()
            owner.memory = nil
            UnsafeMutableRawPointer(handle!).deallocate()
            owner.didClose()
        }
    }

    /// Called once when the handle's memory is gone.
    func didClose() {}
}

/// A signal that is watched for as long as the loop is open.
final class SignalHandle: Handle {
    private let handler: () -> Void

    init(loop: Loop, number: Int32, handler: @escaping () -> Void) {
        self.handler = handler
        super.init(loop: loop)
        let signal = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
        must(uv_signal_init(loop.raw, signal), "uv_signal_init")
        adopt(signal)
        must(
            uv_signal_start(
                signal,
                { handle, _ in
                    let owner = Unmanaged<Handle>.fromOpaque(handle!.pointee.data)
                    unsafeDowncast(owner.takeUnretainedValue(), to: SignalHandle.self).handler()
                }, number), "uv_signal_start")
        // A watched signal alone is no reason to keep running.
        uv_unref(asHandle(signal))
    }
}

/// Calls back after a time, once or again and again, with a precision of a millisecond.
public final class Timer: Handle {
    private let timer: UnsafeMutablePointer<uv_timer_t>
    private var handler: (() -> Void)?

    /// Makes a timer that is not started. Close it when it is done with.
    public override init(loop: Loop) {
        timer = .allocate(capacity: 1)
        super.init(loop: loop)
        must(uv_timer_init(loop.raw, timer), "uv_timer_init")
        adopt(timer)
    }

    /// Starts the timer anew; `milliseconds` from now, then every `repeating` if that is not 0.
    public func start(
        milliseconds: Int64, repeating: Int64 = 0, _ handler: @escaping () -> Void
    ) {
        precondition(!isClosed && milliseconds >= 0 && repeating >= 0)
        self.handler = handler
        // The loop's cached time may be old after long work, which would make the wait too short.
        uv_update_time(loop.raw)
        uv_timer_start(
            timer,
            { handle in
                let owner = Unmanaged<Handle>.fromOpaque(handle!.pointee.data)
                unsafeDowncast(owner.takeUnretainedValue(), to: Timer.self).handler?()
            }, UInt64(milliseconds), UInt64(repeating))
    }

    /// Stops the timer; it can be started again.
    public func stop() {
        guard !isClosed else { return }
        uv_timer_stop(timer)
        handler = nil
    }

    /// Stops and closes the timer.
    public override func close() {
        handler = nil
        super.close()
    }
}

/// Every libuv handle begins with the fields of `uv_handle_t`.
@inline(__always)
func asHandle<Kind>(_ handle: UnsafeMutablePointer<Kind>) -> UnsafeMutablePointer<uv_handle_t> {
    UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
}

/// Stops the process when a call fails that only fails for lack of memory or descriptors at start.
func must(_ status: Int32, _ call: StaticString) {
    precondition(status == 0, "\(call) fails: \(uvReason(status))")
}

/// What libuv calls an error code.
func uvReason(_ code: Int32) -> String {
    uv_strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
