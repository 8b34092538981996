namespace Relay.Server.Storage;

/// <summary>The folder of <see cref="StorageOptions.Path"/>.</summary>
internal static class DataFolder
{
    /// <summary>Makes the folder, open to its owner alone, if it is not there; answers its full path.</summary>
    public static string Ensure(string path)
    {
        var folder = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return folder;
    }
}
