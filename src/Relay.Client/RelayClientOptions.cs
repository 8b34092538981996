using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>How a <see cref="RelayClient"/> connects and hands over; read once, when the client is made.</summary>
public sealed class RelayClientOptions
{
    /// <summary>
    /// The relay server: <c>http</c>, <c>https</c>, <c>ws</c> or <c>wss</c>. Without a path it means <c>/api/v1/connect</c>; polls go to
    /// <c>/api/v1/pending</c> beside that, and to the host's root if the path is another.
    /// </summary>
    /// <value>Required. Without a scheme: <c>wss</c>, and <c>ws</c> for the loopback.</value>
    public string? Url { get; set; }

    /// <summary>What the agent proves itself with and what signs its deliveries. It is sent in the first frame, never in a URL.</summary>
    /// <value>Required.</value>
    public string? ApiKey { get; set; }

    /// <summary>The agent's relay id, to be refused if the key is another agent's. <see cref="RelayClient.PollAsync"/> cannot do without it.</summary>
    /// <value>None: over the WebSocket the key alone finds the agent.</value>
    public string? RelayId { get; set; }

    /// <summary>The Standard Webhooks secret; when given, <c>standard_signature</c> is checked besides <c>signature</c>.</summary>
    /// <value>None.</value>
    public string? SigningSecret { get; set; }

    /// <summary>How many unacknowledged events the server may hand out at a time, 1 to 1024.</summary>
    /// <value>None: the server's default, which is 64.</value>
    public int? MaxInFlight { get; set; }

    /// <summary>How many handlers <c>RunAsync</c> runs at a time, 1 to 1024; events are handled in order only at 1.</summary>
    /// <value>1.</value>
    public int Concurrency { get; set; } = 1;

    /// <summary>The server's ack timeout. What waits or is being handled is extended every third of it.</summary>
    /// <value>30 s.</value>
    public TimeSpan AckTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The server's ping interval. A connection that brings nothing for three of them is dead and is replaced.</summary>
    /// <value>30 s.</value>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long connecting and authenticating may take together, or an answer over HTTP besides its wait.</summary>
    /// <value>15 s.</value>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest wait before the first attempt to reconnect; it doubles with every attempt, and the wait is random between zero and it.</summary>
    /// <value>1 s.</value>
    public TimeSpan ReconnectBaseDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait before any attempt to reconnect, also when the server asks for a longer one.</summary>
    /// <value>30 s.</value>
    public TimeSpan MaxReconnectDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>After how many further attempts in a row the client gives up with <see cref="RelayConnectionException"/>.</summary>
    /// <value>None: connecting is tried for ever, a poll four times more.</value>
    public int? MaxReconnectAttempts { get; set; }

    /// <summary>The largest frame that is read; a larger one is skipped and raises <see cref="RelayClient.Error"/>.</summary>
    /// <value>
    /// 288 MiB, which holds any body of 64 MiB, the most that a server can be set to accept: beside its base64 a frame carries JSON as ASCII,
    /// up to three times its size. Memory is taken for frames that come, not for the limit.
    /// </value>
    public int MaxFrameBytes { get; set; } = 288 * 1024 * 1024;

    /// <summary>How long disposal waits for deliveries that are being worked on, and for acks that wait for a connection.</summary>
    /// <value>10 s.</value>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock.</summary>
    /// <value>The system's.</value>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where the client logs; never a key, never a body.</summary>
    /// <value>None.</value>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Chance, from 0 to below 1.</summary>
    internal Func<double> Jitter { get; set; } = Random.Shared.NextDouble;

    /// <summary>Without the secrets.</summary>
    public override string ToString() => $"{nameof(RelayClientOptions)} {{ RelayId = {RelayId}, MaxInFlight = {MaxInFlight}, Concurrency = {Concurrency} }}";

    internal RelayClientOptions Copy() => (RelayClientOptions)MemberwiseClone();
}
