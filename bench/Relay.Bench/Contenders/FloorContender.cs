using System.Globalization;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Contenders;

/// <param name="name">In the tables.</param>
/// <param name="floor">Which of <see cref="Floors.Floor"/>.</param>
/// <param name="fsync">Its Redis's persistence; null: it has none.</param>
/// <param name="wire">What its agents speak; null: as the relay's.</param>
/// <param name="forMany">Whether it has many agents, each with addresses of its own.</param>
/// <param name="note">See <see cref="Contender.Note"/>; null: what its Redis promises, or nothing.</param>
internal sealed class FloorContender(string name, string floor, string? fsync = null, Wire? wire = null, string? note = null, bool forMany = false)
    : Contender(name, note ?? (fsync is null ? "nothing is kept" : LocalRedis.Promise(fsync)))
{
    public const string Fsynced = "fsynced, in groups, before it is answered";

    private Uri _url = null!;
    private int _agents;

    public override async Task StartAsync()
    {
        _url = new Uri($"http://127.0.0.1:{LocalRedis.FreePort()}");
        string[] redis = fsync is null ? [] : [(await StartRedisAsync(fsync)).ConnectionString];
        var folder = Own(new TemporaryFolder());
        Own(await Child.StartFloorAsync(floor, folder.Path, [_url.ToString(), .. redis]));
        _agents = 0;
        Target = NextTarget();
    }

    public override Task<Target> AddAgentAsync() => Task.FromResult(forMany ? NextTarget() : Target);

    private Target NextTarget()
    {
        var agent = forMany ? "/" + Interlocked.Increment(ref _agents).ToString("d6", CultureInfo.InvariantCulture) : "";
        return new Target(new Uri(_url, "/in" + agent), new UriBuilder(_url) { Scheme = "ws", Path = "/agent" + agent }.Uri) { Wire = wire ?? Wire.Relay };
    }
}
