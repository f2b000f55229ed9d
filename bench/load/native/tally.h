/* What an open loop has seen so far: counts for warm-up and measurement, latencies and a course of the measurement. */
#pragma once
#include "histogram.h"

#define STATUS_MAX 1000

/* Of requests, by when they were due. */
typedef struct {
  int64_t due, sent, dropped, unsent, broken, unanswered;
  int64_t statuses[STATUS_MAX];
} Counts;

/* Since the end of the warm-up. */
typedef struct {
  int64_t intendedNs, sentNs, answeredNs;
} RequestTimes;

typedef struct {
  int64_t accepted;
  /* Of no meaning where nothing was accepted. */
  int64_t p50Us, p99Us;
} Slice;

typedef struct {
  Histogram fromIntended, fromSent;
} Latencies;

typedef struct {
  Counts warmUp, measured;
  /* Of answers that accept, and of 503 and 429. */
  Latencies accepts, refusals;
  Histogram sendLag, thisSlice;
  int64_t sliceNs;
  Slice *course;
  int64_t courseLength, courseCapacity;
  int64_t wallNs;
  double cpuSeconds;
} Tally;

static void closeSlicesUpTo(Tally *tally, int64_t slice) {
  while (tally->courseLength < slice) {
    if (tally->courseLength == tally->courseCapacity) {
      tally->courseCapacity = 2 * tally->courseCapacity + 64;
      tally->course = realloc(tally->course, (size_t)tally->courseCapacity * sizeof *tally->course);
      if (tally->course == NULL) fail("no memory for the course");
    }
    Slice *closed = &tally->course[tally->courseLength++];
    closed->accepted = (int64_t)tally->thisSlice.total;
    if (closed->accepted == 0) continue;
    closed->p50Us = atPercent(&tally->thisSlice, 50);
    closed->p99Us = atPercent(&tally->thisSlice, 99);
    memset(&tally->thisSlice, 0, sizeof tally->thisSlice);
  }
}

/* Notes one answer. Answers come in the order of their time. */
static void tallyAnswer(Tally *tally, int status, RequestTimes times) {
  closeSlicesUpTo(tally, times.answeredNs / tally->sliceNs);
  int isAccepted = status >= 200 && status < 300;
  if (!isAccepted && status != 503 && status != 429) return;
  Latencies *latencies = isAccepted ? &tally->accepts : &tally->refusals;
  recordNs(&latencies->fromIntended, times.answeredNs - times.intendedNs);
  recordNs(&latencies->fromSent, times.answeredNs - times.sentNs);
  if (isAccepted) recordNs(&tally->thisSlice, times.answeredNs - times.intendedNs);
}

static void printCounts(const char *name, const Counts *counts) {
  printf("\"%s\":{\"due\":%lld,\"sent\":%lld,\"dropped\":%lld,\"unsent\":%lld,\"broken\":%lld,\"unanswered\":%lld,",
         name, (long long)counts->due, (long long)counts->sent, (long long)counts->dropped, (long long)counts->unsent,
         (long long)counts->broken, (long long)counts->unanswered);
  printf("\"statuses\":[");
  const char *comma = "";
  for (int status = 0; status < STATUS_MAX; status += 1) {
    if (counts->statuses[status] == 0) continue;
    printf("%s[%d,%lld]", comma, status, (long long)counts->statuses[status]);
    comma = ",";
  }
  printf("]}");
}

static void printLatencies(const char *name, const Latencies *latencies) {
  printf("\"%s\":{", name);
  printHistogram("fromIntended", &latencies->fromIntended);
  printf(",");
  printHistogram("fromSent", &latencies->fromSent);
  printf("}");
}

/* The report; of its course only slices that are whole. */
static void printReport(Tally *tally) {
  closeSlicesUpTo(tally, tally->wallNs / tally->sliceNs);
  printf("{");
  printCounts("warmUp", &tally->warmUp);
  printf(",");
  printCounts("measured", &tally->measured);
  printf(",\"cpuSeconds\":%.6f,\"wallSeconds\":%.6f,", tally->cpuSeconds, (double)tally->wallNs / 1e9);
  printHistogram("sendLag", &tally->sendLag);
  printf(",");
  printLatencies("accepts", &tally->accepts);
  printf(",");
  printLatencies("refusals", &tally->refusals);
  printf(",\"course\":[");
  for (int64_t slice = 0; slice < tally->courseLength; slice += 1) {
    const Slice *each = &tally->course[slice];
    printf("%s{\"accepted\":%lld,", slice == 0 ? "" : ",", (long long)each->accepted);
    if (each->accepted == 0) printf("\"p50Ms\":null,\"p99Ms\":null}");
    else printf("\"p50Ms\":%.3f,\"p99Ms\":%.3f}", (double)each->p50Us / 1e3, (double)each->p99Us / 1e3);
  }
  printf("]}\n");
}
