import Glibc
import LiveNet

/// A directory that is gone after the test.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/parley-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
        guard let made else { preconditionFailure("no temporary directory") }
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        chmod(path, 0o700)
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != "." && name != ".." { remove(path + "/" + name) }
            }
            closedir(directory)
        }
        Glibc.remove(path)
    }
}

/// A stream handler made of closures that records what it hears.
final class Recorder: StreamHandler {
    var received: [UInt8] = []
    var backlogs: [Int] = []
    var ends = 0
    var closed: StreamEnd?
    var onReceive: ((Stream, [UInt8]) -> Void)?
    var onEnd: ((Stream) -> Void)?
    var onClose: ((StreamEnd) -> Void)?
    var keeps = true
    var count = 0

    func stream(_ stream: Stream, received bytes: UnsafeRawBufferPointer) {
        count += bytes.count
        if keeps { received.append(contentsOf: bytes) }
        onReceive?(stream, Array(bytes))
    }
    func streamReachedEnd(_ stream: Stream) {
        ends += 1
        onEnd?(stream)
    }
    func stream(_ stream: Stream, backlog bytes: Int) { backlogs.append(bytes) }
    func stream(_ stream: Stream, closed end: StreamEnd) {
        closed = end
        onClose?(end)
    }
}

/// Runs the loop until the condition holds; false after `seconds`.
func run(_ loop: Loop, seconds: Int64 = 10, until condition: () -> Bool) -> Bool {
    let end = loop.now.nanoseconds + seconds * 1_000_000_000
    let tick = Timer(loop: loop)
    tick.start(milliseconds: 20, repeating: 20) {}
    defer { tick.close() }
    while !condition() {
        guard loop.now.nanoseconds < end else { return false }
        loop.runOnce()
    }
    return true
}
