/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "lockstep.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Fields of the records, written from the generated SystemVerilog package by the build. */
static const struct field {
	const char *record, *name;
	unsigned int lsb, width;
} layout[] = {
#include "layout.h"
};

bool records_equal(const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		   const struct rtl_result *rtl)
{
	return !memcmp(hdr, &rtl->hdr, sizeof(*hdr)) && !memcmp(csum, &rtl->csum, sizeof(*csum));
}

/* --- one difference ------------------------------------------------------------------------- */

static const char *value_name(const struct field *f, unsigned int value)
{
	if (!strcmp(f->name, "parse"))
		return mpnic_parse_name(value);
	if (!strcmp(f->name, "tcpopt"))
		return mpnic_tcpopt_name(value);
	if (!strcmp(f->name, "subtype"))
		return mpnic_subtype_name(value);
	if (!strcmp(f->name, "error"))
		return mpnic_opt_error_name(value);
	if (!strcmp(f->name, "version_from"))
		return mpnic_version_from_name(value);
	if (!strcmp(f->name, "ip") || !strcmp(f->name, "l4"))
		return mpnic_csum_name(value);
	return NULL;
}

static void print_value(FILE *out, const struct field *f, const uint8_t *record)
{
	const uint8_t *at = record + f->lsb / 8;
	const unsigned int bytes = f->width / 8;
	uint64_t value = 0;
	unsigned int i;

	if (bytes > 8) {
		for (i = 0; i < bytes; i++)
			fprintf(out, "%02x", at[i]);
		return;
	}
	memcpy(&value, at, bytes);
	fprintf(out, "%" PRIu64 " 0x%" PRIx64, value, value);
	if (value_name(f, (unsigned int)value))
		fprintf(out, " %s", value_name(f, (unsigned int)value));
}

/* Members of the union stand in `body`, as bytes. */
static bool shown(const struct field *f, const char *record)
{
	if (strcmp(f->record, record))
		return false;
	if (!strcmp(record, "opt"))
		return f->lsb < 8 * offsetof(struct mpnic_opt, body) || !strcmp(f->name, "body");
	return strcmp(f->name, "opt") != 0;
}

static void print_record(FILE *out, const char *record, const char *prefix, const void *model,
			 const void *rtl)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layout); i++) {
		const struct field *f = &layout[i];
		const uint8_t *a = (const uint8_t *)model + f->lsb / 8;
		const uint8_t *b = (const uint8_t *)rtl + f->lsb / 8;

		if (!shown(f, record))
			continue;
		fprintf(out, "%s %s.%s: ", memcmp(a, b, f->width / 8) ? "***" : "   ", prefix,
			f->name);
		print_value(out, f, rtl);
		if (memcmp(a, b, f->width / 8)) {
			fprintf(out, "  -- model: ");
			print_value(out, f, model);
		}
		fprintf(out, "\n");
	}
}

static void print_hex(FILE *out, const uint8_t *p, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		fprintf(out, "%s%02x", i % 32 == 0 ? "\n    " : i % 4 ? "" : " ", p[i]);
	fprintf(out, "\n");
}

void print_difference(FILE *out, const struct mpnic_hdr *hdr, const struct mpnic_csum *csum,
		      const struct rtl_result *rtl)
{
	unsigned int i;

	fprintf(out, "RTL and model differ where *** stands; the RTL's records:\n");
	print_record(out, "hdr", "hdr", hdr, &rtl->hdr);
	for (i = 0; i < MPNIC_MPTCP_OPTS; i++) {
		char prefix[] = "opt[0]";

		prefix[4] = (char)('0' + i);
		if (i < hdr->mptcp_count || i < rtl->hdr.mptcp_count ||
		    memcmp(&hdr->opt[i], &rtl->hdr.opt[i], sizeof(hdr->opt[i])))
			print_record(out, "opt", prefix, &hdr->opt[i], &rtl->hdr.opt[i]);
	}
	print_record(out, "csum", "csum", csum, &rtl->csum);
	fprintf(out, "clocks: in %" PRIu64 " to %" PRIu64 ", out %" PRIu64 " to %" PRIu64 "\n",
		rtl->in_first, rtl->in_last, rtl->out_first, rtl->out_last);
	fprintf(out, "frame of %u bytes:", rtl->len);
	print_hex(out, rtl->frame, rtl->len);
}

/* --- counts --------------------------------------------------------------------------------- */

static unsigned int subtype_code(uint8_t subtype)
{
	return subtype < SUBTYPE_CODES - 1 ? subtype : SUBTYPE_CODES - 1;
}

static void count_bits(uint64_t *bits, unsigned int value)
{
	for (; value; value &= value - 1)
		bits[__builtin_ctz(value)]++;
}

void count_frame(struct counts *c, unsigned int class, const struct rtl_result *rtl)
{
	const struct mpnic_hdr *hdr = &rtl->hdr;
	unsigned int i;

	c->frames++;
	c->bytes += rtl->len;
	c->classes[class]++;
	c->parse[hdr->parse & 15]++;
	c->tcpopt[hdr->tcpopt & 7]++;
	c->ip[rtl->csum.ip & 7]++;
	c->l4[rtl->csum.l4 & 7]++;
	c->truncated += rtl->csum.truncated;
	c->opt_count[hdr->mptcp_count]++;
	count_bits(c->hdr_bits, hdr->flags);
	count_bits(c->mptcp_bits, hdr->mptcp & 0xffu);
	for (i = 0; i < hdr->mptcp_count; i++) {
		const struct mpnic_opt *opt = &hdr->opt[i];

		c->errors[subtype_code(opt->subtype)][opt->error & 15]++;
		c->version_from[opt->version_from & 3]++;
		count_bits(c->field_bits, opt->fields);
	}
}

/* struct counts is uint64_t throughout. */
void add_counts(struct counts *sum, const struct counts *counts)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)counts;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static const char *error_name(unsigned int i)
{
	return mpnic_opt_error_name(i);
}

static const char *class_name(unsigned int i)
{
	return i == CLASS_CAPTURE ? "capture" : gen_class_name(i);
}

static void print_row(const char *what, const uint64_t *counts, unsigned int n,
		      const char *(*name)(unsigned int))
{
	unsigned int i;

	printf("%s:", what);
	for (i = 0; i < n; i++)
		if (counts[i])
			printf(" %s %" PRIu64, name(i), counts[i]);
	printf("\n");
}

static const char *subtype_name(unsigned int i)
{
	static const char *const unassigned[] = {"9", "10", "11", "12", "13", "14"};

	if (i >= 9 && i <= 14)
		return unassigned[i - 9];
	return mpnic_subtype_name(i == SUBTYPE_CODES - 1 ? MPNIC_SUBTYPE_NONE : i);
}

void print_counts(const struct counts *c)
{
	unsigned int i;

	print_row("frames by class", c->classes, GEN_CLASSES + 1, class_name);
	print_row("parse", c->parse, 16, mpnic_parse_name);
	print_row("tcpopt", c->tcpopt, 8, mpnic_tcpopt_name);
	print_row("csum.ip", c->ip, 8, mpnic_csum_name);
	print_row("csum.l4", c->l4, 8, mpnic_csum_name);
	print_row("version_from", c->version_from, 4, mpnic_version_from_name);
	for (i = 0; i < SUBTYPE_CODES; i++)
		print_row(subtype_name(i), c->errors[i], 16, error_name);
}

/* --- reach ---------------------------------------------------------------------------------- */

#define E(name) (1u << MPNIC_OPT_ERROR_##name)

/* The errors that docs/pipeline.md gives each subtype. */
static unsigned int contract_errors(unsigned int subtype)
{
	switch (subtype) {
	case MPNIC_SUBTYPE_MP_CAPABLE:
		return E(NONE) | E(LENGTH) | E(VERSION) | E(EXTENSIBILITY) | E(SEGMENT) |
		       E(CSUM_FLAG) | E(NO_CRYPTO);
	case MPNIC_SUBTYPE_DSS:
		return E(NONE) | E(SEGMENT) | E(LENGTH) | E(FIN_NO_MAP);
	case MPNIC_SUBTYPE_ADD_ADDR:
		return E(NONE) | E(SEGMENT) | E(AMBIGUOUS) | E(IPVER) | E(LENGTH);
	case MPNIC_SUBTYPE_MP_TCPRST:
		return E(NONE) | E(VERSION) | E(SEGMENT) | E(LENGTH);
	case MPNIC_SUBTYPE_MP_EXPERIMENTAL:
		return E(NONE);
	case SUBTYPE_CODES - 1:
		return E(LENGTH);
	default:
		return subtype < 9 ? E(NONE) | E(SEGMENT) | E(LENGTH) : E(SUBTYPE);
	}
}

static unsigned int missing(const char *what, const uint64_t *counts, unsigned int codes,
			    const char *(*name)(unsigned int))
{
	unsigned int i, bad = 0;

	for (i = 0; i < codes; i++) {
		if (counts[i])
			continue;
		if (name)
			printf("NOT REACHED: %s %s\n", what, name(i));
		else
			printf("NOT REACHED: %s %u\n", what, i);
		bad++;
	}
	return bad;
}

static unsigned int errors_unreached(const struct counts *c)
{
	unsigned int subtype, error, bad = 0;

	for (subtype = 0; subtype < SUBTYPE_CODES; subtype++)
		for (error = 0; error < 16; error++) {
			const bool wanted = contract_errors(subtype) >> error & 1;

			if (wanted == (c->errors[subtype][error] != 0))
				continue;
			printf("%s: %s with error %s\n", wanted ? "NOT REACHED" : "NOT IN CONTRACT",
			       subtype_name(subtype), error_name(error));
			bad++;
		}
	return bad;
}

/* CSUM_PARTIAL and ZERO are no verdicts on an IPv4 header. */
static unsigned int ip_unreached(const struct counts *c)
{
	static const uint8_t wanted[] = {MPNIC_CSUM_NONE, MPNIC_CSUM_GOOD, MPNIC_CSUM_BAD,
					 MPNIC_CSUM_NOT_JUDGED};
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		bad += missing(mpnic_csum_name(wanted[i]), &c->ip[wanted[i]], 1, NULL);
	return bad;
}

unsigned int print_unreached(const struct counts *c)
{
	unsigned int bad = errors_unreached(c) + ip_unreached(c);

	bad += missing("class", c->classes, GEN_CLASSES, class_name);
	bad += missing("parse", c->parse, MPNIC_PARSE_UDP_LEN + 1, mpnic_parse_name);
	bad += missing("tcpopt", c->tcpopt, MPNIC_TCPOPT_CUT + 1, mpnic_tcpopt_name);
	bad += missing("csum.l4", c->l4, MPNIC_CSUM_NOT_JUDGED + 1, mpnic_csum_name);
	bad += missing("version_from", c->version_from, 4, mpnic_version_from_name);
	bad += missing("mptcp_count", c->opt_count, MPNIC_MPTCP_OPTS + 1, NULL);
	bad += missing("bit of hdr.flags", c->hdr_bits, 11, NULL);
	bad += missing("bit of hdr.mptcp", c->mptcp_bits, 4, NULL);
	bad += missing("bit of opt.fields", c->field_bits, 16, NULL);
	bad += missing("csum.truncated", &c->truncated, 1, NULL);
	return bad;
}
