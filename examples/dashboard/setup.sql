-- SPDX-License-Identifier: Apache-2.0
-- The dashboard's data set, the same on every machine: what is random comes from md5 of a label and a number.
--
-- Merchant 1 has 200 products, 3,000 customers, 15,000 orders, 45,000 order items and 8,000 reviews; twenty others have
-- 10 products, 40 customers, 700 orders and 2,600 reviews each; merchant 22 has products and nothing else, merchant 23
-- nothing at all. Ids are given in an order that mixes the merchants, and each table begins at another number, so that
-- an id of one table says nothing about another's. Six indexes are missing, as they are in the case study: on the
-- merchant of orders, products and customers, and on the product of order_items, reviews and stock. The one that is
-- there is on orders' customer.

CREATE SCHEMA dashboard;
SET LOCAL search_path = dashboard;

-- a number 0..n-1 that depends on label and i alone
CREATE FUNCTION pick(label text, i bigint, n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS
    $$ SELECT (('x' || substr(md5(label || i), 1, 7))::bit(28)::integer % n) $$;

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
                    reorder_level integer NOT NULL);

INSERT INTO merchants SELECT m, 'Merchant ' || m, date '2019-03-01' + m * 37 FROM generate_series(1, 23) m;

-- how many of each a merchant has
CREATE TEMPORARY TABLE sizes ON COMMIT DROP AS
    SELECT m AS merchant_id,
           CASE WHEN m = 1 THEN 200 WHEN m <= 21 THEN 10 WHEN m = 22 THEN 3 ELSE 0 END AS products,
           CASE WHEN m = 1 THEN 3000 WHEN m <= 21 THEN 40 ELSE 0 END AS customers,
           CASE WHEN m = 1 THEN 15000 WHEN m <= 21 THEN 700 ELSE 0 END AS orders,
           CASE WHEN m = 1 THEN 8000 WHEN m <= 21 THEN 2600 ELSE 0 END AS reviews
      FROM generate_series(1, 23) m;

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
ANALYZE sizes, product_numbers, customer_numbers;

INSERT INTO orders
    WITH placed AS (
        SELECT merchant_id, customers, 500000 + row_number() OVER (ORDER BY md5('order' || merchant_id || '/' || k)) AS id
          FROM sizes, generate_series(1, orders) k)
    SELECT p.id, p.merchant_id, c.id, date '2025-01-01' + pick('day', p.id, 365), 0
      FROM placed p
      JOIN customer_numbers c ON c.merchant_id = p.merchant_id AND c.k = pick('buyer', p.id, p.customers)
     ORDER BY p.id;

-- three items an order
INSERT INTO order_items
    WITH ordered AS (
        SELECT o.id * 3 + n AS id, o.id AS order_id, o.merchant_id, s.products
          FROM orders o JOIN sizes s USING (merchant_id), generate_series(0, 2) n)
    SELECT o.id, o.order_id, p.id, 1 + pick('quantity', o.id, 4), p.price_cents
      FROM ordered o
      JOIN product_numbers p ON p.merchant_id = o.merchant_id AND p.k = pick('item', o.id, o.products)
     ORDER BY o.id;

UPDATE orders SET total_cents = items.total
  FROM (SELECT order_id, sum(quantity * price_cents) AS total FROM order_items GROUP BY order_id) items
 WHERE items.order_id = orders.id;

INSERT INTO reviews
    WITH written AS (
        SELECT merchant_id, products, 90000 + row_number() OVER (ORDER BY md5('review' || merchant_id || '/' || k)) AS id
          FROM sizes, generate_series(1, reviews) k)
    SELECT w.id, p.id, 1 + pick('rating', w.id, 5), 'It is what it says, and arrived on day ' || pick('arrival', w.id, 30)
      FROM written w
      JOIN product_numbers p ON p.merchant_id = w.merchant_id AND p.k = pick('reviewed', w.id, w.products)
     ORDER BY w.id;

INSERT INTO stock
    SELECT 300 + row_number() OVER (ORDER BY md5('stock' || id)), id, pick('stock', id, 120), 10 + pick('reorder', id, 20)
      FROM products;

DROP FUNCTION pick;
CREATE INDEX orders_customer_id ON orders (customer_id);
ANALYZE merchants, products, customers, orders, order_items, reviews, stock;
