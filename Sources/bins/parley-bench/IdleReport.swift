import EdgeCodecs

/// What idle connections cost a node.
struct IdleReport {
    let connections: Int
    /// Connections that ended while they were held.
    let lost: Int
    /// Connections that were pinged while they were held.
    let pinged: Int
    let openSeconds: Double
    let heldSeconds: Int
    /// Nanoseconds from sending a message to receiving it, without the connections and with them.
    let before: Histogram
    let during: Histogram
    let memoryBefore: ProcessMemory?
    let memory: ProcessMemory?

    /// Writes the table and the JSON line.
    func print() {
        Output.line(
            """
            connections    \(connections) in \(fixed(openSeconds, 1)) s, held for \(heldSeconds) s, \
            \(lost) lost, \(pinged) pinged
            before         \(times(before))
            with them      \(times(during))
            """)
        if let memoryBefore, let memory {
            Output.line(
                """
                user space     \(each(memoryBefore, memory, \.proportional)) B a connection (PSS), \
                \(each(memoryBefore, memory, \.resident)) B (RSS)
                kernel         \(each(memoryBefore, memory, \.slab)) B a connection (slab), \
                \(each(memoryBefore, memory, \.tcpBuffers)) B (TCP buffers), both ends
                node           \(memory.resident >> 20) MiB resident, \(memory.descriptors) open files
                """)
        }
        Output.line(json)
    }

    private func times(_ histogram: Histogram) -> String {
        "p50 \(milliseconds(histogram.quantile(0.5))) ms, "
            + "p99 \(milliseconds(histogram.quantile(0.99))) ms, "
            + "max \(milliseconds(histogram.maximum)) ms"
    }

    private func milliseconds(_ nanoseconds: Int64) -> String {
        fixed(Double(nanoseconds) / 1e6, 2)
    }

    private func each(
        _ before: ProcessMemory, _ after: ProcessMemory, _ part: KeyPath<ProcessMemory, Int>
    ) -> Int {
        (after[keyPath: part] - before[keyPath: part]) / connections
    }

    private var json: String {
        var writer = JSONWriter()
        func number(_ key: StaticString, _ value: String) {
            writer.key(key)
            writer.raw(Array(value.utf8))
        }
        func latency(_ key: StaticString, _ histogram: Histogram) {
            writer.key(key)
            writer.beginObject()
            number("p50", milliseconds(histogram.quantile(0.5)))
            number("p99", milliseconds(histogram.quantile(0.99)))
            number("max", milliseconds(histogram.maximum))
            writer.endObject()
        }
        writer.beginObject()
        writer.field("benchmark", "idle")
        writer.field("ok", lost == 0)
        writer.field("connections", connections)
        writer.field("lost", lost)
        writer.field("pinged", pinged)
        number("open_s", fixed(openSeconds, 2))
        writer.field("held_s", heldSeconds)
        latency("before_ms", before)
        latency("with_ms", during)
        if let memoryBefore, let memory {
            writer.field("user_pss_bytes", each(memoryBefore, memory, \.proportional))
            writer.field("user_rss_bytes", each(memoryBefore, memory, \.resident))
            writer.field("kernel_slab_bytes", each(memoryBefore, memory, \.slab))
            writer.field("kernel_tcp_bytes", each(memoryBefore, memory, \.tcpBuffers))
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
