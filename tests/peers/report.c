/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <jansson.h>
#include <stdio.h>

static const char *const events[] = {"open", "subflow", "refused", "add_addr", "end"};

static json_t *version(int v)
{
	return v == NO_VERSION ? json_null() : json_integer(v);
}

static json_t *where(const struct endpoint *e)
{
	char text[64], whole[80];

	snprintf(whole, sizeof(whole), e->addr.len == 4 ? "%s:%u" : "[%s]:%u",
		 ipaddr_text(&e->addr, text, sizeof(text)), e->port);
	return json_string(whole);
}

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static void numbers(json_t *o, const struct conn_report *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} list[] = {
		{"subflows", r->subflows},	 {"joins_refused", r->joins_refused},
		{"bytes_in", r->bytes_in},	 {"bytes_out", r->bytes_out},
		{"data_acks", r->data_acks},	 {"mappings", r->maps},
		{"csum_bad", r->csum_bad},	 {"out_of_window", r->out_of_window},
		{"mp_fail", r->fails},		 {"mp_fail_sent", r->fails_sent},
		{"add_addr", r->adds},		 {"remove_addr", r->removes},
		{"mp_prio", r->prios},		 {"bad_options", r->bad_options},
		{"retransmits", r->retransmits},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].name, json_integer((json_int_t)list[i].value));
}

static json_t *about(const char *event, const struct conn_report *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "event", json_string(event));
	if (!r)
		return o;
	json_object_set_new(o, "local", where(&r->local));
	json_object_set_new(o, "remote", where(&r->remote));
	json_object_set_new(o, "active", json_boolean(r->active));
	json_object_set_new(o, "offered", version(r->offered));
	json_object_set_new(o, "answered", version(r->answered));
	json_object_set_new(o, "established", json_string(r->mptcp ? "mptcp0" : "tcp"));
	json_object_set_new(o, "fallback", text_or_null(r->fallback));
	json_object_set_new(o, "checksum", json_boolean(r->mptcp && r->checksum));
	json_object_set_new(o, "end", text_or_null(r->end));
	if (r->added.len) {
		const struct endpoint e = {r->added, r->added_port};

		json_object_set_new(o, "added", where(&e));
	}
	numbers(o, r);
	return o;
}

static void print(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

void report_event(enum stack_event e, const struct conn_report *r)
{
	print(about(events[e], r));
}

void report_ready(void)
{
	print(about("ready", NULL));
}

void report_result(const struct conn_report *r, bool right, uint64_t got, uint64_t sent)
{
	json_t *o = about("result", r);

	json_object_set_new(o, "right", json_boolean(right));
	json_object_set_new(o, "got", json_integer((json_int_t)got));
	json_object_set_new(o, "sent", json_integer((json_int_t)sent));
	print(o);
}
