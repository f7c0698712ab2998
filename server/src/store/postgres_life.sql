-- How often all logins of an account were ended.
ALTER TABLE accounts ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
