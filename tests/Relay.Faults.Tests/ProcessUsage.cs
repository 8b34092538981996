using System.Diagnostics;
using System.Globalization;

namespace Relay.Faults.Tests;

/// <summary>What a process holds, as Linux tells it.</summary>
internal readonly record struct ProcessUsage(long MemoryBytes, int Handles)
{
    public static ProcessUsage Of(Process process)
    {
        process.Refresh();
        return new ProcessUsage(process.WorkingSet64, Directory.EnumerateFileSystemEntries($"/proc/{process.Id}/fd").Count());
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{MemoryBytes >> 20} MiB, {Handles} handles");
}
