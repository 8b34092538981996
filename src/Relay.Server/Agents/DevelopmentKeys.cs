using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>
/// In Development, and only there, makes what is not configured on the first run and keeps it in the data folder, readable by its
/// owner alone: the admin key and an encryption key.
/// </summary>
internal sealed class DevelopmentKeys(IHostEnvironment environment, IOptions<StorageOptions> storage)
    : IPostConfigureOptions<RelayOptions>, IPostConfigureOptions<EncryptionOptions>
{
    private const string AdminKeyFile = "admin-key";
    private const string EncryptionKeyFile = "encryption-key";

    /// <summary>Where the admin key is kept.</summary>
    public string AdminKeyPath => Path.GetFullPath(Path.Combine(storage.Value.Path, AdminKeyFile));

    /// <summary>Whether this run made the admin key: the one time that it is shown.</summary>
    public bool AdminKeyIsNew { get; private set; }

    /// <summary>Whether the admin key came from the data folder and not from the configuration.</summary>
    public bool AdminKeyIsGenerated { get; private set; }

    /// <summary>Whether the encryption key came from the data folder and not from the configuration.</summary>
    public bool EncryptionKeyIsGenerated { get; private set; }

    public void PostConfigure(string? name, RelayOptions options)
    {
        if (environment.IsDevelopment() && string.IsNullOrEmpty(options.AdminKey))
        {
            (options.AdminKey, var isNew) = LoadOrMake(AdminKeyFile, static () => "adm_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24)));

            // Options are made more than once: for their validation, and for whoever asks for them.
            AdminKeyIsNew |= isNew;
            AdminKeyIsGenerated = true;
        }
    }

    public void PostConfigure(string? name, EncryptionOptions options)
    {
        if (environment.IsDevelopment() && options.Keys.Count == 0)
        {
            options.Keys = [LoadOrMake(EncryptionKeyFile, static () => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))).Key];
            EncryptionKeyIsGenerated = true;
        }
    }

    private (string Key, bool IsNew) LoadOrMake(string fileName, Func<string> make)
    {
        var folder = DataFolder.Ensure(storage.Value.Path);
        var path = Path.Combine(folder, fileName);
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } kept)
        {
            return (kept, false);
        }

        // Written whole under another name first: a process that dies here leaves no half key behind.
        var key = make();
        var draft = path + ".new";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new FileStream(draft, options))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(key + "\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
        return (key, true);
    }
}
