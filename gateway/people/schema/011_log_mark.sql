-- log_mark: the record of the last act that was moved from the outbox to the log.  A log that does
-- not hold it has lost its end (gateway/daemon/openlog.py).
CREATE TABLE IF NOT EXISTS log_mark (
   one INTEGER PRIMARY KEY CHECK (one = 1),
   chain TEXT NOT NULL,   -- the name of the log's origin
   seq INTEGER NOT NULL,
   hash TEXT NOT NULL     -- hex
);
