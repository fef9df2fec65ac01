# SPDX-License-Identifier: BSD-3-Clause
"""Where tshark differs from the records for a reason of its own: the rules of docs/tshark.md.

Each takes a packet, tshark's words on it, a field, our values and tshark's, and says whether it
explains them. None may explain more than its reason covers.
"""

from reading import MPTCP, STATUS

ILLEGAL = 4  # tshark's checksum status for a checksum that must not be absent
FRAGMENT_FIELDS = ("tcp.", "udp.", "mptcp.")


def dss_checksum(packet, _shark, field, ours, theirs):
    summed = [opt for opt in packet.options if packet.has(opt, "CHECKSUM")]
    rest = [opt.checksum for opt in summed if packet.subtype(opt) != "dss"]
    return field == MPTCP + "checksum" and len(rest) < len(summed) and theirs == rest and \
        ours == [opt.checksum for opt in summed]


def partial(_packet, _shark, field, ours, theirs):
    return field.endswith("checksum.status") and ours == ["partial"] and theirs == [STATUS["bad"]]


def udp_zero(packet, _shark, field, ours, theirs):
    return field == "udp.checksum.status" and packet.hdr.ip_version == 6 and \
        ours == [STATUS["bad"]] and theirs == [ILLEGAL]


def end_of_list(packet, _shark, field, ours, theirs):
    if field != "tcp.option_kind" or not ours or ours[-1]:
        return False
    end = packet.hdr.opt_starts.bit_length() - 1
    rest = packet.hdr.opts[end + 1:packet.hdr.opt_len]
    return theirs == ours + list(rest) and not any(rest)


def first_fragment(packet, _shark, field, ours, _theirs):
    return packet.parse == "fragment" and field.startswith(FRAGMENT_FIELDS) and not ours


def cut(packet, _shark, field, ours, theirs):
    if packet.parse != "truncated":
        return False
    # An option of which only the kind is there: we show that, tshark does not
    return theirs[:len(ours)] == ours or (field == "tcp.option_kind" and ours[:-1] == theirs)


def option_error(packet, _shark, field, ours, theirs):
    if not field.startswith((MPTCP, "mptcp.")):
        return False
    return any(opt.error for opt in packet.options) and subsequence(ours, theirs)


def gives_up(packet, shark, field, ours, theirs):
    if not field.startswith("tcp.option") or "_ws.malformed" not in shark:
        return False
    return any(opt.error for opt in packet.options) and ours[:len(theirs)] == theirs


def subsequence(part, whole):
    rest = iter(whole)
    return all(value in rest for value in part)


RULES = {"dss-checksum": dss_checksum, "csum-partial": partial,
         "udp-zero": udp_zero, "end-of-list": end_of_list,
         "first-fragment": first_fragment, "cut-header": cut, "option-error": option_error,
         "gives-up": gives_up}
