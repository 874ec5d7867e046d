import SimNet

/// Chat's JSON codec for byte mode.
let chatCodecs: ByteCodecs? = nil
