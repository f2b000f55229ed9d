/*
 * Requests at a fixed rate over HTTP/1.1, whatever the answers. Invariants:
 * - Only the schedule decides when a request is due (a Poisson process, from a seed), and its latency counts from
 *   then, wherever it waited.
 * - A connection carries one request at a time. A request without a free connection waits in a bounded queue.
 *
 * Poisson and not evenly spaced, because independent clients arrive so, and a queue shows its tail only under random
 * clusters.
 *
 * Arguments are `name=value`, see `main`; the report is one line of JSON, see open-loop-report.ts. Exits with 0; with 1
 * and a reason where nothing can be sent, or what comes is not HTTP.
 */
#define _GNU_SOURCE
#include "histogram.h"
#include "http-answer.h"
#include "requests.h"
#include "tally.h"
#include <limits.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENTS_MAX 512

typedef struct {
  /* Times are counted from the first request's, the warm-up's. */
  int64_t startedNs, warmUpNs, endNs, drainNs;
  double gapNs;
  uint64_t chance;
  double nextNs;
  Requests requests;
  Pool pool;
  /* The intended times of requests that wait for a connection: a ring. */
  int64_t *queue;
  size_t queueMax, queueFirst, queueCount;
  Tally tally;
} Load;

typedef struct {
  const char *path, *hostname, *port, *token;
} Destination;

static int64_t sinceStart(const Load *load) { return clockNs() - load->startedNs; }

/* Header and body of a request. */
static size_t frameHttp(char *bytes, const char *body, size_t bodyLength, const void *context) {
  const Destination *to = context;
  int header = snprintf(bytes, bytes == NULL ? 0 : INT_MAX,
                        "POST %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        to->path, to->hostname, to->port, to->token, bodyLength);
  if (bytes != NULL) memcpy(bytes + header, body, bodyLength);
  return (size_t)header + bodyLength;
}

static Counts *countsAt(Load *load, int64_t intendedNs) {
  return intendedNs < load->warmUpNs ? &load->tally.warmUp : &load->tally.measured;
}

static void advance(Load *load) { load->nextNs -= log(1 - nextChance(&load->chance)) * load->gapNs; }

static void queueWhatIsDue(Load *load, int64_t nowNs) {
  int64_t untilNs = nowNs < load->endNs ? nowNs : load->endNs;
  for (; load->nextNs <= (double)untilNs; advance(load)) {
    int64_t intendedNs = (int64_t)load->nextNs;
    Counts *counts = countsAt(load, intendedNs);
    counts->due += 1;
    if (load->queueCount == load->queueMax) {
      counts->dropped += 1;
      continue;
    }
    load->queue[(load->queueFirst + load->queueCount) % load->queueMax] = intendedNs;
    load->queueCount += 1;
  }
}

/* Sends due requests while connections are free. */
static void sendWhatIsDue(Load *load) {
  size_t waitedBefore = load->queueCount;
  queueWhatIsDue(load, sinceStart(load));
  for (size_t taken = 0; load->queueCount > 0 && load->pool.freeCount > 0; taken += 1) {
    int64_t intendedNs = load->queue[load->queueFirst];
    load->queueFirst = (load->queueFirst + 1) % load->queueMax;
    load->queueCount -= 1;
    const Request *request = nextRequest(&load->requests);
    Connection *connection = takeFree(&load->pool);
    connection->isBusy = 1;
    connection->intendedNs = intendedNs;
    connection->sentNs = sinceStart(load);
    countsAt(load, intendedNs)->sent += 1;
    // A request that waited for a connection waited for the server; one that found a free connection waited for this
    // process.
    if (taken >= waitedBefore && intendedNs >= load->warmUpNs)
      recordNs(&load->tally.sendLag, connection->sentNs - intendedNs);
    sendBytes(&load->pool, connection, request->bytes, request->length);
  }
}

static void noteAnswer(Load *load, Connection *connection, int status) {
  int64_t answeredNs = sinceStart(load);
  countsAt(load, connection->intendedNs)->statuses[status] += 1;
  if (connection->intendedNs < load->warmUpNs) return;
  RequestTimes times = {connection->intendedNs - load->warmUpNs, connection->sentNs - load->warmUpNs,
                        answeredNs - load->warmUpNs};
  tallyAnswer(&load->tally, status, times);
}

/* Reads what a connection brought: a part of an answer, its end, or the connection's own. */
static void readFrom(Load *load, uint32_t index) {
  char piece[HELD_MAX];
  Connection *connection = &load->pool.each[index];
  size_t room = HELD_MAX - 1 - connection->heldLength;
  ssize_t length = read(connection->fd, piece, room);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    if (connection->isBusy) countsAt(load, connection->intendedNs)->broken += 1;
    reopen(&load->pool, index);
    return;
  }
  if (!connection->isBusy) fail("more was answered than asked for");
  int status = takeHttp(connection, piece, (size_t)length);
  if (status == 0) return;
  noteAnswer(load, connection, status);
  if (connection->restFrom < connection->restLength) {
    // Refused before it was sent whole: the server does not know where the next request would begin.
    reopen(&load->pool, index);
    return;
  }
  connection->isBusy = 0;
  putFree(&load->pool, index);
}

/* Puts the load on, until all that was sent is answered or nobody waits for it any more. */
static void run(Load *load) {
  struct epoll_event events[EVENTS_MAX];
  int isMeasuring = 0;
  double cpuBefore = 0;
  load->startedNs = clockNs();
  advance(load);
  for (;;) {
    sendWhatIsDue(load);
    int64_t nowNs = sinceStart(load);
    if (!isMeasuring && nowNs >= load->warmUpNs) {
      isMeasuring = 1;
      cpuBefore = cpuSeconds();
    }
    uint32_t busy = load->pool.count - load->pool.freeCount;
    if (nowNs >= load->endNs && load->queueCount == 0 && busy == 0) break;
    if (nowNs >= load->endNs + load->drainNs) break;
    // While no connection is free an answer is waited for: what falls due meanwhile is queued then.
    int isNextSendable = load->pool.freeCount > 0 && load->nextNs <= (double)load->endNs;
    int64_t endNs = nowNs < load->endNs ? load->endNs : load->endNs + load->drainNs;
    int64_t wakeNs = isNextSendable ? (int64_t)load->nextNs : endNs;
    int count = waitForEvents(&load->pool, events, EVENTS_MAX, load->startedNs + wakeNs);
    for (int event = 0; event < count; event += 1) {
      uint32_t index = events[event].data.u32;
      if (events[event].events & EPOLLOUT) sendRest(&load->pool, &load->pool.each[index]);
      if (events[event].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readFrom(load, index);
    }
  }
  for (uint32_t index = 0; index < load->pool.count; index += 1) {
    const Connection *connection = &load->pool.each[index];
    if (connection->isBusy) countsAt(load, connection->intendedNs)->unanswered += 1;
  }
  for (size_t place = 0; place < load->queueCount; place += 1)
    countsAt(load, load->queue[(load->queueFirst + place) % load->queueMax])->unsent += 1;
  load->tally.wallNs = sinceStart(load) - load->warmUpNs;
  load->tally.cpuSeconds = cpuSeconds() - cpuBefore;
}

/*
 * Lets this process, when it wakes, interrupt whoever has the core, as clients elsewhere need no core of the server: see
 * sched_setattr(2) and the kernel's sched-eevdf. Kernels before 6.12 ignore it, and where it is refused nothing
 * changes: the report tells how late this process was.
 */
static void interruptOthers(void) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t sliceNs, deadlineNs, periodNs;
  } attributes = {.size = sizeof attributes, .nice = getpriority(PRIO_PROCESS, 0), .sliceNs = 100 * NS_PER_US};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int main(int argumentsCount, char **arguments) {
  (void)argumentsCount;
  prepareProcess();
  interruptOthers();
  Destination to = {argument(arguments, "path"), argument(arguments, "hostname"), argument(arguments, "port"),
                    argument(arguments, "token")};
  double perSecond = numberArgument(arguments, "perSecond", 1e-3);
  double warmUpSeconds = numberArgument(arguments, "warmUpSeconds", 0);
  // A client that has waited longer has given up.
  double queueSeconds = numberArgument(arguments, "queueSeconds", 1e-3);
  Load *load = allocate(1, sizeof *load);
  load->warmUpNs = (int64_t)(warmUpSeconds * 1e9);
  load->endNs = load->warmUpNs + (int64_t)(numberArgument(arguments, "seconds", 1e-3) * 1e9);
  load->drainNs = (int64_t)(numberArgument(arguments, "drainSeconds", 0) * 1e9);
  load->tally.sliceNs = (int64_t)(numberArgument(arguments, "sliceSeconds", 1e-3) * 1e9);
  load->gapNs = 1e9 / perSecond;
  load->chance = (uint64_t)numberArgument(arguments, "seed", 0);
  load->queueMax = (size_t)ceil(perSecond * queueSeconds);
  load->queue = allocate(load->queueMax, sizeof *load->queue);
  load->requests = readRequests(argument(arguments, "bodiesPath"), argument(arguments, "runTag"), frameHttp, &to);
  int port = (int)numberArgument(arguments, "port", 1);
  load->pool = openPool(to.hostname, port, (uint32_t)numberArgument(arguments, "connections", 1));
  run(load);
  printReport(&load->tally);
  return 0;
}
