/*
 * A histogram of microseconds, right to three digits: buckets of one microsecond up to 2,048, and 1,024 buckets for
 * each doubling after that. These are the buckets of an HdrHistogram, so that it takes them over without loss.
 */
#pragma once
#include "common.h"

#define LATENCY_US_MAX 600000000LL
#define SUB_BUCKETS 1024
#define BUCKETS (21 * SUB_BUCKETS)

typedef struct {
  uint64_t total;
  uint32_t counts[BUCKETS];
} Histogram;

static int bucketOf(int64_t us) {
  int shift = us < 2 * SUB_BUCKETS ? 0 : 53 - __builtin_clzll((uint64_t)us);
  return shift * SUB_BUCKETS + (int)(us >> shift);
}

/* The least microseconds that fall into a bucket. */
static int64_t leastOf(int bucket) {
  int shift = bucket < 2 * SUB_BUCKETS ? 0 : bucket / SUB_BUCKETS - 1;
  return (int64_t)(bucket - shift * SUB_BUCKETS) << shift;
}

/* Notes one latency; past the longest it counts as that, less than a microsecond as one. */
static void recordNs(Histogram *histogram, int64_t ns) {
  int64_t us = (ns + NS_PER_US / 2) / NS_PER_US;
  if (us < 1) us = 1;
  if (us > LATENCY_US_MAX) us = LATENCY_US_MAX;
  histogram->counts[bucketOf(us)] += 1;
  histogram->total += 1;
}

/* The microseconds that `percent` of all stayed within. The histogram holds at least one. */
static int64_t atPercent(const Histogram *histogram, double percent) {
  uint64_t seen = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket += 1) {
    seen += histogram->counts[bucket];
    if ((double)seen * 100 >= (double)histogram->total * percent && seen > 0) return leastOf(bucket);
  }
  return LATENCY_US_MAX;
}

/* Prints `"name":[[microseconds,count],...]`, without the empty buckets. */
static void printHistogram(const char *name, const Histogram *histogram) {
  const char *comma = "";
  printf("\"%s\":[", name);
  for (int bucket = 0; bucket < BUCKETS; bucket += 1) {
    if (histogram->counts[bucket] == 0) continue;
    printf("%s[%lld,%u]", comma, (long long)leastOf(bucket), histogram->counts[bucket]);
    comma = ",";
  }
  printf("]");
}
