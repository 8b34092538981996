using Relay.Server.Limits;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// Where nodes count their connections together. What a node says is believed until a time; a node that died is not counted after it. A
/// call takes its place in the order of a key's calls before it returns its task. Every call may throw
/// <see cref="StoreUnavailableException"/>, by the task. Any thread.
/// </summary>
internal interface ISeatStore
{
    /// <summary>This node has so many more.</summary>
    /// <returns>False: that would make them more than <paramref name="most"/> on all nodes. Nothing was changed.</returns>
    Task<bool> TakeAsync(LimitKey key, SeatCount taken, SeatCount most, DateTimeOffset now, DateTimeOffset until);

    /// <summary>This node has so many fewer.</summary>
    Task GiveAsync(LimitKey key, SeatCount given, DateTimeOffset now, DateTimeOffset until);

    /// <summary>This node has so many, whatever it said before.</summary>
    Task HoldAsync(LimitKey key, SeatCount held, DateTimeOffset now, DateTimeOffset until);
}

/// <param name="All">Connections.</param>
/// <param name="Unauthenticated">Those of them that gave no key yet.</param>
internal readonly record struct SeatCount(int All, int Unauthenticated)
{
    public static SeatCount operator +(SeatCount a, SeatCount b) => new(a.All + b.All, a.Unauthenticated + b.Unauthenticated);

    public static SeatCount operator -(SeatCount a, SeatCount b) => new(a.All - b.All, a.Unauthenticated - b.Unauthenticated);
}
