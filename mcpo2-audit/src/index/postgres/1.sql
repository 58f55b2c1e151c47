CREATE TABLE progress (
    one integer PRIMARY KEY CHECK (one = 1), ledger text NOT NULL, last_seq bigint
);
CREATE TABLE entry (
    seq bigint PRIMARY KEY, segment bigint NOT NULL, start bigint NOT NULL,
    id text NOT NULL, kind text NOT NULL, time bigint NOT NULL,
    tenant text, pseudonym text, principal text,
    method text, item_kind text, item text, family text, module text, action text,
    bytes_in bigint, effect text, bundle text, outcome text, fault text,
    duration_us bigint, bytes_out bigint, trace text, generation bigint,
    intent text, subject text, detail text
);
CREATE TABLE entry_rule (
    seq bigint NOT NULL, place bigint NOT NULL, rule text NOT NULL, PRIMARY KEY (seq, place)
);
CREATE INDEX entry_id ON entry (id);
CREATE INDEX entry_intent ON entry (intent) WHERE intent IS NOT NULL;
CREATE INDEX entry_subject ON entry (subject) WHERE subject IS NOT NULL;
CREATE INDEX entry_time ON entry (time);
CREATE INDEX entry_tenant ON entry (tenant, seq);
CREATE INDEX entry_pseudonym ON entry (pseudonym, seq);
CREATE INDEX entry_trace ON entry (trace) WHERE trace IS NOT NULL;
CREATE INDEX entry_rule_rule ON entry_rule (rule, seq);

CREATE VIEW tool_calls AS
SELECT e.id::uuid AS id,
    'epoch'::timestamptz + (e.time / 1000) * interval '1 microsecond' AS ts,
    e.tenant,
    coalesce(e.principal, e.pseudonym) AS principal,
    e.item AS tool,
    coalesce(e.module, o.module) AS module,
    coalesce(e.family, o.family) AS family,
    coalesce(e.effect, o.effect) AS decision,
    CASE WHEN o.seq IS NOT NULL THEN o.outcome
        WHEN e.kind = 'intent' THEN 'pending' ELSE e.outcome END AS outcome,
    coalesce(o.duration_us, e.duration_us) / 1000.0::double precision AS duration_ms,
    e.bytes_in,
    coalesce(o.bytes_out, e.bytes_out) AS bytes_out,
    e.trace AS trace_id,
    ARRAY(
        SELECT r.rule FROM entry_rule r WHERE r.seq IN (e.seq, o.seq) ORDER BY r.seq, r.place
    ) AS rule_ids
FROM entry e
LEFT JOIN entry o ON e.kind = 'intent' AND o.seq = (
    SELECT min(x.seq) FROM entry x WHERE x.kind = 'outcome' AND x.intent = e.id
)
WHERE e.kind IN ('intent', 'call') AND e.method = 'tools/call';

CREATE VIEW audit_events AS
SELECT e.id::uuid AS id,
    'epoch'::timestamptz + (e.time / 1000) * interval '1 microsecond' AS ts,
    e.tenant,
    coalesce(e.principal, e.pseudonym) AS actor,
    e.kind,
    coalesce(e.action, e.method, e.outcome) AS action,
    jsonb_strip_nulls(jsonb_build_object(
        'seq', e.seq, 'item', e.item, 'module', e.module, 'effect', e.effect,
        'outcome', e.outcome, 'fault', e.fault, 'trace', e.trace, 'intent', e.intent,
        'subject', e.subject
    )) || coalesce(e.detail, '{}')::jsonb AS detail
FROM entry e;
