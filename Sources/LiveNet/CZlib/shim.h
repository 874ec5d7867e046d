// zlib's deflate without its container (RFC 1951). The functions that begin a stream are macros, which
// Swift does not import.
#pragma once
#include <zlib.h>

// A compressor with a window of 2^window_bits bytes and a hash table of 2^(memory_level + 8) bytes.
static inline int parley_deflate_init(z_stream *stream, int level, int window_bits, int memory_level)
{
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

// A decompressor for any window.
static inline int parley_inflate_init(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }
