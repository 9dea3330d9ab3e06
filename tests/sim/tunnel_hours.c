/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_tunnel_hours HOURS: so many tunnel-hours, seed after seed. CW_SIM=seed[:hours] runs that seed alone
 * (and CW_SIM_TRACE=1 prints what happens), CW_SIM_FIRST=seed begins with another one.
 */
#include "base/crypto.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOURS_PER_SEED 400

static struct sim total;

static double run(uint64_t seed, uint64_t hours, bool warm)
{
	static struct sim s;
	size_t blocks = heap_blocks();
	double done;

	sim_hours_asked = hours;
	sim_init(&s, seed);
	done = sim_live(&s, (double)hours);
	total.steps += s.steps;
	total.datagrams += s.datagrams;
	total.esp += s.esp;
	total.esp_missed += s.esp_missed;
	total.rekeys += s.rekeys;
	total.ike_rekeys += s.ike_rekeys;
	total.ups += s.ups;
	total.downs += s.downs;
	total.crashes += s.crashes;
	total.calms += s.calms;
	total.ops += s.ops;
	sim_free(&s);
	if (warm && heap_blocks() != blocks)
		sim_fault(
		    &s, "memory: %zu blocks before, %zu after everything was freed", blocks, heap_blocks());
	return done;
}

static uint64_t number(const char *text, char **ret_end)
{
	return text ? strtoull(text, ret_end, 10) : 0;
}

int main(int argc, char **argv)
{
	uint64_t hours = argc > 1 ? number(argv[1], NULL) : 100, seed = number(getenv("CW_SIM_FIRST"), NULL);
	char *colon = NULL;
	double done = 0, cpu;
	unsigned seeds = 0;
	clock_t began;

	setvbuf(stdout, NULL, _IOLBF, 0);
	heap_init();
	if (crypto_init())
		return 1;
	if (getenv("CW_SIM")) {
		seed = number(getenv("CW_SIM"), &colon);
		hours = colon && *colon == ':' ? number(colon + 1, NULL) : HOURS_PER_SEED;
		run(1, 1, false);
		printf("seed %llu: %.0f tunnel-hours\n", (unsigned long long)seed, run(seed, hours, true));
		crypto_fini();
		return 0;
	}
	run(seed, 1, false); /* what OpenSSL keeps once for all is there from now on */
	began = clock();
	for (; done < (double)hours; seeds++)
		done += run(seed + seeds, HOURS_PER_SEED, true);
	cpu = (double)(clock() - began) / CLOCKS_PER_SEC;
	printf("%.0f tunnel-hours in %.1f s (%.0f an hour of CPU second), %u seeds: %llu child rekeys, %llu "
	       "IKE rekeys by "
	       "command, %llu ups, %llu downs, %llu crashes, %llu operations, %llu calms; %llu datagrams, "
	       "%llu ESP "
	       "packets, %llu of them excused misses; %llu steps\n",
	    done, cpu, done / cpu, seeds, (unsigned long long)total.rekeys,
	    (unsigned long long)total.ike_rekeys, (unsigned long long)total.ups,
	    (unsigned long long)total.downs, (unsigned long long)total.crashes, (unsigned long long)total.ops,
	    (unsigned long long)total.calms, (unsigned long long)total.datagrams,
	    (unsigned long long)total.esp, (unsigned long long)total.esp_missed,
	    (unsigned long long)total.steps);
	crypto_fini();
	return 0;
}
