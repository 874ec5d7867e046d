/// Named values that are replaced whole; they check linearizability end to end.
public struct Registers: Equatable, Sendable {
    /// The registers that were written, by key.
    public private(set) var table = OrderedMap<TextKey, RegisterValue>()
    /// An estimate of the memory in use.
    public private(set) var byteCount = 0

    static let registerBytes = 96

    /// Makes an empty table.
    public init() {}

    /// The content of a register; version 0 when it was never written.
    public subscript(key: String) -> RegisterValue { table[TextKey(key)] ?? RegisterValue() }

    /// Writes a register, or says why not.
    mutating func perform(_ operation: RegisterOperation, on key: String) -> Outcome {
        let key = TextKey(key)
        switch operation {
        case .set(let value):
            return write(value, to: key)
        case .compareAndSet(let expected, let value):
            let current = table[key] ?? RegisterValue()
            guard current.version == expected else { return .versionMismatch(current) }
            return write(value, to: key)
        }
    }

    private mutating func write(_ value: [UInt8], to key: TextKey) -> Outcome {
        var change = 0
        let version = table.update(key) { held -> UInt64 in
            change = value.count - held.value.count
            held.value = value
            held.version += 1
            return held.version
        }
        byteCount += change
        if let version { return .written(version: version) }
        insert(RegisterValue(value: value, version: 1), for: key)
        return .written(version: 1)
    }

    /// Adds a register that is absent; for the snapshot's decoder, too.
    mutating func insert(_ value: RegisterValue, for key: TextKey) {
        table[key] = value
        byteCount += Registers.registerBytes + key.text.utf8.count + value.value.count
    }

    func digest(into digest: inout Digest) {
        digest.combine(table.count)
        for (key, value) in table {
            digest.combine(key.text)
            digest.combine(value.version)
            digest.combine(value.value)
        }
    }
}
