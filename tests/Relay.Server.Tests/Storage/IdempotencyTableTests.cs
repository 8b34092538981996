using System.Security.Cryptography;
using Relay.Server.Storage.Embedded;

namespace Relay.Server.Tests.Storage;

/// <summary>The embedded store's keys, most of them in memory or not, through rollbacks and restarts.</summary>
public sealed class IdempotencyTableTests : IDisposable
{
    private const long Queue = 7;
    private const long Never = long.MaxValue;
    private const int MaxRecent = 256;
    private const int SegmentKeys = 50;

    private readonly string _folder = Directory.CreateTempSubdirectory("relay-test-").FullName;
    private SqliteDatabase _database;
    private RecentKeys _recent = new(SegmentKeys);
    private IdempotencyTable _keys;

    public IdempotencyTableTests() => (_database, _keys) = Open();

    public void Dispose()
    {
        _database.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Keys_that_are_too_many_for_memory_are_found_and_forgotten_all_the_same()
    {
        const int Keys = 5000;
        var ids = new EventId[Keys];
        for (var i = 0; i < Keys; i++)
        {
            _database.Execute("BEGIN");
            _keys.Put(Queue, Key(i), ids[i] = NewId(), expires: 1000 + i);
            Commit();
        }

        Assert.InRange(Count("idempotency_recent"), MaxRecent / 2, 2 * MaxRecent);
        AssertAllFound();
        Reopen();
        AssertAllFound();
        Assert.Null(_keys.Find(Queue + 1, Key(0), now: 0));
        Assert.Null(_keys.Find(Queue, Key(Keys - 1), now: 1000 + Keys - 1));

        Assert.Equal(1000, Prune(now: 1999));
        Assert.Null(_keys.Find(Queue, Key(999), now: 0));
        Assert.Equal(ids[1000], _keys.Find(Queue, Key(1000), now: 0));
        Assert.Equal(Keys - 1000, Prune(now: 1000 + Keys));
        Assert.Equal(0, Count("idempotency_recent") + Count("idempotency"));

        void AssertAllFound() => Assert.All(Enumerable.Range(0, Keys), i => Assert.Equal(ids[i], _keys.Find(Queue, Key(i), now: 0)));
    }

    [Fact]
    public void A_key_that_was_rolled_back_is_free()
    {
        var id = NewId();
        _database.Execute("BEGIN");
        _keys.Put(Queue, Key(1), NewId(), Never);
        Rollback();
        Assert.Null(_keys.Find(Queue, Key(1), now: 0));

        _database.Execute("BEGIN");
        _keys.Put(Queue, Key(2), id, Never);
        Commit();

        Assert.Null(_keys.Find(Queue, Key(1), now: 0));
        Assert.Equal(id, _keys.Find(Queue, Key(2), now: 0));
    }

    /// <summary>Against what it should be: a dictionary.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_is_a_dictionary_whose_keys_expire(int seed)
    {
        var random = new Random(seed);
        Dictionary<int, (EventId Id, long Expires)> known = [];
        for (var (step, now) = (0, 0L); step < 3000; step++, now += random.Next(3))
        {
            var before = known.ToDictionary();
            _database.Execute("BEGIN");
            for (var calls = random.Next(30); calls > 0; calls--)
            {
                var key = random.Next(2000);
                var isKnown = known.TryGetValue(key, out var first) && first.Expires > now;
                Assert.Equal(isKnown ? first.Id : null, _keys.Find(Queue, Key(key), now));
                if (isKnown) continue;
                known[key] = (NewId(), now + random.Next(1, 1000));
                _keys.Put(Queue, Key(key), known[key].Id, known[key].Expires);
            }

            if (random.Next(10) == 0) _keys.Prune(now, max: random.Next(1, 200));
            switch (random.Next(20))
            {
                case 0:
                    known = before;
                    Rollback();
                    break;
                case 1:
                    Commit();
                    Reopen(isNewProcess: random.Next(2) == 0);
                    break;
                default:
                    Commit();
                    break;
            }
        }
    }

    private static byte[] Key(int number) => SHA256.HashData(BitConverter.GetBytes(number))[..16];

    private static EventId NewId() => EventId.FromBytes(RandomNumberGenerator.GetBytes(16));

    private void Commit()
    {
        _database.Execute("COMMIT");
        _keys.Commit();
    }

    private void Rollback()
    {
        _keys.Rollback();
        _database.Rollback();
    }

    private int Prune(long now)
    {
        var pruned = 0;
        for (var some = 1; some > 0; pruned += some)
        {
            _database.Execute("BEGIN");
            some = _keys.Prune(now, max: 300);
            Commit();
        }

        return pruned;
    }

    private int Count(string table) => int.Parse(_database.QueryText($"SELECT COUNT(*) FROM {table}")!, System.Globalization.CultureInfo.InvariantCulture);

    private void Reopen(bool isNewProcess = true)
    {
        if (isNewProcess) _recent = new RecentKeys(SegmentKeys);
        _database.Dispose();
        (_database, _keys) = Open();
    }

    private (SqliteDatabase Database, IdempotencyTable Keys) Open()
    {
        var database = new SqliteDatabase(Path.Combine(_folder, "relay.db"));
        Schema.Ensure(database);
        database.Execute("PRAGMA synchronous = OFF");
        return (database, new IdempotencyTable(database, _recent, MaxRecent));
    }
}
