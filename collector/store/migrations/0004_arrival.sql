-- SPDX-License-Identifier: Apache-2.0
-- Which traces came, a row a transaction of ingest: what the analysis has to look at. A row of weir.pending for each trace
-- cost ingest several times what the fragments cost; pending now holds only traces that wait for a missing parent.
CREATE TABLE weir.arrival (
    arrival_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_ns bigint NOT NULL,
    traces bytea NOT NULL  -- trace ids, 16 bytes each, one behind the other; some may come twice
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 1);
ALTER TABLE weir.arrival ALTER COLUMN traces SET STORAGE EXTERNAL;  -- ids do not compress
CREATE INDEX arrival_received ON weir.arrival (received_ns);
