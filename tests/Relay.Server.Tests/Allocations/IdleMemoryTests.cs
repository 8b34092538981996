using System.Net.Sockets;
using System.Text;
using Relay.Protocol;

namespace Relay.Server.Tests.Allocations;

/// <summary>What an idle connection keeps. Alone: the whole process is weighed.</summary>
[Collection("alone")]
public sealed class IdleMemoryTests
{
    private const int First = 50;
    private const int Others = 400;

    /// <summary>
    /// About 12 KB are the framework's, 3 KB the test's own (the client's socket, the log that it keeps), and 3 KB ours. What a connection
    /// should not hold on to, the pipeline of its request or its agent's record, is 1 KB or more.
    /// </summary>
    private const long MostBytes = 19_000;

    [Fact]
    public async Task An_idle_agent_keeps_few_bytes()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        List<RegisterResponse> agents = [];
        for (var i = 0; i < First + Others; i++)
        {
            agents.Add(await relay.RegisterAsync());
        }

        // The first ones pay for what is made once.
        List<Socket> sockets = [];
        await ConnectAsync(agents[..First]);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await ConnectAsync(agents[First..]);

        // What opening a connection began is over a moment after its agent has heard.
        await Eventually.Async(
            () => Task.FromResult((GC.GetTotalMemory(forceFullCollection: true) - before) / Others), static bytes => bytes <= MostBytes);

        sockets.ForEach(static socket => socket.Dispose());

        async Task ConnectAsync(IEnumerable<RegisterResponse> some)
        {
            foreach (var agent in some)
            {
                sockets.Add(await OpenAsync(relay.Url, agent.ApiKey));
            }
        }
    }

    /// <summary>Connects with a bare socket, which weighs little, and reads until the agent is told that it is open.</summary>
    private static async Task<Socket> OpenAsync(Uri server, string apiKey)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Host, server.Port, patience.Token);
        var upgrade = "GET /api/v1/connect HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + $"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {apiKey}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(upgrade), patience.Token);
        var answer = new StringBuilder();
        var buffer = new byte[1024];
        while (!answer.ToString().Contains("auth_success", StringComparison.Ordinal))
        {
            var count = await socket.ReceiveAsync(buffer, patience.Token);
            Assert.NotEqual(0, count);
            answer.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        return socket;
    }
}

/// <summary>For tests that weigh or time the process: nothing runs beside them.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneTests;
