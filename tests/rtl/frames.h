// SPDX-License-Identifier: BSD-3-Clause
// Frames in beats of 64 bytes, for benches: what drives a stream, and what takes one.
#ifndef RTL_FRAMES_H
#define RTL_FRAMES_H

#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "random.h"

using Bytes = std::vector<uint8_t>;

constexpr unsigned BEAT = 64;

struct Beat {
	bool first, last;
	unsigned bytes;
	uint8_t data[BEAT];

	bool operator==(const Beat &other) const
	{
		return first == other.first && last == other.last && bytes == other.bytes &&
		       !memcmp(data, other.data, bytes);
	}
};

// Behind the last byte stands rubbish.
inline std::vector<Beat> to_beats(const Bytes &frame)
{
	std::vector<Beat> beats;

	for (size_t at = 0; at < frame.size(); at += BEAT) {
		Beat beat;

		fill(beat.data);
		beat.first = !at;
		beat.last = at + BEAT >= frame.size();
		beat.bytes = unsigned(beat.last ? frame.size() - at : BEAT);
		memcpy(beat.data, &frame[at], beat.bytes);
		beats.push_back(beat);
	}
	return beats;
}

inline Bytes random_bytes(size_t len)
{
	Bytes bytes(len + 7);

	for (size_t i = 0; i < len; i += 8) {
		const uint64_t r = rnd();

		memcpy(&bytes[i], &r, 8);
	}
	bytes.resize(len);
	return bytes;
}

// A port of up to 512 bits, whatever Verilator makes of it.
template <typename Port> inline void put(Port &port, const void *data, size_t len)
{
	memcpy(&port, data, len < sizeof(port) ? len : sizeof(port));
}

// Something that happens in k of 16 clocks; k changes now and then, 0 and 16 among its values.
class Rate
{
	unsigned k = 16, left = 0;

      public:
	bool operator()(bool always)
	{
		if (always)
			return true;
		if (!left--) {
			left = 20 + below(one_in(10) ? 3000 : 400);
			k = one_in(3) ? 16 : below(4) ? below(17) : 0;
		}
		return below(16) < k;
	}
};

// Takes frames at m_*: what is offered stays until it is taken, and beats make frames.
class Sink
{
	Beat held{};
	bool holds = false, begins = true;

      public:
	Bytes frame;

	// In a clock in which a beat is offered, or none. Returns whether a frame ends; it is in
	// `frame`.
	bool clock(bool valid, const Beat &beat, bool taken, std::string &wrong)
	{
		if (holds && (!valid || !(beat == held)))
			wrong = "what is offered does not stay";
		holds = valid && !taken;
		held = beat;
		if (!taken)
			return false;
		if (begins)
			frame.clear();
		if (beat.first != begins)
			wrong = "first where there is none";
		if (beat.bytes < 1 || beat.bytes > BEAT || (!beat.last && beat.bytes != BEAT))
			wrong = "a beat of a wrong length";
		else
			frame.insert(frame.end(), beat.data, beat.data + beat.bytes);
		begins = beat.last;
		return beat.last;
	}

	void reset()
	{
		holds = false;
		begins = true;
	}
};

#endif
