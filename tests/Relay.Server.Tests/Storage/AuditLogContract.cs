using Relay.Server.Audit;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IAuditLog"/> promises. A store derives a class and says how it is made.</summary>
public abstract class AuditLogContract : IAsyncLifetime
{
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IAuditLog Log => _store.Audit;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task Entries_come_back_as_they_were_newest_first_also_after_a_crash()
    {
        Assert.Empty((await Log.ReadAsync(before: null, limit: 10)).Entries);
        var full = Entry(1) with
        {
            Actor = "key_1",
            ActorName = "Zo\u00eb",
            Target = "agt_1",
            Detail = "a, b",
            Address = "::1",
            Omitted = 3,
        };
        await Log.AppendAsync(full);
        await Log.AppendAsync(Entry(2));
        await OpenAsync();

        Assert.Equal([Entry(2), full], (await Log.ReadAsync(before: null, limit: 10)).Entries);
    }

    [Fact]
    public async Task The_last_ten_thousand_are_kept_and_read_page_by_page_while_others_come()
    {
        foreach (var batch in Enumerable.Range(1, 10_050).Chunk(1005))
        {
            await Task.WhenAll(batch.Select(at => Log.AppendAsync(Entry(at))));
        }

        List<long> seen = [];
        long? before = null;
        do
        {
            var page = await Log.ReadAsync(before, limit: 2500);
            seen.AddRange(page.Entries.Select(static one => one.At));
            before = page.Next;
            await Log.AppendAsync(Entry(20_000));
        }
        while (before is not null);

        // Each page but the first is one entry shorter at its end, which has been pushed out meanwhile.
        Assert.InRange(seen.Count, 9990, 10_000);
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(10_000, (await Log.ReadAsync(before: null, limit: 20_000)).Entries.Count);
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    private static AuditEntry Entry(long at) => new() { At = at, Act = AuditActs.Register, Outcome = "ok" };
}
