/* What both load generators share: the clock, the end by an error, numbers by chance, and named arguments. */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_US 1000LL

/* Says what went wrong on standard error and exits with 1. */
static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

/* Memory, zeroed; the program ends where there is none. */
static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count > 0 ? count : 1, size);
  if (memory == NULL) fail("no memory for %zu times %zu bytes", count, size);
  return memory;
}

static int64_t clockNs(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

/* Processor time of this process, user and system. */
static double cpuSeconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The next number from 0 up to, but not including, 1: splitmix64, the same stream for the same seed. */
static double nextChance(uint64_t *state) {
  uint64_t mixed = *state += 0x9e3779b97f4a7c15ULL;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  mixed ^= mixed >> 31;
  return (double)(mixed >> 11) * 0x1p-53;
}

/* The value of the argument `name=value`. */
static const char *argument(char **arguments, const char *name) {
  size_t length = strlen(name);
  for (; *arguments != NULL; arguments += 1)
    if (strncmp(*arguments, name, length) == 0 && (*arguments)[length] == '=') return *arguments + length + 1;
  fail("no argument %s=", name);
  return NULL;
}

/* The number in the argument `name=value`; the program ends unless it is at least `least`. */
static double numberArgument(char **arguments, const char *name, double least) {
  const char *text = argument(arguments, name);
  char *end = NULL;
  double number = strtod(text, &end);
  if (end == text || *end != '\0' || !(number >= least)) fail("%s=%s is not a number from %g on", name, text, least);
  return number;
}

/* Wakes up when it asked to, not up to 50 us later; and ends with the process that started it. */
static void prepareProcess(void) {
  prctl(PR_SET_TIMERSLACK, 1UL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
}
