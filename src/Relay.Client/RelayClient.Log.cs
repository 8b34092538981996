using Microsoft.Extensions.Logging;

namespace Relay.Client;

/// <summary>What the client logs. Never a key, a header or a body.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Connected as {RelayId}, session {SessionId}, {Pending} events waiting; senders post to {WebhookUrl}")]
    public static partial void Connected(this ILogger log, string relayId, string sessionId, long pending, string webhookUrl);

    [LoggerMessage(2, LogLevel.Information, "Disconnected: {Reason} (close code {CloseCode})")]
    public static partial void Disconnected(this ILogger log, string reason, int? closeCode);

    [LoggerMessage(3, LogLevel.Information, "Attempt {Attempt} to reconnect in {Delay}")]
    public static partial void Reconnecting(this ILogger log, int attempt, TimeSpan delay);

    [LoggerMessage(4, LogLevel.Warning, "{Kind}: {Message} (event {EventId})")]
    public static partial void Failed(this ILogger log, RelayErrorKind kind, string message, string? eventId, Exception? exception);

    [LoggerMessage(5, LogLevel.Error, "A subscriber of {Event} threw")]
    public static partial void SubscriberThrew(this ILogger log, string @event, Exception exception);

    [LoggerMessage(6, LogLevel.Debug, "Ignored a frame: {Reason}")]
    public static partial void FrameIgnored(this ILogger log, string reason);

    [LoggerMessage(7, LogLevel.Debug, "Event {EventId} came again and was not shown again")]
    public static partial void ShownBefore(this ILogger log, string eventId);

    [LoggerMessage(8, LogLevel.Debug, "The server does not know {EventId} any more; it was settled too late or twice")]
    public static partial void SettledTooLate(this ILogger log, string? eventId);

    [LoggerMessage(9, LogLevel.Warning, "Not all deliveries were settled within {DrainTimeout}; the rest goes back with the connection")]
    public static partial void NotDrained(this ILogger log, TimeSpan drainTimeout);

    [LoggerMessage(10, LogLevel.Warning, "The connection to {Host} is not encrypted: the api key can be read on the way. Use https or wss")]
    public static partial void NotEncrypted(this ILogger log, string host);

    [LoggerMessage(11, LogLevel.Critical, "The relay client has ended and the host stops: {Reason}")]
    public static partial void HostStops(this ILogger log, string reason);

    [LoggerMessage(12, LogLevel.Error, "Stopping did not go cleanly")]
    public static partial void StopFailed(this ILogger log, Exception exception);

    [LoggerMessage(14, LogLevel.Warning, "Up to {Count} events that were polled and not shown could not be given back; they come again when their lease ends")]
    public static partial void NotGivenBack(this ILogger log, int count, Exception exception);

    [LoggerMessage(13, LogLevel.Warning, "The relay gave up {Count} events ({Reason}) that it had accepted from {From} to {To}; they will not be delivered")]
    public static partial void GivenUp(this ILogger log, long count, string reason, DateTimeOffset from, DateTimeOffset to);
}
