/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of BGP's wire format: RFC 4271 section 4 and the IANA BGP parameters. No logic. */
#ifndef CW_BGP_WIRE_H
#define CW_BGP_WIRE_H

#include <stdint.h>

#define BGP_VERSION        4
#define BGP_MARKER_LEN     16
#define BGP_HEADER_LEN     19
#define BGP_MESSAGE_MAX    4096
#define BGP_EXTENDED_MAX   65535 /* RFC 8654: of a message that is neither OPEN nor KEEPALIVE */
#define BGP_OPEN_MIN       29    /* with header */
#define BGP_UPDATE_MIN     23
#define BGP_NOTIFY_MIN     21
#define BGP_REFRESH_LEN    23
#define BGP_OPT_PARAMS_MAX 255
#define BGP_AS_TRANS       23456u /* RFC 6793: what a 2-octet speaker is shown for a larger number */

enum bgp_msg_type {
	BGP_MSG_OPEN = 1,
	BGP_MSG_UPDATE = 2,
	BGP_MSG_NOTIFICATION = 3,
	BGP_MSG_KEEPALIVE = 4,
	BGP_MSG_ROUTE_REFRESH = 5, /* RFC 2918 */
};

enum bgp_opt_param {
	BGP_OPT_CAPABILITIES = 2, /* RFC 5492 */
	BGP_OPT_EXTENDED = 255,   /* RFC 9072 */
};

enum bgp_cap_code {
	BGP_CAP_MULTIPROTOCOL = 1,     /* RFC 4760 */
	BGP_CAP_ROUTE_REFRESH = 2,     /* RFC 2918 */
	BGP_CAP_EXTENDED_MESSAGE = 6,  /* RFC 8654 */
	BGP_CAP_ROLE = 9,              /* RFC 9234 */
	BGP_CAP_GRACEFUL_RESTART = 64, /* RFC 4724, RFC 8538 */
	BGP_CAP_ADD_PATH = 69,         /* RFC 7911 */
	BGP_CAP_FOUR_OCTET_AS = 65,    /* RFC 6793 */
	BGP_CAP_ENHANCED_REFRESH = 70, /* RFC 7313 */
};

enum bgp_role_code { /* RFC 9234 4.1: what the sender is to the receiver */
	BGP_ROLE_CODE_PROVIDER = 0,
	BGP_ROLE_CODE_RS = 1,
	BGP_ROLE_CODE_RS_CLIENT = 2,
	BGP_ROLE_CODE_CUSTOMER = 3,
	BGP_ROLE_CODE_PEER = 4,
};

enum bgp_refresh_subtype { /* RFC 7313 3.2 */
	BGP_REFRESH_REQUEST = 0,
	BGP_REFRESH_BEGIN = 1, /* BoRR */
	BGP_REFRESH_END = 2,   /* EoRR */
};

#define BGP_AFI_IPV4     1
#define BGP_AFI_IPV6     2
#define BGP_SAFI_UNICAST 1

/* Path attribute flags (RFC 4271 4.3). */
#define BGP_ATTR_FLAG_OPTIONAL   0x80
#define BGP_ATTR_FLAG_TRANSITIVE 0x40
#define BGP_ATTR_FLAG_PARTIAL    0x20
#define BGP_ATTR_FLAG_EXT_LEN    0x10

enum bgp_attr_type {
	BGP_ATTR_ORIGIN = 1,
	BGP_ATTR_AS_PATH = 2,
	BGP_ATTR_NEXT_HOP = 3,
	BGP_ATTR_MED = 4,
	BGP_ATTR_LOCAL_PREF = 5,
	BGP_ATTR_ATOMIC_AGGREGATE = 6,
	BGP_ATTR_AGGREGATOR = 7,
	BGP_ATTR_COMMUNITIES = 8,        /* RFC 1997 */
	BGP_ATTR_ORIGINATOR_ID = 9,      /* RFC 4456 */
	BGP_ATTR_CLUSTER_LIST = 10,      /* RFC 4456 */
	BGP_ATTR_MP_REACH = 14,          /* RFC 4760 */
	BGP_ATTR_MP_UNREACH = 15,        /* RFC 4760 */
	BGP_ATTR_EXT_COMMUNITIES = 16,   /* RFC 4360 */
	BGP_ATTR_AS4_PATH = 17,          /* RFC 6793 */
	BGP_ATTR_AS4_AGGREGATOR = 18,    /* RFC 6793 */
	BGP_ATTR_IPV6_EXT_COMM = 25,     /* RFC 5701 */
	BGP_ATTR_LARGE_COMMUNITIES = 32, /* RFC 8092 */
	BGP_ATTR_OTC = 35,               /* RFC 9234 */
};

enum bgp_origin { BGP_ORIGIN_IGP, BGP_ORIGIN_EGP, BGP_ORIGIN_INCOMPLETE };

enum bgp_as_segment {
	BGP_AS_SET = 1,
	BGP_AS_SEQUENCE = 2,
	BGP_AS_CONFED_SEQUENCE = 3, /* RFC 5065 */
	BGP_AS_CONFED_SET = 4,
};

/* Communities with a meaning of their own (RFC 1997). */
#define BGP_COMM_GRACEFUL_SHUTDOWN   0xffff0000u /* RFC 8326 */
#define BGP_COMM_NO_EXPORT           0xffffff01u
#define BGP_COMM_NO_ADVERTISE        0xffffff02u
#define BGP_COMM_NO_EXPORT_SUBCONFED 0xffffff03u
#define BGP_EXT_COMM_BANDWIDTH       0x0004 /* type and subtype, of link bandwidth */
#define BGP_EXT_COMM_NON_TRANSITIVE  0x40   /* in the first octet (RFC 4360 2) */

/* NOTIFICATION codes and subcodes (RFC 4271 4.5 and 6, RFC 4486, RFC 5492, RFC 6608, RFC 9687). */
enum bgp_error_code {
	BGP_ERR_HEADER = 1,
	BGP_ERR_OPEN = 2,
	BGP_ERR_UPDATE = 3,
	BGP_ERR_HOLD_TIMER = 4,
	BGP_ERR_FSM = 5,
	BGP_ERR_CEASE = 6,
	BGP_ERR_REFRESH = 7, /* RFC 7313 */
	BGP_ERR_SEND_HOLD = 8,
};
enum bgp_header_subcode { BGP_HEADER_NOT_SYNC = 1, BGP_HEADER_BAD_LENGTH = 2, BGP_HEADER_BAD_TYPE = 3 };
enum bgp_open_subcode {
	BGP_OPEN_UNSPECIFIC = 0,
	BGP_OPEN_VERSION = 1,
	BGP_OPEN_PEER_AS = 2,
	BGP_OPEN_BGP_ID = 3,
	BGP_OPEN_OPT_PARAM = 4,
	BGP_OPEN_HOLD_TIME = 6,
	BGP_OPEN_CAPABILITY = 7,
	BGP_OPEN_ROLE = 11, /* RFC 9234 */
};
enum bgp_update_subcode {
	BGP_UPDATE_ATTR_LIST = 1,
	BGP_UPDATE_UNKNOWN_WELL_KNOWN = 2,
	BGP_UPDATE_MISSING = 3,
	BGP_UPDATE_FLAGS = 4,
	BGP_UPDATE_LENGTH = 5,
	BGP_UPDATE_ORIGIN = 6,
	BGP_UPDATE_NEXT_HOP = 8,
	BGP_UPDATE_OPTIONAL = 9,
	BGP_UPDATE_NETWORK = 10,
	BGP_UPDATE_AS_PATH = 11,
};
enum bgp_fsm_subcode { BGP_FSM_IN_OPENSENT = 1, BGP_FSM_IN_OPENCONFIRM = 2, BGP_FSM_IN_ESTABLISHED = 3 };
enum bgp_cease_subcode {
	BGP_CEASE_MAX_PREFIXES = 1,
	BGP_CEASE_SHUTDOWN = 2,
	BGP_CEASE_DECONFIGURED = 3,
	BGP_CEASE_RESET = 4,
	BGP_CEASE_REJECTED = 5,
	BGP_CEASE_CONFIG_CHANGE = 6,
	BGP_CEASE_COLLISION = 7,
	BGP_CEASE_RESOURCES = 8,
	BGP_CEASE_HARD_RESET = 9, /* RFC 8538: another NOTIFICATION is its data */
	BGP_CEASE_BFD_DOWN = 10,  /* RFC 9384 */
};
enum bgp_refresh_error { BGP_REFRESH_BAD_LENGTH = 1 };

/* The two families we speak, as array indexes. */
enum bgp_family { BGP_IPV4, BGP_IPV6, BGP_N_FAMILIES };

#endif
