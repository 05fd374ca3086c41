-- The tables as the first edition made them, version by version, in SQLite's words; its CREATE TABLEs were STRICT.
-- On PostgreSQL INTEGER was BIGINT, REAL was DOUBLE PRECISION and BLOB was BYTEA.
-- schema 1
CREATE TABLE reps ("site" TEXT NOT NULL, "station" TEXT NOT NULL, "event_id" TEXT NOT NULL, "revision"
    INTEGER NOT NULL, "at_utc" TEXT NOT NULL, "session" TEXT NOT NULL, "session_s" REAL NOT NULL, "exercise"
    TEXT NOT NULL, "athlete" TEXT, "load_kg" REAL, "state" TEXT NOT NULL, "set_number" INTEGER NOT NULL,
    "number" INTEGER, "counted" INTEGER, "reason" TEXT, "start_s" REAL, "end_s" REAL, "eccentric_end_s"
    REAL, "concentric_start_s" REAL, "concentric_end_s" REAL, "eccentric_s" REAL, "bottom_pause_s" REAL,
    "concentric_s" REAL, "top_pause_s" REAL, "rom_m" REAL, "mean_concentric_velocity_mps" REAL,
    "peak_concentric_velocity_mps" REAL, "mean_propulsive_velocity_mps" REAL, "mean_eccentric_velocity_mps"
    REAL, "peak_eccentric_velocity_mps" REAL, "mean_force_n" REAL, "peak_force_n" REAL, "mean_power_w" REAL,
    "peak_power_w" REAL, "work_j" REAL, "path_deviation_m" REAL, "path_drift_m" REAL,
    "path_deviation_sigma_m" REAL, "velocity_loss_pct" REAL, PRIMARY KEY (site, station, event_id));
CREATE TABLE sets ("site" TEXT NOT NULL, "station" TEXT NOT NULL, "event_id" TEXT NOT NULL, "revision"
    INTEGER NOT NULL, "at_utc" TEXT NOT NULL, "session" TEXT NOT NULL, "session_s" REAL NOT NULL, "exercise"
    TEXT NOT NULL, "athlete" TEXT, "load_kg" REAL, "number" INTEGER, "counted_reps" INTEGER, "partial_reps"
    INTEGER, "start_s" REAL, "end_s" REAL, "fastest_mean_concentric_velocity_mps" REAL,
    "last_mean_concentric_velocity_mps" REAL, "velocity_loss_pct" REAL, "median_rom_m" REAL,
    "largest_path_deviation_m" REAL, PRIMARY KEY (site, station, event_id));
CREATE INDEX reps_by_time ON reps (at_utc);
CREATE INDEX reps_by_session ON reps (session, set_number, number);
CREATE TABLE commands ( site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, at_utc TEXT NOT
    NULL, name TEXT NOT NULL, "by" TEXT NOT NULL, command TEXT NOT NULL, answered_utc TEXT, ok INTEGER,
    answer TEXT, PRIMARY KEY (site, station, event_id) );
CREATE TABLE streams ( id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, station TEXT NOT NULL,
    stream TEXT NOT NULL, heard_utc TEXT NOT NULL, UNIQUE (site, station, stream) );
CREATE TABLE received ( stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq) );
CREATE TABLE gaps ( stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL, last_seq
    INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq) );
CREATE TABLE quarantine ( id INTEGER PRIMARY KEY AUTOINCREMENT, at_utc TEXT NOT NULL, topic TEXT NOT NULL,
    reason TEXT NOT NULL, payload BLOB NOT NULL );

-- schema 2
CREATE INDEX reps_by_athlete ON reps (athlete, exercise, at_utc);
CREATE TABLE athletes (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, badge TEXT UNIQUE);
CREATE TABLE plans ( athlete TEXT NOT NULL REFERENCES athletes (id) ON DELETE CASCADE, exercise TEXT NOT
    NULL, load_kg REAL, sets INTEGER, reps INTEGER, eccentric_s REAL, bottom_pause_s REAL, concentric_s
    REAL, top_pause_s REAL, velocity_loss_cutoff_pct REAL, path_limit_m REAL, rest_s REAL, PRIMARY KEY
    (athlete, exercise) );

-- schema 3
ALTER TABLE plans ADD COLUMN full_range_m REAL;

-- schema 4
ALTER TABLE reps ADD COLUMN "rom_sigma_m" REAL;
ALTER TABLE reps ADD COLUMN "mean_concentric_velocity_sigma_mps" REAL;
ALTER TABLE reps ADD COLUMN "peak_concentric_velocity_sigma_mps" REAL;
ALTER TABLE reps ADD COLUMN "eccentric_sigma_s" REAL;
ALTER TABLE reps ADD COLUMN "bottom_pause_sigma_s" REAL;
ALTER TABLE reps ADD COLUMN "concentric_sigma_s" REAL;
ALTER TABLE reps ADD COLUMN "top_pause_sigma_s" REAL;
ALTER TABLE reps ADD COLUMN "confidence" REAL;
ALTER TABLE reps ADD COLUMN "repaired_samples" INTEGER;
ALTER TABLE reps ADD COLUMN "signal_noise_m" REAL;
ALTER TABLE reps ADD COLUMN "slack_s" REAL;
ALTER TABLE reps ADD COLUMN "heel_pct" REAL;
ALTER TABLE reps ADD COLUMN "heel_least_pct" REAL;
ALTER TABLE reps ADD COLUMN "left_pct" REAL;
ALTER TABLE reps ADD COLUMN "reason_code" TEXT;

-- schema 5
ALTER TABLE reps ADD COLUMN said_utc TEXT;
ALTER TABLE sets ADD COLUMN said_utc TEXT;
ALTER TABLE commands ADD COLUMN code TEXT;
ALTER TABLE commands ADD COLUMN action TEXT;
ALTER TABLE commands ADD COLUMN undone TEXT;
UPDATE commands SET undone = ( SELECT max(signed.event_id) FROM commands AS signed WHERE signed.site =
    commands.site AND signed.station = commands.station AND signed.name = 'sign-off' AND commands.answer =
    'undone: ' || signed.answer ) WHERE name = 'undo';
CREATE TABLE corrections ( site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, session TEXT
    NOT NULL, at_utc TEXT NOT NULL, "by" TEXT NOT NULL, action TEXT NOT NULL, command TEXT NOT NULL,
    undone_utc TEXT, undone_by TEXT, PRIMARY KEY (site, station, event_id) );
CREATE TABLE originals ( site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, session TEXT NOT
    NULL, kind TEXT NOT NULL, original TEXT NOT NULL, PRIMARY KEY (site, station, event_id) );
CREATE TABLE erased (athlete_hash TEXT NOT NULL PRIMARY KEY, at_utc TEXT NOT NULL);
CREATE INDEX originals_by_session ON originals (site, station, session);
CREATE INDEX corrections_by_session ON corrections (site, station, session);

-- schema 6
ALTER TABLE reps ADD COLUMN load_measured_kg REAL;
ALTER TABLE reps ADD COLUMN load_measured_sigma_kg REAL;
ALTER TABLE sets ADD COLUMN load_measured_kg REAL;
ALTER TABLE sets ADD COLUMN load_measured_sigma_kg REAL;
