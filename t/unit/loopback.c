/* SPDX-License-Identifier: Apache-2.0
 * An HTTP server on a loopback port of the kernel's choice. */
#include "loopback.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUESTS_MAX    256

struct loopback {
    const struct loopback_reply *replies;
    size_t reply_count;
    char base[64];
    int listener;
    pthread_t acceptor;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    bool released, stopped;
    struct loopback_request requests[REQUESTS_MAX];
    size_t request_count;
    unsigned connection_count;
    int sockets[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
};

struct connection {
    struct loopback *server;
    int socket;
    unsigned number;
};

const char *loopback_answer(apr_pool_t *pool, int status, const char *headers, const char *body)
{
    return apr_psprintf(
        pool, "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n%sContent-Length: %" APR_SIZE_T_FMT "\r\n\r\n%s",
        status, headers, strlen(body), body);
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)address, len) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)address, &len)) {
        abort();
    }
    return listener;
}

/* One request off the socket; false at its end. The strings live as long as the server. */
static bool request_read(int socket, struct loopback_request *request)
{
    size_t room = 65536, len = 0, body_len = 0;
    char *data = calloc(1, room), *end = NULL;
    while (len < room - 1 && (!end || len < (size_t)(end + 4 - data) + body_len)) {
        ssize_t got = recv(socket, data + len, room - 1 - len, 0);
        if (got <= 0) {
            free(data);
            return false;
        }
        len += (size_t)got;
        end = end ? end : strstr(data, "\r\n\r\n");
        const char *length = end ? strcasestr(data, "\r\nContent-Length:") : NULL;
        body_len = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    }
    char *head = strstr(data, "\r\n");
    *head = *end = 0;
    request->line = data;
    request->head = head < end ? head + 2 : end;
    request->body = end + 4;
    return true;
}

static const struct loopback_reply *request_keep(struct loopback *server, const struct loopback_request *request)
{
    static const struct loopback_reply over = {"HTTP/1.1 418 Script over\r\nContent-Length: 0\r\n\r\n", THEN_CLOSE};
    pthread_mutex_lock(&server->lock);
    size_t index = server->request_count++;
    if (index >= REQUESTS_MAX) {
        abort();
    }
    server->requests[index] = *request;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return index < server->reply_count ? &server->replies[index] : &over;
}

static void wait_release(struct loopback *server)
{
    pthread_mutex_lock(&server->lock);
    while (!server->released && !server->stopped) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static void *serve(void *data)
{
    struct connection *connection = data;
    struct loopback_request request = {.connection = connection->number};
    enum loopback_then then = THEN_KEEP;
    while (then == THEN_KEEP && request_read(connection->socket, &request)) {
        const struct loopback_reply *reply = request_keep(connection->server, &request);
        size_t len = reply->bytes ? strlen(reply->bytes) : 0;
        then = reply->then;
        if (len > 0 && send(connection->socket, reply->bytes, len, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    if (then == THEN_HOLD) {
        wait_release(connection->server);
    } else if (then == THEN_RESET) {
        struct linger reset = {.l_onoff = 1};
        setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    pthread_mutex_lock(&connection->server->lock);
    connection->server->sockets[connection->number] = -1;
    pthread_mutex_unlock(&connection->server->lock);
    close(connection->socket);
    free(connection);
    return NULL;
}

static void *accept_all(void *data)
{
    struct loopback *server = data;
    int socket;
    while ((socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = malloc(sizeof(*connection));
        pthread_mutex_lock(&server->lock);
        if (server->connection_count == CONNECTIONS_MAX) {
            abort();
        }
        *connection = (struct connection){server, socket, server->connection_count};
        server->sockets[server->connection_count] = socket;
        pthread_create(&server->threads[server->connection_count++], NULL, serve, connection);
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct loopback *loopback_start(apr_pool_t *pool, const struct loopback_reply *replies, size_t count)
{
    struct loopback *server = apr_pcalloc(pool, sizeof(*server));
    struct sockaddr_in address;
    server->replies = replies;
    server->reply_count = count;
    server->listener = listen_on_loopback(&address);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    apr_snprintf(server->base, sizeof(server->base), "http://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&server->acceptor, NULL, accept_all, server);
    return server;
}

const char *loopback_base(const struct loopback *server)
{
    return server->base;
}

void loopback_wait(struct loopback *server, size_t count)
{
    pthread_mutex_lock(&server->lock);
    while (server->request_count < count) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

size_t loopback_count(struct loopback *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const struct loopback_request *loopback_request(struct loopback *server, size_t index)
{
    if (index >= loopback_count(server)) {
        abort();
    }
    return &server->requests[index];
}

const char *loopback_header(apr_pool_t *pool, const struct loopback_request *request, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *line = request->head; *line;) {
        size_t len = strcspn(line, "\r");
        if (len > name_len && !strncasecmp(line, name, name_len) && line[name_len] == ':') {
            const char *value = line + name_len + 1 + strspn(line + name_len + 1, " ");
            return apr_pstrmemdup(pool, value, (size_t)(line + len - value));
        }
        line += len;
        line += strspn(line, "\r\n");
    }
    return NULL;
}

static void wake(struct loopback *server, bool *flag)
{
    pthread_mutex_lock(&server->lock);
    *flag = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

void loopback_release(struct loopback *server)
{
    wake(server, &server->released);
}

void loopback_stop(struct loopback *server)
{
    wake(server, &server->stopped);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    for (unsigned i = 0; i < server->connection_count; ++i) {
        pthread_mutex_lock(&server->lock);
        if (server->sockets[i] >= 0) {
            shutdown(server->sockets[i], SHUT_RDWR);
        }
        pthread_mutex_unlock(&server->lock);
        pthread_join(server->threads[i], NULL);
    }
    for (size_t i = 0; i < server->request_count; ++i) {
        free((void *)(uintptr_t)server->requests[i].line);
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
}

const char *loopback_nobody(apr_pool_t *pool)
{
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    close(listener);
    return apr_psprintf(pool, "http://127.0.0.1:%d", ntohs(address.sin_port));
}
