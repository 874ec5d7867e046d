import EdgeCodecs
import Protocols
import SimNet

/// Chat's JSON codec for byte mode: what a program or a test hands to a `World`.
public let chatCodecs: ByteCodecs? = ByteCodecs(
    encodeRequest: { request in
        var bytes: [UInt8] = []
        ChatJSON.encode(request, into: &bytes)
        return bytes
    },
    decodeRequest: { text in
        switch ChatJSON.request(parsing: text, with: JSONReader()) {
        case .success(let request): return .request(request)
        case .failure(let refusal):
            var answer: [UInt8] = []
            ChatJSON.encode(refusal, into: &answer)
            return .refused(answer)
        }
    },
    encodeMessage: { message in
        var bytes: [UInt8] = []
        ChatJSON.encode(message, in: ChatJSON.Cluster(node: NodeID(1)), into: &bytes)
        return bytes
    },
    decodeMessage: { text in
        do throws(ChatJSON.Unreadable) {
            return try ChatJSON.message(parsing: text, with: JSONReader())
        } catch {
            return nil
        }
    })
