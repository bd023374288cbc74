/* SPDX-License-Identifier: Apache-2.0
 * A server whose certificate nobody vouches for gets nothing from the client. */
#include "provider/http.h"
#include "tap_apr.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static apr_pool_t *pool;

struct tls_server {
    SSL_CTX *context;
    int listener;
    int port;
    int received; /* bytes of a request */
    pthread_t thread;
};

static EVP_PKEY *key_make(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
    EVP_PKEY_keygen(context, &key);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* Good for "localhost", but signed by itself alone. */
static X509 *certificate_make(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    return certificate;
}

static void *serve(void *data)
{
    struct tls_server *server = data;
    char buffer[4096];
    int socket = accept(server->listener, NULL, NULL);
    SSL *tls = SSL_new(server->context);
    SSL_set_fd(tls, socket);
    if (SSL_accept(tls) == 1) {
        int got = SSL_read(tls, buffer, sizeof(buffer));
        server->received = got > 0 ? got : 0;
    }
    SSL_free(tls);
    close(socket);
    return NULL;
}

static void server_start(struct tls_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    EVP_PKEY *key = key_make();
    X509 *certificate = certificate_make(key);
    server->context = SSL_CTX_new(TLS_server_method());
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate(server->context, certificate), 1);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey(server->context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    server->received = 0;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(server->listener, (struct sockaddr *)&address, len), 0);
    CU_ASSERT_EQUAL_FATAL(listen(server->listener, 4), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &len);
    server->port = ntohs(address.sin_port);
    pthread_create(&server->thread, NULL, serve, server);
}

static void unknown_certificate(void)
{
    struct tls_server server;
    struct http_settings settings = {0, 0, NULL};
    struct http_client *client;
    struct http_answer answer;
    const char *headers[] = {"Authorization: Bearer sk_test_unit", NULL};
    server_start(&server);
    http_client_create(pool, &settings, &client);
    struct http_request request = {.method = "GET",
                                   .url = apr_psprintf(pool, "https://localhost:%d/", server.port),
                                   .headers = headers,
                                   .timeout = apr_time_from_sec(20)};
    http_call(client, pool, &request, &answer);
    pthread_join(server.thread, NULL);
    CU_ASSERT_EQUAL(answer.end, TRANSFER_NOT_SENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.detail, "certificate"));
    CU_ASSERT_EQUAL(server.received, 0);
    SSL_CTX_free(server.context);
    close(server.listener);
}

static const struct unit_test tests[] = {{"unknown_certificate", unknown_certificate}};

static void begin(void)
{
    http_initialize(pool);
}

UNIT_MAIN_APR(tests, pool, begin)
