// simdjson's DOM parser behind a C interface. The DOM is chosen over the on-demand front end because
// it checks the whole document before anything is believed; an error code, never an exception,
// comes back from every call used here.
#include "CJSON.h"

#include <new>
#include <optional>
#include <simdjson.h>
#include <string_view>

using namespace simdjson;

// The first buffers are small and grow with the documents seen.
static constexpr size_t first_capacity = 4096;
// Buffers are some 15 times as long as the document; those for a document longer than this are
// given back when a shorter one comes.
static constexpr size_t kept_capacity = 64 * 1024;

struct cjson_parser {
    explicit cjson_parser(size_t max_bytes, size_t max_depth) noexcept
        : parser(max_bytes < first_capacity ? first_capacity : max_bytes), max_bytes(max_bytes),
          max_depth(max_depth) {}

    dom::parser parser;
    dom::element root;
    // While an array is walked: the whole document, and what is left of the array.
    dom::element document;
    std::optional<dom::array::iterator> at;
    std::optional<dom::array::iterator> end;
    size_t max_bytes;
    size_t max_depth;
    bool has_document = false;
    bool is_allocated = false;
};

namespace {

cjson_status status_of(error_code error) noexcept {
    switch (error) {
    case SUCCESS:
        return CJSON_OK;
    case UTF8_ERROR:
        return CJSON_BAD_UTF8;
    case DEPTH_ERROR:
        return CJSON_TOO_DEEP;
    case CAPACITY:
        return CJSON_TOO_LARGE;
    case NUMBER_ERROR:
        return CJSON_BAD_NUMBER;
    case MEMALLOC:
        return CJSON_OUT_OF_MEMORY;
    default:
        return CJSON_MALFORMED;
    }
}

bool find(const cjson_parser *parser, const cjson_key *path, size_t keys,
          dom::element &found) noexcept {
    if (!parser->has_document) {
        return false;
    }
    dom::element at = parser->root;
    for (size_t i = 0; i < keys; i++) {
        dom::object object;
        if (at.get_object().get(object) != SUCCESS) {
            return false;
        }
        if (object.at_key(std::string_view(path[i].bytes, path[i].length)).get(at) != SUCCESS) {
            return false;
        }
    }
    found = at;
    return true;
}

bool string_of(const dom::element &element, const uint8_t **bytes, size_t *length) noexcept {
    std::string_view text;
    if (element.get_string().get(text) != SUCCESS) {
        return false;
    }
    *bytes = reinterpret_cast<const uint8_t *>(text.data());
    *length = text.size();
    return true;
}

} // namespace

cjson_parser *cjson_create(size_t max_bytes, size_t max_depth) {
    cjson_parser *parser = new (std::nothrow) cjson_parser(max_bytes, max_depth);
    return parser;
}

void cjson_destroy(cjson_parser *parser) { delete parser; }

cjson_status cjson_parse(cjson_parser *parser, const uint8_t *bytes, size_t length) {
    parser->has_document = false;
    parser->at.reset();
    parser->end.reset();
    if (length > parser->max_bytes) {
        return CJSON_TOO_LARGE;
    }
    if (parser->parser.capacity() > kept_capacity && length <= kept_capacity) {
        parser->parser = dom::parser(parser->parser.max_capacity());
        parser->is_allocated = false;
    }
    // simdjson sets its depth limit only when it allocates, so growth goes through here.
    if (!parser->is_allocated || parser->parser.capacity() < length) {
        size_t capacity = length < first_capacity ? first_capacity : length;
        error_code error = parser->parser.allocate(capacity, parser->max_depth);
        if (error != SUCCESS) {
            return status_of(error);
        }
        parser->is_allocated = true;
    }
    error_code error = parser->parser.parse(bytes, length, true).get(parser->root);
    parser->has_document = error == SUCCESS;
    return status_of(error);
}

cjson_kind cjson_kind_at(const cjson_parser *parser, const cjson_key *path, size_t keys) {
    dom::element element;
    if (!find(parser, path, keys, element)) {
        return CJSON_MISSING;
    }
    switch (element.type()) {
    case dom::element_type::ARRAY:
        return CJSON_ARRAY;
    case dom::element_type::OBJECT:
        return CJSON_OBJECT;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
        return CJSON_INTEGER;
    case dom::element_type::DOUBLE:
        return CJSON_FRACTION;
    case dom::element_type::STRING:
        return CJSON_STRING;
    case dom::element_type::BOOL:
        return CJSON_BOOL;
    case dom::element_type::NULL_VALUE:
        return CJSON_NULL;
    }
    return CJSON_MISSING;
}

bool cjson_string_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                     const uint8_t **bytes, size_t *length) {
    dom::element element;
    return find(parser, path, keys, element) && string_of(element, bytes, length);
}

bool cjson_int64_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                    int64_t *value) {
    dom::element element;
    return find(parser, path, keys, element) && element.get_int64().get(*value) == SUCCESS;
}

bool cjson_double_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                     double *value) {
    dom::element element;
    return find(parser, path, keys, element) && element.get_double().get(*value) == SUCCESS;
}

bool cjson_bool_at(const cjson_parser *parser, const cjson_key *path, size_t keys, bool *value) {
    dom::element element;
    return find(parser, path, keys, element) && element.get_bool().get(*value) == SUCCESS;
}

bool cjson_count_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                    size_t *count) {
    dom::element element;
    dom::array array;
    if (!find(parser, path, keys, element) || element.get_array().get(array) != SUCCESS) {
        return false;
    }
    // simdjson's own count saturates at 2^24 - 1; this one is exact.
    size_t number = 0;
    for (auto member : array) {
        (void)member;
        number++;
    }
    *count = number;
    return true;
}

bool cjson_element_at(const cjson_parser *parser, const cjson_key *path, size_t keys,
                      size_t index, const uint8_t **bytes, size_t *length) {
    dom::element element;
    dom::array array;
    if (!find(parser, path, keys, element) || element.get_array().get(array) != SUCCESS) {
        return false;
    }
    dom::element member;
    return array.at(index).get(member) == SUCCESS && string_of(member, bytes, length);
}

bool cjson_walk(cjson_parser *parser, const cjson_key *path, size_t keys) {
    dom::element element;
    dom::array array;
    if (parser->at || !find(parser, path, keys, element) ||
        element.get_array().get(array) != SUCCESS) {
        return false;
    }
    parser->document = parser->root;
    parser->at.emplace(array.begin());
    parser->end.emplace(array.end());
    return true;
}

bool cjson_step(cjson_parser *parser) {
    if (!parser->at) {
        return false;
    }
    if (*parser->at != *parser->end) {
        parser->root = **parser->at;
        ++*parser->at;
        return true;
    }
    cjson_stop(parser);
    return false;
}

void cjson_stop(cjson_parser *parser) {
    if (parser->at) {
        parser->root = parser->document;
        parser->at.reset();
        parser->end.reset();
    }
}
