/* SPDX-License-Identifier: Apache-2.0
 * What can be judged only when all of the configuration has been read. */
#include "config/database.h"
#include "config/report.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(attune_billing);

static void report(struct report *report, const char *id, int level, struct config_place place, const char *message)
{
    if (place.file) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | level, 0, report->server, "%s: %s:%u: %s", id, place.file, place.line,
                     message);
    } else {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | level, 0, report->server, "%s: %s", id, message);
    }
}

void report_error(struct report *to, const char *id, struct config_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(to, id, APLOG_ERR, place, apr_pvsprintf(to->pool, format, arguments));
    va_end(arguments);
    ++to->errors;
}

void report_warning(struct report *to, const char *id, struct config_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(to, id, APLOG_WARNING, place, apr_pvsprintf(to->pool, format, arguments));
    va_end(arguments);
}

/* The first place that makes a database necessary. False: nothing does. */
static bool database_needed(const struct report *report, struct config_place *place)
{
    const struct config_build *build = report->build;
    for (const server_rec *server = report->server; server; server = server->next) {
        const struct server_config *config = config_server(server);
        for (int i = 0; i < MOUNT_COUNT; ++i) {
            if (config->mounts[i]) {
                *place = config->mount_places[i];
                return true;
            }
        }
    }
    if (build->feature_uses->nelts) {
        *place = APR_ARRAY_IDX(build->feature_uses, 0, struct required_feature *)->place;
    } else if (build->plan_uses->nelts) {
        *place = APR_ARRAY_IDX(build->plan_uses, 0, struct key_use).place;
    }
    return build->global.has_gates;
}

static void check_database(struct report *report, const struct database_found *found)
{
    struct config_place place = {0};
    if (!database_needed(report, &place)) {
        return;
    }
    if (!found->config.driver) {
        report_error(report, "ATB0110", place,
                     "this needs the database, and there is no DBDriver: load mod_dbd and write outside of any "
                     "<VirtualHost>: DBDriver pgsql, and DBDParams \"host=… dbname=… user=…\"");
    } else if (strcmp(found->config.driver, "pgsql")) {
        report_error(report, "ATB0111", found->driver_place, "DBDriver %s: billing needs PostgreSQL: DBDriver pgsql",
                     found->config.driver);
    } else if (found->second_place.file) {
        report_error(
            report, "ATB0112", found->second_place,
            "two virtual hosts have a DBDriver (the other: %s:%u), and billing has one database for all: write "
            "its DBDriver and DBDParams outside of any <VirtualHost>",
            found->driver_place.file, found->driver_place.line);
    }
}

/* Features, defaults filled in, that let a method through, and limits, which count for some methods alone. */
static bool method_counts(const struct global_config *global)
{
    bool counts = global->has_limits;
    for (size_t i = 0; i < global->catalogue.feature_count; ++i) {
        const struct feature *feature = &global->catalogue.features[i];
        counts |= feature->except_methods || feature->past_due == PAST_DUE_READ_ONLY;
    }
    return counts;
}

int config_check(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    struct config_build *build = config_build();
    struct report report = {ptemp, server, build, 0};
    struct database_found found = database_find(pconf);
    build->global.database = found.config;
    config_catalogue_finish(pconf, build);
    build->global.by_method = method_counts(&build->global);
    check_servers(&report);
    check_database(&report, &found);
    check_catalogue(&report);
    check_tree(&report);
    build->finished = true;
    return report.errors ? HTTP_INTERNAL_SERVER_ERROR : OK;
}
