/* SPDX-License-Identifier: Apache-2.0
 * An HTTP/1.1 client that loads a server on 127.0.0.1: keep-alive connections, one thread, requests from a file.
 *
 *     load -p PORT [-c CONNECTIONS] [-r RATE] [-d SECONDS] [-n COUNT] [-o] [-s STATUS] [-g GROUPS] FILE
 *
 * FILE holds whole requests as they go over the wire, each after its length in bytes and a newline, in decimal:
 * "LENGTH\nREQUEST". They are sent in this order, over again from the first until the time (-d) or the count (-n) is
 * up; with -o, and where neither is given, each is sent once.
 *
 * Without -r a connection sends its next request when it has the answer to the last: a closed loop, which shows what
 * the server can do. With -r requests fall due at a fixed rate whether the server keeps up or not, and the time of each
 * counts from when it was due, so a server that stands still pays for all that had to wait for it meanwhile.
 *
 * With -g, and one connection, the requests belong to so many groups in turn, and the median of each group is printed:
 * what alternates with every request meets the same machine.
 *
 * Prints one JSON object, times in microseconds. Any other status than STATUS (200), and any broken connection, is said
 * on standard error and makes the exit status 1. */
#include "load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND       UINT64_C(1000000000)
#define PATIENCE     (10 * SECOND) /* nothing answered for so long: the server hangs */
#define ANSWER_FIRST 16384         /* bytes of room for an answer at first */
#define ANSWER_MAX   (64 << 20)

struct request {
    const char *bytes;
    size_t size;
};

struct connection {
    int fd;
    const struct request *request; /* NULL: idle */
    size_t sent;
    bool blocked; /* the rest of the request waits for room */
    bool used;    /* there was an answer on it */
    uint64_t due;
    char *answer;
    size_t held, room;
    struct connection *next_idle;
};

static struct {
    /* what was asked for */
    int port;
    unsigned connection_count;
    double rate, seconds;
    uint64_t count; /* requests in all */
    int status;
    unsigned groups;
    /* what is going on */
    struct request *requests;
    size_t request_count;
    struct connection *connections, *idle;
    int epoll;
    uint64_t begun, last_answer;
    uint64_t sent, answered, unexpected, connects, resent, bytes;
    uint64_t statuses[STATUS_MAX];
    uint64_t *times;
    size_t times_room;
} run = {.connection_count = 1, .count = UINT64_MAX, .status = 200, .groups = 1};

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *grown(void *old, size_t size)
{
    void *block = realloc(old, size);

    if (!block) {
        die("no memory");
    }
    return block;
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* Requests */

static const char *file_map(const char *path, size_t *size)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *bytes;

    if (fd < 0 || fstat(fd, &stat)) {
        die("%s: %s", path, strerror(errno));
    }
    *size = (size_t)stat.st_size;
    bytes = *size ? mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (bytes == MAP_FAILED) {
        die("%s: it is empty, or cannot be mapped", path);
    }
    return bytes;
}

static size_t length_read(const char **at, const char *end)
{
    size_t length = 0;
    const char *digit = *at;

    for (; digit < end && isdigit((unsigned char)*digit); ++digit) {
        length = length * 10 + (size_t)(*digit - '0');
    }
    if (digit == *at || digit == end || *digit != '\n' || !length || length > (size_t)(end - digit - 1)) {
        die("no length of a request where one belongs, or one beyond the end of the file");
    }
    *at = digit + 1;
    return length;
}

static void requests_load(const char *path)
{
    size_t size, room = 0;
    const char *at = file_map(path, &size), *end = at + size;

    while (at < end) {
        if (run.request_count == room) {
            room = room ? room * 2 : 1024;
            run.requests = grown(run.requests, room * sizeof(*run.requests));
        }
        size = length_read(&at, end);
        run.requests[run.request_count++] = (struct request){at, size};
        at += size;
    }
}

/* Connections */

static void connection_open(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)run.port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;

    connection->used = connection->blocked = false;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof(address))) {
        die("cannot connect to port %d: %s", run.port, strerror(errno));
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(run.epoll, EPOLL_CTL_ADD, connection->fd, &event);
    ++run.connects;
}

static void connection_watch(struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    epoll_ctl(run.epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void connection_close(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

static void connection_write(struct connection *connection);

/* A server may give up a kept-alive connection at the moment that a request is sent on it; then clients send it again
 * on another (RFC 9112, section 9.3.1). One that was never answered on is another matter. */
static void connection_send_again(struct connection *connection, const char *why)
{
    if (!connection->used || connection->held) {
        die("a connection broke after %llu answers: %s", (unsigned long long)run.answered, why);
    }
    ++run.resent;
    connection_close(connection);
    connection_open(connection);
    connection->sent = 0;
    connection_write(connection);
}

static void connection_write(struct connection *connection)
{
    const struct request *request = connection->request;

    while (connection->sent < request->size) {
        ssize_t sent =
            send(connection->fd, request->bytes + connection->sent, request->size - connection->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            connection->blocked = true;
            connection_watch(connection, EPOLLIN | EPOLLOUT);
            return;
        }
        if (sent < 0) {
            connection_send_again(connection, strerror(errno));
            return;
        }
        connection->sent += (size_t)sent;
    }
    if (connection->blocked) {
        connection->blocked = false;
        connection_watch(connection, EPOLLIN);
    }
}

static void connection_send(struct connection *connection, uint64_t due)
{
    if (connection->fd < 0) {
        connection_open(connection);
    }
    connection->request = &run.requests[run.sent++ % run.request_count];
    connection->sent = 0;
    connection->held = 0;
    connection->due = due;
    connection_write(connection);
}

static void connection_answered(struct connection *connection, size_t size, int status, bool closes)
{
    run.last_answer = now();
    if (run.answered == run.times_room) {
        run.times_room = run.times_room ? run.times_room * 2 : 65536;
        run.times = grown(run.times, run.times_room * sizeof(*run.times));
    }
    run.times[run.answered++] = run.last_answer - connection->due;
    run.bytes += size;
    ++run.statuses[status];
    if (status != run.status && !run.unexpected++) {
        fprintf(stderr, "load: the first answer that was not expected:\n%.*s\n", (int)(size < 2000 ? size : 2000),
                connection->answer);
    }
    if (connection->held > size) {
        die("more came than the answer to one request");
    }
    connection->request = NULL;
    connection->used = true;
    if (closes) {
        connection_close(connection);
    }
    connection->next_idle = run.idle;
    run.idle = connection;
}

static void connection_read(struct connection *connection)
{
    ssize_t got;
    size_t size;
    int status;
    bool closes;

    if (!connection->request) {
        /* The server gave up an idle connection. */
        connection_close(connection);
        return;
    }
    if (connection->held == connection->room) {
        connection->room = connection->room ? connection->room * 2 : ANSWER_FIRST;
        if (connection->room > ANSWER_MAX) {
            die("an answer has no end");
        }
        connection->answer = grown(connection->answer, connection->room);
    }
    got = recv(connection->fd, connection->answer + connection->held, connection->room - connection->held, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        connection_send_again(connection, got ? strerror(errno) : "closed");
        return;
    }
    connection->held += (size_t)got;
    size = answer_size(connection->answer, connection->held, &status, &closes);
    if (size) {
        connection_answered(connection, size, status, closes);
    }
}

/* The run */

/* When the next request is to be sent, or UINT64_MAX for never. */
static uint64_t next_due(uint64_t time)
{
    if (run.sent >= run.count) {
        return UINT64_MAX;
    }
    if (run.rate > 0) {
        return run.begun + (uint64_t)((double)run.sent * 1e9 / run.rate);
    }
    return run.seconds > 0 && time >= run.begun + (uint64_t)(run.seconds * 1e9) ? UINT64_MAX : time;
}

static void send_due(void)
{
    uint64_t time = now(), due;

    while (run.idle && (due = next_due(time)) <= time) {
        struct connection *connection = run.idle;
        run.idle = connection->next_idle;
        connection_send(connection, due);
    }
}

static void wait_for_events(void)
{
    struct epoll_event events[64];
    uint64_t time = now(), due = run.idle ? next_due(time) : UINT64_MAX, wait = PATIENCE;
    struct timespec timeout;
    int count;

    if (due != UINT64_MAX) {
        wait = due > time ? due - time : 0;
    }
    timeout = (struct timespec){.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
    count = epoll_pwait2(run.epoll, events, 64, &timeout, NULL);
    if (count < 0 && errno != EINTR) {
        die("epoll: %s", strerror(errno));
    }
    for (int i = 0; i < count; ++i) {
        struct connection *connection = events[i].data.ptr;
        if (connection->blocked) {
            connection_write(connection);
        } else {
            connection_read(connection);
        }
    }
    if (run.sent > run.answered && now() - run.last_answer > PATIENCE) {
        die("no answer for %d s, after %llu", (int)(PATIENCE / SECOND), (unsigned long long)run.answered);
    }
}

static void connections_open(void)
{
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.connections = grown(NULL, run.connection_count * sizeof(*run.connections));
    for (unsigned i = 0; i < run.connection_count; ++i) {
        struct connection *connection = &run.connections[i];
        *connection = (struct connection){.next_idle = run.idle};
        run.idle = connection;
        connection_open(connection);
    }
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static double quantile(double part)
{
    size_t index = (size_t)(part * (double)run.answered);

    return (double)run.times[index < run.answered ? index : run.answered - 1] / 1e3;
}

/* Before the times are sorted: with one connection they lie in the order of the requests. */
static void report_groups(void)
{
    uint64_t *times = grown(NULL, (run.answered / run.groups + 1) * sizeof(*times));

    for (unsigned group = 0; group < run.groups; ++group) {
        size_t count = 0;
        for (uint64_t i = group; i < run.answered; i += run.groups) {
            times[count++] = run.times[i];
        }
        qsort(times, count, sizeof(*times), by_size);
        printf("%s%.3f", group ? ", " : "", count ? (double)times[count / 2] / 1e3 : 0.0);
    }
    free(times);
}

static void report(double seconds)
{
    const char *separator = "";
    double sum = 0;

    for (uint64_t i = 0; i < run.answered; ++i) {
        sum += (double)run.times[i];
    }
    printf("{\"groups\": [");
    report_groups();
    qsort(run.times, run.answered, sizeof(*run.times), by_size);
    printf("], \"requests\": %llu, \"seconds\": %.6f, \"rate\": %.1f, \"bytes\": %llu, \"connects\": %llu, "
           "\"resent\": %llu, \"unexpected\": %llu, \"statuses\": {",
           (unsigned long long)run.answered, seconds, (double)run.answered / seconds, (unsigned long long)run.bytes,
           (unsigned long long)run.connects, (unsigned long long)run.resent, (unsigned long long)run.unexpected);
    for (int status = 0; status < STATUS_MAX; ++status) {
        if (run.statuses[status]) {
            printf("%s\"%d\": %llu", separator, status, (unsigned long long)run.statuses[status]);
            separator = ", ";
        }
    }
    printf(
        "}, \"time\": {\"mean\": %.3f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f}}\n",
        sum / (double)run.answered / 1e3, quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999), quantile(1));
}

static double number(const char *text, char option)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value > 0)) {
        die("-%c needs a number above 0, not \"%s\"", option, text);
    }
    return value;
}

static void options_read(int argc, char **argv)
{
    bool once = false;
    int option;

    while ((option = getopt(argc, argv, "p:c:r:d:n:s:g:o")) != -1) {
        switch (option) {
        case 'p':
            run.port = (int)number(optarg, 'p');
            break;
        case 'c':
            run.connection_count = (unsigned)number(optarg, 'c');
            break;
        case 'r':
            run.rate = number(optarg, 'r');
            break;
        case 'd':
            run.seconds = number(optarg, 'd');
            break;
        case 'n':
            run.count = (uint64_t)number(optarg, 'n');
            break;
        case 's':
            run.status = (int)number(optarg, 's');
            break;
        case 'g':
            run.groups = (unsigned)number(optarg, 'g');
            break;
        case 'o':
            once = true;
            break;
        default:
            exit(2);
        }
    }
    if (!run.port || optind != argc - 1) {
        die("say -p PORT, and a file of requests last; what else there is stands at the head of load.c");
    }
    if (run.groups > 1 && run.connection_count > 1) {
        die("-g needs -c 1: with more, answers come in another order than requests");
    }
    requests_load(argv[optind]);
    /* At a fixed rate the time is a count: what fell due in it is sent, however late. */
    if (run.rate > 0 && run.seconds > 0 && run.rate * run.seconds < (double)run.count) {
        run.count = (uint64_t)(run.rate * run.seconds);
    }
    if ((once || (run.count == UINT64_MAX && !(run.seconds > 0))) && run.count > run.request_count) {
        run.count = run.request_count;
    }
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    connections_open();
    run.begun = run.last_answer = now();
    while (run.sent > run.answered || next_due(now()) != UINT64_MAX) {
        send_due();
        wait_for_events();
    }
    if (!run.answered) {
        die("nothing was sent");
    }
    report((double)(run.last_answer - run.begun) / 1e9);
    return run.unexpected ? 1 : 0;
}
