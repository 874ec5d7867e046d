import Protocols

/// What the terminal shows.
extension ChatApp {
    /// The narrowest terminal in which a room shows its members beside the log.
    static let paneColumns = 60
    /// The columns of the members and the line before them.
    private static let paneWidth = 20

    /// The whole screen as it should be; depends on nothing but the value.
    public func render() -> Frame {
        var frame = Frame(size)
        switch screen {
        case .connect(let form): draw(form, &frame)
        case .rooms(let list): draw(list, &frame)
        case .chat(let room): draw(room, &frame)
        }
        return frame
    }

    // MARK: - Connect

    private func draw(_ form: ConnectScreen, _ frame: inout Frame) {
        frame.putBar(0, " Parley: connect")
        frame.putInput(
            2, label: " Nodes  ", form.nodes, isActive: !form.isAtUser && !form.isConnecting)
        frame.putInput(
            3, label: " User   ", form.user, isActive: form.isAtUser && !form.isConnecting)
        frame.put(5, " " + SafeText.line(form.notice), .bold)
        frame.put(size.rows - 1, " Enter connect  Tab other field  Escape quit", .dim)
    }

    // MARK: - Rooms

    /// Rows of rooms on the screen.
    var listHeight: Int { max(1, size.rows - 4) }

    private func draw(_ list: RoomsScreen, _ frame: inout Frame) {
        let user = SafeText.line(session?.settings.user ?? "")
        let count = list.rooms.count == 1 ? "1 room" : "\(list.rooms.count) rooms"
        frame.putBar(0, " Parley: \(count)", right: list.isLoading ? " loading " : " \(user) ")
        frame.put(1, row("  Room", "Members", "Admin", "Description"), .bold)
        let first = max(0, min(list.selected - listHeight + 1, list.rooms.count - listHeight))
        for (place, room) in list.rooms.dropFirst(first).prefix(listHeight).enumerated() {
            let isSelected = first + place == list.selected
            let text = row(
                (isSelected ? "> " : "  ") + SafeText.line(room.name), "\(room.memberCount)",
                SafeText.line("\(room.admin)"), SafeText.line(room.description))
            frame.put(2 + place, text, isSelected ? .reverse : .plain)
        }
        if list.rooms.isEmpty, !list.isLoading {
            frame.put(2, "  There are no rooms; c makes one.")
        }
        if let name = list.newRoom {
            let label = list.notice.isEmpty ? " New room: " : " \(list.notice): "
            frame.putInput(size.rows - 2, label: label, name, isActive: true)
        } else if let room = list.doomed {
            frame.putBar(size.rows - 2, " Delete \(SafeText.line(room.name))? y deletes it")
        } else {
            frame.putBar(
                size.rows - 2, " " + SafeText.line(list.notice.isEmpty ? status : list.notice))
        }
        let keys =
            list.newRoom == nil
            ? " Enter join  c create  d delete  r refresh  Escape disconnect  q quit"
            : " Enter make and join  Escape back"
        frame.put(size.rows - 1, keys, .dim)
    }

    private func row(_ name: String, _ members: String, _ admin: String, _ rest: String) -> String {
        let width = max(10, min(32, size.columns - 22))
        return TextLayout.padded(name, to: width) + "  " + TextLayout.padded(members, to: 7) + "  "
            + TextLayout.padded(admin, to: 9) + "  " + rest
    }

    // MARK: - Chat

    /// Rows of the log.
    var logHeight: Int { max(0, size.rows - 3) }

    /// Columns of the log; the members may take the rest.
    var logColumns: Int {
        size.columns >= Self.paneColumns ? size.columns - Self.paneWidth : size.columns
    }

    private func draw(_ room: ChatScreen, _ frame: inout Frame) {
        let members = session?.members.count ?? 0
        let count = members == 1 ? " 1 member " : " \(members) members "
        frame.putBar(0, " " + SafeText.line(room.name), right: count)
        let pending = session?.lines.map(\.text) ?? []
        let lines = room.log.view(height: logHeight, columns: logColumns, pending: pending)
        let pane = memberPane()
        for row in 0..<logHeight {
            var spans = row < lines.count ? lines[row] : []
            if logColumns < size.columns {
                let width = spans.reduce(0) { $0 + TextWidth.columns(of: $1.text) }
                spans.append(Span(String(repeating: " ", count: max(0, logColumns - width))))
                spans.append(Span("│ ", .dim))
                if row < pane.count { spans.append(Span(pane[row])) }
            }
            frame.put(1 + row, spans)
        }
        var notes: [String] = []
        if !pending.isEmpty { notes.append("\(pending.count) not acknowledged") }
        if !room.log.isAtEnd { notes.append("PgDn for more") }
        let right = notes.isEmpty ? "" : " " + notes.joined(separator: ", ") + " "
        frame.putBar(size.rows - 2, " " + SafeText.line(status), right: right)
        frame.putInput(size.rows - 1, label: "> ", room.input, isActive: true)
    }

    private func memberPane() -> [String] {
        let width = Self.paneWidth - 2
        let names = (session?.members.keys ?? []).map {
            TextLayout.clipped(SafeText.line($0), to: width)
        }
        guard names.count > logHeight, logHeight > 0 else { return names }
        return names.prefix(logHeight - 1) + ["and \(names.count - logHeight + 1) more"]
    }
}
