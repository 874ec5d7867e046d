import EdgeCodecs
import Protocols

/// What the HTTP edge answers: health, status, metrics.
extension LiveNode {
    /// The answer to one request.
    func respond(to request: HTTPRequest) -> HTTPResponse {
        guard let target = try? HTTPTarget(request.target) else {
            return problem(.badRequest, "Bad request target", "The path cannot be decoded.")
        }
        guard let route = Self.routes.first(where: { $0.path == target.segments }) else {
            return problem(
                .notFound, "No such resource",
                "This node answers /, /health, /ready, /cluster, /cluster/transfer and /metrics.")
        }
        guard route.methods.contains(request.method) else {
            let names = route.methods == [.post] ? ["POST"] : ["GET", "HEAD"]
            var response = problem(
                .methodNotAllowed, "Method not allowed",
                "Only \(names.joined(separator: " and ")) is answered here.")
            response.fields.append("Allow", names.joined(separator: ", "))
            return response
        }
        return route.answer(self)(request)
    }

    private struct Route {
        let path: [String]
        var methods: [HTTPMethod] = [.get, .head]
        let answer: (LiveNode) -> (HTTPRequest) -> HTTPResponse
    }

    nonisolated(unsafe) private static let routes: [Route] = [
        Route(path: [], answer: LiveNode.greeting),
        Route(path: ["health"], answer: LiveNode.health),
        Route(path: ["ready"], answer: LiveNode.ready),
        Route(path: ["cluster"], answer: LiveNode.cluster),
        Route(path: ["cluster", "transfer"], methods: [.post], answer: LiveNode.transfer),
        Route(path: ["metrics"], answer: LiveNode.metrics),
    ]

    private func greeting(_ request: HTTPRequest) -> HTTPResponse {
        json { writer in
            writer.field("message", "Hello from Node \(settings.node)")
            writer.field("port", Int64(settings.http?.port ?? 0))
            writer.field(
                "peers",
                strings: settings.members.filter { $0.id != settings.node }.map { "\($0.endpoint)" }
            )
        }
    }

    private func health(_ request: HTTPRequest) -> HTTPResponse {
        json { writer in
            writer.field("status", "ok")
            writer.field("node", "\(settings.node)")
        }
    }

    private func ready(_ request: HTTPRequest) -> HTTPResponse {
        guard !node.isReady else {
            return json { $0.field("status", "ready") }
        }
        let why =
            node.missingMembers.isEmpty
            ? "There is no leader, or this node has no session with it yet."
            : "The first start waits for \(node.missingMembers.map(\.description).joined(separator: ", "))."
        var response = problem(.serviceUnavailable, "Not ready", why)
        response.fields.append("Retry-After", "1")
        return response
    }

    private func cluster(_ request: HTTPRequest) -> HTTPResponse {
        json { writer in
            writer.field("node", "\(settings.node)")
            writer.field("role", node.raft.role.name)
            writer.field("term", Int64(node.raft.term.rawValue))
            if let leader = node.raft.leader {
                writer.field("leader", "\(leader)")
            } else {
                writer.key("leader")
                writer.null()
            }
            writer.field("members", strings: settings.members.map { "\($0.id)" })
            writer.field("connected", strings: node.connectedMembers.map(\.description))
            writer.field("commit_index", Int64(node.raft.commitIndex.rawValue))
            writer.field("applied_index", Int64(node.state.applied.index.rawValue))
            writer.field("durable_index", Int64(node.raft.durableIndex.rawValue))
            writer.field("snapshot_index", Int64(node.raft.snapshot?.point.index.rawValue ?? 0))
            writer.field("cluster_version", Int64(node.state.clusterVersion))
            if let cluster = node.cluster {
                writer.field("cluster_id", hex(cluster.rawValue))
            } else {
                writer.key("cluster_id")
                writer.null()
            }
            writer.field("state_digest", hex(node.state.rollingDigest))
            writer.field("ready", node.isReady)
        }
    }

    /// An operator's wish that another member lead; what comes of it shows in `/cluster`.
    private func transfer(_ request: HTTPRequest) -> HTTPResponse {
        var target: NodeID?
        if let name = (try? HTTPTarget(request.target))?["to"] {
            let others = settings.members.map(\.id).filter { $0 != settings.node }
            guard let member = others.first(where: { "\($0)" == name }) else {
                let names = others.map(\.description).joined(separator: ", ")
                return problem(
                    .badRequest, "No such member", "The other members are: \(names).")
            }
            target = member
        }
        guard node.raft.role == .leader else {
            return problem(
                .conflict, "Not the leader",
                node.raft.leader.map { "\($0) leads: ask it." } ?? "No leader is known here.")
        }
        step(.transfer(target))
        var response = json { writer in
            writer.field("status", "handing over")
            writer.field("to", target.map { "\($0)" } ?? "the member whose log reaches furthest")
        }
        response.status = .accepted
        return response
    }

    // MARK: Metrics

    /// JSON, or the Prometheus text format for who accepts plain text.
    private func metrics(_ request: HTTPRequest) -> HTTPResponse {
        let accepts = request.fields["accept"] ?? ""
        if accepts.contains("text/plain") || accepts.contains("openmetrics") {
            var text = ""
            for (name, kind, value) in figures {
                text += "# TYPE parley_\(name) \(kind)\nparley_\(name) \(value)\n"
            }
            text += "# TYPE parley_rare_paths_total counter\n"
            for mark in Mark.allCases {
                let count = counters.marks[Int(mark.rawValue)]
                text += "parley_rare_paths_total{path=\"\(mark)\"} \(count)\n"
            }
            return HTTPResponse(
                .ok, fields: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: Array(text.utf8))
        }
        return json { writer in
            writer.field("node", "\(settings.node)")
            for (name, _, value) in figures {
                writer.key(name)
                writer.value(value)
            }
        }
    }

    private var figures: [(name: String, kind: String, value: UInt64)] {
        [
            ("steps_total", "counter", counters.steps),
            ("connections_total", "counter", counters.connections),
            ("connections_refused_total", "counter", counters.connectionsRefused),
            ("connections", "gauge", UInt64(connections.count)),
            ("client_requests_total", "counter", counters.requests),
            ("rpc_requests_total", "counter", counters.calls),
            ("deliveries_total", "counter", counters.deliveries),
            ("pending_requests", "gauge", UInt64(node.pendingCount)),
            ("log_syncs_total", "counter", storage.syncs),
            ("log_batches_total", "counter", storage.batches),
            ("log_bytes_written_total", "counter", storage.bytesWritten),
            ("log_last_batch_microseconds", "gauge", UInt64(storage.lastBatch.nanoseconds / 1_000)),
            ("log_bytes_in_memory", "gauge", UInt64(node.raft.log.byteCount)),
            ("state_bytes", "gauge", UInt64(node.state.byteCount)),
            ("raft_term", "gauge", node.raft.term.rawValue),
            ("raft_is_leader", "gauge", node.raft.role == .leader ? 1 : 0),
            ("raft_commit_index", "gauge", node.raft.commitIndex.rawValue),
            ("raft_applied_index", "gauge", node.state.applied.index.rawValue),
        ]
    }

    // MARK: Forms

    private func json(_ body: (inout JSONWriter) -> Void) -> HTTPResponse {
        var writer = JSONWriter()
        writer.beginObject()
        body(&writer)
        writer.endObject()
        return HTTPResponse(
            .ok, fields: ["Content-Type": "application/json", "Cache-Control": "no-store"],
            body: writer.bytes)
    }

    /// An error as RFC 9457 has it.
    private func problem(_ status: HTTPStatus, _ title: String, _ detail: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("type", "about:blank")
        writer.field("title", title)
        writer.field("status", Int64(status.code))
        writer.field("detail", detail)
        writer.endObject()
        return HTTPResponse(
            status, fields: ["Content-Type": "application/problem+json"], body: writer.bytes)
    }

    private func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Role {
    /// The name in status reports.
    var name: String {
        switch self {
        case .follower: "follower"
        case .preCandidate: "pre-candidate"
        case .candidate: "candidate"
        case .leader: "leader"
        }
    }
}

extension JSONWriter {
    /// Writes a key and an array of strings.
    fileprivate mutating func field(_ key: StaticString, strings: [String]) {
        self.key(key)
        beginArray()
        for string in strings { value(string) }
        endArray()
    }
}
