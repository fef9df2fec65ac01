/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies from and to memory that another process shares and may take away at any time: a store to a
 * page that the file behind a mapping no longer has raises SIGBUS. Here that is an error instead.
 *
 * Why so: process_vm_readv() on oneself and pread() survive it too, but cost a system call for each
 * copy (a card makes three or more a packet), promise nothing about the order of stores, and
 * pwrite() does not exist for huge pages. Seals (F_SEAL_SHRINK) are the client's to set, and do not
 * help where a file system runs full. The price is one handler of SIGBUS in the process; a fault
 * that is not a copy's goes to the handler that was there before.
 */
#ifndef SIM_SAFE_COPY_H
#define SIM_SAFE_COPY_H

#include <stddef.h>

/* Install the handler, once for the process; later calls do nothing. Returns 0 or an error. */
int safe_copy_init(void);

/*
 * Return 0, or -EFAULT where the shared memory is gone; part may have been copied. Shared bytes
 * move in ascending order (acquire and release), by aligned words of 8 bytes, and single bytes
 * before and behind those.
 */
int safe_copy_from(void *to, const void *shared, size_t len);
int safe_copy_to(void *shared, const void *from, size_t len);

#endif
