# SPDX-License-Identifier: BSD-3-Clause
# From mpnic_pkg.sv: one line of C a field of the records, { record, name, first bit, width }.
/^  localparam int unsigned (OPT|HDR|CSUM)_[A-Z0-9_]+_LSB = / {
	field = substr($4, 1, length($4) - 4)
	lsb = $6 + 0
	next
}
field != "" && $4 == field "_W" {
	record = field
	sub(/_.*/, "", record)
	name = substr(field, length(record) + 2)
	printf "{ \"%s\", \"%s\", %d, %d },\n", tolower(record), tolower(name), lsb, $6
	field = ""
}
