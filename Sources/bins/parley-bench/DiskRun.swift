import Glibc
import LiveNet
import Protocols
import SimNet

/// Drives a disk script through a real data directory and says what is seen, line by line; the
/// tests compare that with what the simulated disk shows, and kill it at any moment.
final class DiskRun {
    static let usage = """
        Usage: parley-bench disk --path DIR [--segment BYTES] [--die-after MICROSECONDS] SCRIPT

        Does to a data directory what the script says, such as
        'append 10 2000; vote; turn; rewrite 1; snapshot 2 100; settle', and prints

          began BOOT          the directory is open
          did N               the script's act N, from 0, is about to be done
          write TOKEN         the node is told that writes up to the token are durable
          snapshot TOKEN      the node is told that the snapshot is durable
          stopped             the directory is closed

        With --die-after a signal ends the process so long after the directory was opened.
        """

    private let loop = Loop()
    private let storage: Storage
    private var player = DiskPlayer()
    private var failure: StorageFailure?

    static func run(_ words: [String]) throws(UsageError) -> Int32 {
        var arguments = Arguments(words)
        var path: String?
        var segment = 4_096
        var death: Int?
        var script: DiskScript?
        while let word = arguments.next() {
            switch word {
            case "--path": path = try arguments.value(of: word)
            case "--segment": segment = try arguments.number(of: word, in: 1...1 << 30)
            case "--die-after": death = try arguments.number(of: word, in: 1...999_999)
            default:
                guard script == nil, let read = DiskScript(word) else {
                    throw UsageError("'\(word)' is no script")
                }
                script = read
            }
        }
        guard let path, let script else { throw UsageError("disk takes --path DIR and a script") }
        let run: DiskRun
        do throws(StorageError) {
            run = try DiskRun(path: path, segment: segment)
        } catch {
            Output.error("\(error)")
            return 1
        }
        if let death { dieAfter(death) }
        return run.perform(script)
    }

    /// The default action of an alarm ends the process at once, whatever its threads do.
    private static func dieAfter(_ microseconds: Int) {
        var timer = itimerval()
        timer.it_value.tv_usec = microseconds
        setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }

    private init(path: String, segment: Int) throws(StorageError) {
        let opened = try Storage.open(
            loop: loop, path: path, node: NodeID(1), segmentLimit: segment)
        storage = opened.storage
        player.began(opened.identity.boot, opened.durable)
        Output.line("began \(opened.identity.boot.rawValue)")
        storage.onPersisted = { [unowned self] in
            Output.line("write \($0.sequence)")
            ask(player.hear(.persisted($0)))
        }
        storage.onSnapshotSaved = { [unowned self] in
            Output.line("snapshot \($0.sequence)")
            ask(player.hear(.snapshotSaved($0)))
        }
        storage.onFailure = { [unowned self] in failure = $0 }
    }

    private func perform(_ script: DiskScript) -> Int32 {
        for (number, act) in script.acts.enumerated() {
            while player.mustWait, failure == nil { loop.runOnce() }
            Output.line("did \(number)")
            ask(player.perform(act))
            switch act {
            case .turn: loop.runOnce(waiting: false)
            case .settle: while !player.isSettled, failure == nil { loop.runOnce() }
            case .append, .vote, .rewrite, .snapshot, .install, .end: break
            }
        }
        let last = storage.close()
        if let failure = failure ?? last {
            Output.error("\(failure)")
            return 1
        }
        Output.line("stopped")
        loop.shutDown()
        return 0
    }

    private func ask(_ effects: [NodeEffect]) {
        for effect in effects {
            switch effect {
            case .persist(let write, let token): storage.persist(write, token)
            case .saveSnapshot(let snapshot, let token): storage.saveSnapshot(snapshot, token)
            case .compactLog(let index): storage.compact(through: index)
            case .send, .reply, .deliver, .close, .note, .halt, .call, .abandonCall,
                .answer:
                break
            }
        }
    }
}
