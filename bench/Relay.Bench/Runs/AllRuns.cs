using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;
using Relay.Bench.Peers;

namespace Relay.Bench.Runs;

/// <summary>What can be asked for.</summary>
internal static class AllRuns
{
    public const int InFlight = 64;

    /// <summary>As often a backlog is drained before it is measured: about as long as the other runs warm up.</summary>
    private const int WarmDrains = 15;

    /// <summary>Of contenders that run beside each other, in a round.</summary>
    private const int Turns = 5;

    private static readonly Run[] All =
    [
        new TableRun("ingest", "POSTs answered, 64 at a time", "bare", static () =>
            [
                new FloorContender("bare", "bare"),
                new FloorContender("file", "file", note: FloorContender.Fsynced), new RelayContender("relay embedded", null),
                new FloorContender("xadd no", "xadd", "no"), new RelayContender("relay redis no", "no"),
                new FloorContender("xadd everysec", "xadd", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new FloorContender("xadd always", "xadd", "always"), new RelayContender("relay redis always", "always"),
            ],
            static settings => [new("", (contender, body, measured) => Loads.AcceptAsync(contender, body, InFlight, settings.Duration, measured))],
            Turns),
        new TableRun(
            "keys", "POSTs answered, 64 at a time, each with an idempotency key of its own; compared with none", null, Two,
            static settings => [.. new[] { false, true }.Select(hasKeys => new Case(hasKeys ? "with keys" : "without", (contender, body, measured) =>
                Loads.AcceptAsync(contender, body, InFlight, settings.Duration, measured, hasKeys)))]),
        new TableRun("deliver", "POST to ack, 64 on their way", "naive everysec", static () =>
            [
                new FloorContender("file relay", "file-relay", note: FloorContender.Fsynced), new RelayContender("relay embedded", null),
                new FloorContender("naive everysec", "naive", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new RelayContender("relay 2 nodes everysec", "everysec", nodes: 2),
                new FloorContender("naive always", "naive", "always"), new RelayContender("relay redis always", "always"),
                .. Peers(),
            ],
            static settings => [new("", (contender, body, measured) => contender.DeliverAsync(body, InFlight, settings.Duration, measured))],
            Turns),
        new TableRun("pace", "POST to agent at 200 a second, open loop", "naive everysec", static () =>
            [
                new FloorContender("file relay", "file-relay", note: FloorContender.Fsynced), new RelayContender("relay embedded", null),
                new FloorContender("naive everysec", "naive", "everysec"), new RelayContender("relay redis everysec", "everysec"),
                new FloorContender("naive always", "naive", "always"), new RelayContender("relay redis always", "always"),
                .. Peers(),
            ],
            static settings => [new("", async (contender, body, measured) =>
            {
                if (!contender.IsWarm)
                {
                    await contender.WarmUpAsync(body);
                }

                return await contender.PaceAsync(body, 200, 16, settings.Duration, measured);
            })],
            Turns),
        new TableRun(
            "half", "POST to agent, open loop at half of what the closed loop reaches", "naive everysec", Three,
            static settings => [new("", async (contender, body, measured) =>
            {
                var max = await contender.DeliverAsync(body, InFlight, settings.Duration, static () => { });
                return await contender.PaceAsync(body, max.PerSecond / 2, InFlight, settings.Duration, measured);
            })],
            Turns),
        new CurveRun(Three),
        new TableRun("drain", "10,000 waiting events to an agent that connects", "push", static () =>
            [
                new FloorContender("push", "push"), new RelayContender("relay embedded", null),
                new RelayContender("relay redis everysec", "everysec"), new RelayContender("relay redis always", "always"),
            ],
            static _ => [new("", static async (contender, body, measured) =>
            {
                for (var time = 0; time < WarmDrains && !contender.IsWarm; time++)
                {
                    await Loads.DrainAsync(contender, body, 10_000, static () => { });
                }

                return await Loads.DrainAsync(contender, body, 10_000, measured);
            })],
            Turns),
        new TableRun(
            "agents", "POST to ack, 64 on their way, to many agents in turns; compared with one agent", null, static () => [new FloorContender("through", "through", forMany: true), .. Two()],
            static settings => [.. (settings.Agents ?? [1, 100, 1000, 10_000]).Select(agents => new Case($"{agents:n0} agent{(agents == 1 ? "" : "s")}", (contender, body, measured) =>
                Growth.DeliverToManyAsync(contender, body, agents, InFlight, settings.Duration, measured)))]),
        new TableRun(
            "backlog", "POST to ack, 64 on their way, while events wait for another agent that is away", null, Two,
            static settings => [.. settings.Waiting.Select(waiting => new Case($"beside {waiting:n0}", (contender, body, measured) =>
                Growth.DeliverBesideAsync(contender, body, waiting, InFlight, settings.Duration, measured)))]),
        new TableRun(
            "backlog", "POSTs answered, 64 at a time, while events wait for the same agent, which is away", null, Two,
            static settings => [.. settings.Waiting.Select(waiting => new Case($"on top of {waiting:n0}", (contender, body, measured) =>
                Growth.AcceptOnTopAsync(contender, body, waiting, InFlight, settings.Duration, measured)))]),
        new StartRun(static () => [new RelayContender("relay embedded", null), new RelayContender("relay redis everysec", "everysec")]),
        new IdleRun(static () =>
            [
                new FloorContender("bare socket", "socket"), new RelayContender("relay embedded", null), new RelayContender("relay redis everysec", "everysec"),
                .. Peers(),
            ]),
    ];

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (Settings.Read(arguments, [.. All.Select(static run => run.Name).Distinct()]) is not { } settings)
        {
            return 2;
        }

        var report = new Report(settings);
        foreach (var run in All.Where(run => settings.Names.Contains(run.Name)))
        {
            await run.MeasureAsync(settings, report);
            if (settings.JsonFile is not null)
            {
                await report.WriteAsync(settings.JsonFile);
            }
        }

        return 0;
    }

    private static Contender[] Two() => [new RelayContender("relay embedded", null), new RelayContender("relay redis everysec", "everysec")];

    private static Contender[] Three() => [.. Two(), new FloorContender("naive everysec", "naive", "everysec")];

    private static IEnumerable<Contender> Peers() =>
    [
        new Nats(), new RabbitMq(), new Mosquitto(), new Smee(),
        new FloorContender("signalr", "signalr", wire: Wire.SignalR, note: "a hub of the shared framework, the agent invokes an ack: nothing is kept, what nobody listens to is lost"),
    ];
}
