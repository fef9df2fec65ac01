/* SPDX-License-Identifier: BSD-3-Clause */
#include "difference.h"

#include <inttypes.h>
#include <string.h>

#include "fields.h"
#include "text.h"

#define COLUMN 46 /* width of one record's values */

static void bytes_text(char *buf, size_t size, const uint8_t *p, size_t len, uint64_t hidden)
{
	size_t out = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < len && out + 3 < size; i++)
		out += (size_t)snprintf(buf + out, size - out,
					i < 64 && hidden >> i & 1 ? ".." : "%02x", p[i]);
}

static void bits_text(char *buf, size_t size, const struct field *f, uint64_t value)
{
	size_t out = (size_t)snprintf(buf, size, "0x%" PRIx64, value);

	for (unsigned int i = 0; f->bit_names[i] && out < size; i++)
		if (value >> i & 1)
			out += (size_t)snprintf(buf + out, size - out, " %s", f->bit_names[i]);
}

static void value_text(char *buf, size_t size, const struct field *f, const void *record,
		       uint64_t hidden)
{
	uint64_t value;

	if (f->kind == FIELD_BYTES) {
		bytes_text(buf, size, (const uint8_t *)record + f->offset, f->size, hidden);
		return;
	}
	value = field_value(f, record);
	if (f->kind == FIELD_ENUM)
		snprintf(buf, size, "%" PRIu64 " %s", value, f->enum_name((unsigned int)value));
	else if (f->kind == FIELD_BITS)
		bits_text(buf, size, f, value);
	else
		snprintf(buf, size, f->kind == FIELD_HEX ? "0x%" PRIx64 : "%" PRIu64, value);
}

/* hidden: bytes that are not to be shown, of fields that are byte arrays. */
static void print_field(FILE *out, const char *prefix, const struct field *f, const void *model,
			const void *rtl, uint64_t hidden)
{
	bool differs = memcmp((const uint8_t *)model + f->offset, (const uint8_t *)rtl + f->offset,
			      f->size);
	char name[32], m[128], r[128];

	snprintf(name, sizeof(name), "%s%s", prefix, f->name);
	value_text(m, sizeof(m), f, model, hidden);
	value_text(r, sizeof(r), f, rtl, hidden);
	if (f->kind == FIELD_BYTES && strlen(m) > COLUMN)
		fprintf(out, "%c %-20s %s\n%c %-20s %s\n", differs ? '*' : ' ', name, m,
			differs ? '*' : ' ', "", r);
	else
		fprintf(out, "%c %-20s %-*s %s\n", differs ? '*' : ' ', name, COLUMN, m, r);
}

/* Bytes of an option's body that may be a key, whatever its subtype claims to be. */
static uint64_t body_hidden(const struct mpnic_opt *a, const struct mpnic_opt *b, bool show_keys)
{
	const struct mpnic_opt *side[] = {a, b};

	for (unsigned int i = 0; i < 2 && !show_keys; i++)
		if (side[i]->subtype == MPNIC_SUBTYPE_MP_CAPABLE ||
		    side[i]->subtype == MPNIC_SUBTYPE_MP_FASTCLOSE)
			return ~0ull;
	return 0;
}

static void print_head(FILE *out, const char *record)
{
	fprintf(out, "  %-20s %-*s %s\n", record, COLUMN, "model", "rtl");
}

/* The records of the stateful half; what they say of no event is not shown. */
static void print_result(FILE *out, const struct engine_difference *d)
{
	static const struct mpnic_event none;
	const struct mpnic_event *model = d->model.has_event ? &d->model.event : &none;
	const struct mpnic_event *rtl = d->rtl.has_event ? &d->rtl.event : &none;

	print_head(out, "result");
	for (unsigned int i = 0; i < FIELDS_RESULT; i++)
		print_field(out, "", &fields_result[i], &d->model.result, &d->rtl.result, 0);
	if (d->model.has_event != d->rtl.has_event)
		fprintf(out, "* %-20s %-*s %s\n", "event", COLUMN,
			d->model.has_event ? "yes" : "no", d->rtl.has_event ? "yes" : "no");
	if (!d->model.has_event && !d->rtl.has_event)
		return;
	print_head(out, "event");
	for (unsigned int i = 0; i < FIELDS_EVENT; i++)
		print_field(out, "", &fields_event[i], model, rtl, 0);
}

static void print_records(FILE *out, const struct engine_difference *d, uint64_t hidden,
			  bool show_keys)
{
	char prefix[16];

	print_head(out, "hdr");
	for (unsigned int i = 0; i < FIELDS_HDR; i++) {
		const struct field *f = &fields_hdr[i];
		bool opts = f->offset == offsetof(struct mpnic_hdr, opts);

		print_field(out, "", f, &d->model.hdr, &d->rtl.hdr, opts ? hidden : 0);
	}
	for (unsigned int n = 0; n < MPNIC_MPTCP_OPTS; n++) {
		const struct mpnic_opt *m = &d->model.hdr.opt[n], *r = &d->rtl.hdr.opt[n];

		if (n >= d->model.hdr.mptcp_count && !memcmp(m, r, sizeof(*m)))
			continue;
		snprintf(prefix, sizeof(prefix), "opt[%u].", n);
		for (unsigned int i = 0; i < FIELDS_OPT; i++)
			print_field(out, prefix, &fields_opt[i], m, r,
				    body_hidden(m, r, show_keys));
	}
	print_head(out, "csum");
	for (unsigned int i = 0; i < FIELDS_CSUM; i++)
		print_field(out, "", &fields_csum[i], &d->model.csum, &d->rtl.csum, 0);
	print_result(out, d);
}

/* Option bytes stand at l4_off + 20; hidden marks those that are keys. */
static void print_bytes(FILE *out, const uint8_t *p, uint32_t len, unsigned int opts_at,
			uint64_t hidden)
{
	for (uint32_t row = 0; row < len; row += 16) {
		fprintf(out, "    %04x ", row);
		for (uint32_t i = row; i < len && i < row + 16; i++) {
			if (i >= opts_at && i - opts_at < MPNIC_TCP_OPT_MAX &&
			    hidden >> (i - opts_at) & 1)
				fputs(" ..", out);
			else
				fprintf(out, " %02x", p[i]);
		}
		fputc('\n', out);
	}
}

static void print_place(FILE *out, const struct engine_difference *d, const char *trace)
{
	fprintf(out, "RTL and model differ: %s, frame %" PRIu64 " (%u bytes, given version %s)\n",
		d->place.file, d->place.frame, d->len, mpnic_given_name(d->user & 3));
	fprintf(out,
		"  clocks: entered %" PRIu64 " to %" PRIu64 ", left %" PRIu64 " to %" PRIu64
		"%s%s\n",
		d->in_first, d->in_last, d->out_first, d->out_last, trace ? "; waveform: " : "",
		trace ? trace : "; run again with --trace FILE.fst for the waveform");
}

void difference_print(FILE *out, const struct engine_difference *d, const char *trace,
		      bool show_keys)
{
	unsigned int opts_at = d->model.hdr.l4_off + 20u;
	uint64_t hidden = 0;

	if (*d->counter) {
		fprintf(out,
			"RTL and model differ: behind the last frame the counter \"%s\" is %" PRIu64
			" in the model, %" PRIu64 " in the RTL\n",
			d->counter, d->model_count, d->rtl_count);
		return;
	}
	if (!show_keys)
		hidden = text_key_bytes(&d->model.hdr) | text_key_bytes(&d->rtl.hdr);
	print_place(out, d, trace);
	fprintf(out, "  fields that differ are marked *\n");
	print_records(out, d, hidden, show_keys);
	fprintf(out, "  frame\n");
	print_bytes(out, d->frame, d->len, opts_at, hidden);
	if (!d->model_left || !memcmp(d->model_left, d->rtl_left, d->len))
		return;
	fprintf(out, "  frame as it leaves the model\n");
	print_bytes(out, d->model_left, d->len, opts_at, hidden);
	fprintf(out, "* frame as it left the RTL\n");
	print_bytes(out, d->rtl_left, d->len, opts_at, hidden);
}
