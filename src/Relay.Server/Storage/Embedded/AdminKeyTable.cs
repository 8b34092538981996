using Relay.Server.Admin;

namespace Relay.Server.Storage.Embedded;

/// <summary>Admin keys: a document each, found by hash.</summary>
internal sealed class AdminKeyTable(SqliteDatabase database)
{
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO admin_keys VALUES(?1, ?2)");
    private readonly SqliteStatement _find = database.Prepare("SELECT document FROM admin_keys WHERE hash = ?1");
    private readonly SqliteStatement _list = database.Prepare("SELECT document FROM admin_keys");
    private readonly SqliteStatement _delete = database.Prepare("DELETE FROM admin_keys WHERE hash = ?1");

    public void Add(AdminKeyRecord key) => _insert.BindBlob(1, key.KeyHash).BindBlob(2, AdminKeyDocument.Write(key)).Execute();

    public AdminKeyRecord? Find(byte[] keyHash)
    {
        if (!_find.BindBlob(1, keyHash).Step()) return null;
        var document = _find.Blob(0).ToArray();
        _find.Reset();
        return AdminKeyDocument.Read(document);
    }

    public List<AdminKeyRecord> List()
    {
        List<byte[]> documents = [];
        while (_list.Step()) documents.Add(_list.Blob(0).ToArray());
        return documents.ConvertAll(static document => AdminKeyDocument.Read(document));
    }

    public bool Remove(byte[] keyHash)
    {
        _delete.BindBlob(1, keyHash).Execute();
        return database.Changes == 1;
    }
}
