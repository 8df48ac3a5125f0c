-- Up to which position texts may be missing that no event erased: the ledger was imported from a
-- bundle that did not have them. Believed only where the log went on from there (LedgerContinued),
-- or waits to.
ALTER TABLE head ADD COLUMN texts_withheld_through bigint NOT NULL DEFAULT 0;
