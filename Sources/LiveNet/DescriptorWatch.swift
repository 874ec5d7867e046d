import CUV

/// Tells a loop that a descriptor can be read, for libraries that read it themselves.
public final class DescriptorWatch: Handle {
    private let onReadable: () -> Void

    /// Watches from now until `close`; the descriptor must outlive that, be one that epoll takes,
    /// and be the loop's alone, for libuv makes its open file non-blocking.
    public init(loop: Loop, descriptor: Int32, onReadable: @escaping () -> Void) {
        self.onReadable = onReadable
        let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        super.init(loop: loop)
        must(uv_poll_init(loop.raw, poll, descriptor), "uv_poll_init")
        adopt(poll)
        must(
            uv_poll_start(
                poll, Int32(UV_READABLE.rawValue),
                { handle, _, _ in
                    let owner = Unmanaged<Handle>.fromOpaque(handle!.pointee.data)
                    unsafeDowncast(owner.takeUnretainedValue(), to: DescriptorWatch.self)
                        .onReadable()
                }), "uv_poll_start")
    }
}
