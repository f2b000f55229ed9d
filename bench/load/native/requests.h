/*
 * Requests whose bytes are made once, before the load, out of a file with one body a line. Where a body has places for
 * ids, each sending writes fresh ones.
 */
#pragma once
#include "common.h"

/* As in events.ts: a UUID, so that a body keeps its length when an id is written over it. */
#define ID_PLACE "00000000-0000-4000-8000-000000000000"
#define ID_LENGTH (sizeof ID_PLACE - 1)
#define TAG_PLACE 24
#define TAG_LENGTH 12

typedef struct {
  char *bytes;
  size_t length;
  /* Where ids lie in the bytes. */
  size_t *places;
  size_t placesCount;
} Request;

typedef struct {
  Request *each;
  size_t count;
  size_t next;
  /* Of the ids: another for each run. */
  const char *runTag;
  uint32_t idsMade;
} Requests;

/* Writes what stands around a body into `bytes` and returns its length; with `bytes` NULL only returns the length. */
typedef size_t Framing(char *bytes, const char *body, size_t bodyLength, const void *context);

static Request makeRequest(const char *body, size_t bodyLength, Framing *frame, const void *context) {
  Request request = {.length = frame(NULL, body, bodyLength, context)};
  request.bytes = allocate(request.length + 1, 1);
  frame(request.bytes, body, bodyLength, context);
  char *end = request.bytes + request.length;
  char *place = request.bytes;
  while ((place = memmem(place, (size_t)(end - place), ID_PLACE, ID_LENGTH)) != NULL) {
    request.places = realloc(request.places, (request.placesCount + 1) * sizeof *request.places);
    if (request.places == NULL) fail("no memory for the places of ids");
    request.places[request.placesCount] = (size_t)(place - request.bytes);
    request.placesCount += 1;
    place += ID_LENGTH;
  }
  return request;
}

/* Reads the bodies; empty lines are none. */
static Requests readRequests(const char *path, const char *runTag, Framing *frame, const void *context) {
  if (strlen(runTag) != TAG_LENGTH || strspn(runTag, "0123456789abcdef") != TAG_LENGTH)
    fail("not twelve hexadecimal digits: %s", runTag);
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("cannot read %s: %s", path, strerror(errno));
  Requests requests = {.runTag = runTag};
  char *line = NULL;
  size_t capacity = 0;
  for (ssize_t length; (length = getline(&line, &capacity, file)) >= 0;) {
    if (length > 0 && line[length - 1] == '\n') length -= 1;
    if (length == 0) continue;
    requests.each = realloc(requests.each, (requests.count + 1) * sizeof *requests.each);
    if (requests.each == NULL) fail("no memory for the bodies");
    requests.each[requests.count] = makeRequest(line, (size_t)length, frame, context);
    requests.count += 1;
  }
  free(line);
  fclose(file);
  if (requests.count == 0) fail("no bodies in %s", path);
  return requests;
}

/* The last mixing of MurmurHash3: one to one on 32 bits. */
static uint32_t scatter(uint32_t value) {
  value = (value ^ (value >> 16)) * 0x85ebca6bU;
  value = (value ^ (value >> 13)) * 0xc2b2ae35U;
  return value ^ (value >> 16);
}

/*
 * Writes an id that no other of this run is equal to, scattered like a random UUID: all digits but the two that tell
 * its kind, and the run's tag.
 */
static void writeId(Requests *requests, char *place) {
  static const int scattered[] = {0, 1, 2, 3, 4, 5, 6, 7}, further[] = {9, 10, 11, 12, 15, 16, 17};
  requests->idsMade += 1;
  // One to one, so the first eight digits alone differ for four thousand million ids.
  uint32_t value = scatter(requests->idsMade);
  for (size_t digit = 0; digit < 8; digit += 1, value >>= 4) place[scattered[digit]] = "0123456789abcdef"[value & 15];
  value = scatter(~requests->idsMade);
  for (size_t digit = 0; digit < 7; digit += 1, value >>= 4) place[further[digit]] = "0123456789abcdef"[value & 15];
  memcpy(place + TAG_PLACE, requests->runTag, TAG_LENGTH);
}

/* The next request, with fresh ids in it. Its bytes change when its turn comes again. */
static const Request *nextRequest(Requests *requests) {
  Request *request = &requests->each[requests->next];
  requests->next = (requests->next + 1) % requests->count;
  for (size_t place = 0; place < request->placesCount; place += 1)
    writeId(requests, request->bytes + request->places[place]);
  return request;
}
