/// Rows and columns of a terminal.
public struct ScreenSize: Equatable, Sendable {
    /// Lines.
    public var rows: Int
    /// Characters a line.
    public var columns: Int

    /// Makes a size; a terminal that says 0 has one.
    public init(rows: Int, columns: Int) {
        self.rows = max(1, rows)
        self.columns = max(1, columns)
    }
}

/// How a piece of text looks; every terminal can show these.
public enum Style: Equatable, Sendable {
    case plain, bold, dim, reverse
}

/// A piece of a row in one look.
public struct Span: Equatable, Sendable {
    /// Safe text; see `SafeText`.
    public var text: String
    /// Its look.
    public var style: Style

    /// Makes a piece.
    public init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }
}

/// What a terminal is to show; no row is longer than the screen.
public struct Frame: Equatable, Sendable {
    /// The pieces of each row, from the top and from the left.
    public private(set) var rows: [[Span]]
    /// Where the cursor stands; hidden when `nil`.
    public var cursor: Cursor?
    let size: ScreenSize

    /// A place on the screen, from 0.
    public struct Cursor: Equatable, Sendable {
        /// From the top.
        public var row: Int
        /// From the left.
        public var column: Int
    }

    init(_ size: ScreenSize) {
        self.size = size
        rows = Array(repeating: [], count: size.rows)
    }

    /// The rows as text, without spaces at their ends.
    public var text: [String] {
        rows.map { row in
            var text = row.map(\.text).joined()
            while text.last == " " { text.removeLast() }
            return text
        }
    }

    /// Puts a row; what is outside of the screen is cut off.
    mutating func put(_ row: Int, _ spans: [Span]) {
        guard rows.indices.contains(row) else { return }
        var left = size.columns
        rows[row] = []
        for span in spans where left > 0 {
            let text = TextLayout.clipped(span.text, to: left)
            left -= TextWidth.columns(of: text)
            rows[row].append(Span(text, span.style))
        }
    }

    /// Puts a row in one look.
    mutating func put(_ row: Int, _ text: String, _ style: Style = .plain) {
        put(row, [Span(text, style)])
    }

    /// Puts a bar over the whole width, with something at its right end where there is room.
    mutating func putBar(_ row: Int, _ left: String, right: String = "") {
        let room = size.columns - TextWidth.columns(of: right)
        guard room > 8, !right.isEmpty else {
            put(row, TextLayout.padded(left, to: size.columns), .reverse)
            return
        }
        put(row, TextLayout.padded(left, to: room) + right, .reverse)
    }

    /// Puts a line of input behind a label, and the cursor into it if it is the one that is typed in.
    mutating func putInput(_ row: Int, label: String, _ line: LineEditor, isActive: Bool) {
        let start = TextWidth.columns(of: label)
        let window = line.window(columns: size.columns - start)
        put(row, [Span(label, .bold), Span(window.text)])
        guard isActive, rows.indices.contains(row) else { return }
        cursor = Cursor(row: row, column: min(start + window.cursor, size.columns - 1))
    }
}
