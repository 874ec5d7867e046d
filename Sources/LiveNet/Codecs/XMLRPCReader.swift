import CExpat
import Protocols

/// Reads documents of XML-RPC from bytes that anybody may have sent.
///
/// The XML is expat's affair, what the elements mean is `RPCBuilder`'s. A document type declaration
/// ends the reading, so there are no entities but the five of XML itself. Encodings are those that
/// expat knows: UTF-8, UTF-16, ISO-8859-1 and US-ASCII.
public enum XMLRPCReader {
    /// Reads one document.
    public static func document(
        _ bytes: [UInt8], limits: RPCLimits = RPCLimits()
    ) throws(RPCParseError) -> RPCDocument {
        guard bytes.count <= limits.maximumBytes else { throw .tooLarge }
        let reading = Reading(limits)
        return try reading.run(bytes)
    }

    /// Reads a call.
    public static func call(
        _ bytes: [UInt8], limits: RPCLimits = RPCLimits()
    ) throws(RPCParseError) -> RPCCall {
        guard case .call(let call) = try document(bytes, limits: limits) else {
            throw .misplaced("a methodCall is expected")
        }
        return call
    }

    /// Reads an answer.
    public static func reply(
        _ bytes: [UInt8], limits: RPCLimits = .reply
    ) throws(RPCParseError) -> RPCReply {
        guard case .reply(let reply) = try document(bytes, limits: limits) else {
            throw .misplaced("a methodResponse is expected")
        }
        return reply
    }
}

/// One document under way: what expat's callbacks share.
private final class Reading {
    private var builder: RPCBuilder
    private var error: RPCParseError?
    private let parser: XML_Parser

    init(_ limits: RPCLimits) {
        builder = RPCBuilder(limits: limits)
        guard let parser = XML_ParserCreate(nil) else {
            preconditionFailure("no memory for an XML parser")
        }
        self.parser = parser
    }

    deinit { XML_ParserFree(parser) }

    func run(_ bytes: [UInt8]) throws(RPCParseError) -> RPCDocument {
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetElementHandler(
            parser,
            { data, name, _ in
                let name = String(cString: name!)
                Reading.of(data).attempt { builder throws(RPCParseError) in
                    try builder.start(name)
                }
            },
            { data, _ in
                Reading.of(data).attempt { builder throws(RPCParseError) in try builder.end() }
            })
        XML_SetCharacterDataHandler(parser) { data, text, count in
            let text = UnsafeRawBufferPointer(start: text, count: Int(count))
            Reading.of(data).attempt { builder in builder.characters(text) }
        }
        XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
            Reading.of(data).fail(.documentType)
        }
        let status = bytes.withUnsafeBytes {
            XML_Parse(
                parser, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count), 1)
        }
        if let error { throw error }
        guard status == XML_STATUS_OK else { throw failure }
        return try builder.finish()
    }

    /// What expat has against the bytes.
    private var failure: RPCParseError {
        let code = XML_GetErrorCode(parser)
        if code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING {
            return .unknownEncoding
        }
        let why = XML_ErrorString(code).map { String(cString: $0) } ?? "error"
        return .notWellFormed("\(why) in line \(XML_GetCurrentLineNumber(parser))")
    }

    private func attempt(_ body: (inout RPCBuilder) throws(RPCParseError) -> Void) {
        // expat may bring more callbacks after it was told to stop.
        guard error == nil else { return }
        do { try body(&builder) } catch { fail(error) }
    }

    private func fail(_ reason: RPCParseError) {
        guard error == nil else { return }
        error = reason
        XML_StopParser(parser, XML_Bool(XML_FALSE))
    }

    private static func of(_ data: UnsafeMutableRawPointer?) -> Reading {
        Unmanaged<Reading>.fromOpaque(data!).takeUnretainedValue()
    }
}
