-- What archive.py keeps: every event, where it is in each stream, and views that answer what organisers ask.

CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  session_id INTEGER, -- NULL only for a gap among the starts of nights
  data TEXT NOT NULL -- JSON, as the service sent it
);
CREATE INDEX IF NOT EXISTS events_by_night ON events (session_id, type);

CREATE TABLE IF NOT EXISTS cursors (stream TEXT PRIMARY KEY, cursor TEXT NOT NULL);

-- Two programs that keep one archive would write everything twice, so each checks that it alone has saved.
CREATE TABLE IF NOT EXISTS saves (count INTEGER NOT NULL);
INSERT INTO saves SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM saves);

-- archive.py makes the views anew where an archive has those of an earlier version.
DROP VIEW IF EXISTS nights;
DROP VIEW IF EXISTS games;
DROP VIEW IF EXISTS votes;
DROP VIEW IF EXISTS nights_by_week;
DROP VIEW IF EXISTS games_by_score;
DROP VIEW IF EXISTS voters;

-- One row a night, with the number of games that it had last. A night whose events had expired is known from its
-- snapshot.
CREATE VIEW nights AS
WITH told AS (
  SELECT *, max(iif(json_extract(data, '$.session.games_played') IS NULL, 0, id)) OVER (PARTITION BY session_id) AS latest
  FROM events WHERE session_id IS NOT NULL AND type <> 'gap'
)
SELECT
  session_id,
  min(json_extract(data, '$.session.created_at')) AS started_at,
  max(json_extract(data, '$.session.ended_at')) AS ended_at,
  max(json_extract(data, '$.session.notes')) AS notes,
  coalesce(max(iif(id = latest, json_extract(data, '$.session.games_played'), NULL)), 0) AS games_played
FROM told
GROUP BY session_id;

-- One row a game of a night, with its score after the last vote; none for one that was removed.
CREATE VIEW games AS
WITH told AS (
  SELECT id, session_id, type, json_extract(data, '$.game') AS game, json_extract(data, '$.totals') AS totals
  FROM events WHERE type IN ('game.added', 'game.removed', 'vote.received', 'vote.withdrawn')
  UNION ALL
  SELECT events.id, session_id, events.type, game.value, json_extract(game.value, '$.totals')
  FROM events, json_each(data, '$.session.games') AS game WHERE events.type = 'snapshot'
),
newest_first AS (
  SELECT *, row_number() OVER (PARTITION BY session_id, json_extract(game, '$.id') ORDER BY id DESC) AS nth FROM told
)
SELECT
  session_id,
  json_extract(game, '$.id') AS game_id,
  json_extract(game, '$.title') AS title,
  coalesce(json_extract(totals, '$.upvotes'), 0) AS upvotes,
  coalesce(json_extract(totals, '$.downvotes'), 0) AS downvotes,
  coalesce(json_extract(totals, '$.score'), 0) AS score
FROM newest_first
WHERE nth = 1 AND type <> 'game.removed' AND id >= ( -- a snapshot has all games that there are
  SELECT coalesce(max(id), 0) FROM events WHERE events.session_id = newest_first.session_id AND type = 'snapshot'
);

-- One row a voter and game: the latest vote is the one that counts; none where it was withdrawn or the game removed.
CREATE VIEW votes AS
WITH newest_first AS (
  SELECT
    session_id,
    json_extract(data, '$.game.id') AS game_id,
    json_extract(data, '$.game.title') AS title,
    json_extract(data, '$.vote.username') AS username,
    json_extract(data, '$.vote.type') AS type,
    json_extract(data, '$.vote.timestamp') AS timestamp,
    row_number() OVER (
      PARTITION BY session_id, json_extract(data, '$.game.id'), lower(trim(json_extract(data, '$.vote.username')))
      ORDER BY id DESC
    ) AS nth
  FROM events WHERE type IN ('vote.received', 'vote.withdrawn')
)
SELECT session_id, game_id, title, username, type, timestamp
FROM newest_first
WHERE nth = 1 AND type IS NOT NULL AND (session_id, game_id) IN (SELECT session_id, game_id FROM games);

-- Weeks begin on Monday; the date is that of the Monday, in UTC.
CREATE VIEW nights_by_week AS
SELECT
  date(started_at, 'weekday 0', '-6 days') AS week,
  count(*) AS nights,
  sum(games_played) AS games
FROM nights GROUP BY week ORDER BY week DESC;

CREATE VIEW games_by_score AS
SELECT
  title,
  count(DISTINCT session_id) AS nights,
  sum(upvotes) AS upvotes,
  sum(downvotes) AS downvotes,
  sum(score) AS score
FROM games GROUP BY title ORDER BY score DESC, nights DESC, title;

CREATE VIEW voters AS
SELECT
  username,
  count(*) AS votes,
  sum(type = 'up') AS upvotes,
  sum(type = 'down') AS downvotes,
  count(DISTINCT session_id) AS nights
FROM votes GROUP BY username ORDER BY votes DESC, username;
