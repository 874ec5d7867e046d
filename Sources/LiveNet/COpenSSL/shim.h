// libcrypto's envelope interface, and the kernel's random numbers, which Glibc's Swift module leaves out.
#pragma once
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/random.h>

// HKDF with SHA-256, extract and expand (RFC 5869); 1 on success. In C, because a parameter list keeps
// pointers to names and values, which Swift lends for the length of one call only.
static inline int parley_hkdf_sha256(
    EVP_KDF *kdf, const unsigned char *key, size_t key_length, const unsigned char *salt,
    size_t salt_length, const unsigned char *info, size_t info_length, unsigned char *out,
    size_t out_length)
{
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    if (context == NULL) {
        return 0;
    }
    char digest[] = "SHA2-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_length),
        OSSL_PARAM_construct_end(),
    };
    int status = EVP_KDF_derive(context, out, out_length, parameters);
    EVP_KDF_CTX_free(context);
    return status;
}
