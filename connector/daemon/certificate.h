/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel's own certificate: what `tunnel show` says of it, and that it will expire, said ahead. */
#ifndef CW_DAEMON_CERTIFICATE_H
#define CW_DAEMON_CERTIFICATE_H

#include "connector/daemon/tunnel.h"
#include "connector/mgmt/view.h"

void certificate_view(const struct tunnel *t, struct view_tunnel *v);
/* Looks once an hour; warns in the log when 30, 7 and 1 days are left, and when none is. Cheap to call often.
 */
void certificate_look(struct tunnel *t, mtime now);

#endif
