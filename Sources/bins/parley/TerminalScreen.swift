import CNcurses
import Glibc
import TerminalClient

/// The terminal as ncurses has it: keys in, frames out; from `init` to `close`.
final class TerminalScreen {
    /// Becomes readable when keys wait. An open file of its own, for the standard input's is shared
    /// with the shell and must stay as it is.
    let descriptor: Int32
    /// The terminal is not there any more.
    private(set) var isGone = false
    private var isClosed = false

    /// Takes over the terminal of the standard input and output; `nil`, and nothing changed, if that
    /// cannot be done.
    init?() {
        Self.useUTF8()
        guard let name = ttyname(STDIN_FILENO) else { return nil }
        descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        guard screen_open() == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        resize()
    }

    /// Text is UTF-8 whatever the locale says; without one ncurses would show question marks.
    private static func useUTF8() {
        setlocale(LC_ALL, "")
        let codes = nl_langinfo(nl_item(CODESET)).map { String(cString: $0) }
        if codes != "UTF-8" { setlocale(LC_CTYPE, "C.UTF-8") }
    }

    /// Gives the terminal back as it was found; safe to call again.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        screen_close()
    }

    /// The terminal's size as the kernel knows it.
    var size: ScreenSize {
        var found = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &found) == 0, found.ws_row > 0,
            found.ws_col > 0
        else { return ScreenSize(rows: 24, columns: 80) }
        return ScreenSize(rows: Int(found.ws_row), columns: Int(found.ws_col))
    }

    /// Follows the terminal's size.
    func resize() {
        let size = size
        screen_resize(Int32(size.rows), Int32(size.columns))
    }

    // MARK: - Keys

    /// The keys that wait.
    func keys() -> [Key] {
        var raw: [RawKey] = []
        while raw.count < 1_000 {
            let code = screen_key()
            if code == SCREEN_NONE.rawValue { break }
            if code >= 0 {
                if let scalar = Unicode.Scalar(UInt32(code)) { raw.append(.scalar(scalar)) }
            } else {
                raw.append(Self.key(screen_key_code(rawValue: code)))
            }
        }
        if raw.isEmpty { checkTerminal() }
        return Key.keys(of: raw)
    }

    private static func key(_ code: screen_key_code) -> RawKey {
        switch code {
        case SCREEN_ENTER: .known(.enter)
        case SCREEN_BACKSPACE: .known(.backspace)
        case SCREEN_DELETE: .known(.delete)
        case SCREEN_LEFT: .known(.left)
        case SCREEN_RIGHT: .known(.right)
        case SCREEN_UP: .known(.up)
        case SCREEN_DOWN: .known(.down)
        case SCREEN_HOME: .known(.home)
        case SCREEN_END: .known(.end)
        case SCREEN_PAGE_UP: .known(.pageUp)
        case SCREEN_PAGE_DOWN: .known(.pageDown)
        case SCREEN_BACK_TAB: .known(.backTab)
        default: .other
        }
    }

    /// Nothing to read though something was said to be there: an end or an error.
    private func checkTerminal() {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 0) > 0 else { return }
        isGone = entry.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0
    }

    // MARK: - Frames

    /// Shows a frame.
    func draw(_ frame: Frame) {
        screen_clear()
        for (row, spans) in frame.rows.enumerated() {
            var column = 0
            for span in spans {
                let text = Self.printable(span.text)
                screen_put(
                    Int32(row), Int32(column), Self.style(span.style), text, Int32(text.count))
                column += TextWidth.columns(of: span.text)
            }
        }
        screen_show(Int32(frame.cursor?.row ?? -1), Int32(frame.cursor?.column ?? 0))
    }

    /// The text with a question mark for whatever ncurses would give another width than the frame
    /// does, such as characters newer than the C library.
    private static func printable(_ text: String) -> [Int32] {
        var result: [Int32] = []
        for scalar in text.unicodeScalars {
            let code = Int32(bitPattern: scalar.value)
            let columns = TextWidth.columns(of: scalar)
            if screen_width(code) == Int32(columns) {
                result.append(code)
            } else {
                result.append(
                    contentsOf: repeatElement(Int32(UInt8(ascii: "?")), count: columns))
            }
        }
        return result
    }

    private static func style(_ style: Style) -> screen_style {
        switch style {
        case .plain: SCREEN_PLAIN
        case .bold: SCREEN_BOLD
        case .dim: SCREEN_DIM
        case .reverse: SCREEN_REVERSE
        }
    }
}
