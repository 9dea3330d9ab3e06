/* SPDX-License-Identifier: Apache-2.0 */
/* What all data planes share: the names of drop reasons, which are part of the JSON that the CLI shows. */
#include "connector/daemon/plane.h"

const char *plane_drop_name(enum plane_drop d)
{
	switch (d) {
	case PLANE_DROP_NO_SA: return "no-sa";
	case PLANE_DROP_REPLAY: return "replay";
	case PLANE_DROP_AUTH: return "auth";
	case PLANE_DROP_MALFORMED: return "malformed";
	case PLANE_DROP_SELECTOR: return "selector";
	case PLANE_DROP_SEQ_EXHAUSTED: return "seq-exhausted";
	case PLANE_DROP_TOO_BIG: return "too-big";
	case PLANE_DROP_QUEUE: return "queue";
	case PLANE_DROP_COUNT: break;
	}
	return "?";
}
