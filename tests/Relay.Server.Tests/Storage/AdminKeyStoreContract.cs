using System.Security.Cryptography;
using Relay.Server.Admin;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IAdminKeyStore"/> promises. A store derives a class and says how it is made.</summary>
public abstract class AdminKeyStoreContract : IAsyncLifetime
{
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IAdminKeyStore Keys => _store.AdminKeys;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task Keys_are_found_by_hash_listed_and_survive_a_crash()
    {
        AdminKeyRecord[] keys = [NewKey(AdminRole.Viewer), NewKey(AdminRole.Operator) with { ExpiresAt = 4_102_444_800_000 }, NewKey(AdminRole.Admin)];
        foreach (var key in keys)
        {
            await Keys.AddAsync(key);
        }

        await OpenAsync();

        foreach (var key in keys)
        {
            AssertSame(key, await Keys.FindAsync(key.KeyHash));
        }

        var listed = await Keys.ListAsync();
        Assert.Equal(keys.Select(static key => key.Id).Order(StringComparer.Ordinal), listed.Select(static key => key.Id).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_removed_key_and_an_unknown_one_are_not_there()
    {
        var (removed, kept) = (NewKey(AdminRole.Viewer), NewKey(AdminRole.Viewer));
        await Keys.AddAsync(removed);
        await Keys.AddAsync(kept);

        Assert.True(await Keys.RemoveAsync(removed.KeyHash));
        Assert.False(await Keys.RemoveAsync(removed.KeyHash));
        await OpenAsync();

        Assert.Null(await Keys.FindAsync(removed.KeyHash));
        Assert.Null(await Keys.FindAsync(RandomNumberGenerator.GetBytes(32)));
        AssertSame(kept, Assert.Single(await Keys.ListAsync()));
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    private static AdminKeyRecord NewKey(AdminRole role) => new()
    {
        Id = "key_" + RandomNumberGenerator.GetHexString(16, lowercase: true),
        Name = "Zo\u00eb's \"key\"",
        Role = role,
        KeyHash = RandomNumberGenerator.GetBytes(32),
        CreatedAt = 4_102_444_700_000,
    };

    private static void AssertSame(AdminKeyRecord expected, AdminKeyRecord? actual) =>
        Assert.Equal(AdminKeyDocument.Write(expected), AdminKeyDocument.Write(actual!));
}
