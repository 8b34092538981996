using Microsoft.Extensions.Options;

namespace Relay.Server.Connections;

/// <summary><c>Relay:Connections</c>.</summary>
internal sealed record ConnectionOptions
{
    public const string Section = "Relay:Connections";

    /// <summary>How often an agent is pinged; three unanswered pings end its connection.</summary>
    /// <value>30 s; from 1 s to 1 hour.</value>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may take to authenticate.</summary>
    /// <value>10 s; from 100 ms to 5 minutes.</value>
    public TimeSpan AuthTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long acks of what is in flight are awaited at shutdown.</summary>
    /// <value>10 s; at most 5 minutes.</value>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the end of a connection may take: its last frames and the close handshake.</summary>
    /// <value>5 s; from 100 ms to 1 minute.</value>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long connections may take to end at shutdown.</summary>
    public TimeSpan EndTimeout => DrainTimeout + CloseTimeout;

    /// <summary>The largest frame an agent may send.</summary>
    /// <value>2 MiB; from 64 KiB to 64 MiB.</value>
    public int MaxFrameBytes { get; init; } = 2 << 20;

    /// <summary>The most connections of one agent that shares its deliveries among them, on all nodes.</summary>
    /// <value>100; 1 or more.</value>
    public int MaxPerAgent { get; init; } = 100;

    /// <summary>The most connections from one IPv4 address or one /64 of IPv6, on all nodes.</summary>
    /// <value>1000; 1 or more.</value>
    public int MaxPerAddress { get; init; } = 1000;

    /// <summary>The most of them that have not authenticated yet.</summary>
    /// <value>50; 1 or more.</value>
    public int MaxUnauthenticatedPerAddress { get; init; } = 50;
}

internal sealed class ConnectionOptionsValidator : IValidateOptions<ConnectionOptions>
{
    public ValidateOptionsResult Validate(string? name, ConnectionOptions options)
    {
        List<string> faults = [];
        Check(options.PingInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(options.PingInterval));
        Check(options.AuthTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5), nameof(options.AuthTimeout));
        Check(options.DrainTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(5), nameof(options.DrainTimeout));
        Check(options.CloseTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1), nameof(options.CloseTimeout));
        Check(options.MaxFrameBytes, 64 << 10, 64 << 20, nameof(options.MaxFrameBytes));
        Check(options.MaxPerAgent, 1, int.MaxValue, nameof(options.MaxPerAgent));
        Check(options.MaxPerAddress, 1, int.MaxValue, nameof(options.MaxPerAddress));
        Check(options.MaxUnauthenticatedPerAddress, 1, int.MaxValue, nameof(options.MaxUnauthenticatedPerAddress));
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;

        void Check<T>(T value, T least, T most, string property)
            where T : IComparable<T>
        {
            if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            {
                faults.Add($"{ConnectionOptions.Section}:{property} must be from {least} to {most}.");
            }
        }
    }
}
