import EdgeCodecs
import Glibc

/// What a chat load found.
struct ChatReport {
    /// How long the measurement was.
    var seconds = 1.0
    /// Messages acknowledged in the measurement.
    var acknowledged = 0
    /// Messages received by receivers in the measurement.
    var deliveries = 0
    /// Nanoseconds from sending, or from when it was due, to the acknowledgement.
    var ackLatency = Histogram()
    /// Nanoseconds from sending, or from when it was due, to a receiver.
    var deliveryLatency = Histogram()
    /// Acknowledged messages that a receiver did not get, for all receivers together.
    var lost = 0
    /// Messages that a receiver got again or that stand twice in the room.
    var duplicates = 0
    /// Messages that came late, or whose number means another message elsewhere.
    var disorder = 0
    /// Messages that were refused for good.
    var rejected = 0
    /// Messages that were sent again under the same name.
    var retried = 0
    /// Messages that have no answer at the end.
    var unanswered = 0
    /// Messages that could not be read.
    var unreadable = 0
    /// Members and nodes that are wrong about who is in a room, and events that came wrongly.
    var memberFaults = 0
    /// Members and answers of nodes whose list was compared.
    var listsCompared = 0
    /// Comings and goings that members heard of.
    var memberEvents = 0
    /// Members that lost their connection.
    var disconnects = 0
    /// Members that came back.
    var reconnects = 0
    /// The longest time without an acknowledgement in the measurement, in nanoseconds.
    var longestGap: Int64 = 0
    /// When it began, from the start of the measurement.
    var longestGapAt: Int64 = 0
    /// Processor time that this program took in the measurement, in seconds.
    var cpu: Double = 0

    /// True when nothing is wrong.
    func isGood(_ options: ChatOptions) -> Bool {
        lost + duplicates + disorder + rejected + unreadable + unanswered + memberFaults == 0
            && (options.reconnects || disconnects == 0) && ackLatency.count > 0
    }

    /// Processor time of this process so far.
    static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private func milliseconds(_ nanoseconds: Int64) -> String {
        fixed(Double(nanoseconds) / 1e6, 2)
    }

    /// Writes the result for people.
    func printTable(_ options: ChatOptions) {
        func latency(_ histogram: Histogram) -> String {
            "p50 \(milliseconds(histogram.quantile(0.5))) ms, "
                + "p99 \(milliseconds(histogram.quantile(0.99))) ms, "
                + "max \(milliseconds(histogram.maximum)) ms"
        }
        Output.line(
            """
            acknowledged   \(fixed(Double(acknowledged) / seconds, 0)) messages/s
            delivered      \(fixed(Double(deliveries) / seconds, 0)) messages/s
            ack latency    \(latency(ackLatency))
            delivery       \(latency(deliveryLatency))
            lost           \(lost)
            duplicates     \(duplicates)
            out of order   \(disorder)
            refused        \(rejected), unanswered \(unanswered), unreadable \(unreadable)
            membership     \(memberFaults) wrong, of \(listsCompared) lists and \(memberEvents) events
            connections    \(disconnects) lost, \(reconnects) regained, \(retried) messages repeated
            longest gap    \(milliseconds(longestGap)) ms without an acknowledgement
            own processor  \(fixed(cpu / seconds * 100, 0))% of one core
            """)
    }

    /// The result as one JSON object.
    func json(_ options: ChatOptions, _ isGood: Bool) -> String {
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
        writer.field("benchmark", "chat")
        writer.field("ok", isGood)
        writer.key("urls")
        writer.beginArray()
        for url in options.urls { writer.value("\(url)") }
        writer.endArray()
        writer.field("senders", options.senders)
        writer.field("receivers", options.receivers)
        writer.field("rooms", options.rooms)
        writer.field("seconds", options.seconds)
        writer.field("size", options.size)
        writer.field("inflight", options.inflight)
        writer.field("rate", options.rate ?? 0)
        writer.field("acknowledged", acknowledged)
        writer.field("deliveries", deliveries)
        number("acknowledged_per_s", fixed(Double(acknowledged) / seconds, 1))
        number("deliveries_per_s", fixed(Double(deliveries) / seconds, 1))
        latency("ack_ms", ackLatency)
        latency("delivery_ms", deliveryLatency)
        writer.field("lost", lost)
        writer.field("duplicates", duplicates)
        writer.field("order_violations", disorder)
        writer.field("rejected", rejected)
        writer.field("unanswered", unanswered)
        writer.field("unreadable", unreadable)
        writer.field("member_faults", memberFaults)
        writer.field("member_lists", listsCompared)
        writer.field("member_events", memberEvents)
        writer.field("retried", retried)
        writer.field("disconnects", disconnects)
        writer.field("reconnects", reconnects)
        number("longest_ack_gap_ms", milliseconds(longestGap))
        number("longest_ack_gap_at_s", fixed(Double(longestGapAt) / 1e9, 2))
        number("cpu_cores", fixed(cpu / seconds, 2))
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
