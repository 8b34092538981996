namespace Relay.Bench.Measuring;

/// <summary>What a contender's latency does when its load rises.</summary>
/// <param name="Contender">Whose.</param>
/// <param name="Note">What its acceptance is worth.</param>
/// <param name="BodyBytes">The size of the events.</param>
/// <param name="MaxPerSecond">The rate of the closed loop, of which the points' loads are parts.</param>
/// <param name="Points">By rising load.</param>
internal sealed record Curve(string Contender, string Note, int BodyBytes, double MaxPerSecond, IReadOnlyList<CurvePoint> Points);

/// <param name="Load">Of the maximum, 0 to 1.</param>
/// <param name="OfferedPerSecond">How many events were to be sent.</param>
/// <param name="PerSecond">How many came to the agent.</param>
/// <param name="P50Ms">From the moment at which an event was to be sent to its coming.</param>
/// <param name="P99Ms">See there.</param>
/// <param name="P999Ms">See there.</param>
internal sealed record CurvePoint(double Load, double OfferedPerSecond, double PerSecond, double P50Ms, double P99Ms, double P999Ms);
