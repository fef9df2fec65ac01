/* SPDX-License-Identifier: BSD-3-Clause */
/* Small pieces of text that reports, JSON and packet comments share. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

#define TEXT_MAX      64
#define TEXT_OPTS_MAX (2 * MPNIC_TCP_OPT_MAX + 1)

/* Each fills and returns buf. */
const char *text_addr(char buf[TEXT_MAX], bool v6, const uint8_t addr[16]);
const char *text_endpoint(char buf[TEXT_MAX], bool v6, const uint8_t addr[16], uint16_t port);
const char *text_tcp_flags(char buf[TEXT_MAX], uint8_t flags);	   /* "SYN,ACK" */
const char *text_capable_flags(char buf[TEXT_MAX], uint8_t flags); /* "AH"; "-" for none */
const char *text_dss_flags(char buf[TEXT_MAX], uint8_t flags);	   /* "AaMmF" */
const char *text_tcprst_flags(char buf[TEXT_MAX], uint8_t flags);  /* "UVWT" */
const char *text_time(char buf[TEXT_MAX], uint64_t ns);		   /* seconds, 9 decimals */

#define TEXT_BITS_MAX 512
/* Names of the bits that are set, with commas. */
const char *text_bits(char buf[TEXT_BITS_MAX], const char *const *names, uint64_t bits);

/* Meaning of an MP_TCPRST reason (RFC 8684 3.6). */
const char *text_tcprst_reason(uint8_t reason);

/* Hex of hdr->opts; key material is shown as ".." unless show_keys. */
const char *text_opts(char buf[TEXT_OPTS_MAX], const struct mpnic_hdr *hdr, bool show_keys);

/* Bit i: byte i of hdr->opts belongs to a key (MP_CAPABLE, MP_FASTCLOSE; well formed or not). */
uint64_t text_key_bytes(const struct mpnic_hdr *hdr);

#endif
