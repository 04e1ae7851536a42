-- SPDX-License-Identifier: Apache-2.0
-- The stage `indexed`: an index on each column by which a query of the dashboard looks for rows and found none. The one
-- on order_items holds the two columns that are added up, too, and so spares the table itself.
CREATE INDEX IF NOT EXISTS orders_merchant_id ON dashboard.orders (merchant_id);
CREATE INDEX IF NOT EXISTS products_merchant_id ON dashboard.products (merchant_id);
CREATE INDEX IF NOT EXISTS customers_merchant_id ON dashboard.customers (merchant_id);
CREATE INDEX IF NOT EXISTS order_items_product_id ON dashboard.order_items (product_id) INCLUDE (quantity, price_cents);
CREATE INDEX IF NOT EXISTS reviews_product_id ON dashboard.reviews (product_id) INCLUDE (rating);
CREATE INDEX IF NOT EXISTS stock_product_id ON dashboard.stock (product_id) INCLUDE (quantity, reorder_level);
