import EdgeCodecs
import Glibc
import LiveNet
import Protocols
import TerminalClient

/// `parley chat` on a terminal: hands keys and news to the client's value and shows what it says.
final class ScreenFace {
    private let loop: Loop
    private let screen: TerminalScreen
    private var app: ChatApp
    private var queue: [ChatApp.Event] = []
    private var isStepping = false
    private var link: NodeLink!
    private var timer: Timer
    private var watch: DescriptorWatch?
    private var shown: Frame?
    private var exitCode: Int32?

    /// How long the goodbye to the node may take.
    private static let goodbye = Interval.milliseconds(500)

    private init(_ options: ChatOptions, _ screen: TerminalScreen, _ loop: Loop) {
        self.loop = loop
        self.screen = screen
        app = ChatApp(options.screenSettings(seed: randomNumber()), size: screen.size)
        timer = Timer(loop: loop)
        link = NodeLink(loop: loop) { [unowned self] in feed(.link($0)) }
    }

    /// Runs until the person quits; returns the exit code. The terminal is as before then.
    static func run(_ options: ChatOptions) -> Int32 {
        let loop = Loop()
        var face: ScreenFace?
        // Before the screen is opened, for ncurses handles the signals that nobody does.
        for number in [SIGINT, SIGTERM, SIGHUP] {
            loop.onSignal(number) { face?.feed(.quit(128 + number)) }
        }
        // A stopped process does not hear that its terminal has another size.
        for number in [SIGWINCH, SIGCONT] { loop.onSignal(number) { face?.onResize() } }
        guard let screen = TerminalScreen() else {
            Terminal.error("parley chat: this terminal cannot show a screen; use --plain")
            return 1
        }
        let started = ScreenFace(options, screen, loop)
        face = started
        started.start()
        while started.exitCode == nil { loop.runOnce() }
        screen.close()
        started.sayGoodbye()
        return started.exitCode ?? 0
    }

    private func start() {
        watch = DescriptorWatch(loop: loop, descriptor: screen.descriptor) { [unowned self] in
            for key in screen.keys() { feed(.key(key)) }
            if screen.isGone { feed(.quit(128 + SIGHUP)) }
        }
        loop.onTurnEnd = { [unowned self] in show() }
        var effects: [ChatApp.Effect] = []
        app.start(at: loop.now, into: &effects)
        isStepping = true
        perform(effects)
        isStepping = false
        drain()
        show()
    }

    /// Gives the client something; what comes of that is dealt with before the next.
    private func feed(_ event: ChatApp.Event) {
        queue.append(event)
        if !isStepping { drain() }
    }

    private func drain() {
        isStepping = true
        defer { isStepping = false }
        while !queue.isEmpty, exitCode == nil {
            var effects: [ChatApp.Effect] = []
            app.step(queue.removeFirst(), at: loop.now, into: &effects)
            perform(effects)
        }
        timer.set(app.deadline, now: loop.now) { [unowned self] in
            feed(.link(.tick(lastHeard: link.lastHeard)))
        }
    }

    private func perform(_ effects: [ChatApp.Effect]) {
        for effect in effects {
            switch effect {
            case .link(let effect): link.perform(effect)
            case .quit(let code):
                if exitCode == nil { exitCode = code }
            }
        }
    }

    private func onResize() {
        screen.resize()
        shown = nil
        feed(.resized(screen.size))
    }

    /// Shows what has changed; a burst of news is drawn once.
    private func show() {
        guard exitCode == nil else { return }
        let frame = app.render()
        guard frame != shown else { return }
        shown = frame
        screen.draw(frame)
    }

    /// Lets the last words out and the node answer them.
    private func sayGoodbye() {
        let end = loop.now + Self.goodbye
        timer.set(end, now: loop.now) {}
        while !link.isOver, loop.now < end { loop.runOnce() }
    }
}
