namespace Relay.Bench.Load;

/// <summary>Where events are posted, and where their agent listens.</summary>
/// <param name="Post">The address of the POST.</param>
/// <param name="Agent">The WebSocket of the agent; null: there is none, only acceptance is measured.</param>
/// <param name="Bearer">What the agent proves itself with, if it must.</param>
internal sealed record Target(Uri Post, Uri? Agent = null, string? Bearer = null)
{
    public Wire Wire { get; init; } = Wire.Relay;
}
