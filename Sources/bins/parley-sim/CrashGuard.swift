import Glibc

/// Says which seed was running when a machine traps, and how to repeat it; exits with 4.
///
/// What the handler reads is prepared before: in a signal handler nothing may be allocated.
enum CrashGuard {
    private struct Slot {
        var thread: pthread_t
        var seed: UInt64
        var isBusy: Bool
    }

    private nonisolated(unsafe) static var slots: UnsafeMutablePointer<Slot>?
    private nonisolated(unsafe) static var count = 0
    private nonisolated(unsafe) static var tail: UnsafeMutablePointer<CChar>?

    /// Installs the handlers; `options` follow the seed in the command that is printed.
    static func arm(threads: Int, options: String) {
        let fresh = UnsafeMutablePointer<Slot>.allocate(capacity: threads)
        fresh.initialize(
            repeating: Slot(thread: pthread_self(), seed: 0, isBusy: false), count: threads)
        slots = fresh
        count = threads
        tail = strdup(options + "\n")
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            signal(number) { _ in CrashGuard.report() }
        }
    }

    /// The calling thread begins a seed.
    static func enter(thread: Int, seed: UInt64) {
        guard let slots, thread < count else { return }
        slots[thread] = Slot(thread: pthread_self(), seed: seed, isBusy: true)
    }

    /// The calling thread has no seed any more.
    static func leave(thread: Int) {
        guard let slots, thread < count else { return }
        slots[thread].isBusy = false
    }

    private static func report() {
        if let slots {
            let current = pthread_self()
            for number in 0..<count {
                let slot = slots[number]
                guard slot.isBusy, pthread_equal(slot.thread, current) != 0 else { continue }
                say("\ncrashed: a machine trapped in seed ")
                say(slot.seed)
                say("\nreplay:  parley-sim replay ")
                say(slot.seed)
                if let tail { _ = write(2, tail, strlen(tail)) }
            }
        }
        _exit(4)
    }

    private static func say(_ text: StaticString) {
        _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func say(_ number: UInt64) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(48 + number / divisor % 10)
            _ = write(2, &digit, 1)
            divisor /= 10
        }
    }
}
