/* Reads just enough of an HTTP/1.1 answer to know its status and its end, in whatever pieces it comes. */
#pragma once
#include "connections.h"
#include <strings.h>

/* The content-length in a header that ends with a zero; -1 where there is none. */
static int64_t contentLength(const char *header) {
  for (const char *line = strstr(header, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, "content-length:", 15) == 0) return atoll(line + 17);
  return -1;
}

/* Of `HTTP/1.1 200`; 0 where it is not that. */
static int statusOf(const char *header) {
  int status = 0;
  if (strncmp(header, "HTTP/1.", 7) == 0 && sscanf(header + 8, " %3d", &status) == 1 && status >= 100) return status;
  return 0;
}

/* Takes the next piece of an answer, no more than there is room to hold; returns its status when it has ended, 0 while it has not. */
static int takeHttp(Connection *connection, char *piece, size_t length) {
  if (connection->status == 0) {
    char *held = connection->held;
    memcpy(held + connection->heldLength, piece, length);
    connection->heldLength += length;
    char *end = memmem(held, connection->heldLength, "\r\n\r\n", 4);
    if (end == NULL && connection->heldLength == HELD_MAX - 1) fail("the header of an answer does not end");
    if (end == NULL) return 0;
    *end = '\0';
    connection->status = statusOf(held);
    connection->bytesLeft = contentLength(held);
    if (connection->status == 0 || connection->bytesLeft < 0) fail("no answer with a content-length: %s", held);
    length = connection->heldLength - (size_t)(end + 4 - held);
    connection->heldLength = 0;
  }
  connection->bytesLeft -= (int64_t)length;
  if (connection->bytesLeft < 0) fail("more was answered than asked for");
  if (connection->bytesLeft > 0) return 0;
  int status = connection->status;
  connection->status = 0;
  return status;
}
