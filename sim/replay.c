/* SPDX-License-Identifier: BSD-3-Clause */
#include "exit_code.h"
#include "replay.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "control.h"
#include "difference.h"
#include "engine.h"
#include "json.h"
#include "mpnic_model.h"
#include "pcapng.h"
#include "progress.h"
#include "reading.h"
#include "report.h"
#include "tables.h"
#include "text.h"
#include "totals.h"
#include "trace_twin.h"
#include "track.h"

static const struct track_limits limits = {.flows = 262144, .conns = 65536};

/* Files that frames are written to. */
enum output {
	OUT_CAME, /* --pcapng: as they came */
	OUT_LEFT, /* --deparsed: as they leave */
	OUTPUTS,
};

static const char *const output_option[] = {"--pcapng", "--deparsed"};

struct options {
	enum engine_kind engine;
	bool json, packets, events, show_keys, progress;
	const char *trace, *tables, *out[OUTPUTS];
};

struct replay {
	struct options opt;
	struct engine *engine;
	struct pcapng *out[OUTPUTS];
	struct mpnic_state_config config;
	struct tables *tables; /* or NULL */
	struct totals all;
	struct track_totals all_tracked;
	unsigned int all_conns, files;
	int status; /* exit code so far */
	uint8_t left[MPNIC_REPLAY_MAX];
};

/* What the pipeline says of one frame. */
struct reading {
	struct engine_reading nic;
	const uint64_t *idsn; /* of the sender's side; NULL: not known */
	const uint8_t *left;  /* the frame as it leaves */
};

/* One file on its way. */
struct input {
	const char *name;
	FILE *file;
	struct capture *capture;
	struct track *track;
	struct control *control;
	struct totals totals;
	struct progress progress;
	bool refused[CAPTURE_IFACE_MAX];	   /* told already */
	int out_iface[OUTPUTS][CAPTURE_IFACE_MAX]; /* in these files; -1: not yet */
};

static const char usage_text[] =
	"Usage: mpnic-sim replay [OPTION]... FILE...\n"
	"Read captures (pcap, pcapng; - is stdin), send every frame through the pipeline, and\n"
	"report on each MPTCP connection, then on the whole. Each file stands for itself.\n\n"
	"  --engine ENGINE  both (default): Verilated RTL and C model, every byte of every record\n"
	"                   compared, stopping at the first difference; model; rtl\n"
	"  --json           one JSON object a line instead of text (docs/json.md)\n"
	"  --packets        also a line (an object) for each packet\n"
	"  --events         also a line (an object) for each event that the NIC would raise\n"
	"  --tables FILE    settings and table entries of the NIC (docs/tables.md)\n"
	"  --trace FILE     waveforms of the whole run (FST; slow and large: use short captures)\n"
	"  --pcapng FILE    write the frames there, each with its reading as a packet comment\n"
	"  --deparsed FILE  write the frames there as they leave the pipeline: options stripped,\n"
	"                   dropped ones left out\n"
	"  --show-keys      print MPTCP keys, which are hidden otherwise; the frames of --pcapng\n"
	"                   hold them in any case\n"
	"  --progress       progress on stderr even if that is no terminal\n"
	"  --help           this text\n\n"
	"Exit codes: 0 all was read; 1 a file is missing, broken or partly refused (what could be\n"
	"read is reported), or the system failed; 2 usage; 3 RTL and model differ.\n";

static int bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "mpnic-sim replay: %s%s%s; `mpnic-sim replay --help` tells more\n", what,
		arg ? " " : "", arg ? arg : "");
	return -EINVAL;
}

static int parse_engine(const char *name, enum engine_kind *kind)
{
	static const char *const names[] = {"both", "model", "rtl"}; /* as enum engine_kind */

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]))
			continue;
		*kind = (enum engine_kind)i;
		return 0;
	}
	return bad_usage("--engine takes both, model or rtl, not", name);
}

/* Returns 0, 1 if help was asked for, -EINVAL after a message. */
static int parse_options(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{"engine", required_argument, NULL, 'e'},
		{"json", no_argument, NULL, 'j'},
		{"packets", no_argument, NULL, 'p'},
		{"events", no_argument, NULL, 'E'},
		{"tables", required_argument, NULL, 'T'},
		{"trace", required_argument, NULL, 't'},
		{"pcapng", required_argument, NULL, 'w'},
		{"deparsed", required_argument, NULL, 'd'},
		{"show-keys", no_argument, NULL, 'k'},
		{"progress", no_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, err = 0;

	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'e')
			err = parse_engine(optarg, &opt->engine);
		else if (c == 'j')
			opt->json = true;
		else if (c == 'p')
			opt->packets = true;
		else if (c == 'E')
			opt->events = true;
		else if (c == 'T')
			opt->tables = optarg;
		else if (c == 't')
			opt->trace = optarg;
		else if (c == 'w')
			opt->out[OUT_CAME] = optarg;
		else if (c == 'd')
			opt->out[OUT_LEFT] = optarg;
		else if (c == 'k')
			opt->show_keys = true;
		else if (c == 'P')
			opt->progress = true;
		else if (c == 'h')
			return 1;
		else
			err = bad_usage(c == ':' ? "an argument is missing for" : "no option",
					argv[optind - 1]);
	}
	if (err)
		return err;
	if (optind == argc)
		return bad_usage("no FILE given", NULL);
	if (opt->out[OUT_CAME] && opt->out[OUT_LEFT] &&
	    !strcmp(opt->out[OUT_CAME], opt->out[OUT_LEFT]))
		return bad_usage("--pcapng and --deparsed name one file:", opt->out[OUT_CAME]);
	if (opt->trace && opt->engine == ENGINE_MODEL)
		return bad_usage("--trace needs the RTL: --engine both or rtl", NULL);
	return 0;
}

/* A broken input, or one that was not wholly read: said on stderr, and in what is reported. */
static void complain(struct replay *r, struct input *in, uint64_t offset, const char *what)
{
	progress_end(&in->progress);
	fflush(stdout);
	fprintf(stderr, "mpnic-sim: %s: at byte %" PRIu64 ": %s\n", in->name, offset, what);
	if (r->opt.json)
		json_error(stdout, in->name, offset, what);
	r->status = EXIT_BROKEN;
}

static void refuse(struct replay *r, struct input *in, const struct capture_frame *frame)
{
	const struct capture_iface *iface = frame->iface;
	char what[256];

	if (in->refused[iface->index])
		return;
	in->refused[iface->index] = true;
	snprintf(what, sizeof(what),
		 "interface %u%s%s%s has link type %s (%u); its frames are not read: only Ethernet "
		 "(1) is. Capture on an Ethernet interface, not on \"any\"",
		 iface->index, *iface->name ? " (" : "", iface->name, *iface->name ? ")" : "",
		 capture_link_name(iface->link_type), iface->link_type);
	complain(r, in, frame->offset, what);
}

/* ---- output of packets --------------------------------------------------------------------- */

static int write_packet(struct replay *r, struct input *in, enum output out,
			const struct capture_frame *frame, const uint8_t *data, const char *comment)
{
	const struct capture_iface *iface = frame->iface;
	int id = in->out_iface[out][iface->index];

	if (id < 0) {
		id = pcapng_interface(r->out[out], iface->link_type, iface->snaplen, iface->name);
		in->out_iface[out][iface->index] = id;
	}
	if (id < 0)
		return id;
	return pcapng_packet(r->out[out], (unsigned int)id, frame->time_ns, data, frame->len,
			     frame->orig_len, comment);
}

static int write_frame(struct replay *r, struct input *in, const struct capture_frame *frame,
		       const struct reading *reading, const char *comment)
{
	int err = 0;

	if (r->out[OUT_CAME])
		err = write_packet(r, in, OUT_CAME, frame, frame->data, comment);
	if (!err && r->out[OUT_LEFT] && !reading->nic.result.drop)
		err = write_packet(r, in, OUT_LEFT, frame, reading->left, comment);
	return err;
}

static int write_reading(struct replay *r, struct input *in, const struct capture_frame *frame,
			 const struct reading *reading)
{
	char *comment = NULL;
	size_t size;
	FILE *text = open_memstream(&comment, &size);
	int err;

	if (!text)
		return -ENOMEM;
	fputs("mpnic: ", text);
	reading_print(text, &reading->nic.hdr, &reading->nic.csum, r->opt.show_keys);
	reading_print_result(text, &reading->nic.hdr, &reading->nic.result, reading->idsn);
	if (fclose(text)) {
		free(comment);
		return -ENOMEM;
	}
	err = write_frame(r, in, frame, reading, comment);
	free(comment);
	return err;
}

static void print_packet(const struct replay *r, const struct input *in,
			 const struct capture_frame *frame, const struct reading *reading)
{
	if (r->opt.json) {
		json_packet(stdout, in->name, frame, &reading->nic.hdr, &reading->nic.csum,
			    &reading->nic.result, reading->idsn, r->opt.show_keys);
		return;
	}
	printf("%" PRIu64 " ", frame->number);
	reading_print(stdout, &reading->nic.hdr, &reading->nic.csum, r->opt.show_keys);
	reading_print_result(stdout, &reading->nic.hdr, &reading->nic.result, reading->idsn);
	putchar('\n');
}

static void print_event(const struct replay *r, const struct input *in,
			const struct capture_frame *frame, const struct mpnic_event *event)
{
	if (r->opt.json) {
		json_event(stdout, in->name, frame, event);
		return;
	}
	printf("%" PRIu64 " ", frame->number);
	reading_print_event(stdout, event);
	putchar('\n');
}

/* ---- one file ------------------------------------------------------------------------------ */

/* The engine failed, or found a difference. */
static int engine_failed(struct replay *r, struct input *in, int err)
{
	const struct engine_difference *d;

	progress_end(&in->progress);
	if (err != -EBADE) {
		fprintf(stderr, "mpnic-sim: %s: the RTL engine failed: %s\n", in->name,
			strerror(-err));
		r->status = EXIT_BROKEN;
		return err;
	}
	d = engine_difference(r->engine);
	difference_print(r->opt.json ? stderr : stdout, d, r->opt.trace, r->opt.show_keys);
	if (r->opt.json)
		json_difference(stdout, d);
	r->status = EXIT_DIFFERENCE;
	return err;
}

static int write_failed(struct replay *r, struct input *in, int err)
{
	const char *came = r->opt.out[OUT_CAME], *left = r->opt.out[OUT_LEFT];

	progress_end(&in->progress);
	fprintf(stderr, "mpnic-sim: %s%s%s: cannot be written: %s\n", came ? came : "",
		came && left ? " or " : "", left ? left : "", strerror(-err));
	r->status = EXIT_BROKEN;
	return err;
}

/* The connection's version is part of what the pipeline is given; finding the connection takes the
 * addresses and ports, so the model reads the headers first. */
static uint8_t user_of(const struct input *in, const struct capture_frame *frame)
{
	struct mpnic_hdr hdr;

	mpnic_headers(frame->data, frame->len, MPNIC_USER(MPNIC_GIVEN_UNKNOWN, 0), &hdr);
	return MPNIC_USER(track_version(in->track, &hdr), 0);
}

/* The frame as it leaves: the last stage. What is beyond the longest frame is never touched. */
static void deparse(struct replay *r, const struct capture_frame *frame, struct reading *reading)
{
	struct engine_reading *nic = &reading->nic;
	const size_t len = frame->len < MPNIC_REPLAY_MAX ? frame->len : MPNIC_REPLAY_MAX;

	memcpy(r->left, frame->data, len);
	reading->left = frame->len == len ? r->left : frame->data;
	mpnic_deparse(r->left, len, &nic->hdr, &nic->csum, &nic->result);
}

/* Host and engine, in this order: what a frame says of keys holds for its data. */
static int run_frame(struct replay *r, struct input *in, const struct capture_frame *frame,
		     uint8_t user, struct reading *reading)
{
	const struct engine_place place = {.file = in->name, .frame = frame->number};
	struct engine_reading *nic = &reading->nic;
	const struct mpnic_conn *conn;
	const struct track_flow *flow;
	unsigned int dir;
	int err;

	control_before(in->control, in->track, &nic->hdr, frame->time_ns);
	err = engine_packet(r->engine, &place, frame->data, frame->len, user, frame->time_ns);
	if (err)
		return err;
	nic->has_event = control_packet(in->control, in->track, &nic->hdr, &nic->csum,
					frame->time_ns, &nic->result, &nic->event, &conn);
	deparse(r, frame, reading);
	err = engine_result(r->engine, nic, r->left);
	if (err)
		return err;
	flow = track_find(in->track, &nic->hdr, &dir);
	if (flow && flow->conn && flow->conn->key_known[dir ^ flow->opener])
		reading->idsn = &flow->conn->idsn[dir ^ flow->opener];
	return track_result(in->track, &nic->hdr, &nic->csum, &nic->result, conn, frame->number);
}

/* Nothing of no bytes is on a wire: it has a header record, and the NIC is not asked. */
static void run_empty(struct replay *r, const struct capture_frame *frame, struct reading *reading)
{
	engine_empty(r->engine);
	reading->left = frame->data;
	reading->nic.result = (struct mpnic_result){
		.rule = UINT8_MAX,
		.flow_id = MPNIC_ID_NONE,
		.masked_id = MPNIC_ID_NONE,
		.conn_id = MPNIC_ID_NONE,
	};
}

static int read_frame(struct replay *r, struct input *in, const struct capture_frame *frame,
		      struct reading *reading)
{
	const size_t len = frame->len < MPNIC_REPLAY_MAX ? frame->len : MPNIC_REPLAY_MAX;
	const uint8_t user = user_of(in, frame);
	struct engine_reading *nic = &reading->nic;
	int err;

	mpnic_packet(frame->data, len, user, &nic->hdr, &nic->csum);
	err = track_packet(in->track, &nic->hdr, &nic->csum, frame->number, frame->time_ns);
	if (!err && len)
		return run_frame(r, in, frame, user, reading);
	if (!err)
		run_empty(r, frame, reading);
	return err;
}

static int show_frame(struct replay *r, struct input *in, const struct capture_frame *frame,
		      const struct reading *reading)
{
	if (r->opt.packets)
		print_packet(r, in, frame, reading);
	if (r->opt.events && reading->nic.has_event)
		print_event(r, in, frame, &reading->nic.event);
	if (r->out[OUT_CAME] || r->out[OUT_LEFT])
		return write_reading(r, in, frame, reading);
	return 0;
}

static int replay_frame(struct replay *r, struct input *in, const struct capture_frame *frame)
{
	struct reading reading = {.idsn = NULL};
	int err;

	totals_frame(&in->totals, frame);
	if (frame->iface->link_type != CAPTURE_LINK_ETHERNET) {
		refuse(r, in, frame);
		err = r->out[OUT_CAME] ? write_packet(r, in, OUT_CAME, frame, frame->data,
						      "mpnic: not Ethernet, not read")
				       : 0;
		return err ? write_failed(r, in, err) : 0;
	}
	err = read_frame(r, in, frame, &reading);
	if (err == -ENOMEM)
		complain(r, in, frame->offset, "out of memory");
	else if (err)
		engine_failed(r, in, err);
	if (err)
		return err;
	totals_records(&in->totals, frame->number, &reading.nic.hdr, &reading.nic.csum);
	err = show_frame(r, in, frame, &reading);
	return err ? write_failed(r, in, err) : 0;
}

/* Returns 0 at the end of the file, broken or not; an error if the whole run must end. */
static int replay_frames(struct replay *r, struct input *in)
{
	struct capture_frame frame;
	int got, err;

	while ((got = capture_next(in->capture, &frame)) > 0) {
		err = replay_frame(r, in, &frame);
		if (err)
			return err;
		progress_step(&in->progress, capture_position(in->capture), frame.number);
	}
	err = engine_flush(r->engine);
	if (err)
		return engine_failed(r, in, err);
	progress_end(&in->progress);
	if (got < 0) {
		uint64_t offset;
		const char *what = capture_error(in->capture, &offset);

		complain(r, in, offset, what);
	}
	return 0;
}

static void report(struct replay *r, struct input *in)
{
	const struct track_totals *tracked = track_totals(in->track);
	unsigned int conns = track_conns(in->track);

	track_finish(in->track);
	totals_state(&in->totals, in->control);
	if (!r->opt.json)
		printf("== %s (%s)\n\n", in->name, capture_format(in->capture));
	for (unsigned int i = 0; i < conns; i++) {
		if (r->opt.json)
			json_connection(stdout, in->name, track_conn(in->track, i),
					r->opt.show_keys);
		else
			report_connection(stdout, track_conn(in->track, i), r->opt.show_keys);
	}
	if (r->opt.json) {
		json_totals(stdout, in->name, &in->totals, tracked, conns);
	} else {
		puts("totals");
		report_totals(stdout, &in->totals, tracked, conns);
		putchar('\n');
	}
	totals_merge(&r->all, &in->totals);
	r->all_tracked.plain_flows += tracked->plain_flows;
	r->all_tracked.cut_flows += tracked->cut_flows;
	r->all_tracked.bad_checksum += tracked->bad_checksum;
	r->all_tracked.flows_left_out += tracked->flows_left_out;
	r->all_tracked.conns_left_out += tracked->conns_left_out;
	r->all_conns += conns;
	r->files++;
}

/* ---- tables -------------------------------------------------------------------------------- */

static uint32_t take_flow(void *control)
{
	return control_take_id((struct control *)control);
}

static uint32_t take_conn(void *control, unsigned int number)
{
	return control_take_conn((struct control *)control, number);
}

static int tables_failed(const struct replay *r, const struct tables_error *error)
{
	fprintf(stderr, "mpnic-sim: %s: line %u, column %u: %s\n", r->opt.tables, error->line,
		error->column, error->what);
	return -EINVAL;
}

/* Fresh tables, with the entries of the table file; in the engine too, if there is one already. */
static int new_control(const struct replay *r, struct control **control)
{
	struct tables_ids ids = {.flow = take_flow, .conn = take_conn};
	struct tables_error error;
	int err = control_new(&r->config, control);

	if (!err && r->engine)
		err = engine_begin(r->engine, control_state(*control));
	if (err || !r->tables)
		return err;
	ids.context = *control;
	err = tables_apply(r->tables, control_state(*control), &ids, &error);
	return err ? tables_failed(r, &error) : 0;
}

static int read_text(const char *name, char **text, size_t *len)
{
	FILE *file = fopen(name, "rb");
	int err = file ? 0 : -errno;

	*text = file ? malloc(TABLES_TEXT_MAX + 1) : NULL;
	if (!err && !*text)
		err = -ENOMEM;
	if (!err) {
		*len = fread(*text, 1, TABLES_TEXT_MAX + 1, file); /* one more: it is too long */
		err = ferror(file) ? -EIO : 0;
	}
	if (file)
		fclose(file);
	return err;
}

/* Reads the table file, and tries it once, so that its errors come before all else. */
static int load_tables(struct replay *r)
{
	struct control *control = NULL;
	struct tables_error error;
	char *text = NULL;
	size_t len = 0;
	int err;

	control_defaults(&r->config);
	if (!r->opt.tables)
		return EXIT_OK;
	err = read_text(r->opt.tables, &text, &len);
	if (err)
		fprintf(stderr, "mpnic-sim: %s: cannot be read: %s\n", r->opt.tables,
			strerror(-err));
	else
		err = tables_parse(text, len, &r->config, &r->tables, &error);
	free(text);
	if (!err) {
		r->config = *tables_config(r->tables);
		err = new_control(r, &control);
		control_free(control);
	} else if (err == -EINVAL) {
		tables_failed(r, &error);
	}
	return err ? EXIT_BROKEN : EXIT_OK;
}

static int replay_capture(struct replay *r, struct input *in)
{
	int err = capture_open(in->file, &in->capture);

	if (err == -ENOMEM)
		return err;
	if (err) {
		uint64_t offset;
		const char *what = capture_error(in->capture, &offset);

		complain(r, in, offset, what);
		return 0;
	}
	in->track = track_new(&limits);
	if (!in->track)
		return -ENOMEM;
	err = new_control(r, &in->control);
	if (err)
		return err;
	err = replay_frames(r, in);
	if (!err)
		report(r, in);
	return err;
}

static uint64_t file_size(FILE *file)
{
	struct stat st;

	return !fstat(fileno(file), &st) && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* Returns an error if the whole run must end. */
static int replay_file(struct replay *r, const char *name)
{
	struct input *in = calloc(1, sizeof(*in));
	bool is_stdin = !strcmp(name, "-");
	int err;

	if (!in)
		return -ENOMEM;
	in->name = name;
	in->file = is_stdin ? stdin : fopen(name, "rb");
	if (!in->file) {
		complain(r, in, 0, strerror(errno));
		free(in);
		return 0;
	}
	memset(in->out_iface, 0xff, sizeof(in->out_iface)); /* -1 */
	progress_begin(&in->progress, r->opt.progress || isatty(STDERR_FILENO), name,
		       file_size(in->file));
	err = replay_capture(r, in);
	if (err == -ENOMEM)
		complain(r, in, 0, "out of memory");
	capture_close(in->capture);
	track_free(in->track);
	control_free(in->control);
	if (!is_stdin)
		fclose(in->file);
	free(in);
	return err;
}

/* ---- the run ------------------------------------------------------------------------------- */

/* Writing over an input would destroy it. */
static bool is_input(const char *path, int argc, char **argv)
{
	struct stat out, in;

	if (stat(path, &out))
		return false;
	for (int i = optind; i < argc; i++)
		if (!stat(argv[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return true;
	return false;
}

static int open_output(struct replay *r, enum output out, int argc, char **argv)
{
	const char *path = r->opt.out[out];
	int err;

	if (is_input(path, argc, argv)) {
		fprintf(stderr, "mpnic-sim replay: %s would overwrite an input: %s\n",
			output_option[out], path);
		return EXIT_USAGE;
	}
	err = pcapng_open(path, &r->out[out]);
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "mpnic-sim: %s: cannot be written: %s\n", path, strerror(-err));
	return EXIT_BROKEN;
}

static int open_outputs(struct replay *r, int argc, char **argv, char **program)
{
	int err = engine_open(r->opt.engine, r->opt.trace, &r->engine);

	/* Tracing makes the RTL slow, so it is another build. */
	if (err == -ENOTSUP)
		return trace_twin(program);
	if (err) {
		fprintf(stderr, "mpnic-sim: the engine cannot start: %s\n", strerror(-err));
		return EXIT_BROKEN;
	}
	for (enum output out = 0; out < OUTPUTS; out++) {
		int status = r->opt.out[out] ? open_output(r, out, argc, argv) : EXIT_OK;

		if (status)
			return status;
	}
	return EXIT_OK;
}

static void report_all(struct replay *r)
{
	struct engine_counts counts;

	engine_counts(r->engine, &counts);
	if (r->opt.json) {
		json_engine(stdout, r->opt.engine, &counts);
		return;
	}
	if (r->files > 1) {
		printf("== all %u files\n\n", r->files);
		report_totals(stdout, &r->all, &r->all_tracked, r->all_conns);
	}
	report_engine(stdout, r->opt.engine, &counts);
}

static void close_outputs(struct replay *r)
{
	for (enum output out = 0; out < OUTPUTS; out++) {
		int err = pcapng_close(r->out[out]);

		if (!err)
			continue;
		fprintf(stderr, "mpnic-sim: %s: cannot be written: %s\n", r->opt.out[out],
			strerror(-err));
		r->status = EXIT_BROKEN;
	}
	engine_close(r->engine);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "mpnic-sim: the report cannot be written: %s\n", strerror(errno));
		r->status = EXIT_BROKEN;
	}
}

int replay_main(int argc, char **argv, char **program)
{
	struct replay r = {.opt.engine = ENGINE_BOTH};
	int err = parse_options(argc, argv, &r.opt);

	if (err < 0)
		return EXIT_USAGE;
	if (err) {
		fputs(usage_text, stdout);
		return EXIT_OK;
	}
	json_setup();
	r.status = load_tables(&r);
	if (!r.status)
		r.status = open_outputs(&r, argc, argv, program);
	if (r.status) {
		for (enum output out = 0; out < OUTPUTS; out++)
			pcapng_close(r.out[out]);
		tables_free(r.tables);
		engine_close(r.engine);
		return r.status;
	}
	for (int i = optind; i < argc && !err; i++)
		err = replay_file(&r, argv[i]);
	if (!err)
		report_all(&r);
	close_outputs(&r);
	tables_free(r.tables);
	return r.status;
}
