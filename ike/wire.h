/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of IKEv2 on the wire (RFC 7296 section 3, IANA "IKEv2 Parameters"), and the limits this
 * implementation puts on what a peer may send. Nothing else: values with names.
 */
#ifndef CW_IKE_WIRE_H
#define CW_IKE_WIRE_H

#define IKE_PORT      500
#define IKE_NATT_PORT 4500

/* --- the header, RFC 7296 3.1 --- */
#define IKE_HEADER_LEN     28
#define IKE_VERSION        0x20 /* major 2, minor 0 */
#define IKE_FLAG_INITIATOR 0x08
#define IKE_FLAG_RESPONSE  0x20

enum ike_exchange_type {
	IKE_X_SA_INIT = 34,
	IKE_X_AUTH = 35,
	IKE_X_CREATE_CHILD_SA = 36,
	IKE_X_INFORMATIONAL = 37,
};

/* --- payloads, RFC 7296 3.2 --- */
#define IKE_PAYLOAD_HEADER_LEN 4
#define IKE_PAYLOAD_CRITICAL   0x80

enum ike_payload_type {
	IKE_P_NONE = 0,
	IKE_P_SA = 33,
	IKE_P_KE = 34,
	IKE_P_IDI = 35,
	IKE_P_IDR = 36,
	IKE_P_CERT = 37,
	IKE_P_CERTREQ = 38,
	IKE_P_AUTH = 39,
	IKE_P_NONCE = 40,
	IKE_P_NOTIFY = 41,
	IKE_P_DELETE = 42,
	IKE_P_VENDOR = 43,
	IKE_P_TSI = 44,
	IKE_P_TSR = 45,
	IKE_P_SK = 46,
	IKE_P_CP = 47,
	IKE_P_EAP = 48,
	IKE_P_SKF = 53, /* RFC 7383 */
};
#define IKE_P_FIRST_KNOWN IKE_P_SA
#define IKE_P_LAST_KNOWN  IKE_P_EAP

/* --- SKF payload, RFC 7383 2.5: fragment number and total, before the IV --- */
#define IKE_SKF_NUMBERS_LEN 4

/* --- SA payload, RFC 7296 3.3 --- */
#define IKE_SUBSTRUCT_LAST            0
#define IKE_SUBSTRUCT_MORE_PROPOSALS  2
#define IKE_SUBSTRUCT_MORE_TRANSFORMS 3
#define IKE_PROPOSAL_HEADER_LEN       8
#define IKE_TRANSFORM_HEADER_LEN      8
#define IKE_ATTR_SHORT                0x8000 /* the value sits in the length field */
#define IKE_ATTR_KEY_LENGTH           14

enum ike_protocol { IKE_PROTO_NONE = 0, IKE_PROTO_IKE = 1, IKE_PROTO_AH = 2, IKE_PROTO_ESP = 3 };
enum ike_transform_type { IKE_T_ENCR = 1, IKE_T_PRF = 2, IKE_T_INTEG = 3, IKE_T_KE = 4, IKE_T_ESN = 5 };
enum ike_esn { IKE_ESN_NO = 0, IKE_ESN_YES = 1 };
#define IKE_SPI_LEN_IKE 8
#define IKE_SPI_LEN_ESP 4

/* --- AUTH payload, RFC 7296 3.8 --- */
enum ike_auth_method {
	IKE_AUTH_RSA = 1,
	IKE_AUTH_PSK = 2,
	IKE_AUTH_DSS = 3,
	IKE_AUTH_ECDSA_256 = 9, /* RFC 4754 */
	IKE_AUTH_ECDSA_384 = 10,
	IKE_AUTH_ECDSA_521 = 11,
	IKE_AUTH_SIGNATURE = 14, /* RFC 7427 */
};

/* --- CERT and CERTREQ payloads, RFC 7296 3.6 and 3.7 --- */
enum ike_cert_encoding { IKE_CERT_X509_SIGNATURE = 4, IKE_CERT_HASH_URL = 12 };

/* --- EAP payload, RFC 7296 3.16, RFC 3748 4 --- */
enum ike_eap_code {
	IKE_EAP_REQUEST = 1,
	IKE_EAP_RESPONSE = 2,
	IKE_EAP_CODE_SUCCESS = 3,
	IKE_EAP_CODE_FAILURE = 4
};

/* --- notifications, RFC 7296 3.10.1 --- */
#define IKE_N_ERROR_LIMIT 16384 /* below: errors; from here on: status */
enum ike_notify_type {
	IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	IKE_N_INVALID_IKE_SPI = 4,
	IKE_N_INVALID_MAJOR_VERSION = 5,
	IKE_N_INVALID_SYNTAX = 7,
	IKE_N_INVALID_MESSAGE_ID = 9,
	IKE_N_INVALID_SPI = 11,
	IKE_N_NO_PROPOSAL_CHOSEN = 14,
	IKE_N_INVALID_KE_PAYLOAD = 17,
	IKE_N_AUTHENTICATION_FAILED = 24,
	IKE_N_SINGLE_PAIR_REQUIRED = 34,
	IKE_N_NO_ADDITIONAL_SAS = 35,
	IKE_N_INTERNAL_ADDRESS_FAILURE = 36,
	IKE_N_FAILED_CP_REQUIRED = 37,
	IKE_N_TS_UNACCEPTABLE = 38,
	IKE_N_INVALID_SELECTORS = 39,
	IKE_N_TEMPORARY_FAILURE = 43,
	IKE_N_CHILD_SA_NOT_FOUND = 44,
	IKE_N_UNACCEPTABLE_ADDRESSES = 40, /* RFC 4555 4.1 */
	IKE_N_UNEXPECTED_NAT_DETECTED = 41,
	IKE_N_MS_STATUS = 12345, /* Microsoft's: a Windows error code in 4 bytes (MS-IKEE) */
	IKE_N_INITIAL_CONTACT = 16384,
	IKE_N_SET_WINDOW_SIZE = 16385,
	IKE_N_ADDITIONAL_TS_POSSIBLE = 16386,
	IKE_N_NAT_DETECTION_SOURCE_IP = 16388,
	IKE_N_NAT_DETECTION_DESTINATION_IP = 16389,
	IKE_N_COOKIE = 16390,
	IKE_N_USE_TRANSPORT_MODE = 16391,
	IKE_N_REKEY_SA = 16393,
	IKE_N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	IKE_N_MOBIKE_SUPPORTED = 16396, /* RFC 4555 4.2 */
	IKE_N_ADDITIONAL_IP4_ADDRESS = 16397,
	IKE_N_ADDITIONAL_IP6_ADDRESS = 16398,
	IKE_N_NO_ADDITIONAL_ADDRESSES = 16399,
	IKE_N_UPDATE_SA_ADDRESSES = 16400,
	IKE_N_COOKIE2 = 16401,
	IKE_N_NO_NATS_ALLOWED = 16402,
	IKE_N_FRAGMENTATION_SUPPORTED = 16430,   /* RFC 7383 */
	IKE_N_SIGNATURE_HASH_ALGORITHMS = 16431, /* RFC 7427 4 */
	IKE_N_USE_PPK = 16435,                   /* RFC 8784 5.1 */
	IKE_N_PPK_IDENTITY = 16436,
	IKE_N_NO_PPK_AUTH = 16437,
	IKE_N_CAUSEWAY_TRIAL = 50059, /* private use; ours, by what is in it (trial_child.c) */
};

/* --- key exchange, RFC 7296 3.4 --- */
#define IKE_KE_HEADER_LEN 4 /* of the body: group and reserved */

/* --- traffic selectors, RFC 7296 3.13.1 --- */
enum ike_ts_type { IKE_TS_IPV4_RANGE = 7, IKE_TS_IPV6_RANGE = 8 };
#define IKE_TS_HEADER_LEN 8

/* --- our limits on what a peer sends --- */
#define IKE_MESSAGE_MAX          16384 /* bytes; the largest message we send or take */
#define IKE_FRAGMENTS_MAX        64    /* of one message, sent or taken (RFC 7383) */
#define IKE_FRAGMENT_EXTRA_MAX   128   /* octets that being a fragment adds to a part of a message */
#define IKE_PAYLOADS_MAX         64    /* in one message */
#define IKE_NOTIFIES_MAX         32    /* kept of one message; more are passed over */
#define IKE_DELETES_MAX          8     /* Delete payloads of one message */
#define IKE_OFFER_PROPOSALS_MAX  64    /* proposals of one SA payload */
#define IKE_OFFER_TRANSFORMS_MAX 512   /* transforms of one SA payload, in all its proposals */
#define IKE_TS_OFFER_MAX         64    /* traffic selectors of one payload that are looked at */
#define IKE_CERTS_MAX            10    /* CERT payloads of one message that are kept */
#define IKE_AUTH_ROUNDS_MAX                                                                                  \
	100                    /* exchanges of one IKE_AUTH with EAP (TLS sends its certificates in pieces) */
#define IKE_NONCE_MIN       16 /* RFC 7296 2.10 */
#define IKE_NONCE_MAX       256
#define IKE_NONCE_LEN       32 /* ours */
#define IKE_COOKIE_MAX      64 /* RFC 7296 2.6 */
#define IKE_COOKIE2_MIN     8  /* RFC 4555 4.2.5 */
#define IKE_COOKIE2_MAX     64
#define IKE_COOKIE2_LEN     16 /* ours */
#define IKE_ADDITIONAL_MAX  8  /* additional addresses of a peer that are kept (RFC 4555 3.6) */
#define IKE_CHILDREN_MAX    16 /* of one IKE SA, replaced ones too */
#define IKE_ESTABLISHED_MAX 4  /* IKE SAs of one connection that are established and not replaced */
#define IKE_REKEYED_MAX     16 /* old IKE SAs of one connection that are still to be deleted */
#define IKE_DELETE_SPIS_MAX 64 /* SPIs of one Delete payload that are looked at */

#endif
