using System.Globalization;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The tables. An event's <c>key</c> is the first half of its id, so that the id needs no index and new events lie together; if another event
/// has that one (the clock went back before a restart) it is a negative number, and <c>events_displaced</c> finds it. Its <c>seq</c> is its
/// place in the order in which its queue accepted; its state is the number of <see cref="Delivery.EventState"/>;
/// <c>due</c> is when something is next to be done with it: 0 for ready and held, hand it out again for waiting, take it back for leased, forget
/// it for settled. What is large and never changes lies in <c>payloads</c>, so that a change of state writes little. The counters of a queue
/// are written with the events that they count; nothing settled in it is to be forgotten before its <c>forget_from</c>. Times are Unix milliseconds.
/// </summary>
/// <remarks>Every index on <c>events</c> is paid for at each change of state: what most events go through, leased and delivered, is in one alone.</remarks>
internal static class Schema
{
    private const int Version = 3;

    private const string Tables = """
        CREATE TABLE agents(
            id TEXT PRIMARY KEY,
            document BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE agent_keys(
            hash BLOB PRIMARY KEY,
            agent TEXT NOT NULL,
            last_used INTEGER) WITHOUT ROWID;

        CREATE TABLE queues(
            number INTEGER PRIMARY KEY,
            agent TEXT NOT NULL UNIQUE,
            session TEXT,
            accepted INTEGER NOT NULL,
            ready INTEGER NOT NULL,
            unsettled INTEGER NOT NULL,
            unsettled_bytes INTEGER NOT NULL,
            delivered INTEGER NOT NULL,
            delivered_bytes INTEGER NOT NULL,
            forget_from INTEGER);
        CREATE INDEX queues_forget ON queues(forget_from) WHERE forget_from IS NOT NULL;

        CREATE TABLE events(
            key INTEGER PRIMARY KEY,
            id BLOB NOT NULL,
            queue INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            state INTEGER NOT NULL,
            due INTEGER NOT NULL,
            accepted_at INTEGER NOT NULL,
            size INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            loss_counted INTEGER NOT NULL,
            holder TEXT,
            leased_at INTEGER NOT NULL,
            ordering_key BLOB,
            reply_by INTEGER,
            history TEXT);
        CREATE INDEX events_next ON events(queue, state, due, seq);
        CREATE INDEX events_ordered ON events(queue, ordering_key, seq) WHERE ordering_key IS NOT NULL AND state < 4;
        CREATE INDEX events_listed ON events(queue, state, id) WHERE state NOT IN (1, 4);
        CREATE UNIQUE INDEX events_displaced ON events(id) WHERE key < 0;

        CREATE TABLE payloads(
            key INTEGER PRIMARY KEY,
            head BLOB NOT NULL,
            body BLOB NOT NULL);

        CREATE TABLE gaps(
            queue INTEGER NOT NULL,
            reason INTEGER NOT NULL,
            count INTEGER NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY(queue, reason)) WITHOUT ROWID;

        CREATE TABLE idempotency(
            queue INTEGER NOT NULL,
            key BLOB NOT NULL,
            id BLOB NOT NULL,
            expires INTEGER NOT NULL,
            PRIMARY KEY(queue, key)) WITHOUT ROWID;
        CREATE INDEX idempotency_expires ON idempotency(expires);

        CREATE TABLE agent_log(
            seq INTEGER PRIMARY KEY,
            agent TEXT NOT NULL,
            entry BLOB NOT NULL);
        CREATE INDEX agent_log_listed ON agent_log(agent, seq);

        CREATE TABLE audit(
            seq INTEGER PRIMARY KEY,
            entry BLOB NOT NULL);

        CREATE TABLE admin_keys(
            hash BLOB PRIMARY KEY,
            document BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE agenda(
            kind INTEGER NOT NULL,
            agent TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY(kind, agent)) WITHOUT ROWID;
        CREATE INDEX agenda_due ON agenda(kind, at);

        CREATE TABLE counts(
            hour INTEGER NOT NULL,
            name TEXT NOT NULL,
            value INTEGER NOT NULL,
            PRIMARY KEY(hour, name)) WITHOUT ROWID;

        CREATE TABLE health(checks INTEGER NOT NULL);
        INSERT INTO health VALUES(0);
        """;

    /// <summary>
    /// Version 2. Events that were accepted in one transaction are a row of <c>batches</c>, with <c>key</c> and
    /// <c>last</c> as events have them, of the oldest and the newest, and the <c>seq</c> of the first; <c>due</c> is 0 while they are leased to one session, until all are
    /// acknowledged, then when to forget them.
    /// </summary>
    private const string Batches = """
        CREATE TABLE IF NOT EXISTS idempotency_recent(
            place INTEGER PRIMARY KEY,
            queue INTEGER NOT NULL,
            key BLOB NOT NULL,
            id BLOB NOT NULL,
            expires INTEGER NOT NULL);

        CREATE TABLE IF NOT EXISTS batches(
            key INTEGER PRIMARY KEY,
            last INTEGER NOT NULL,
            queue INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            count INTEGER NOT NULL,
            size INTEGER NOT NULL,
            due INTEGER NOT NULL,
            acked BLOB);
        CREATE INDEX IF NOT EXISTS batches_live ON batches(queue) WHERE due = 0;
        CREATE INDEX IF NOT EXISTS batches_delivered ON batches(queue, due, seq) WHERE due > 0;

        CREATE TABLE IF NOT EXISTS batch_payloads(
            key INTEGER PRIMARY KEY,
            events BLOB NOT NULL,
            bodies BLOB NOT NULL);
        """;

    /// <summary>Version 3. A batch's <c>due</c> is -1 while all its events are ready; <c>lease</c> is the one that they are handed out with together later.</summary>
    private const string ReadyBatches = """
        ALTER TABLE batches ADD COLUMN lease BLOB;
        CREATE INDEX batches_ready ON batches(queue, seq) WHERE due < 0;
        CREATE INDEX batches_queued ON batches(queue) WHERE due < 0;
        """;

    /// <summary>Makes the tables in an empty database; refuses one that is not ours or newer than this program.</summary>
    /// <exception cref="StoreUnavailableException">The file cannot be used as it is.</exception>
    public static void Ensure(SqliteDatabase database)
    {
        var version = long.Parse(database.QueryText("PRAGMA user_version") ?? "0", CultureInfo.InvariantCulture);
        if (version > Version)
        {
            throw new StoreUnavailableException(
                $"'{database.Path}' was written by a newer relay (schema {version}, this one knows {Version}): run that version, or restore a backup of the older one.");
        }

        if (version == Version)
        {
            return;
        }

        if (version > 0)
        {
            var missing = version == 1 ? Batches + ReadyBatches : ReadyBatches;
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"BEGIN; {missing} PRAGMA user_version = {Version}; COMMIT"));
            return;
        }

        if (database.QueryText("SELECT name FROM sqlite_master LIMIT 1") is not null)
        {
            throw new StoreUnavailableException($"'{database.Path}' is a SQLite database of another program: move it away, or choose another Relay:Storage:Path.");
        }

        if (database.QueryText("PRAGMA journal_mode = WAL") != "wal")
        {
            throw new StoreUnavailableException($"'{database.Path}' is on a file system without shared memory maps: choose a local one for Relay:Storage:Path.");
        }

        database.Execute(string.Create(CultureInfo.InvariantCulture, $"BEGIN; {Tables} {Batches} {ReadyBatches} PRAGMA user_version = {Version}; COMMIT"));
    }
}
