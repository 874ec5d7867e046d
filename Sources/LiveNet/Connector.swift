import CUV
import Glibc
import Protocols

/// Why there is no connection.
public enum ConnectError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The resolver does not know the name; a libuv code.
    case unknownHost(Int32)
    /// No address of the host takes the connection; the libuv code of the last one tried.
    case refused(Int32)
    /// The time is up.
    case timedOut

    /// A short text for the log.
    public var description: String {
        switch self {
        case .unknownHost(let code): "unknown host: \(uvReason(code))"
        case .refused(let code): uvReason(code)
        case .timedOut: "no answer in time"
        }
    }
}

/// Opens one TCP connection: resolves the name, tries its addresses one after the other, within a
/// time limit over all of it.
///
/// It keeps itself alive until the completion was called, which happens once, in a later turn,
/// unless `cancel` comes first.
public final class Connector {
    private let loop: Loop
    private let timer: Timer
    private var completion: ((Result<Stream, ConnectError>) -> Void)?
    private let source: sockaddr_storage?
    private var addresses: [sockaddr_storage] = []
    private var attempt: Stream?
    private var lastError = UV_ECONNREFUSED.rawValue

    /// Starts to connect to `host`, a name or a numeric address; from `source`, a numeric IPv4
    /// address of this machine, which has as many ports again as any other.
    @discardableResult
    public init(
        loop: Loop, host: String, port: UInt16, source: String? = nil,
        limitMilliseconds: Int64 = 5000,
        completion: @escaping (Result<Stream, ConnectError>) -> Void
    ) {
        self.loop = loop
        self.completion = completion
        self.source = source.map { text in
            guard let address = SocketAddress.numeric(text) else {
                preconditionFailure("\(text) is no numeric IPv4 address")
            }
            return address
        }
        timer = Timer(loop: loop)
        // The timer's closure is what keeps the connector alive.
        timer.start(milliseconds: limitMilliseconds) { self.finish(.failure(.timedOut)) }
        resolve(host, port)
    }

    /// Gives up; the completion is not called.
    public func cancel() {
        completion = nil
        cleanUp()
    }

    private func resolve(_ host: String, _ port: UInt16) {
        let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        var hints = SocketAddress.hints
        let status = uv_getaddrinfo(
            loop.raw, request,
            { request, status, list in
                let connector = Unmanaged<Connector>.fromOpaque(request!.pointee.data)
                    .takeRetainedValue()
                request!.deallocate()
                let addresses = SocketAddress.list(list)
                uv_freeaddrinfo(list)
                connector.onResolved(status, addresses)
            }, host, String(port), &hints)
        guard status != 0 else { return }
        Unmanaged<Connector>.fromOpaque(request.pointee.data).release()
        request.deallocate()
        failLater(.unknownHost(status))
    }

    /// Keeps the promise that the completion comes in a later turn.
    private func failLater(_ error: ConnectError) {
        timer.start(milliseconds: 0) { self.finish(.failure(error)) }
    }

    private func onResolved(_ status: Int32, _ addresses: [sockaddr_storage]) {
        guard completion != nil else { return }
        guard status == 0, !addresses.isEmpty else {
            finish(.failure(.unknownHost(status)))
            return
        }
        // Tried from the end, so turned round.
        self.addresses = addresses.reversed()
        tryNext()
    }

    private func tryNext() {
        guard let address = addresses.popLast() else {
            finish(.failure(.refused(lastError)))
            return
        }
        let stream = Stream(loop: loop)
        attempt = stream
        let bound = bind(stream)
        guard bound == 0 else {
            onConnected(bound)
            return
        }
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                uv_tcp_connect(request, stream.rawTCP, address) { request, status in
                    let connector = Unmanaged<Connector>.fromOpaque(request!.pointee.data)
                        .takeRetainedValue()
                    request!.deallocate()
                    connector.onConnected(status)
                }
            }
        }
        guard status != 0 else { return }
        Unmanaged<Connector>.fromOpaque(request.pointee.data).release()
        request.deallocate()
        onConnected(status)
    }

    private func bind(_ stream: Stream) -> Int32 {
        guard let source else { return 0 }
        return withUnsafePointer(to: source) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                uv_tcp_bind(stream.rawTCP, $0, 0)
            }
        }
    }

    private func onConnected(_ status: Int32) {
        // A cancelled or late attempt was closed, and libuv reports that here.
        guard completion != nil, let stream = attempt else { return }
        attempt = nil
        guard status == 0 else {
            lastError = status
            stream.close()
            tryNext()
            return
        }
        stream.configure()
        finish(.success(stream))
    }

    private func finish(_ result: Result<Stream, ConnectError>) {
        guard let completion else { return }
        self.completion = nil
        cleanUp()
        completion(result)
    }

    private func cleanUp() {
        attempt?.close()
        attempt = nil
        timer.close()
    }
}
