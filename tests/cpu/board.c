// SPDX-License-Identifier: BSD-3-Clause
#include "board.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rv32i.h"

static int load_segment(struct board *board, FILE *file, const Elf32_Phdr *segment)
{
	const uint32_t at = segment->p_paddr - BOARD_RAM;

	if (segment->p_type != PT_LOAD || !segment->p_filesz)
		return 0;
	if (at >= BOARD_RAM_SIZE || segment->p_filesz > BOARD_RAM_SIZE - at)
		return -EFBIG;
	if (fseek(file, (long)segment->p_offset, SEEK_SET))
		return -errno;
	if (fread((uint8_t *)board->ram + at, segment->p_filesz, 1, file) != 1)
		return -EIO;
	return 0;
}

static int load_file(struct board *board, FILE *file)
{
	Elf32_Ehdr header;
	Elf32_Phdr segment;
	int error;

	if (fread(&header, sizeof(header), 1, file) != 1)
		return -EIO;
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS32 ||
	    header.e_machine != EM_RISCV || header.e_entry != BOARD_RAM)
		return -ENOEXEC;
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		if (fseek(file, (long)(header.e_phoff + i * sizeof(segment)), SEEK_SET))
			return -errno;
		if (fread(&segment, sizeof(segment), 1, file) != 1)
			return -EIO;
		error = load_segment(board, file, &segment);
		if (error)
			return error;
	}
	return 0;
}

int board_load(struct board *board, const char *path)
{
	FILE *file = fopen(path, "rb");
	int error;

	if (!file)
		return -errno;
	memset(board, 0, sizeof(*board));
	board->timecmp = UINT64_MAX;
	error = load_file(board, file);
	fclose(file);
	return error;
}

static uint64_t half_set(uint64_t value, uint32_t addr, uint32_t half)
{
	const unsigned int shift = addr & 4 ? 32 : 0;

	return (value & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)half << shift;
}

static int device_read(const struct board *board, uint32_t addr, uint32_t *rdata)
{
	const unsigned int shift = addr & 4 ? 32 : 0;

	switch (addr & ~4u) {
	case BOARD_FINISHER:
		*rdata = addr & 4 ? board->external : BOARD_MAGIC;
		return 0;
	case BOARD_TIME:
		*rdata = (uint32_t)(board->time >> shift);
		return 0;
	case BOARD_TIMECMP:
		*rdata = (uint32_t)(board->timecmp >> shift);
		return 0;
	default:
		return -EFAULT;
	}
}

static int device_write(struct board *board, uint32_t addr, uint32_t wdata)
{
	switch (addr) {
	case BOARD_FINISHER:
		board->finished = wdata;
		return 0;
	case BOARD_EXTERNAL:
		board->external = wdata & 1;
		return 0;
	case BOARD_CONSOLE:
		putchar((int)(wdata & 0xff));
		return 0;
	case BOARD_TIMECMP:
	case BOARD_TIMECMP + 4:
		board->timecmp = half_set(board->timecmp, addr, wdata);
		return 0;
	default:
		return -EFAULT;
	}
}

int board_access(struct board *board, uint32_t addr, uint8_t strobes, uint32_t wdata,
		 uint32_t *rdata)
{
	uint32_t *word;

	if (addr - BOARD_RAM >= BOARD_RAM_SIZE)
		return strobes ? device_write(board, addr, wdata) : device_read(board, addr, rdata);
	word = &board->ram[(addr - BOARD_RAM) / 4];
	*rdata = *word;
	for (unsigned int i = 0; i < 4; i++)
		if (strobes >> i & 1)
			memcpy((uint8_t *)word + i, (uint8_t *)&wdata + i, 1);
	return 0;
}

uint32_t board_lines(const struct board *board)
{
	return (board->external ? RV32I_MIP_EXTERNAL : 0) |
	       (board->time >= board->timecmp ? RV32I_MIP_TIMER : 0);
}
