/* SPDX-License-Identifier: Apache-2.0 */
/* The orders as `before` and `batched` load them: all of the merchant's, to be added up here. */
#include "examples/common/database.h"
#include "examples/dashboard/dashboard.h"

#include <string.h>

#include <weir/libpq.h>

bool dashboard_load_all_orders(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load orders");
    PGresult *rows =
        PQexecParams(database, "SELECT id, placed_on, total_cents FROM orders WHERE merchant_id = $1", 1,
                     NULL, &merchant_id, NULL, NULL, 0);
    bool ok = database_ok(rows);
    struct dashboard_orders orders = {0};
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        json_int_t total_cents = dashboard_number(rows, i, 2);
        orders.count++;
        orders.revenue_cents += total_cents;
        if (strcmp(PQgetvalue(rows, i, 1), DASHBOARD_RECENT_SINCE) < 0) continue;
        orders.recent_count++;
        orders.recent_revenue_cents += total_cents;
    }
    if (ok) dashboard_add_orders(answer, &orders);
    PQclear(rows);
    return ok;
}
