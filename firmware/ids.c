/* SPDX-License-Identifier: BSD-3-Clause */
/* Which ids are taken: a bit each. */
#include "internal.h"

uint32_t fw_ids_take_from(struct fw_ids *ids, uint32_t from)
{
	uint32_t id = from, left = ids->count;

	if (ids->used == ids->count)
		return FW_NONE;
	while (left) {
		if (id == ids->count)
			id = 0;
		if (!(id % 32) && left >= 32 && !~ids->taken[id / 32]) {
			id += 32;
			left -= 32;
			continue;
		}
		if (!fw_ids_taken(ids, id)) {
			ids->taken[id / 32] |= 1u << id % 32;
			ids->used++;
			return id;
		}
		id++;
		left--;
	}
	return FW_NONE;
}

uint32_t fw_ids_take(struct fw_ids *ids, bool *first)
{
	const uint32_t id = fw_ids_take_from(ids, ids->next);

	if (id == FW_NONE)
		return id;
	ids->next = id + 1;
	/* In the first turn all behind it are free. */
	*first = id >= ids->fresh;
	if (*first)
		ids->fresh = id + 1;
	return id;
}

void fw_ids_free(struct fw_ids *ids, uint32_t id)
{
	ids->taken[id / 32] &= ~(1u << id % 32);
	ids->used--;
}
