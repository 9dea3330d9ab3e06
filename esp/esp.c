/* SPDX-License-Identifier: Apache-2.0 */
/* What sealing and opening share: the names of verdicts, and a look at the SPI (RFC 4303 2.1). */
#include "esp/esp.h"

#include "base/cursor.h"

const char *esp_verdict_name(enum esp_verdict v)
{
	switch (v) {
	case ESP_OK: return "ok";
	case ESP_DUMMY: return "dummy";
	case ESP_NO_SA: return "no-sa";
	case ESP_REPLAY: return "replay";
	case ESP_AUTH: return "auth";
	case ESP_MALFORMED: return "malformed";
	case ESP_SELECTOR: return "selector";
	case ESP_SEQ_EXHAUSTED: return "seq-exhausted";
	case ESP_TOO_BIG: return "too-big";
	case ESP_ECN: return "ecn";
	case ESP_VERDICT_COUNT: break;
	}
	return "?";
}

uint32_t esp_peek_spi(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);

	return rd_u32(&r);
}
