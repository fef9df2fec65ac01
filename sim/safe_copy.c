/* SPDX-License-Identifier: BSD-3-Clause */
#include "safe_copy.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define MASK_SIZE (_NSIG / 8) /* what the kernel has of a sigset_t */

/* A copy under way: where its faults may be, and the way out. */
struct trap {
	sigjmp_buf out;
	sigset_t mask; /* of the thread, before the fault */
	uintptr_t first, end;
};

/* A signal belongs to the process and a fault to a thread, so neither can hang on an object. */
static _Thread_local struct trap *volatile trap;
static struct sigaction before;
static int init_error;

static void pass_on(int sig, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
		return;
	}
	if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
		return;
	}
	/* A real fault comes again when this returns; one that was sent must be sent again. */
	sigaction(sig, &before, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct trap *t = trap;
	const ucontext_t *uc = context;
	uintptr_t at = (uintptr_t)info->si_addr;

	if (!t || info->si_code <= 0 || at < t->first || at >= t->end) {
		pass_on(sig, info, context);
		return;
	}
	trap = NULL;
	sigemptyset(&t->mask);
	memcpy(&t->mask, &uc->uc_sigmask, MASK_SIZE);
	siglongjmp(t->out, 1);
}

static void install(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus,
				   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};

	sigemptyset(&action.sa_mask);
	init_error = sigaction(SIGBUS, &action, &before) ? -errno : 0;
}

int safe_copy_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
	return init_error;
}

/*
 * Bytes to the first whole word of the shared side, words, bytes. Not for the thread sanitizer: its
 * atomic operations, which a jump would leave, hold a lock.
 */
#define WORD	  sizeof(uint64_t)
#define UNCHECKED __attribute__((no_sanitize("thread")))

static UNCHECKED void copy_from(uint8_t *to, const uint8_t *shared, size_t len)
{
	for (; len && (uintptr_t)shared % WORD; len--)
		*to++ = __atomic_load_n(shared++, __ATOMIC_ACQUIRE);
	for (; len >= WORD; len -= WORD, to += WORD, shared += WORD) {
		uint64_t word = __atomic_load_n((const uint64_t *)shared, __ATOMIC_ACQUIRE);

		memcpy(to, &word, WORD);
	}
	while (len--)
		*to++ = __atomic_load_n(shared++, __ATOMIC_ACQUIRE);
}

static UNCHECKED void copy_to(uint8_t *shared, const uint8_t *from, size_t len)
{
	for (; len && (uintptr_t)shared % WORD; len--)
		__atomic_store_n(shared++, *from++, __ATOMIC_RELEASE);
	for (; len >= WORD; len -= WORD, from += WORD, shared += WORD) {
		uint64_t word;

		memcpy(&word, from, WORD);
		__atomic_store_n((uint64_t *)shared, word, __ATOMIC_RELEASE);
	}
	while (len--)
		__atomic_store_n(shared++, *from++, __ATOMIC_RELEASE);
}

/* The compiler must not move a copy out of the time in which the trap is set. */
#define barrier() __asm__ volatile("" ::: "memory")

static int guarded(void (*copy)(uint8_t *, const uint8_t *, size_t), uint8_t *to,
		   const uint8_t *from, const uint8_t *shared, size_t len)
{
	struct trap t;

	/* The rest is written by a fault: to clear it takes longer than a short copy. */
	t.first = (uintptr_t)shared;
	t.end = (uintptr_t)shared + len;
	/* The mask is put back where it is needed; to save it each time would be a system call. */
	if (sigsetjmp(t.out, 0)) {
		pthread_sigmask(SIG_SETMASK, &t.mask, NULL);
		return -EFAULT;
	}
	trap = &t;
	barrier();
	copy(to, from, len);
	barrier();
	trap = NULL;
	return 0;
}

int safe_copy_from(void *to, const void *shared, size_t len)
{
	return guarded(copy_from, to, shared, shared, len);
}

int safe_copy_to(void *shared, const void *from, size_t len)
{
	return guarded(copy_to, shared, from, shared, len);
}
