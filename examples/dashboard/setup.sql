-- SPDX-License-Identifier: Apache-2.0
-- The dashboard's data set, the same on every machine: what is random comes from md5 of a label and a number.
--
-- Merchant 1 has 200 products, 3,000 customers, 15,000 orders, 45,000 order items and 8,000 reviews. Twenty others have 10
-- products, 40 customers, 700 orders with their items, and 2,600 reviews each; merchant 22 has products and nothing else,
-- merchant 23 nothing at all. Merchants 24 to 1000 have closed their shops: their 20 products, 60 customers and 240
-- orders each are kept, the items and reviews of all but a few are not. They are why an index matters: merchant 1 is a
-- small part of the tables, and finding it without one means reading all of them.
--
-- Ids are given in an order that mixes the merchants, and each table begins at another number, so that an id of one
-- table says nothing about another's. Six indexes are missing, as they are in the case study (indexes.sql makes them).
-- The one that is there is on orders' customer.

CREATE SCHEMA dashboard;
SET LOCAL search_path = dashboard;
SET LOCAL work_mem = '64MB';

-- a number 0..n-1 that depends on label and i alone
CREATE FUNCTION pick(label text, i bigint, n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS
    $$ SELECT (('x' || substr(md5(label || i::text), 1, 7))::bit(28)::integer % n) $$;

CREATE TABLE merchants (id integer PRIMARY KEY, name text NOT NULL, joined_on date NOT NULL);
CREATE TABLE products (id integer PRIMARY KEY, merchant_id integer NOT NULL, name text NOT NULL,
                       price_cents integer NOT NULL);
CREATE TABLE customers (id integer PRIMARY KEY, merchant_id integer NOT NULL, name text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, merchant_id integer NOT NULL, customer_id integer NOT NULL,
                     placed_on date NOT NULL, total_cents integer NOT NULL);
CREATE TABLE order_items (id integer PRIMARY KEY, order_id integer NOT NULL, product_id integer NOT NULL,
                          quantity integer NOT NULL, price_cents integer NOT NULL);
CREATE TABLE reviews (id integer PRIMARY KEY, product_id integer NOT NULL, rating integer NOT NULL,
                      comment text NOT NULL);
CREATE TABLE stock (id integer PRIMARY KEY, product_id integer NOT NULL, quantity integer NOT NULL,
                    reorder_level integer NOT NULL, place text NOT NULL);

INSERT INTO merchants SELECT m, 'Merchant ' || m, date '2019-03-01' + m % 60 * 37 FROM generate_series(1, 1000) m;

-- how many of each a merchant has; itemised: orders whose items are there
CREATE TEMPORARY TABLE sizes ON COMMIT DROP AS
    SELECT m AS merchant_id, products, customers, orders, itemised, reviews
      FROM (VALUES (1, 1, 200, 3000, 15000, 15000, 8000), (2, 21, 10, 40, 700, 700, 2600), (22, 22, 3, 0, 0, 0, 0),
                   (24, 1000, 20, 60, 240, 4, 10)) s (first, last, products, customers, orders, itemised, reviews),
           generate_series(first, last) m;

INSERT INTO products
    SELECT 1200 + 3 * row_number() OVER (ORDER BY md5('product' || merchant_id || '/' || k)), merchant_id,
           'Product ' || k || ' of ' || merchant_id, 199 + pick('price', merchant_id * 1000 + k, 20000)
      FROM sizes, generate_series(1, products) k;

INSERT INTO customers
    SELECT 70000 + 2 * row_number() OVER (ORDER BY md5('customer' || merchant_id || '/' || k)), merchant_id,
           'Customer ' || k || ' of ' || merchant_id
      FROM sizes, generate_series(1, customers) k;

-- a merchant's products and customers, numbered from 0 for picking one
CREATE TEMPORARY TABLE product_numbers ON COMMIT DROP AS
    SELECT id, merchant_id, price_cents, row_number() OVER (PARTITION BY merchant_id ORDER BY md5(id::text)) - 1 AS k
      FROM products;
CREATE TEMPORARY TABLE customer_numbers ON COMMIT DROP AS
    SELECT id, merchant_id, row_number() OVER (PARTITION BY merchant_id ORDER BY md5(id::text)) - 1 AS k FROM customers;
CREATE TEMPORARY TABLE placed ON COMMIT DROP AS
    SELECT 500000 + row_number() OVER (ORDER BY md5('order' || merchant_id || '/' || k)) AS id, merchant_id, customers,
           products, k <= itemised AS has_items
      FROM sizes, generate_series(1, orders) k;
ANALYZE sizes, product_numbers, customer_numbers, placed;

-- three items an order
INSERT INTO order_items
    SELECT o.id * 3 + n, o.id, p.id, 1 + pick('quantity', o.id * 3 + n, 4), p.price_cents
      FROM placed o CROSS JOIN generate_series(0, 2) n
      JOIN product_numbers p ON p.merchant_id = o.merchant_id AND p.k = pick('item', o.id * 3 + n, o.products)
     WHERE o.has_items ORDER BY 1;

INSERT INTO orders
    SELECT o.id, o.merchant_id, c.id, date '2025-01-01' + pick('day', o.id, 365),
           coalesce(i.total, 600 + pick('total', o.id, 60000))
      FROM placed o
      JOIN customer_numbers c ON c.merchant_id = o.merchant_id AND c.k = pick('buyer', o.id, o.customers)
      LEFT JOIN (SELECT order_id, sum(quantity * price_cents) AS total FROM order_items GROUP BY order_id) i
           ON i.order_id = o.id
     ORDER BY o.id;

INSERT INTO reviews
    WITH written AS (
        SELECT merchant_id, products, 90000 + row_number() OVER (ORDER BY md5('review' || merchant_id || '/' || k)) AS id
          FROM sizes, generate_series(1, reviews) k)
    SELECT w.id, p.id, 1 + pick('rating', w.id, 5), 'It is what it says, and arrived on day ' || pick('arrival', w.id, 30)
      FROM written w
      JOIN product_numbers p ON p.merchant_id = w.merchant_id AND p.k = pick('reviewed', w.id, w.products)
     ORDER BY w.id;

INSERT INTO stock
    SELECT 300 + row_number() OVER (ORDER BY md5('stock' || id)), id, pick('stock', id, 120), 10 + pick('reorder', id, 20),
           'Hall ' || pick('hall', id, 9) || ', aisle ' || pick('aisle', id, 40) || ', shelf ' || pick('shelf', id, 200) ||
           ', box ' || pick('box', id, 5000) || '; counted by hand, last in week ' || 1 + pick('week', id, 52)
      FROM products;

DROP FUNCTION pick;
CREATE INDEX orders_customer_id ON orders (customer_id);
ANALYZE merchants, products, customers, orders, order_items, reviews, stock;
