-- SPDX-License-Identifier: Apache-2.0
-- The product listing's data: 500 products with gaps between their ids, ten categories, some reviews.
--
-- The case study's queries take 100 ms together, whatever the machine. So `products`, `reviews` and `categories` are
-- views that wait before they answer (90, 5 and 5 ms) and then read a table; the service's statements know nothing of it.

CREATE SCHEMA products;
SET LOCAL search_path = products;

CREATE TABLE category_rows (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE product_rows (id integer PRIMARY KEY, category_id integer NOT NULL, name text NOT NULL);
CREATE TABLE review_rows (id integer PRIMARY KEY, product_id integer NOT NULL, rating integer NOT NULL);

INSERT INTO category_rows SELECT 10 + 3 * i, 'Category ' || i FROM generate_series(1, 10) i;
INSERT INTO product_rows
    SELECT 4000 + 7 * i + i * i % 5, 13 + 3 * (i * i % 10), 'Product ' || i FROM generate_series(1, 500) i;
INSERT INTO review_rows
    SELECT 60000 + row_number() OVER (), id, 1 + (id * n) % 5 FROM product_rows, generate_series(1, 12) n
     WHERE n <= id % 13;
CREATE INDEX review_rows_product_id ON review_rows (product_id);

CREATE VIEW products AS
    WITH wait AS MATERIALIZED (SELECT pg_sleep(0.090)) SELECT product_rows.* FROM wait, product_rows;
CREATE VIEW reviews AS
    WITH wait AS MATERIALIZED (SELECT pg_sleep(0.005)) SELECT review_rows.* FROM wait, review_rows;
CREATE VIEW categories AS
    WITH wait AS MATERIALIZED (SELECT pg_sleep(0.005)) SELECT category_rows.* FROM wait, category_rows;

ANALYZE category_rows, product_rows, review_rows;
