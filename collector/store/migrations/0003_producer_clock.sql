-- SPDX-License-Identifier: Apache-2.0
-- When the newest span of a producer's last batch ended by the producer's clock, less when that batch came by the
-- collector's: above 0 the producer's clock is ahead, far below it is behind or the batch had waited. NULL: no batch with
-- spans has come since this migration.
ALTER TABLE weir.producer ADD COLUMN clock_ahead_ns bigint;
