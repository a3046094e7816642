#include "common/config_table.h"

#include <string.h>

#define KIB INT64_C(1)
#define GIB (INT64_C(1024) * 1024 * KIB)
#define BYTES(kib) ((kib)*INT64_C(1024))
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

const struct config_section_row config_sections[CONFIG_SECTION_END] = {
    [CONFIG_ROOT] = {.name = "", .size = sizeof(struct config), .limit = 1},
    [CONFIG_FRONTEND] = {.name = "frontend",
        .place = offsetof(struct config, frontend),
        .size = sizeof(struct config_frontend),
        .limit = 1},
    [CONFIG_PROFILE] = {"profile", true, offsetof(struct config, profiles),
        offsetof(struct config, profile_count), sizeof(struct config_profile),
        CONFIG_PROFILES},
    [CONFIG_KEY] = {"key", true, offsetof(struct config, keys),
        offsetof(struct config, key_count), sizeof(struct config_key), CONFIG_KEYS},
    [CONFIG_POOL] = {"pool", true, offsetof(struct config, pools),
        offsetof(struct config, pool_count), sizeof(struct config_pool), LIMIT_POOLS},
};

#define ROW(section, holder, name, member, type, min, max, fallback)                   \
	{                                                                              \
		section, #name, &config_type_##type, offsetof(struct holder, member),  \
		    sizeof(((struct holder *)NULL)->member), min, max, fallback        \
	}
#define ROOT(name, member, type, min, max, fallback)                                   \
	ROW(CONFIG_ROOT, config, name, member, type, min, max, fallback)
#define FRONTEND(name, type, min, max, fallback)                                       \
	ROW(CONFIG_FRONTEND, config_frontend, name, name, type, min, max, fallback)
#define PROFILE(name, member, type, min, max, fallback)                                \
	ROW(CONFIG_PROFILE, config_profile, name, member, type, min, max, fallback)
#define KEY(name, type, fallback)                                                      \
	ROW(CONFIG_KEY, config_key, name, name, type, 0, 0, fallback)
#define POOL(name, member, type, min, max, fallback)                                   \
	ROW(CONFIG_POOL, config_pool, name, member, type, min, max, fallback)

/* clang-format off */
const struct config_directive config_directives[] = {
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array, of which this is the pointer */
	ROOT(listen, listen, listen, 0, 0, "127.0.0.1:8080"),
	ROOT(user, user, text, 0, 0, ""),
	ROOT(group, group, text, 0, 0, ""),
	ROOT(chroot, chroot, path, 0, 0, ""),
	ROOT(seccomp, seccomp, switch, 0, 0, "on"),
	ROOT(pidfile, pidfile, path, 0, 0, ""),
	ROOT(log, log, log, 0, 0, "stderr"),
	ROOT(log_format, log_format, log_format, 0, 0, "text"),
	ROOT(log_level, log_level, log_level, 0, 0, "info"),
	ROOT(access_log, access_log, switch, 0, 0, "off"),
	ROOT(hello_delay, hello_delay_ms, time, 0, MINUTE, "100ms"),
	ROOT(seed_routes, seed_routes, switch, 0, 0, "on"),
	ROOT(default_pool, default_pool_name, name, 0, 0, "elastic"),
	ROOT(max_body, max_body, size, BYTES(KIB), BYTES(INT64_C(16) * 1024 * KIB), "8K"),
	ROOT(max_password, max_password, number, 1, LIMIT_PASSWORD, "1024"),
	ROOT(header_timeout, header_timeout_ms, time, 1, HOUR, "5s"),
	ROOT(body_timeout, body_timeout_ms, time, 1, HOUR, "5s"),
	ROOT(keepalive_timeout, keepalive_timeout_ms, time, 1, HOUR, "75s"),
	ROOT(write_timeout, write_timeout_ms, time, 1, HOUR, "10s"),
	ROOT(ready_timeout, ready_timeout_ms, time, 1, HOUR, "30s"),
	ROOT(shutdown_timeout, shutdown_timeout_ms, time, 1, HOUR, "30s"),
	ROOT(drain_delay, drain_delay_ms, time, 0, HOUR, "0ms"),
	ROOT(memory_budget, memory_budget, budget, BYTES(1024 * KIB), BYTES(65536 * GIB), "75%"),
	ROOT(engine, engine, engine, 0, 0, "auto"),
	ROOT(verify_max_memory, verify_max_memory, size, BYTES(8 * KIB), BYTES(1024 * GIB), "256M"),
	ROOT(verify_max_time, verify_max_time, number, 1, 10000, "16"),
	ROOT(verify_max_lanes, verify_max_lanes, number, 1, 255, "16"),
	ROOT(token_file, token_file, path, 0, 0, ""),
	ROOT(allowed_hosts, allowed_hosts, hosts, 0, 0, ""),
	ROOT(store, store_path, store, 0, 0, ""),

	FRONTEND(processes, number_auto, 1, LIMIT_FRONTENDS, "auto"),
	FRONTEND(max_connections, number, 1, 1000000, "10240"),
	FRONTEND(max_connections_per_client, number, 0, 1000000, "0"),
	FRONTEND(user, text, 0, 0, ""),
	FRONTEND(nice, number, -20, 19, "0"),
	FRONTEND(cpu_affinity, cpus, 0, CPU_SETSIZE - 1, ""),
	FRONTEND(rlimit_nofile, number_auto, 64, 1048576, "auto"),
	FRONTEND(rlimit_core, size, 0, BYTES(1024 * GIB), "0K"),
	FRONTEND(memory_limit, size_auto, BYTES(1024 * KIB), BYTES(1024 * GIB), "auto"),

	PROFILE(memory, memory_kib, size_kib, 8 * KIB, 1024 * GIB, "19M"),
	PROFILE(time, time, number, 1, 10000, "2"),
	PROFILE(lanes, lanes, number, 1, 255, "1"),
	PROFILE(salt, salt, number, 8, LIMIT_SALT, "16"),
	PROFILE(tag, tag, number, 4, LIMIT_TAG, "32"),
	PROFILE(key, key, name, 0, 0, ""),
	PROFILE(preset, preset, preset, 0, 0, "none"),
	PROFILE(rehash, rehash, rehash, 0, 0, "any-difference"),
	PROFILE(accept, accept, accept, 0, 0, ""),
	PROFILE(bcrypt_truncate, bcrypt_truncate, switch, 0, 0, "off"),
	PROFILE(decoy, decoys, decoy, 0, 0, ""),
	PROFILE(decoy_key, decoy_key, name, 0, 0, ""),

	KEY(file, path, ""),
	KEY(verify_only, switch, "off"),

	POOL(jobs, jobs, jobs, 0, 0, ""),
	POOL(min_processes, min_processes, number_auto, 1, LIMIT_POOL_PROCESSES, "1"),
	POOL(max_processes, max_processes, number_auto, 1, LIMIT_POOL_PROCESSES, "auto"),
	POOL(idle_timeout, idle_timeout_ms, time, 1, 24 * HOUR, "10s"),
	POOL(batch, batch, number_auto, 1, LIMIT_STREAMS, "auto"),
	POOL(queue_limit, queue_limit, number, 1, 65536, "1024"),
	POOL(deadline, deadline_ms, time, 1, HOUR, "10s"),
	POOL(per_client_limit, per_client_limit, number, 0, 65536, "0"),
	POOL(old_formats_share, old_formats_share, percent, 1, 99, "20%"),
	POOL(retries, retries, number, 0, 3, "1"),
	POOL(max_jobs, max_jobs, number, 0, INT64_C(1000000000000), "0"),
	POOL(user, user, text, 0, 0, ""),
	POOL(nice, nice, number, -20, 19, "10"),
	POOL(scheduling, scheduling, scheduling, 0, 0, "other"),
	POOL(cpu_affinity, cpu_affinity, cpus, 0, CPU_SETSIZE - 1, ""),
	POOL(memory_limit, memory_limit, size_auto, BYTES(1024 * KIB), BYTES(1024 * GIB), "auto"),
	POOL(cpu_weight, cpu_weight, number, 1, 10000, "100"),
	POOL(rlimit_cpu, rlimit_cpu, seconds, 0, INT64_C(365) * 24 * 3600, "0s"),
};
/* clang-format on */

const size_t config_directive_count =
    sizeof(config_directives) / sizeof(config_directives[0]);

const struct config_preset config_presets[] = {
    {CONFIG_PROFILE, "default", NULL, NULL},
    {CONFIG_POOL, "elastic", "jobs", "hash,verify"},
    {CONFIG_POOL, "fixed", "jobs", "hash,verify"},
    {CONFIG_POOL, "fixed", "min_processes", "auto"},
    {CONFIG_POOL, "lookup", "jobs", "lookup"},
    {CONFIG_POOL, "lookup", "max_processes", "8"},
};

const size_t config_preset_count = sizeof(config_presets) / sizeof(config_presets[0]);

const struct config_section_row *config_section_find(const char *name)
{
	for (size_t i = 0; i < CONFIG_SECTION_END; i++)
		if (strcmp(config_sections[i].name, name) == 0)
			return &config_sections[i];
	return NULL;
}

const struct config_directive *config_directive_find(
    enum config_section section, const char *name)
{
	for (size_t i = 0; i < config_directive_count; i++)
		if (config_directives[i].section == section &&
		    strcmp(config_directives[i].name, name) == 0)
			return &config_directives[i];
	return NULL;
}

void *config_section_at(
    const struct config *config, enum config_section section, size_t index)
{
	const struct config_section_row *row = &config_sections[section];
	const char *base = (const char *)config;
	size_t count = 1;
	char *items;

	if (!row->titled)
		return index == 0 ? (void *)(uintptr_t)(base + row->place) : NULL;
	memcpy(&items, base + row->place, sizeof(items));
	memcpy(&count, base + row->count, sizeof(count));
	return index < count ? items + index * row->size : NULL;
}
