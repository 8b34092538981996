using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Contenders;

/// <param name="name">In the tables.</param>
/// <param name="floor">Which of <see cref="Floors.Floor"/>.</param>
/// <param name="fsync">Its Redis's persistence; null: it has none.</param>
internal sealed class FloorContender(string name, string floor, string? fsync = null) : Contender(name)
{
    public override async Task StartAsync()
    {
        var url = new Uri($"http://127.0.0.1:{LocalRedis.FreePort()}");
        string[] redis = fsync is null ? [] : [(await StartRedisAsync(fsync)).ConnectionString];
        Own(await Child.StartFloorAsync(floor, [url.ToString(), .. redis]));
        Target = new Target(new Uri(url, "/in"), new UriBuilder(url) { Scheme = "ws", Path = "/agent" }.Uri);
    }
}
