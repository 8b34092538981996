using System.Globalization;

namespace Relay.Bench.Scale;

/// <summary>What is to be carried.</summary>
/// <param name="Agents">Connected agents.</param>
/// <param name="EventsPerSecond">Of all together.</param>
/// <param name="BodyKiB">Of an event.</param>
/// <param name="WaitingEvents">Accepted and not acknowledged, at the worst moment.</param>
internal sealed record Demand(double Agents, double EventsPerSecond, double BodyKiB, double WaitingEvents);

/// <summary>
/// How many nodes and Redis primaries that takes, by CPU and by memory, and which of the four is the reason. Every machine is loaded to
/// <see cref="Load"/>, so that one of three may die; agents and events are spread evenly over slots, as random ids are.
/// </summary>
internal sealed class ScaleModel(Measured measured)
{
    /// <summary>Two of three machines carry what three did.</summary>
    private const double Load = 0.6;
    private const double CoresOfANode = 4;
    private const double GiBOfANode = 8;
    private const double GiBOfARedis = 16;
    private const double Mebi = 1 << 20;

    public string Describe(Demand demand)
    {
        var nodesByCpu = ((demand.EventsPerSecond * measured.NodeMicrosecondsAnEvent) + (demand.Agents * measured.NodeMicrosecondsAnIdleAgent)) / 1e6 / (CoresOfANode * Load);
        var nodesByMemory = demand.Agents * measured.NodeKibAnAgent / Mebi / ((GiBOfANode * Load) - (measured.NodeMib / 1024));
        var redisByCpu = ((demand.EventsPerSecond * measured.RedisMicrosecondsAnEvent) + (demand.Agents * measured.RedisMicrosecondsAnIdleAgent)) / 1e6 / Load;
        var redisByMemory = ((demand.Agents * measured.RedisKibAnAgent) + (demand.WaitingEvents * (measured.RedisKibAnEvent + demand.BodyKiB))) / Mebi / (GiBOfARedis * Load);
        var idle = demand.Agents * measured.RedisMicrosecondsAnIdleAgent / 1e6 / Load / Math.Max(redisByCpu, double.Epsilon);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {demand.Agents,9:n0} | {demand.EventsPerSecond,8:n0} | {demand.WaitingEvents,10:n0} | {Whole(nodesByCpu, nodesByMemory),5} | {Reason(nodesByCpu, nodesByMemory),-6} | {Whole(redisByCpu, redisByMemory),5} | {Reason(redisByCpu, redisByMemory),-6} | {idle,4:0 %} |");
    }

    /// <summary>The head of the table that <see cref="Describe"/> makes lines of.</summary>
    public static string Head =>
        "|    agents | events/s |    waiting | nodes | for    | Redis | for    | idle |\n|---|---|---|---|---|---|---|---|";

    private static int Whole(double one, double other) => (int)Math.Max(1, Math.Ceiling(Math.Max(one, other)));

    private static string Reason(double cpu, double memory) => Math.Max(cpu, memory) <= 1 ? "" : cpu >= memory ? "CPU" : "memory";
}
