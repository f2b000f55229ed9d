/* Keep-alive connections to one server, each with one request on it at most, and the wait for what they bring. */
#pragma once
#define HELD_MAX 16384
#include "common.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  int fd;
  int isBusy;
  /* Of the request on it, since the start of the load. */
  int64_t intendedNs, sentNs;
  /* The beginning of an answer whose header has not ended. */
  size_t heldLength;
  char *held;
  /* Of an answer whose header was read. */
  int status;
  int64_t bytesLeft;
  /* The part of a request that the kernel has not taken yet. */
  char *rest;
  size_t restLength, restFrom, restCapacity;
} Connection;

typedef struct {
  const char *hostname;
  int port;
  int epoll;
  Connection *each;
  uint32_t count;
  /* Free ones, first in, first out, so that all take part: a ring of as many places as there are connections. */
  uint32_t *free, freeFirst, freeCount;
  int64_t reopenings;
} Pool;

/* How often broken connections are opened again, for each: a server that closes all of them is not measured on. */
#define REOPENINGS_EACH 10

static void putFree(Pool *pool, uint32_t index) {
  pool->free[(pool->freeFirst + pool->freeCount) % pool->count] = index;
  pool->freeCount += 1;
}

/* The one that is free for the longest time. REQUIRES: one is free. */
static Connection *takeFree(Pool *pool) {
  Connection *connection = &pool->each[pool->free[pool->freeFirst]];
  pool->freeFirst = (pool->freeFirst + 1) % pool->count;
  pool->freeCount -= 1;
  return connection;
}

static void watch(const Pool *pool, uint32_t index, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = index};
  if (epoll_ctl(pool->epoll, operation, pool->each[index].fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
}

/* Opens a connection in a place of the pool, and makes it free. */
static void openAt(Pool *pool, uint32_t index) {
  Connection *connection = &pool->each[index];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)pool->port)};
  if (inet_pton(AF_INET, pool->hostname, &address.sin_addr) != 1) fail("not an IPv4 address: %s", pool->hostname);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) fail("cannot open a socket: %s", strerror(errno));
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("cannot connect to %s:%d: %s", pool->hostname, pool->port, strerror(errno));
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
  connection->isBusy = 0;
  connection->heldLength = connection->restLength = connection->restFrom = 0;
  connection->status = 0;
  if (connection->held == NULL) connection->held = allocate(HELD_MAX, 1);
  watch(pool, index, EPOLL_CTL_ADD, EPOLLIN);
  putFree(pool, index);
}

static Pool openPool(const char *hostname, int port, uint32_t count) {
  Pool pool = {.hostname = hostname, .port = port, .count = count, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  if (pool.epoll < 0) fail("epoll_create1: %s", strerror(errno));
  pool.each = allocate(count, sizeof *pool.each);
  pool.free = allocate(count, sizeof *pool.free);
  for (uint32_t index = 0; index < count; index += 1) openAt(&pool, index);
  return pool;
}

/* Opens a broken connection again; whoever calls has counted the request that was on it. */
static void reopen(Pool *pool, uint32_t index) {
  Connection *connection = &pool->each[index];
  close(connection->fd);
  if (!connection->isBusy) {
    // Out of the ring of free ones: it is put back once it is open.
    uint32_t kept = 0;
    for (uint32_t place = 0; place < pool->freeCount; place += 1) {
      uint32_t each = pool->free[(pool->freeFirst + place) % pool->count];
      if (each != index) pool->free[(pool->freeFirst + kept++) % pool->count] = each;
    }
    pool->freeCount = kept;
  }
  pool->reopenings += 1;
  if (pool->reopenings > (int64_t)pool->count * REOPENINGS_EACH)
    fail("the server closes its connections again and again");
  openAt(pool, index);
}

/* Writes what the kernel takes, and keeps a copy of the rest. A broken connection shows at its next read. */
static void sendBytes(const Pool *pool, Connection *connection, const char *bytes, size_t length) {
  ssize_t written = write(connection->fd, bytes, length);
  if (written < 0) written = 0;
  if ((size_t)written == length) return;
  connection->restLength = length - (size_t)written;
  connection->restFrom = 0;
  if (connection->restCapacity < connection->restLength) {
    free(connection->rest);
    connection->rest = allocate(connection->restLength, 1);
    connection->restCapacity = connection->restLength;
  }
  memcpy(connection->rest, bytes + written, connection->restLength);
  watch(pool, (uint32_t)(connection - pool->each), EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void sendRest(const Pool *pool, Connection *connection) {
  size_t left = connection->restLength - connection->restFrom;
  ssize_t written = write(connection->fd, connection->rest + connection->restFrom, left);
  if (written > 0) connection->restFrom += (size_t)written;
  if (written < 0 && errno == EAGAIN) return;
  if (written >= 0 && connection->restFrom < connection->restLength) return;
  watch(pool, (uint32_t)(connection - pool->each), EPOLL_CTL_MOD, EPOLLIN);
}

/* Waits for events up to a time of the clock, to the microsecond. Returns how many there are. */
static int waitForEvents(const Pool *pool, struct epoll_event *events, int countMax, int64_t untilNs) {
  int64_t ns = untilNs - clockNs();
  if (ns < 0) ns = 0;
  struct timespec timeout = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
  int count = epoll_pwait2(pool->epoll, events, countMax, &timeout, NULL);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2: %s", strerror(errno));
  return count < 0 ? 0 : count;
}
