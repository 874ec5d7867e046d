import EdgeCodecs
import Glibc
import LiveNet
import Protocols

/// `parley-node call METHOD URL [argument ...]`: one call of XML-RPC, and its answer as JSON.
struct CallCommand {
    static let usage = """
        usage: parley-node call [--timeout SECONDS] METHOD URL [ARGUMENT ...]

        Makes one call of XML-RPC and prints the result as one line of JSON.

            parley-node call heartbeat http://127.0.0.1:9091
            parley-node call system.listMethods http://127.0.0.1:9091
            parley-node call leave_room http://127.0.0.1:9091 ROOM_ID alice node2

        An ARGUMENT is a string, or another value when it begins so:
          int:42  bool:true  nil:  string:int:42  xml:<struct>...</struct>

        --timeout SECONDS   how long to wait (5)

        Exit status: 0 answered, 1 no answer, 2 wrong usage, 3 the answer is a fault.

        """

    private let method: String
    private let address: RPCAddress
    private let parameters: [RPCValue]
    private let seconds: Double

    /// What is wrong with the arguments, in one line.
    struct Misuse: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: ArraySlice<String>) throws(Misuse) {
        var rest = arguments
        var seconds = 5.0
        while let option = rest.first, option.hasPrefix("--") {
            rest = rest.dropFirst()
            guard option == "--timeout", let text = rest.popFirst() else {
                throw Misuse(description: "unknown option \(option); --help says more")
            }
            guard let value = Double(text), value > 0, value <= 3_600 else {
                throw Misuse(description: "--timeout \(text): expected seconds")
            }
            seconds = value
        }
        guard let method = rest.popFirst(), let url = rest.popFirst() else {
            throw Misuse(description: "expected METHOD URL; --help says more")
        }
        guard let address = RPCAddress(url) else {
            throw Misuse(description: "\(url): expected http://host:port")
        }
        var parameters: [RPCValue] = []
        for text in rest { parameters.append(try Self.value(text)) }
        self.method = method
        self.address = address
        self.parameters = parameters
        self.seconds = seconds
    }

    private static func value(_ text: String) throws(Misuse) -> RPCValue {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return .string(text) }
        let rest = String(parts[1])
        switch parts[0] {
        case "string": return .string(rest)
        case "nil" where rest.isEmpty: return .null
        case "int":
            if let number = Int64(rest) { return .int(number) }
        case "bool":
            if let flag = Bool(rest) { return .bool(flag) }
        case "xml":
            let document =
                "<methodResponse><params><param><value>\(rest)</value></param></params>"
                + "</methodResponse>"
            if case .value(let value)? = try? XMLRPCReader.reply(Array(document.utf8)) {
                return value
            }
        default: return .string(text)
        }
        throw Misuse(description: "\(text): this is no \(parts[0])")
    }

    /// Makes the call and returns the exit status.
    func run() -> Int32 {
        let loop = Loop()
        var outcome: Result<RPCReply, RPCFailure>?
        let body = RPCWriter.encode(RPCCall(method, parameters))
        let connection = RPCConnection(
            loop: loop, address: address, connectMilliseconds: Int64(seconds * 1_000)
        ) { connection, event in
            switch event {
            case .connected: connection.send(body)
            case .answered(let reply): outcome = .success(reply)
            case .ended(let failure): outcome = .failure(failure)
            }
            if outcome != nil { loop.stop() }
        }
        let timer = Timer(loop: loop)
        timer.start(milliseconds: Int64(seconds * 1_000)) { loop.stop() }
        loop.run()
        connection.close()
        timer.close()
        loop.shutDown()
        return report(outcome)
    }

    private func report(_ outcome: Result<RPCReply, RPCFailure>?) -> Int32 {
        switch outcome {
        case .success(.value(let value)):
            var writer = JSONWriter()
            writer.value(value)
            print(String(decoding: writer.bytes, as: UTF8.self))
            return 0
        case .success(.fault(let fault)):
            complain("fault \(fault.code): \(fault.text)")
            return 3
        case .failure(let failure):
            complain("\(address): \(failure)")
            return 1
        case nil:
            complain("\(address): no answer within \(seconds) s")
            return 1
        }
    }
}
