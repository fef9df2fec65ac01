// SPDX-License-Identifier: BSD-3-Clause
// Decodes one MPTCP option (docs/pipeline.md, "mptcp").
//
// Guarantees: two clocks after classify_i, which comes with loc_i, seg_i and given_i, opt_o is the
// option's record, zero if there is no option. extract_i is classify_i one clock later. One clock
// after classify_i, subtype_o has the option's subtype (0 to 8, one-hot; none for others and if
// there is no option), dss_may_o says that it is an MP_CAPABLE which a DSS may stand beside, and
// error_o that there is an error.
module mpnic_mptcp_opt (
  input  logic                                clk_i,
  input  logic                                classify_i,
  input  logic                                extract_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_rtl_pkg::LOC_OPT_W-1:0] loc_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [mpnic_rtl_pkg::LOC_SEG_W-1:0] seg_i,  // as in loc
  input  logic [1:0]                          given_i,
  output logic [8:0]                          subtype_o,
  output logic                                dss_may_o,
  output logic                                error_o,
  output logic [mpnic_pkg::OPT_W-1:0]         opt_o
);
  `include "mpnic_records.svh"

  // --- clock 1: which form it is -----------------------------------------------------------------

  // Names of what is taken.
  localparam int unsigned REASON = 0;
  localparam int unsigned ACK4 = 1;  // word 0: a number at 4
  localparam int unsigned REV8 = 2;  // words 0 and 1: a number at 4
  localparam int unsigned WIRE4 = 3;  // word 0: bytes from 4 on
  localparam int unsigned WIRE16 = 4;  // words 1 to 3: bytes from 8 on
  localparam int unsigned W2_4 = 5;  // word 2: a number at 4, 8, 12, 16
  localparam int unsigned W3_4 = 9;  // word 3: a number at 4, 8, 12
  localparam int unsigned W4_HMAC = 12;  // word 4: bytes from 20 on
  localparam int unsigned W4_8 = 13;  // word 4: a number at 8, 12, 16, 20
  localparam int unsigned HMAC_16 = 17;  // words 4 and 5: the last 8 bytes of 16, 18, 28, 30
  localparam int unsigned LEN_12 = 21;  // data_len and checksum at 12, 16, 20, 24
  localparam int unsigned CSUM = 25;
  localparam int unsigned PORT_8 = 26;
  localparam int unsigned PORT_20 = 27;
  localparam int unsigned ADDR_ID = 28;
  localparam int unsigned TAKE_W = 29;

  logic              there_q, has_subtype_q;
  logic [7:0]        subtype_q, version_q, flags_q;
  logic [1:0]        version_from_q;
  logic [3:0]        error_q;
  logic [5:0]        len_q, offset_q;
  logic [TAKE_W-1:0] take_q;
  logic [15:0]       fields_q;
  logic [7:0]        b3_q;
  logic [239:32]     bytes_q;
  always_ff @(posedge clk_i) begin : p_classify
    logic [5:0]   offset, len;  // the length is at most 40
    logic [3:0]   nibble;
    logic [7:0]   b3;
    logic syn, synack, rst, ack, payload, not_handshake, not_data, given0, given1, not_given;
    logic        has_subtype, has_b3;
    logic [14:0] sub;  // 15 is not decoded
    logic        len4, len8, len10, len12, len14, len16, len18, len20, len22, len24, len26, len28;
    logic        len30;
    // verilator lint_off UNUSEDSIGNAL
    logic        len6;
    // verilator lint_on UNUSEDSIGNAL
    logic v0, v1, cap_len, cap_keys, cap_csum, cap_crypto;
    logic       data_ack4, data_ack8, dsn4, dsn8, dss_plain, dss_csum;
    logic [3:0] ssn;
    logic ipver4, ipver6, add_v0, add_hmac, add_addr4, add_addr6, add_len;
    logic [3:0] error, error_cap, error_join, error_dss, error_add, error_rst;
    logic       join_len, plain_len, plain_seg;
    logic infer0, infer1;
    logic       join_id, join_hmac, cap_two, add4, add6;
    logic [3:0] dss_ssn;
    logic [3:1] dss_dsn8;
    logic [TAKE_W-1:0] take;
    logic [15:0]       fields;
    logic       carried, unknown, given, by_b3;
    if (classify_i) begin
      there_q <= loc_i[0];
      subtype_o <= '0;
      dss_may_o <= 1'b0;
      if (loc_i[0]) begin
        offset = loc_i[6:1];
        len = loc_i[13:8];
        nibble = loc_i[19:16];
        b3 = loc_i[31:24];

        {not_data, not_handshake, payload, ack, rst, synack, syn} = seg_i;
        given0 = given_i == 2'(mpnic_pkg::GIVEN_V0);
        given1 = given_i == 2'(mpnic_pkg::GIVEN_V1);
        not_given = given_i[1];

        // Where the length is 2 there is no subtype: sub is of use only with has_subtype then.
        {sub, len30, len28, len26, len24, len22, len20, len18, len16, len14, len12, len10, len8,
         len6, len4, has_b3, has_subtype} =
            loc_i[mpnic_rtl_pkg::LOC_HEAD_LSB+:mpnic_rtl_pkg::LOC_HEAD_W];

        // MP_CAPABLE
        v0 = nibble == 4'd0;
        v1 = nibble == 4'd1;
        cap_len = (syn & v0 & len12) | (syn & v1 & len4) | (synack & len12) |
                  (ack & ~payload & len20) | (ack & payload & v1 & (len22 | len24));
        cap_keys = len20 | len22 | len24;
        cap_csum = ~((len22 & b3[mpnic_pkg::CAPABLE_A]) | (len24 & ~b3[mpnic_pkg::CAPABLE_A]));
        cap_crypto = (b3[4:0] != '0) | (v0 & b3[5]);

        // DSS: ssn[i] says that the subflow sequence number stands at 8 + 4 i.
        data_ack4 = b3[mpnic_pkg::DSS_A] & ~b3[mpnic_pkg::DSS_A8];
        data_ack8 = b3[mpnic_pkg::DSS_A] & b3[mpnic_pkg::DSS_A8];
        dsn4 = b3[mpnic_pkg::DSS_M] & ~b3[mpnic_pkg::DSS_M8];
        dsn8 = b3[mpnic_pkg::DSS_M] & b3[mpnic_pkg::DSS_M8];
        ssn[0] = ~b3[mpnic_pkg::DSS_A] & dsn4;
        ssn[1] = (~b3[mpnic_pkg::DSS_A] & dsn8) | (data_ack4 & dsn4);
        ssn[2] = (data_ack4 & dsn8) | (data_ack8 & dsn4);
        ssn[3] = data_ack8 & dsn8;
        dss_plain = (ssn[0] & len14) | (ssn[1] & len18) | (ssn[2] & len22) | (ssn[3] & len26) |
                    (~b3[mpnic_pkg::DSS_M] & ((~b3[mpnic_pkg::DSS_A] & len4) |
                                              (data_ack4 & len8) | (data_ack8 & len12)));
        dss_csum = (ssn[0] & len16) | (ssn[1] & len20) | (ssn[2] & len24) | (ssn[3] & len28);

        // ADD_ADDR
        ipver4 = nibble == 4'd4;
        ipver6 = nibble == 4'd6;
        add_v0 = given0 | (not_given & nibble[2]);  // not given: 4, 6, or ambiguous
        add_hmac = ~add_v0 & ~nibble[0];
        add_addr4 = len8 | len10 | len16 | len18;
        add_addr6 = len20 | len22 | len28 | len30;
        add_len = add_hmac ? len16 | len18 | len28 | len30
                           : ((len8 | len10) & ~(add_v0 & ipver6)) |
                             ((len20 | len22) & ~(add_v0 & ipver4));

        // The first error that applies.
        error_cap = !has_b3 ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) :
                    !(v0 | v1) ? 4'(mpnic_pkg::OPT_ERROR_VERSION) :
                    b3[mpnic_pkg::CAPABLE_B] ? 4'(mpnic_pkg::OPT_ERROR_EXTENSIBILITY) :
                    not_handshake ? 4'(mpnic_pkg::OPT_ERROR_SEGMENT) :
                    !cap_len ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) :
                    !cap_csum ? 4'(mpnic_pkg::OPT_ERROR_CSUM_FLAG) :
                    !cap_crypto ? 4'(mpnic_pkg::OPT_ERROR_NO_CRYPTO) : '0;
        join_len = (syn & len12) | (synack & len16) | (ack & len24);
        error_join = not_handshake ? 4'(mpnic_pkg::OPT_ERROR_SEGMENT) :
                     !join_len ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) : '0;
        error_dss = not_data ? 4'(mpnic_pkg::OPT_ERROR_SEGMENT) :
                    !(has_b3 & (dss_plain | dss_csum)) ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) :
                    (b3[mpnic_pkg::DSS_F] & ~b3[mpnic_pkg::DSS_M]) ?
                        4'(mpnic_pkg::OPT_ERROR_FIN_NO_MAP) : '0;
        error_add = not_data ? 4'(mpnic_pkg::OPT_ERROR_SEGMENT) :
                    (not_given & ~(v0 | v1 | ipver4 | ipver6)) ?
                        4'(mpnic_pkg::OPT_ERROR_AMBIGUOUS) :
                    (given0 & ~(ipver4 | ipver6)) ? 4'(mpnic_pkg::OPT_ERROR_IPVER) :
                    !add_len ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) : '0;
        error_rst = given0 ? 4'(mpnic_pkg::OPT_ERROR_VERSION) :
                    !rst ? 4'(mpnic_pkg::OPT_ERROR_SEGMENT) :
                    !len4 ? 4'(mpnic_pkg::OPT_ERROR_LENGTH) : '0;
        plain_seg = ~(not_data | (sub[7] & rst & given0));
        plain_len = (sub[4] & has_b3) | (sub[5] & (~has_b3 | (len4 & ~given1))) |
                    ((sub[6] | sub[7]) & len12);
        error = ({4{sub[0]}} & error_cap) | ({4{sub[1]}} & error_join) |
                ({4{sub[2]}} & error_dss) | ({4{sub[3]}} & error_add) |
                ({4{|sub[7:4] & ~plain_seg}} & 4'(mpnic_pkg::OPT_ERROR_SEGMENT)) |
                ({4{|sub[7:4] & plain_seg & ~plain_len}} & 4'(mpnic_pkg::OPT_ERROR_LENGTH)) |
                ({4{sub[8]}} & error_rst) |
                ({4{|sub[14:9]}} & 4'(mpnic_pkg::OPT_ERROR_SUBTYPE));

        // Version: the given one unless the option carries its own; else what the form tells.
        infer0 = has_subtype & not_given & ((sub[5] & len4) | (sub[3] & (ipver4 | ipver6)));
        infer1 = has_subtype & not_given & (sub[8] | (sub[3] & (v0 | v1)));

        // What is taken if there is no error: words of the body by where they stand, the rest by
        // what it is.
        join_id = sub[1] & (syn | synack);
        join_hmac = sub[1] & ack;
        cap_two = sub[0] & cap_keys;
        add4 = sub[3] & add_addr4;
        add6 = sub[3] & add_addr6;
        dss_ssn = {4{sub[2]}} & ssn;
        dss_dsn8 = {3{sub[2] & dsn8}} & ssn[3:1];

        take[REASON] = sub[8];
        take[ACK4] = sub[2] & data_ack4;
        take[REV8] = (sub[0] & ~len4) | join_id | (sub[2] & data_ack8) | sub[6] | sub[7];
        take[WIRE4] = join_hmac | sub[3];
        take[WIRE16] = join_hmac | add6;
        take[W2_4+:4] = dss_ssn | {cap_two, sub[1] & synack, 2'b00};
        take[W3_4+:3] = dss_dsn8 | {cap_two, 2'b00};
        take[W4_HMAC] = join_hmac;
        take[HMAC_16+:4] = {4{sub[3]}} & {len30, len28, len18, len16};
        take[W4_8+:4] = dss_ssn | {2'b00, take[HMAC_16], 1'b0};
        take[LEN_12+:4] = dss_ssn | {1'b0, sub[0] & (len22 | len24), 2'b00};
        take[CSUM] = (sub[2] & dss_csum) | (sub[0] & len24);
        take[PORT_8] = sub[3] & (len10 | len18);
        take[PORT_20] = sub[3] & (len22 | len30);
        take[ADDR_ID] = join_id | sub[3] | (sub[5] & len4);

        fields = '0;
        fields[mpnic_pkg::FIELD_SENDER_KEY] = sub[0] & ~len4;
        fields[mpnic_pkg::FIELD_RECEIVER_KEY] = cap_two;
        fields[mpnic_pkg::FIELD_DATA_LEN] = sub[0] & (len22 | len24);
        fields[mpnic_pkg::FIELD_CHECKSUM] = take[CSUM];
        fields[mpnic_pkg::FIELD_ADDR_ID] = take[ADDR_ID];
        fields[mpnic_pkg::FIELD_TOKEN] = sub[1] & syn;
        fields[mpnic_pkg::FIELD_NONCE] = join_id;
        fields[mpnic_pkg::FIELD_HMAC] = join_hmac | (sub[1] & synack) | (sub[3] & add_hmac);
        fields[mpnic_pkg::FIELD_DATA_ACK] = sub[2] & (data_ack4 | data_ack8);
        fields[mpnic_pkg::FIELD_DATA_ACK8] = sub[2] & data_ack8;
        fields[mpnic_pkg::FIELD_MAPPING] = sub[2] & (dsn4 | dsn8);
        fields[mpnic_pkg::FIELD_DSN8] = sub[2] & dsn8;
        fields[mpnic_pkg::FIELD_ADDR4] = add4;
        fields[mpnic_pkg::FIELD_ADDR6] = add6;
        fields[mpnic_pkg::FIELD_PORT] = take[PORT_8] | take[PORT_20];
        fields[mpnic_pkg::FIELD_REASON] = sub[8];

        // The head of the record.
        carried = has_subtype & sub[0];
        given = has_subtype & ~sub[0] & ~not_given;
        unknown = ~(carried | given | infer0 | infer1);
        by_b3 = sub[0] | sub[2];

        has_subtype_q <= has_subtype;
        subtype_q <= {4'd0, loc_i[23:20]} | {8{~has_subtype}};
        len_q <= len;
        offset_q <= offset;
        error_q <= error;
        version_q <= {8{unknown}} | {4'd0, {4{carried}} & nibble} |
                     {7'd0, (given & given1) | infer1};
        version_from_q <= {given | infer0 | infer1, carried | infer0 | infer1};
        flags_q <= ({8{has_subtype & by_b3 & has_b3}} & b3) |
                   {4'd0, {4{has_subtype & ~by_b3}} & nibble};
        take_q <= take;
        fields_q <= fields;
        b3_q <= b3;
        bytes_q <= loc_i[239:32];
        subtype_o <= {9{has_subtype}} & sub[8:0];
        dss_may_o <= has_subtype & sub[0] & v0 & ack;
      end
    end
  end

  // --- clock 2: take it --------------------------------------------------------------------------

  logic good;
  assign good = has_subtype_q & (error_q == '0);
  assign error_o = there_q & ~good;

  mpnic_opt_t out_q;
  always_ff @(posedge clk_i) begin : p_take
    logic [TAKE_W-1:0] take;
    if (extract_i) begin
      out_q <= '0;
      if (there_q) begin
        take = {TAKE_W{good}} & take_q;
        out_q.subtype <= subtype_q;
        out_q.length <= {2'd0, len_q};
        out_q.offset <= {2'd0, offset_q};
        out_q.error <= ({8{has_subtype_q}} & {4'd0, error_q}) |
                       ({8{~has_subtype_q}} & mpnic_pkg::OPT_ERROR_LENGTH);
        out_q.version <= version_q;
        out_q.version_from <= {6'd0, version_from_q};
        out_q.flags <= flags_q;
        out_q.fields <= {16{good}} & fields_q;
        out_q.addr_id <= {8{take[ADDR_ID]}} & b3_q;
        {out_q.data_len, out_q.checksum} <= mpnic_rtl_pkg::be32(
            ({32{take[LEN_12]}} & bytes_q[8*12+:32]) |
            ({32{take[LEN_12+1]}} & bytes_q[8*16+:32]) |
            ({32{take[LEN_12+2]}} & bytes_q[8*20+:32]) |
            ({32{take[LEN_12+3]}} & bytes_q[8*24+:32])) &
            {16'hffff, {16{take[CSUM]}}};
        out_q.port <= mpnic_rtl_pkg::be16(({16{take[PORT_8]}} & bytes_q[8*8+:16]) |
                                          ({16{take[PORT_20]}} & bytes_q[8*20+:16]));
        out_q.body[31:0] <= mpnic_rtl_pkg::be32(
            ({32{take[ACK4]}} & bytes_q[8*4+:32]) |
            ({32{take[REV8]}} & bytes_q[8*8+:32])) |
            ({32{take[WIRE4]}} & bytes_q[8*4+:32]) |
            {24'd0, {8{take[REASON]}} & b3_q};
        out_q.body[63:32] <= mpnic_rtl_pkg::be32(
            ({32{take[REV8]}} & bytes_q[8*4+:32])) |
            ({32{take[WIRE16]}} & bytes_q[8*8+:32]);
        out_q.body[95:64] <= mpnic_rtl_pkg::be32(
            ({32{take[W2_4]}} & bytes_q[8*4+:32]) |
            ({32{take[W2_4+1]}} & bytes_q[8*8+:32]) |
            ({32{take[W2_4+2]}} & bytes_q[8*12+:32]) |
            ({32{take[W2_4+3]}} & bytes_q[8*16+:32])) |
            ({32{take[WIRE16]}} & bytes_q[8*12+:32]);
        out_q.body[127:96] <= mpnic_rtl_pkg::be32(
            ({32{take[W3_4]}} & bytes_q[8*4+:32]) |
            ({32{take[W3_4+1]}} & bytes_q[8*8+:32]) |
            ({32{take[W3_4+2]}} & bytes_q[8*12+:32])) |
            ({32{take[WIRE16]}} & bytes_q[8*16+:32]);
        out_q.body[159:128] <= mpnic_rtl_pkg::be32(
            ({32{take[W4_8]}} & bytes_q[8*8+:32]) |
            ({32{take[W4_8+1]}} & bytes_q[8*12+:32]) |
            ({32{take[W4_8+2]}} & bytes_q[8*16+:32]) |
            ({32{take[W4_8+3]}} & bytes_q[8*20+:32]) |
            ({32{take[HMAC_16+1]}} & bytes_q[8*14+:32]) |
            ({32{take[HMAC_16+2]}} & bytes_q[8*24+:32]) |
            ({32{take[HMAC_16+3]}} & bytes_q[8*26+:32])) |
            ({32{take[W4_HMAC]}} & bytes_q[8*20+:32]);
        out_q.body[191:160] <= mpnic_rtl_pkg::be32(
            ({32{take[HMAC_16]}} & bytes_q[8*8+:32]) |
            ({32{take[HMAC_16+1]}} & bytes_q[8*10+:32]) |
            ({32{take[HMAC_16+2]}} & bytes_q[8*20+:32]) |
            ({32{take[HMAC_16+3]}} & bytes_q[8*22+:32]));
      end
    end
  end
  assign opt_o = out_q;

endmodule
