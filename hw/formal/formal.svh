// SPDX-License-Identifier: BSD-3-Clause
// A property file is compiled twice: for its proofs, and to see that its covers are reached, where
// ABC searches for a violation of the covers' negations.
`ifdef COVERS
`define PROVE(condition)
`define COVER(condition) assert (!(condition))
`else
`define PROVE(condition) assert (condition)
`define COVER(condition)
`endif
