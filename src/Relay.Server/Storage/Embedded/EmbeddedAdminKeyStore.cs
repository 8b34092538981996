using Relay.Server.Admin;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAdminKeyStore(EmbeddedStore store) : IAdminKeyStore
{
    public Task AddAsync(AdminKeyRecord key) => store.Writer.RunAsync(tables =>
    {
        tables.AdminKeys.Add(key);
        return true;
    });

    public Task<AdminKeyRecord?> FindAsync(byte[] keyHash) => store.Writer.RunAsync(tables => tables.AdminKeys.Find(keyHash));

    public Task<IReadOnlyList<AdminKeyRecord>> ListAsync() => store.Writer.RunAsync<IReadOnlyList<AdminKeyRecord>>(static tables => tables.AdminKeys.List());

    public Task<bool> RemoveAsync(byte[] keyHash) => store.Writer.RunAsync(tables => tables.AdminKeys.Remove(keyHash));
}
