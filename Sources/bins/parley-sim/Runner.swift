@preconcurrency import Glibc
import Protocols
import SimNet

/// Runs many seeds on several threads; the result is the same for any number of them.
///
/// Each thread takes the next seed when it is done with one. Results are added up in order of
/// seed, and nothing behind the first failure counts unless the run is to go on.
final class Runner: @unchecked Sendable {
    let arguments: RunArguments
    let jobs: Int
    private(set) var total = BatchResult()
    private var mutex = pthread_mutex_t()
    private var next: UInt64
    private var isStopped = false
    /// Results that wait for those of earlier seeds.
    private var waiting: [UInt64: RunResult] = [:]
    private var progress: Progress
    /// When no seed is begun any more.
    private let end: Double

    init(_ arguments: RunArguments) {
        self.arguments = arguments
        let cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        jobs = arguments.jobs > 0 ? arguments.jobs : max(1, cores)
        next = arguments.seeds.lowerBound
        progress = Progress(total: arguments.seeds.count, wall: arguments.wall)
        let wall = arguments.wall.map { Double($0.milliseconds) / 1_000 }
        end = wall.map { seconds() + $0 } ?? .infinity
        pthread_mutex_init(&mutex, nil)
    }

    /// Runs all seeds; returns when every thread is done.
    func run() {
        CrashGuard.arm(threads: jobs, options: arguments.setting.options)
        var threads: [pthread_t] = []
        for number in 0..<jobs {
            var thread = pthread_t()
            let worker = Unmanaged.passRetained(Worker(runner: self, number: number))
            let status = pthread_create(
                &thread, nil,
                { context in
                    let worker = Unmanaged<Worker>.fromOpaque(context!).takeRetainedValue()
                    worker.runner.work(worker.number)
                    return nil
                }, worker.toOpaque())
            guard status == 0 else { break }
            threads.append(thread)
        }
        if threads.isEmpty { work(0) }
        for thread in threads { pthread_join(thread, nil) }
        progress.clear()
    }

    private final class Worker {
        let runner: Runner
        let number: Int
        init(runner: Runner, number: Int) {
            self.runner = runner
            self.number = number
        }
    }

    private func work(_ number: Int) {
        while let seed = takeSeed() {
            CrashGuard.enter(thread: number, seed: seed)
            add(seed, arguments.setting.run(seed))
        }
        CrashGuard.leave(thread: number)
    }

    private func takeSeed() -> UInt64? {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        guard !isStopped, next < arguments.seeds.upperBound, seconds() < end else { return nil }
        next += 1
        return next - 1
    }

    private func add(_ seed: UInt64, _ result: RunResult) {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        waiting[seed] = result
        if result.verdict != .held, !arguments.keepGoing { isStopped = true }
        while let ready = waiting.removeValue(
            forKey: arguments.seeds.lowerBound + UInt64(total.seeds))
        {
            guard arguments.keepGoing || total.failures.isEmpty else { break }
            total.add(ready)
            if ready.verdict != .held, !arguments.json {
                progress.clear()
                printFailure(ready, arguments.setting)
            }
        }
        progress.show(done: total.seeds, failed: total.failures.count)
    }
}

/// Says how far the run is: a line on a terminal, or a line a minute in the log of a long run.
struct Progress {
    private let total: Int
    private let wall: Double?
    private let isTerminal = isatty(2) == 1
    private let start = seconds()
    private var shown = seconds()
    private var isShown = false

    init(total: Int, wall: Interval?) {
        self.total = total
        self.wall = wall.map { Double($0.milliseconds) / 1_000 }
    }

    /// Shows how far the run is, when it is time to.
    mutating func show(done: Int, failed: Int) {
        let now = seconds()
        guard isTerminal || wall != nil, now - shown > (isTerminal ? 0.5 : 60), done > 0 else {
            return
        }
        shown = now
        isShown = isTerminal
        let rate = Double(done) / max(now - start, 0.001)
        var left = Double(total - done) / max(rate, 0.001)
        var seeds = "\(done) of \(total) seeds"
        if let wall {
            left = min(left, max(0, start + wall - now))
            seeds = "\(done) seeds"
        }
        let line =
            "\(seeds), \(Int(rate)) a second, \(Int(left)) s left"
            + (failed > 0 ? ", \(failed) failed" : "")
        fputs(isTerminal ? "\r\u{1B}[K" + line : line + "\n", stderr)
    }

    /// Removes the line.
    mutating func clear() {
        guard isShown else { return }
        fputs("\r\u{1B}[K", stderr)
        isShown = false
    }
}

/// Seconds of a clock that never goes back.
func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
