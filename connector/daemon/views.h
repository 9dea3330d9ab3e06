/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the management API from the domain's state. Control thread only; the ctx of each operation is a
 * struct domain. */
#ifndef CW_DAEMON_VIEWS_H
#define CW_DAEMON_VIEWS_H

#include "connector/mgmt/api.h"

extern const struct api_ops daemon_api_ops;

#endif
