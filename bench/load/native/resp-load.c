/*
 * A closed loop on Redis: one XADD a request with the bytes of one body, one request at a time on each connection, and
 * the next as soon as the answer is there. It takes about as much processor time as wrk.
 *
 * Arguments are `name=value`, see `main`. Prints a line of JSON as ingest.lua does. Exits with 0; with 1 and a reason
 * where nothing can be sent, or what comes is not an answer of Redis.
 */
#define _GNU_SOURCE
#include "connections.h"
#include "histogram.h"
#include "requests.h"

#define EVENTS_MAX 512

typedef struct {
  int64_t answered, refused, made, socketErrors;
  Histogram latencies;
  Requests requests;
  Pool pool;
} Load;

/* XADD events * e BODY */
static size_t frameXadd(char *bytes, const char *body, size_t bodyLength, const void *context) {
  (void)context;
  char header[128];
  int headerLength = snprintf(
      header, sizeof header, "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n$%zu\r\n", bodyLength);
  if (bytes != NULL) {
    memcpy(bytes, header, (size_t)headerLength);
    memcpy(bytes + headerLength, body, bodyLength);
    memcpy(bytes + headerLength + bodyLength, "\r\n", 2);
  }
  return (size_t)headerLength + bodyLength + 2;
}

static void sendNext(Load *load, Connection *connection) {
  const Request *request = nextRequest(&load->requests);
  connection->isBusy = 1;
  connection->sentNs = clockNs();
  load->made += 1;
  sendBytes(&load->pool, connection, request->bytes, request->length);
}

/* What is held of an answer: 0 while it is not whole, 1 where it is an id, -1 where it is an error. */
static int answerIn(const Connection *connection) {
  const char *held = connection->held;
  const char *lineEnd = memmem(held, connection->heldLength, "\r\n", 2);
  if (lineEnd == NULL) return 0;
  if (held[0] == '-') return -1;
  if (held[0] != '$') fail("not an answer to XADD: %.*s", (int)(lineEnd - held), held);
  size_t whole = (size_t)(lineEnd + 2 - held) + strtoul(held + 1, NULL, 10) + 2;
  if (connection->heldLength > whole) fail("more was answered than asked for");
  return connection->heldLength == whole;
}

static void readFrom(Load *load, uint32_t index) {
  Connection *connection = &load->pool.each[index];
  ssize_t length =
      read(connection->fd, connection->held + connection->heldLength, HELD_MAX - 1 - connection->heldLength);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    load->socketErrors += 1;
    reopen(&load->pool, index);
    sendNext(load, takeFree(&load->pool));
    return;
  }
  connection->heldLength += (size_t)length;
  int answer = answerIn(connection);
  if (answer == 0) return;
  connection->heldLength = 0;
  load->answered += 1;
  if (answer < 0) load->refused += 1;
  else recordNs(&load->latencies, clockNs() - connection->sentNs);
  sendNext(load, connection);
}

static void printResult(const Load *load, int64_t ns) {
  static const double percents[] = {50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100};
  if (load->latencies.total == 0) fail("nothing was answered");
  printf("{\"answered\":%lld,\"refused\":%lld,\"socketErrors\":%lld,\"timeouts\":0,\"microseconds\":%lld,",
         (long long)load->answered, (long long)load->refused, (long long)load->socketErrors,
         (long long)(ns / NS_PER_US));
  printf("\"made\":%lld,\"repeated\":0,\"latencyUs\":[", (long long)load->made);
  for (size_t each = 0; each < sizeof percents / sizeof *percents; each += 1)
    printf("%s[%g,%lld]", each == 0 ? "" : ",", percents[each],
           (long long)atPercent(&load->latencies, percents[each]));
  printf("]}\n");
}

int main(int argumentsCount, char **arguments) {
  (void)argumentsCount;
  prepareProcess();
  int64_t lastsNs = (int64_t)(numberArgument(arguments, "seconds", 1e-3) * 1e9);
  Load *load = allocate(1, sizeof *load);
  load->requests = readRequests(argument(arguments, "bodiesPath"), argument(arguments, "runTag"), frameXadd, NULL);
  load->pool = openPool(argument(arguments, "hostname"), (int)numberArgument(arguments, "port", 1),
                        (uint32_t)numberArgument(arguments, "connections", 1));
  int64_t startedNs = clockNs();
  while (load->pool.freeCount > 0) sendNext(load, takeFree(&load->pool));
  struct epoll_event events[EVENTS_MAX];
  while (clockNs() < startedNs + lastsNs) {
    int count = waitForEvents(&load->pool, events, EVENTS_MAX, startedNs + lastsNs);
    for (int event = 0; event < count; event += 1) {
      uint32_t index = events[event].data.u32;
      if (events[event].events & EPOLLOUT) sendRest(&load->pool, &load->pool.each[index]);
      if (events[event].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readFrom(load, index);
    }
  }
  printResult(load, clockNs() - startedNs);
  return 0;
}
