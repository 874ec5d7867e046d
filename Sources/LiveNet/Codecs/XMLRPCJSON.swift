import Protocols

extension JSONWriter {
    /// Writes a value of XML-RPC, for people and scripts: bytes as base 64, what JSON has no number
    /// for as a string.
    public mutating func value(_ value: RPCValue) {
        switch value {
        case .int(let number): self.value(number)
        case .bool(let flag): self.value(flag)
        case .string(let text), .dateTime(let text): self.value(text)
        case .double(let text):
            if let number = Double(text), number.isFinite {
                raw(Array("\(number)".utf8))
            } else {
                self.value(text)
            }
        case .base64(let bytes): self.value(utf8: RPCWriter.base64(bytes))
        case .null: null()
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .structure(let members):
            beginObject()
            for member in members {
                key(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }
}
