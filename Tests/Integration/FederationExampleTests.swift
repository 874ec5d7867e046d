import EdgeCodecs
import Foundation
import Glibc
import Protocols
import Testing

/// JSON as a value of XML-RPC, the members of objects in the order of their names.
private struct JSONAsRPC: Decodable {
    let value: RPCValue

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: Key.self) {
            let keys = object.allKeys.sorted { $0.stringValue < $1.stringValue }
            value = .structure(
                try keys.map {
                    RPCMember($0.stringValue, try object.decode(JSONAsRPC.self, forKey: $0).value)
                })
        } else if var list = try? decoder.unkeyedContainer() {
            var elements: [RPCValue] = []
            while !list.isAtEnd { elements.append(try list.decode(JSONAsRPC.self).value) }
            value = .array(elements)
        } else {
            let one = try decoder.singleValueContainer()
            if one.decodeNil() {
                value = .null
            } else if let flag = try? one.decode(Bool.self) {
                value = .bool(flag)
            } else if let number = try? one.decode(Int64.self) {
                value = .int(number)
            } else {
                value = .string(try one.decode(String.self))
            }
        }
    }
}

extension Live {
    @Suite("examples of federation")
    struct FederationExamples {
        private struct Example {
            var command: String
            var answer: RPCValue
        }

        /// The commands in `docs/Protocols.md` and what they are said to print.
        private func examples() throws -> [Example] {
            let package = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
            let text = String(decoding: contents(of: package + "/docs/Protocols.md"), as: UTF8.self)
            var lines = text.replacing("\\\n", with: "").split(separator: "\n")[...]
            var examples: [Example] = []
            while let line = lines.popFirst() {
                guard line.hasPrefix("$ parley-node call"), let answer = lines.popFirst() else {
                    continue
                }
                examples.append(
                    Example(
                        command: String(line.dropFirst("$ parley-node".count)),
                        answer: try value(of: String(answer))))
            }
            return examples
        }

        private func value(of json: String) throws -> RPCValue {
            try JSONDecoder().decode(JSONAsRPC.self, from: Data(json.utf8)).value
        }

        @Test("the documents show calls as they are made and answers as they are given")
        func documents() throws {
            let directory = TemporaryDirectory()
            let calls = FederationCalls()
            try calls.begin([])
            let peer = try TestPeer(calls.loop, .hangs)
            var methods: Set<String> = []
            for (number, example) in try examples().enumerated() {
                peer.manner = .answers(.value(example.answer))
                let url = "http://127.0.0.1:\(peer.port)"
                let words = example.command.replacing(" http://host:9091", with: " " + url)
                let output = "\(directory.path)/\(number)"
                let process = try ChildProcess(
                    "/bin/sh", ["-c", try program("parley-node") + words], environment: [:],
                    output: output)
                #expect(run(calls.loop, until: { process.hasEnded }))
                #expect(process.end == .exited(0), "\(example.command)")
                let printed = String(decoding: contents(of: output), as: UTF8.self)
                #expect(try value(of: printed) == example.answer)

                let sent = try XMLRPCReader.call(peer.requests.last?.body ?? [])
                methods.insert(sent.method)
                let call = try FederationCall.read(sent).call
                let answer = try #require(FederationAnswer(example.answer, to: call))
                guard case .value(let given) = answer.reply(to: call, from: ClusterName("node1"))
                else { throw LiveFailure("a fault answers \(example.command)") }
                var writer = JSONWriter()
                writer.value(given)
                let json = String(decoding: writer.bytes, as: UTF8.self)
                #expect(try value(of: json) == example.answer)
            }
            #expect(methods == Set(FederationMethod.allCases.map(\.rawValue)))
            calls.end()
        }
    }
}
