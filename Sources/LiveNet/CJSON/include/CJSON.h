// A small C face for simdjson's document parser: bytes in, typed look-ups out.
//
// Nothing here throws. A document is checked whole (syntax, UTF-8, depth, size) before the first
// look-up, and stays valid until the next parse with the same parser or its destruction. Of equal
// keys in one object the first counts.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A reusable parser together with its latest document.
typedef struct cjson_parser cjson_parser;

/// How a parse ended.
typedef enum cjson_status {
    CJSON_OK = 0,
    /// The bytes are not one JSON value.
    CJSON_MALFORMED,
    /// A string holds broken UTF-8 or half of a surrogate pair.
    CJSON_BAD_UTF8,
    /// Arrays and objects are nested deeper than the parser's limit.
    CJSON_TOO_DEEP,
    /// There are more bytes than the parser's limit.
    CJSON_TOO_LARGE,
    /// A number does not fit 64 bits.
    CJSON_BAD_NUMBER,
    CJSON_OUT_OF_MEMORY
} cjson_status;

/// What is found at a path.
typedef enum cjson_kind {
    CJSON_MISSING = 0,
    CJSON_NULL,
    CJSON_BOOL,
    CJSON_INTEGER,
    CJSON_FRACTION,
    CJSON_STRING,
    CJSON_ARRAY,
    CJSON_OBJECT
} cjson_kind;

/// A key; `bytes` need no terminator. A path is an array of at most two keys.
typedef struct cjson_key {
    const char *bytes;
    size_t length;
} cjson_key;

/// Makes a parser for documents of at most `max_bytes` and `max_depth`; NULL when out of memory.
cjson_parser *cjson_create(size_t max_bytes, size_t max_depth);
/// Frees a parser; NULL is allowed.
void cjson_destroy(cjson_parser *parser);

/// Parses one document; a failure leaves the parser without a document, ready for the next.
cjson_status cjson_parse(cjson_parser *parser, const uint8_t *bytes, size_t length);

/// The kind at a path (no key: the root); CJSON_MISSING where a key is absent or no object is.
cjson_kind cjson_kind_at(const cjson_parser *parser, const cjson_key *path, size_t keys);

/// The unescaped string at a path, UTF-8, perhaps with NUL bytes inside; false for another kind.
bool cjson_string_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                     const uint8_t **bytes, size_t *length);
/// The integer at a path; false for another kind or out of range.
bool cjson_int64_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                    int64_t *value);
/// The number at a path, whole or not; false for another kind.
bool cjson_double_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                     double *value);
/// The truth value at a path; false for another kind.
bool cjson_bool_at(const cjson_parser *parser, const cjson_key *path, size_t keys, bool *value);

/// The number of elements of the array at a path; false for another kind.
bool cjson_count_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                    size_t *count);
/// The string that is element `index` of the array at a path; false for anything else. The search
/// starts at the array's first element each time.
bool cjson_element_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                      size_t index, const uint8_t **bytes, size_t *length);

/// Begins a walk through the array at a path, one at a time; false when there is none or a walk is
/// going on.
bool cjson_walk(cjson_parser *parser, const cjson_key *path, size_t keys);
/// Makes the walk's next element the root of all look-ups; false when there is none, and then the
/// whole document is the root again.
bool cjson_step(cjson_parser *parser);
/// Ends a walk early; the whole document is the root again.
void cjson_stop(cjson_parser *parser);

#ifdef __cplusplus
}
#endif
