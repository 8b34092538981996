using System.Diagnostics;

namespace Relay.Faults.Tests;

/// <summary>A file system of its own in memory, so small that it can be filled, until disposed. Only root may mount one.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk()
    {
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("relay-disk-").FullName;

    public static async Task<SmallDisk> MountAsync(string size)
    {
        var disk = new SmallDisk();
        await RunAsync("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", disk.Folder);
        return disk;
    }

    /// <param name="options">Such as <c>size=64m</c> or <c>ro</c>.</param>
    public Task RemountAsync(string options) => RunAsync("mount", "-o", $"remount,{options}", Folder);

    public async ValueTask DisposeAsync()
    {
        await RunAsync("umount", Folder);
        Directory.Delete(Folder);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(
            process.ExitCode == 0,
            $"This test fills a disk, and mounts a small one for that: run it as root (in a container: with --privileged or --cap-add SYS_ADMIN). "
                + $"{program} {string.Join(' ', arguments)}: {errors}");
    }
}
