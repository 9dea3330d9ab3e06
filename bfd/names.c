/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words: states and diagnostics as RFC 5880 4.1 names them, and why a packet was discarded (6.8.6).
 */
#include "bfd/bfd.h"

const char *bfd_state_name(enum bfd_state s)
{
	switch (s) {
	case BFD_ADMIN_DOWN: return "AdminDown";
	case BFD_DOWN: return "Down";
	case BFD_INIT: return "Init";
	case BFD_UP: return "Up";
	}
	return "";
}

const char *bfd_diag_name(uint8_t diag)
{
	static const char *const name[] = {
		[BFD_DIAG_NONE] = "no diagnostic",
		[BFD_DIAG_EXPIRED] = "control detection time expired",
		[BFD_DIAG_ECHO] = "echo function failed",
		[BFD_DIAG_NEIGHBOUR] = "neighbor signaled session down",
		[BFD_DIAG_FORWARDING] = "forwarding plane reset",
		[BFD_DIAG_PATH] = "path down",
		[BFD_DIAG_CONCATENATED] = "concatenated path down",
		[BFD_DIAG_ADMIN] = "administratively down",
		[BFD_DIAG_REVERSE] = "reverse concatenated path down",
	};

	return diag < sizeof(name) / sizeof(name[0]) ? name[diag] : "unknown";
}

const char *bfd_verdict_text(enum bfd_verdict v)
{
	switch (v) {
	case BFD_ACCEPTED: return "accepted";
	case BFD_TOO_SHORT: return "shorter than a BFD packet";
	case BFD_WRONG_VERSION: return "not of version 1";
	case BFD_WRONG_LENGTH: return "its length field is wrong";
	case BFD_NO_MULTIPLIER: return "its detection multiplier is 0";
	case BFD_MULTIPOINT: return "the Multipoint bit is set";
	case BFD_NO_DISCRIMINATOR: return "its own discriminator is 0";
	case BFD_WRONG_STATE: return "it names no discriminator of ours in a state that knows one";
	case BFD_AUTHENTICATED: return "it is authenticated, and no authentication is used here";
	case BFD_WRONG_TTL: return "its TTL is not 255, so it came over more than one hop";
	case BFD_NO_SESSION: return "it belongs to no session";
	case BFD_WRONG_PATH: return "it came from another address or interface than its session's";
	case BFD_SESSION_ADMIN_DOWN: return "the session is administratively down";
	case BFD_N_VERDICTS: break;
	}
	return "";
}
