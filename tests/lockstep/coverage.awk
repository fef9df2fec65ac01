# SPDX-License-Identifier: BSD-3-Clause
# From Verilator's coverage data: lines and toggles reached in each file of the RTL; lines that were
# not, and into DIR/toggles the bits that never changed. Exit code 1 below LIMIT % of the lines.
#
# A point is C '^Akey^Bvalue^Akey^Bvalue...' count; keys: f file, l line, n column, page kind/module,
# o what, S the lines that it stands for, h the instance. A block is reached if it is in any instance
# of its module; a line if all blocks that it is part of are. Toggles count in each instance.
BEGIN {
	FS = "\001"
}

/^C / {
	split("", p)
	for (i = 2; i <= NF; i++) {
		split($i, pair, "\002")
		p[pair[1]] = pair[2]
	}
	n = split($NF, tail, "'")
	count = tail[n] + 0
	sub(/'.*/, "", p["h"])
	if (p["f"] !~ /^hw\/rtl\//)
		next
	if (p["page"] ~ /^v_toggle/) {
		key = p["f"] ":" p["l"] " " p["h"] "." p["o"]
		toggles[key] += count
		file_of[key] = p["f"]
	} else {
		key = p["f"] SUBSEP p["l"] SUBSEP p["n"] SUBSEP p["o"]
		blocks[key] += count
		lines_of[key] = p["S"]
	}
	files[p["f"]]
}

END {
	for (key in blocks) {
		split(key, part, SUBSEP)
		n = split(lines_of[key], ranges, ",")
		for (i = 1; i <= n; i++) {
			ends = split(ranges[i], range, "-")
			for (line = range[1]; line <= range[ends]; line++) {
				at = part[1] SUBSEP line
				if (!(at in reached))
					reached[at] = 1
				if (!blocks[key])
					reached[at] = 0
			}
		}
	}
	for (at in reached) {
		split(at, part, SUBSEP)
		lines[part[1]]++
		all_lines++
		if (reached[at]) {
			hit_lines[part[1]]++
			all_hit_lines++
		} else
			printf "not reached: %s:%d\n", part[1], part[2] | "sort -V"
	}
	close("sort -V")
	for (key in toggles) {
		bits[file_of[key]]++
		all_bits++
		if (toggles[key]) {
			hit_bits[file_of[key]]++
			all_hit_bits++
		} else
			print key | ("sort -V >" dir "/toggles")
	}
	close("sort -V >" dir "/toggles")
	for (file in files)
		printf "%-28s lines %4d of %4d, toggles %6d of %6d\n", file, hit_lines[file],
			lines[file], hit_bits[file], bits[file] | "sort"
	close("sort")
	if (!all_lines || !all_bits) {
		print "no coverage data"
		exit 1
	}
	share = 100 * all_hit_lines / all_lines
	printf "all: lines %.1f %% (limit %d %%), toggles %.1f %%\n", share, limit,
		100 * all_hit_bits / all_bits
	exit share < limit
}
