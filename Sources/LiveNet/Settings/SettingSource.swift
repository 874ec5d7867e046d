import EdgeCodecs
import Glibc
import Protocols

/// Where settings come from, first to last: flags, the environment, a file, defaults.
struct SettingSource {
    private var flags: [String: String] = [:]
    private let environment: [String: String]
    private var file: [String: String] = [:]
    /// The members that the file names, as text in the form of `PEERS`.
    private(set) var filePeers: String?

    /// Reads flags (`--name value` or `--name=value`) and the file they or the environment name.
    init(arguments: [String], environment: [String: String]) throws(SettingError) {
        self.environment = environment
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let setting = Setting.all.first(where: { $0.flag == parts[0] }) else {
                throw SettingError("unknown argument \(argument); --help lists them all")
            }
            if parts.count == 2 {
                flags[setting.variable] = String(parts[1])
            } else if let value = rest.popFirst() {
                flags[setting.variable] = value
            } else {
                throw SettingError("\(argument) needs a value: \(setting.form)")
            }
        }
        if let path = self["CONFIG_FILE"] { try read(path) }
    }

    /// The value of a variable; an empty one counts as absent.
    subscript(variable: String) -> String? {
        for source in [flags, environment, file] {
            if let value = source[variable], !value.isEmpty { return value }
        }
        return nil
    }

    private mutating func read(_ path: String) throws(SettingError) {
        guard let bytes = contents(of: path) else {
            throw SettingError(
                "CONFIG_FILE", path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        let reader = JSONReader()
        do { try reader.parse(bytes) } catch {
            throw SettingError("CONFIG_FILE", path, "is not JSON: \(error)")
        }
        guard reader.root == .object else {
            throw SettingError("CONFIG_FILE", path, "must hold one JSON object")
        }
        for setting in Setting.all {
            if let text = reader.string(setting.key) {
                file[setting.variable] = text
            } else if let number = reader.int64(setting.key) {
                file[setting.variable] = String(number)
            }
        }
        guard reader.kind("peers") == .array else { return }
        var peers: [String] = []
        var isWhole = true
        reader.forEach("peers") {
            if let id = reader.int64("id"), let address = reader.string("address") {
                peers.append("\(id)=\(address)")
            } else {
                isWhole = false
            }
            return isWhole
        }
        guard isWhole else {
            throw SettingError(
                "CONFIG_FILE", path,
                "each of peers needs an id and an address: {\"id\": 1, \"address\": \"host:port\"}")
        }
        filePeers = peers.joined(separator: ",")
    }

    private func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var count = 0
        while count < bytes.count {
            let taken = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count)
            }
            guard taken >= 0 else { return nil }
            if taken == 0 { break }
            count += taken
        }
        return Array(bytes[..<count])
    }
}
