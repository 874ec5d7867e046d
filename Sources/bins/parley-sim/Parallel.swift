@preconcurrency import Glibc

/// Calls `body` for each number below `count` on several threads; returns what it made, in order.
func inParallel<Result: Sendable>(
    _ count: Int, jobs: Int, _ body: @escaping @Sendable (Int) -> Result
) -> [Result] {
    let work = ParallelWork(count, body)
    var threads: [pthread_t] = []
    for _ in 1..<max(1, min(jobs, count)) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(work as AnyWork)
        let status = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<AnyWork>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            break
        }
        threads.append(thread)
    }
    work.run()
    for thread in threads { pthread_join(thread, nil) }
    return work.results.map { $0! }
}

/// What a thread can be handed; a generic class cannot be named in a C callback.
private class AnyWork: @unchecked Sendable {
    func run() {}
}

/// The next number to be taken, and what the others came to.
private final class ParallelWork<Result: Sendable>: AnyWork, @unchecked Sendable {
    private(set) var results: [Result?]
    private let body: @Sendable (Int) -> Result
    private var next = 0
    private var mutex = pthread_mutex_t()

    init(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) {
        results = Array(repeating: nil, count: count)
        self.body = body
        super.init()
        pthread_mutex_init(&mutex, nil)
    }

    override func run() {
        while let number = take() {
            let result = body(number)
            pthread_mutex_lock(&mutex)
            results[number] = result
            pthread_mutex_unlock(&mutex)
        }
    }

    private func take() -> Int? {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        guard next < results.count else { return nil }
        next += 1
        return next - 1
    }
}
