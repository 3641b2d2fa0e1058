"""SQL of what was spent and what it yielded: by day and run, by list, by run."""

RUNS = """
SELECT r.run_id, try_cast(r.range_start AS DATE) AS range_start, try_cast(r.range_end AS DATE) AS range_end,
       make_timestamptz((r.started_at * 1000000)::BIGINT) AS started_at,
       make_timestamptz((r.ended_at * 1000000)::BIGINT) AS ended_at,
       coalesce(a.calls, 0) AS calls, coalesce(a.credits, 0) AS credits_charged, coalesce(a.matched, 0) AS matched,
       r.stop_reason
FROM ledger_runs r LEFT JOIN (
    SELECT run_id, count(*) AS calls, sum(charged_credits) AS credits, count(*) FILTER (state = 'person') AS matched
    FROM ledger_attempts WHERE state <> 'not_processed' OR http_status IS NOT NULL GROUP BY run_id
) a USING (run_id) ORDER BY r.started_at
"""

USAGE = """
SELECT usage_date::DATE AS usage_date, run_id, file_date::DATE AS file_date, source_file,
       combination AS identifiers_used,
       count(*) AS requests,
       count(*) FILTER (state = 'person') AS persons,
       count(*) FILTER (state = 'organisation') AS organisations,
       count(*) FILTER (state = 'no_match') AS no_matches,
       count(*) FILTER (state = 'refused') AS refused,
       count(*) FILTER (state IN ('ambiguous', 'sent')) AS ambiguous,
       count(*) FILTER (state = 'unrecognised') AS unrecognised,
       sum(charged_credits) AS credits_charged,
       sum(at_risk_credits + reserved_credits) AS credits_at_risk
FROM ledger_attempts
WHERE state <> 'not_processed' OR http_status IS NOT NULL  -- without those that never left this machine
GROUP BY ALL ORDER BY ALL
"""

LISTS = """
WITH people AS (
    SELECT DISTINCT source_file, person_key FROM rows_now
), by_people AS (
    SELECT p.source_file, count(*) AS people,
           count(*) FILTER (n.called_state = 'person') AS matched,
           count(*) FILTER (n.called_state = 'organisation') AS organisations,
           count(*) FILTER (n.called_state = 'no_match') AS no_matches,
           count(x.person_key) AS suppressed
    FROM people p LEFT JOIN people_now n ON n.person = p.person_key
    LEFT JOIN suppressed_people x ON x.person_key = p.person_key GROUP BY p.source_file
), calls AS (
    SELECT source_file, count(DISTINCT person) AS asked, sum(charged_credits) AS credits,
           count(DISTINCT person) FILTER (state = 'person') AS matched
    FROM (SELECT coalesce(survivor, a.person_key) AS person, a.source_file, a.state, a.charged_credits
          FROM ledger_attempts a LEFT JOIN person_aliases USING (person_key)) GROUP BY source_file
), reasons AS (
    SELECT source_file, count(*) AS rejected, mode(reasons[1]) AS top_rejection
    FROM rejected_contacts GROUP BY source_file
)
SELECT f.source_file, f.source, f.file_date, f.records, coalesce(r.rejected, 0) AS rejected, r.top_rejection,
       coalesce(b.people, 0) AS people,
       greatest(0, coalesce(b.matched + b.organisations + b.no_matches, 0) - coalesce(c.asked, 0)) AS already_known,
       coalesce(c.asked, 0) AS asked, coalesce(b.matched, 0) AS matched,
       coalesce(b.organisations, 0) AS organisations, coalesce(b.no_matches, 0) AS no_matches,
       coalesce(b.people - b.matched - b.organisations - b.no_matches - b.suppressed, 0) AS unanswered,
       coalesce(b.suppressed, 0) AS suppressed,
       b.matched / nullif(b.matched + b.organisations + b.no_matches, 0) AS match_rate,
       coalesce(c.credits, 0) AS credits_charged, c.credits / nullif(c.matched, 0) AS credits_per_match
FROM source_files f
LEFT JOIN by_people b USING (source_file) LEFT JOIN calls c USING (source_file) LEFT JOIN reasons r USING (source_file)
WHERE f.rows_landed IS NOT NULL ORDER BY f.file_date, f.source_file
"""
