@preconcurrency import Glibc

/// When a machine traps in a search, starts the program anew: the same search up to the very same
/// place, and there it tells the way instead of taking the step.
///
/// A search is the same every time, so a place in it is two numbers. The handler allocates nothing.
enum TrapGuard {
    private nonisolated(unsafe) static var state: UInt32 = .max
    private nonisolated(unsafe) static var action: UInt32 = .max
    private nonisolated(unsafe) static var place: UnsafeMutablePointer<CChar>?
    private nonisolated(unsafe) static var words:
        UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

    static func note(_ newState: UInt32, _ newAction: UInt32) {
        state = newState
        action = newAction
    }

    static func arm() {
        var arguments = CommandLine.arguments
        if let place = arguments.firstIndex(of: "--trapped"), place + 1 < arguments.count {
            // That was a trap of a healed world; this one is another, so heal none.
            arguments.replaceSubrange(place...place + 1, with: ["--liveness", "0"])
        }
        let fresh = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: arguments.count + 3)
        for (number, argument) in arguments.enumerated() { fresh[number] = strdup(argument) }
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: 32)
        fresh[arguments.count] = strdup("--trapped")
        fresh[arguments.count + 1] = text
        fresh[arguments.count + 2] = nil
        (words, place) = (fresh, text)
        // A run that a handler started has the handler's signals blocked.
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            signal(number) { _ in TrapGuard.restart() }
        }
    }

    private static func restart() {
        if state == .max {
            let text: StaticString = "a machine traps in how the search begins\n"
            _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
        } else if let words, let place {
            var end = 0
            append(state, place, &end)
            place[end] = 0x3A
            end += 1
            append(action, place, &end)
            place[end] = 0
            execv("/proc/self/exe", words)
        }
        _exit(4)
    }

    private static func append(
        _ number: UInt32, _ text: UnsafeMutablePointer<CChar>, _ end: inout Int
    ) {
        var divisor: UInt32 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            text[end] = CChar(48 + number / divisor % 10)
            end += 1
            divisor /= 10
        }
    }
}
