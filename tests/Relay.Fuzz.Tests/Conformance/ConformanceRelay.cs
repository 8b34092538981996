using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Conformance;

/// <summary>One server for a class of cases, none of which may harm it.</summary>
public sealed class ConformanceRelay : IAsyncLifetime
{
    public const int MaxFrameBytes = 64 << 10;

    private RelayHost? _relay;

    internal RelayHost Host => _relay!;

    public async Task InitializeAsync() =>
        _relay = await RelayHost.StartAsync("embedded", settings: [("Relay:Connections:MaxFrameBytes", $"{MaxFrameBytes}"), ("Relay:RateLimit:WebhooksPerMinute", "0")]);

    public async Task DisposeAsync() => await _relay!.DisposeAsync();

    internal async Task<RawWebSocket> OpenAsync() => await RawWebSocket.OpenAsync(Host, await Host.RegisterAsync());

    /// <summary>The connection serves on: what is sent next is answered next.</summary>
    internal static async Task AssertAliveAsync(RawWebSocket socket)
    {
        await socket.SendAsync(RawFrame.OfText("""{"type":"are_you_there"}"""));
        await AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
    }

    internal static async Task AssertErrorAsync(RawWebSocket socket, string error)
    {
        var answer = await socket.ReceiveJsonAsync();
        Assert.Equal("error", answer.GetProperty("type").GetString());
        Assert.Equal(error, answer.GetProperty("error").GetString());
    }

    /// <summary>The server closes with the code and ends the connection, and serves others on.</summary>
    internal async Task AssertFailedAsync(RawWebSocket socket, int code)
    {
        var frame = await socket.ReceiveAsync();
        while (frame is { Opcode: not RawFrame.Close })
        {
            frame = await socket.ReceiveAsync();
        }

        Assert.True(frame?.CloseCode == code, $"Closed with {frame?.CloseCode}, not {code}.");
        Assert.Null(await socket.ReceiveAsync());
        using var another = await OpenAsync();
        await AssertAliveAsync(another);
    }
}
