/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of the records, by name, as docs/records.md lists them. */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "mpnic_regs.h"

enum field_kind {
	FIELD_NUMBER,
	FIELD_HEX,
	FIELD_ENUM, /* enum_name */
	FIELD_BITS, /* bit_names, NULL-terminated */
	FIELD_BYTES,
};

struct field {
	const char *name;
	size_t offset, size;
	enum field_kind kind;
	const char *(*enum_name)(unsigned int value);
	const char *const *bit_names;
};

#define FIELDS_HDR    35 /* all but opt[] */
#define FIELDS_OPT    13
#define FIELDS_CSUM   7
#define FIELDS_RESULT 27
#define FIELDS_EVENT  30

extern const struct field fields_hdr[FIELDS_HDR];
extern const struct field fields_opt[FIELDS_OPT];
extern const struct field fields_csum[FIELDS_CSUM];
extern const struct field fields_result[FIELDS_RESULT];
extern const struct field fields_event[FIELDS_EVENT];

/* Names of the bits that the stateful half has counts of; NULL-terminated. */
extern const char *const fields_sign_bits[];
extern const char *const fields_action_bits[];

/* Value of a field that is no FIELD_BYTES. */
/* The name of a counter by its index in struct mpnic_state_counters, counted in uint64_t. */
void fields_counter_name(unsigned int number, char *buf, size_t size);

uint64_t field_value(const struct field *field, const void *record);

#endif
