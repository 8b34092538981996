using System.Net;
using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>The embedded store on a disk that is full, and on one that cannot be written.</summary>
public sealed class DiskTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_full_disk_refuses_and_loses_nothing_and_is_used_again_when_there_is_room()
    {
        await using var disk = await SmallDisk.MountAsync("6m");
        await using var server = await ServerProcess.StartAsync(null, [.. ServerProcess.FastRetries, ("Relay__Storage__Path", disk.Folder)]);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using (new Senders(server.Http, agent, tally))
        {
            await tally.WhenRefusedAsync(50);
            await AssertRefusedAsync(server, agent);
        }

        await using var receiver = new Receiver(server.Url, agent, tally);
        await disk.RemountAsync("size=64m");
        await server.WhenReadyAsync();
        await using (new Senders(server.Http, agent, tally, firstNumber: 1_000_000))
        {
            await tally.WhenAcceptedAsync(tally.Accepted + 100);
        }

        await tally.AssertNothingLostAsync(output, "embedded, disk full");
    }

    [Fact]
    public async Task A_read_only_disk_refuses_the_start_with_one_sentence()
    {
        await using var disk = await SmallDisk.MountAsync("16m");
        await using (var server = await ServerProcess.StartAsync(null, ("Relay__Storage__Path", disk.Folder)))
        {
            await server.StopAsync();
        }

        await disk.RemountAsync("ro");
        await using var refused = ServerProcess.Launch(null, ("Relay__Storage__Path", disk.Folder));
        var (exitCode, errors) = await refused.WhenEndedAsync();

        Assert.Equal(1, exitCode);
        Assert.Contains(disk.Folder, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        output.WriteLine(errors);
    }

    private static async Task AssertRefusedAsync(ServerProcess server, RegisterResponse agent)
    {
        using var content = new ByteArrayContent(new byte[900 << 10]);
        using var response = await server.Http.PostAsync(new Uri($"/api/v1/webhook/{agent.RelayId}", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Contains("store_unavailable", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
