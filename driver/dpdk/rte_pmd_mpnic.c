/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications get beyond ethdev. */
#include <rte_bitops.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "rte_pmd_mpnic.h"

int rte_pmd_mpnic_meta_register(int *offset, uint64_t *flag)
{
	static const struct rte_mbuf_dynfield field = {
		.name = RTE_PMD_MPNIC_META_FIELD,
		.size = sizeof(struct rte_pmd_mpnic_meta),
		.align = __alignof__(uint32_t),
	};
	static const struct rte_mbuf_dynflag bit = {.name = RTE_PMD_MPNIC_META_FLAG};
	const int at = rte_mbuf_dynfield_register(&field), number = rte_mbuf_dynflag_register(&bit);

	if (at < 0 || number < 0)
		return -1;
	*offset = at;
	*flag = RTE_BIT64(number);
	return 0;
}
