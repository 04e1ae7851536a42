-- SPDX-License-Identifier: Apache-2.0
-- The stages before `indexed`: what indexes.sql makes is not there.
DROP INDEX IF EXISTS dashboard.orders_merchant_id, dashboard.products_merchant_id, dashboard.customers_merchant_id,
    dashboard.order_items_product_id, dashboard.reviews_product_id, dashboard.stock_product_id;
