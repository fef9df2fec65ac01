/* SPDX-License-Identifier: BSD-3-Clause */
/* The stateful stages in a row, for one frame and for a burst. */
#include "state.h"

static bool run_frame(struct mpnic_state *state, const struct mpnic_hdr *hdr,
		      const struct mpnic_csum *csum, const struct frame_keys *keys,
		      uint64_t time_ns, struct mpnic_result *result, struct mpnic_event *event)
{
	struct found found;

	if (time_ns > state->now)
		state->now = time_ns;
	mpnic_flow_stage(state, hdr, csum, keys, result, &found);
	mpnic_dss(hdr, csum, found.flow, found.conn, result);
	return mpnic_act(state, hdr, csum, &found, result, event);
}

bool mpnic_state_packet(struct mpnic_state *state, const struct mpnic_hdr *hdr,
			const struct mpnic_csum *csum, uint64_t time_ns,
			struct mpnic_result *result, struct mpnic_event *event)
{
	struct frame_keys keys;

	mpnic_flow_keys(state, hdr, &keys);
	return run_frame(state, hdr, csum, &keys, time_ns, result, event);
}

FETCH void prefetch_flow(const struct mpnic_state *state, uint32_t flow_id)
{
	const uint8_t *flow;

	if (flow_id >= state->config.flows)
		return;
	flow = (const uint8_t *)&state->flows[flow_id];
	__builtin_prefetch(flow, 1);
	__builtin_prefetch(flow + sizeof(struct mpnic_flow) / 2, 1);
}

/*
 * A frame's misses depend on each other: buckets, key and flow, connection. So a burst goes through
 * them one after the other, each for all of its frames. What is fetched is a guess, which frames
 * before in the burst may make wrong; the look-ups themselves come when it is a frame's turn.
 */
FETCH void prefetch_burst(const struct mpnic_state *state, const struct mpnic_state_frame *frames,
			  struct frame_keys *keys, unsigned int n)
{
	uint32_t flow_ids[MPNIC_STATE_BURST];
	unsigned int i;

	for (i = 0; i < n; i++) {
		mpnic_flow_keys(state, frames[i].hdr, &keys[i]);
		if (keys[i].has_exact)
			table_prefetch(&state->flow, keys[i].exact_hash);
		if (keys[i].has_masked)
			table_prefetch(&state->masked, keys[i].masked_hash);
	}
	for (i = 0; i < n; i++) {
		flow_ids[i] = MPNIC_ID_NONE;
		if (keys[i].has_exact)
			flow_ids[i] = table_prefetch_key(&state->flow, keys[i].exact_hash);
		prefetch_flow(state, flow_ids[i]);
		if (keys[i].has_masked)
			prefetch_flow(state,
				      table_prefetch_key(&state->masked, keys[i].masked_hash));
	}
	for (i = 0; i < n; i++) {
		if (flow_ids[i] == MPNIC_ID_NONE)
			continue;
		__builtin_prefetch(conn_of(state, state->flows[flow_ids[i]].conn_id), 1);
	}
}

static void run_burst(struct mpnic_state *state, struct mpnic_state_frame *frames, unsigned int n)
{
	struct frame_keys keys[MPNIC_STATE_BURST];
	unsigned int i;

	prefetch_burst(state, frames, keys, n);
	for (i = 0; i < n; i++) {
		struct mpnic_state_frame *f = &frames[i];

		f->has_event = run_frame(state, f->hdr, f->csum, &keys[i], f->time_ns, f->result,
					 f->event);
	}
}

void mpnic_state_burst(struct mpnic_state *state, struct mpnic_state_frame *frames, unsigned int n)
{
	for (; n > MPNIC_STATE_BURST; n -= MPNIC_STATE_BURST, frames += MPNIC_STATE_BURST)
		run_burst(state, frames, MPNIC_STATE_BURST);
	run_burst(state, frames, n);
}
