import COpenSSL

/// One direction of a secure channel: seals or opens frames in order with AES-256-GCM.
///
/// A frame is four bytes of length (big-endian, of all that follows), the ciphertext and a tag of
/// 16 bytes. The length is authenticated as associated data. The nonce is the frame's number in its
/// direction, which is never sent, so a frame that is replayed, left out or out of order does not
/// open (NIST SP 800-38D section 8.2.1).
final class SealedFrames {
    static let headerLength = 4
    static let tagLength = 16

    private let context: OpaquePointer
    private let seals: Bool
    /// The number of the next frame.
    private var number: UInt64 = 0
    /// Bytes under this key so far.
    private(set) var volume: UInt64 = 0

    /// What one key may carry, far inside the bounds for AES-GCM (RFC 8446 section 5.5 counts
    /// 2^24.5 records of 16 KB; this is 2^37 bytes in at most 2^32 frames).
    static let maximumVolume: UInt64 = 1 << 37
    static let maximumFrames: UInt64 = 1 << 32

    init(key: [UInt8], seals: Bool) {
        precondition(key.count == 32)
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("no memory") }
        self.context = context
        self.seals = seals
        let ok =
            seals
            ? EVP_EncryptInit_ex2(context, Algorithms.aes256gcm, key, nil, nil)
            : EVP_DecryptInit_ex2(context, Algorithms.aes256gcm, key, nil, nil)
        precondition(ok == 1, "libcrypto does not take an AES-256 key")
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// True when a new key is due; the channel must be made anew.
    var isExhausted: Bool { number >= Self.maximumFrames || volume >= Self.maximumVolume }

    /// Appends the next frame with `plain` inside.
    func seal(_ plain: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        precondition(seals && !isExhausted)
        let start = out.count
        let body = plain.count + Self.tagLength
        appendBigEndian(UInt32(body), to: &out)
        out.reserveCapacity(out.count + body)
        var ok = beginFrame()
        out.append(contentsOf: plain)
        out.append(contentsOf: repeatElement(0, count: Self.tagLength))
        out.withUnsafeMutableBytes { bytes in
            let frame = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self) + start
            let text = frame + Self.headerLength
            var written: Int32 = 0
            ok = ok && EVP_EncryptUpdate(context, nil, &written, frame, 4) == 1
            if plain.count > 0 {
                // In place: GCM is a stream mode, so the text is overwritten by itself.
                ok =
                    ok
                    && EVP_EncryptUpdate(context, text, &written, text, Int32(plain.count)) == 1
            }
            ok = ok && EVP_EncryptFinal_ex(context, text + plain.count, &written) == 1
            ok =
                ok
                && EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), text + plain.count) == 1
        }
        precondition(ok, "libcrypto cannot seal a frame")
        endFrame(length: body)
    }

    /// Opens the next frame, header included; `nil` when it is not the sender's next frame.
    func open(_ frame: UnsafeRawBufferPointer) -> [UInt8]? {
        precondition(!seals && frame.count >= Self.headerLength + Self.tagLength)
        let length = frame.count - Self.headerLength - Self.tagLength
        let header = frame.baseAddress!.assumingMemoryBound(to: UInt8.self)
        let text = header + Self.headerLength
        var ok = !isExhausted && beginFrame()
        let plain = [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
            var written: Int32 = 0
            ok = ok && EVP_DecryptUpdate(context, nil, &written, header, 4) == 1
            if length > 0 {
                ok =
                    ok
                    && EVP_DecryptUpdate(
                        context, bytes.baseAddress, &written, text, Int32(length)) == 1
            }
            count = length
        }
        // The control call takes a mutable pointer and only reads from it.
        let tag = UnsafeMutableRawPointer(mutating: text + length)
        var written: Int32 = 0
        var rest: UInt8 = 0
        ok =
            ok
            && EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), tag) == 1
            && EVP_DecryptFinal_ex(context, &rest, &written) == 1
        guard ok else { return nil }
        endFrame(length: frame.count)
        return plain
    }

    /// Sets the nonce: four zero bytes and the frame's number, big-endian.
    private func beginFrame() -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 12) { nonce in
            for position in 0..<12 {
                nonce[position] =
                    position < 4
                    ? 0 : UInt8(truncatingIfNeeded: number >> (8 * UInt64(11 - position)))
            }
            return seals
                ? EVP_EncryptInit_ex2(context, nil, nil, nonce.baseAddress, nil) == 1
                : EVP_DecryptInit_ex2(context, nil, nil, nonce.baseAddress, nil) == 1
        }
    }

    private func endFrame(length: Int) {
        number += 1
        volume += UInt64(length)
    }
}

/// Appends four bytes, most significant first.
func appendBigEndian(_ number: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
}
