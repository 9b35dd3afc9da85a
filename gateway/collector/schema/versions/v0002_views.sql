-- What an auditor asks a headquarters' database, in the schema `audit` (docs/collector-views.md).
--
-- Every view is made of records as the gateways signed them, and of what the collector knows of
-- itself.  `audit.records` alone touches the table of events; the others read it.  They run with the
-- rights of their owner, so the role `garita_auditor` needs no right to any table.

CREATE SCHEMA audit;

COMMENT ON SCHEMA audit IS 'Views for auditors; read with the role garita_auditor';

-- Data of a record are whatever a gateway wrote, so what is not a number or a time reads as null: one
-- odd record must not keep an auditor from all the others.
CREATE FUNCTION audit.whole(value jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(value) <> 'number' THEN NULL
                WHEN abs(value::numeric) < 9e18 THEN value::numeric::bigint END
$$;

CREATE FUNCTION audit.moment(value text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN value::timestamptz;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- Texts of a list, one after the other.
CREATE FUNCTION audit.listed(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(one, ', ') FROM jsonb_array_elements_text(
        CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) AS one
$$;

-- A record's text; what PostgreSQL can't read (a NUL inside a text) reads as an empty object.
CREATE FUNCTION audit.read(body text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN body::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN '{}';
END
$$;

-- Every record, by gateway and number.  `body` is the text that the gateway's log holds and that its
-- signatures cover; `data` is the same to ask questions of.
CREATE VIEW audit.records AS
SELECT o.gateway, o.chain AS origin, e.seq, e.id, e.time, e.type, e.subject,
       audit.read(e.body) -> 'data' AS data, e.body, encode(e.hash, 'hex') AS hash,
       e.received, e.omitted, e.origin AS origin_id
FROM events e JOIN origins o ON o.id = e.origin;

-- Who was let in (or out), and whether they went.  `outcome`: entered; no_entry; open (the door
-- has no contact, or nothing was heard yet).  One door.entered stands for all grants of its door
-- up to the one that it names.
CREATE VIEW audit.entries AS
SELECT g.gateway, g.origin, g.seq, g.time AS granted_at,
       g.subject AS door,
       CASE g.data ->> 'way' WHEN 'out' THEN 'out' ELSE 'in' END AS way,
       g.data #>> '{person,id}' AS person,
       g.data #>> '{person,name}' AS name,
       g.data #>> '{person,company}' AS company,
       g.data #>> '{credential,masked}' AS badge,
       g.data ->> 'reason' AS reason,
       CASE after.type WHEN 'door.entered' THEN 'entered' WHEN 'door.no_entry' THEN 'no_entry'
            ELSE 'open' END AS outcome,
       CASE after.type WHEN 'door.entered' THEN after.time END AS entered_at,
       audit.whole(g.data -> 'list_version') AS list_version,
       g.data -> 'degraded' AS degraded
FROM audit.records g
LEFT JOIN LATERAL (
    SELECT d.type, d.time FROM audit.records d
    WHERE d.origin_id = g.origin_id AND d.seq > g.seq
      -- A door says soon what came of a grant; by these bounds few partitions are looked at.
      AND d.seq < g.seq + 2000
      AND d.time BETWEEN g.time - interval '1 day' AND g.time + interval '1 day'
      AND d.subject = g.subject AND d.type IN ('door.entered', 'door.no_entry')
      AND audit.whole(d.data -> 'grant') >= g.seq
    ORDER BY d.seq LIMIT 1
) after ON true
WHERE g.type = 'access.granted';

-- Who was refused, and why; docs/reasons.md has the codes in words.
CREATE VIEW audit.denials AS
SELECT gateway, origin, seq, time AS denied_at, subject AS door,
       CASE data ->> 'way' WHEN 'out' THEN 'out' ELSE 'in' END AS way,
       data ->> 'reason' AS reason, data ->> 'rule' AS rule,
       data #>> '{person,id}' AS person,
       data #>> '{person,name}' AS name,
       data #>> '{person,company}' AS company,
       data #>> '{credential,masked}' AS badge,
       data #>> '{credential,fingerprint}' AS badge_fingerprint
FROM audit.records WHERE type = 'access.denied';

-- Who was behind which door, from when to when.  A stay ends with the person's next passage at any
-- gateway, or when an operator says that they left.  `left_at` is null while it lasts.
CREATE VIEW audit.stays AS
WITH passages AS (
    SELECT gateway, origin, seq, door, way, person, name, company,
           coalesce(entered_at, granted_at) AS at
    FROM audit.entries WHERE person IS NOT NULL AND outcome <> 'no_entry'
    UNION ALL
    SELECT gateway, origin, seq, NULL, 'out', data ->> 'person', data ->> 'name', NULL, time
    FROM audit.records
    WHERE type = 'area.forgiven' AND data ->> 'left' = 'true' AND data ->> 'person' IS NOT NULL
), ordered AS (
    SELECT *, lead(at) OVER one AS left_at, lead(gateway) OVER one AS next_gateway,
           lead(door) OVER one AS next_door, lead(way) OVER one AS next_way
    FROM passages WINDOW one AS (PARTITION BY person ORDER BY at, seq)
)
SELECT person, name, company, gateway, door, at AS came_at, left_at,
       next_gateway, next_door, next_way, origin, seq
FROM ordered WHERE way = 'in';

-- Who was inside at a moment.  Records of before `back` are not looked at.
CREATE FUNCTION audit.inside(moment timestamptz, back interval DEFAULT '7 days')
RETURNS TABLE (person text, name text, company text, gateway text, door text, came_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = audit, pg_temp AS $$
    WITH passages AS (
        SELECT DISTINCT ON (p.person) p.* FROM (
            SELECT e.person, e.name, e.company, e.gateway, e.door, e.way, e.seq,
                   coalesce(e.entered_at, e.granted_at) AS at
            FROM audit.entries e
            WHERE e.person IS NOT NULL AND e.outcome <> 'no_entry'
              AND e.granted_at BETWEEN moment - back AND moment
            UNION ALL
            SELECT r.data ->> 'person', NULL, NULL, r.gateway, NULL, 'out', r.seq, r.time
            FROM audit.records r
            WHERE r.type = 'area.forgiven' AND r.data ->> 'left' = 'true'
              AND r.data ->> 'person' IS NOT NULL AND r.time BETWEEN moment - back AND moment
        ) p
        WHERE p.at <= moment ORDER BY p.person, p.at DESC, p.seq DESC
    )
    SELECT p.person, p.name, p.company, p.gateway, p.door, p.at FROM passages p
    WHERE p.way = 'in' ORDER BY p.at
$$;

-- The visitor log with the fields of CTPAT's criterion 10.2, and what else is on record.
CREATE VIEW audit.visitors AS
SELECT a.gateway, audit.whole(a.data -> 'visit') AS visit,
       a.data ->> 'name' AS name, a.data ->> 'company' AS company,
       coalesce(nullif(a.data ->> 'id_kind', ''), 'known regular visitor') AS photo_id,
       audit.moment(a.data ->> 'arrived_at') AS arrived_at,
       a.data ->> 'host' AS company_contact, a.data ->> 'purpose' AS purpose,
       audit.moment(d.data ->> 'departed_at') AS departed_at,
       b.time AS badge_issued_at,
       coalesce(r.time, CASE WHEN b.time IS NOT NULL AND d.data ->> 'badge_out' = 'false'
                             THEN audit.moment(d.data ->> 'departed_at') END)
           AS badge_returned_at, a.origin, a.seq
FROM audit.records a
LEFT JOIN LATERAL (
    SELECT data FROM audit.records d
    WHERE d.gateway = a.gateway AND d.type = 'visit.departed'
      AND d.data -> 'visit' = a.data -> 'visit' AND d.time >= a.time - interval '1 day'
    ORDER BY d.time LIMIT 1) d ON true
LEFT JOIN LATERAL (
    SELECT time FROM audit.records b
    WHERE b.gateway = a.gateway AND b.type = 'visit.badge_issued'
      AND b.data -> 'visit' = a.data -> 'visit' AND b.time >= a.time - interval '1 day'
    ORDER BY b.time LIMIT 1) b ON true
LEFT JOIN LATERAL (
    SELECT time FROM audit.records r
    WHERE r.gateway = a.gateway AND r.type = 'visit.badge_returned'
      AND r.data -> 'visit' = a.data -> 'visit' AND r.time >= a.time - interval '1 day'
    ORDER BY r.time LIMIT 1) r ON true
WHERE a.type = 'visit.arrived';

-- The cargo pickup log with the fields of CTPAT's criterion 10.4.
CREATE VIEW audit.pickups AS
SELECT a.gateway, audit.whole(a.data -> 'freight') AS freight,
       a.data ->> 'driver' AS driver,
       audit.moment(a.data ->> 'arrived_at') AS arrived_at,
       a.data ->> 'carrier' AS employer,
       concat_ws(' / ', nullif(a.data ->> 'tractor_number', ''), nullif(a.data ->> 'tractor', ''))
           AS truck,
       d.units AS trailer, d.departed_at,
       CASE WHEN d.departed_at IS NOT NULL THEN d.seals END AS seals,
       d.type = 'freight.turned_away' AS turned_away, a.origin, a.seq
FROM audit.records a
LEFT JOIN LATERAL (
    SELECT l.type, audit.moment(l.data ->> 'departed_at') AS departed_at,
           audit.listed(l.data -> 'units') AS units,
           (SELECT string_agg(seal.value, ', ' ORDER BY seal.key) FROM jsonb_each_text(
                CASE jsonb_typeof(l.data -> 'seals') WHEN 'object' THEN l.data -> 'seals'
                     ELSE '{}' END) seal) AS seals
    FROM audit.records l
    WHERE l.gateway = a.gateway AND l.type IN ('freight.departed', 'freight.turned_away')
      AND l.data -> 'freight' = a.data -> 'freight' AND l.time >= a.time - interval '1 day'
    ORDER BY l.time LIMIT 1) d ON true
WHERE a.type = 'freight.arrived';

-- What happened to seals, act by act.
CREATE VIEW audit.seals AS
SELECT gateway, time AS at, replace(type, 'seal.', '') AS act,
       coalesce(data ->> 'seal', CASE WHEN type = 'seal.voided' THEN subject END,
                audit.listed(data -> 'seals')) AS seals,
       data ->> 'unit' AS unit, audit.whole(data -> 'freight') AS freight,
       coalesce(data ->> 'seal_class', data ->> 'class') AS class,
       data ->> 'stock' AS stock, data ->> 'to' AS issued_to, data ->> 'reason' AS reason,
       data -> 'mismatches' AS mismatches,
       data ->> 'by' AS by, data ->> 'by_name' AS by_name, origin, seq
FROM audit.records WHERE type LIKE 'seal.%';

-- How long each gateway took to deny somebody whose access ended.
CREATE VIEW audit.revocations AS
SELECT gateway, coalesce(data #>> '{person,id}', subject) AS person,
       data #>> '{person,name}' AS name,
       audit.moment(data ->> 'revoked_at') AS revoked_at, time AS effective_at,
       CASE jsonb_typeof(data -> 'seconds') WHEN 'number'
            THEN (data -> 'seconds')::numeric::double precision END AS seconds,
       coalesce(data ->> 'how', 'revoked_here') AS how,
       coalesce(data ->> 'detail', data ->> 'reason') AS detail,
       data ->> 'known_by' AS known_by, data ->> 'by' AS by,
       audit.whole(data -> 'version') AS list_version, origin, seq
FROM audit.records WHERE type IN ('people.revocation_effective', 'people.revoked');

-- Each revocation over the fleet: how many gateways deny, and which was the last.
CREATE VIEW audit.revocation_reach AS
SELECT person, max(name) AS name, revoked_at, count(DISTINCT gateway) AS gateways,
       min(effective_at) AS first_at, max(effective_at) AS last_at,
       max(seconds) AS longest_s,
       (array_agg(gateway ORDER BY effective_at DESC))[1] AS last_gateway
FROM audit.revocations GROUP BY person, revoked_at;

-- Which gateway has had which personnel list, since when.
CREATE VIEW audit.lists AS
SELECT gateway, audit.whole(data -> 'version') AS list_version, time AS since,
       lead(time) OVER (PARTITION BY gateway ORDER BY time, seq) AS until,
       data ->> 'kind' AS kind, data ->> 'source' AS source, data ->> 'by' AS by, origin, seq
FROM audit.records WHERE type IN ('people.synced', 'people.rolled_back');

-- Each list over the fleet: how many gateways took it, the last of them, and how long after the list
-- was made that was.  Gateways know the same list by the SHA-256 of its text.
CREATE VIEW audit.list_reach AS
SELECT sha256, max(people) AS people, min(generated_at) AS generated_at,
       count(*) AS gateways, min(since) AS first_at, max(since) AS last_at,
       (array_agg(gateway ORDER BY since DESC))[1] AS last_gateway,
       extract(epoch FROM max(since) - coalesce(min(generated_at), min(since)))::double precision
           AS longest_s
FROM (SELECT gateway, data ->> 'sha256' AS sha256, min(time) AS since,
             min(audit.moment(data ->> 'generated_at')) AS generated_at,
             max(audit.whole(data -> 'total')) AS people
      FROM audit.records
      WHERE type = 'people.synced' AND coalesce(data ->> 'sha256', '') <> ''
      GROUP BY gateway, data ->> 'sha256') AS taken
GROUP BY sha256;

-- What somebody has to look at: alarms, doors forced or held, a clock in doubt, records lost.
CREATE VIEW audit.alarms AS
SELECT gateway, time AS at, type, subject, data, origin, seq
FROM audit.records
WHERE type LIKE 'alarm.%'
   OR type IN ('door.forced', 'door.held', 'door.tamper', 'door.fire', 'door.lock_fault',
               'interlock.breached', 'area.passback', 'area.contradiction', 'area.peer_refused',
               'state.damaged', 'command.refused',
               'uplink.name_taken', 'uplink.message_skipped', 'ledger.recovered', 'ledger.late',
               'gateway.task_failed');

-- How far each gateway's log is stored, and when it was heard last.  A gateway signs its log every
-- hour at least, so one that says nothing for 65 minutes is `silent`.
CREATE VIEW audit.gateways AS
SELECT g.name AS gateway, g.status, g.heard AS heard_at,
       coalesce(g.heard < clock_timestamp() - interval '65 minutes', true) AS silent,
       o.chain AS origin, c.contiguous AS last_seq, last.time AS last_time, g.newest AS newest_seq,
       greatest(coalesce(g.newest, 0) - coalesce(c.contiguous, 0), 0) AS missing,
       CASE WHEN coalesce(g.newest, 0) <= coalesce(c.contiguous, 0) THEN 0
            ELSE extract(epoch FROM clock_timestamp() - coalesce(last.time, g.discovered)) END
            ::double precision AS lag_s,
       l.collector, l.since AS collector_since,
       EXISTS (SELECT FROM keys k WHERE k.gateway = g.name) AS key_known, g.discovered
FROM gateways g
LEFT JOIN LATERAL (SELECT id, chain FROM origins o WHERE o.gateway = g.name
                   ORDER BY o.first DESC, o.id DESC LIMIT 1) o ON true
LEFT JOIN cursors c ON c.origin = o.id
LEFT JOIN events last ON last.origin = o.id AND last.seq = c.contiguous
LEFT JOIN leases l ON l.gateway = g.name;

-- Gateways that are not heard of.
CREATE VIEW audit.silent AS
SELECT gateway, heard_at, status, last_seq, last_time FROM audit.gateways WHERE silent;

-- The state of each log, by origin: what was lost before it, how far it is stored, and how far a
-- signed head of the gateway has the very root of what is stored (`proven`).
CREATE VIEW audit.log_health AS
SELECT o.gateway, o.chain AS origin, o.first AS first_seq, o.began,
       o.follows_seq, o.known_seq, o.known_by, coalesce(o.missing, 0) AS lost,
       c.contiguous AS last_seq,
       CASE WHEN c.proven_size > 0 THEN o.first + c.proven_size - 1 END AS proven_seq,
       c.contiguous - (o.first + c.proven_size - 1) AS unproven, c.proven_at,
       (SELECT count(*) FROM checkpoints p
        WHERE p.gateway = o.gateway AND p.chain = o.chain AND p.verdict = 'wrong')
           AS wrong_checkpoints,
       (SELECT max(s.made) FROM cosignatures s WHERE s.gateway = o.gateway AND s.chain = o.chain)
           AS cosigned_at,
       (SELECT count(*) FROM conflicts f WHERE f.gateway = o.gateway) AS conflicts,
       (SELECT count(*) FROM early y WHERE y.gateway = o.gateway) AS waiting
FROM origins o LEFT JOIN cursors c ON c.origin = o.id;

-- Signed heads as they came, and what became of them.
CREATE VIEW audit.checkpoints AS
SELECT p.gateway, p.chain AS origin, p.size, encode(p.root, 'base64') AS root, p.verdict,
       p.received, p.judged, s.mirror, s.made AS cosigned_at, p.note
FROM checkpoints p
LEFT JOIN cosignatures s ON (s.gateway, s.chain, s.size, s.root)
                          = (p.gateway, p.chain, p.size, p.root);

-- Records that were not stored because another one has their number, or because they do not fit.
CREATE VIEW audit.conflicts AS
SELECT f.gateway, o.chain AS origin, f.seq, encode(f.hash, 'hex') AS hash,
       encode(f.stored, 'hex') AS stored_hash, f.why, f.message, f.broker, f.received
FROM conflicts f LEFT JOIN origins o ON o.id = f.origin;

-- Messages that are not records: their beginning, as far as it can be shown.
CREATE VIEW audit.quarantine AS
SELECT gateway, topic, broker, why, bytes, count, first AS received, last AS last_received,
       left(encode(payload, 'escape'), 500) AS beginning
FROM quarantine;

-- What the collectors themselves found that somebody has to look at.
CREATE VIEW audit.findings AS
SELECT gateway, kind, about, data, first AS first_at, last AS last_at, count FROM alarms;

-- The collectors, and how many gateways each of them reads.
CREATE VIEW audit.collectors AS
SELECT c.name AS collector, c.started, c.until > clock_timestamp() AS live,
       (SELECT count(*) FROM leases l WHERE l.run = c.run) AS gateways
FROM collectors c;

-- The role: a group without a login, which may read this schema and nothing else.  Where the owner
-- may not make roles, an administrator makes it and grants it these two rights.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'garita_auditor') THEN
        CREATE ROLE garita_auditor NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
    NULL;
END
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'garita_auditor') THEN
        GRANT USAGE ON SCHEMA audit TO garita_auditor;
        GRANT SELECT ON ALL TABLES IN SCHEMA audit TO garita_auditor;
    END IF;
END
$$;
