/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tiny HTTP/1.1 server: GET /bytes/N answers with N bytes of the pattern, GET /hash/N with their
 * SHA-256 in hexadecimal, POST or PUT with the SHA-256 of the body.
 */
#ifndef PEERS_HTTP_H
#define PEERS_HTTP_H

#include "stack.h"

extern const struct app http_app;

#endif
