using System.Net.WebSockets;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Connections;

/// <summary>Why a connection ends: sets the log line, the close code, the last frame, and what becomes of its deliveries.</summary>
/// <param name="Name">For the log.</param>
/// <param name="CloseCode">See <see cref="CloseCodes"/>.</param>
/// <param name="Text">What happened and what to do; at most 123 bytes, it goes into the close frame.</param>
/// <param name="End">What becomes of what is in flight.</param>
internal sealed record StopReason(string Name, int CloseCode, string Text, PumpEnd End = PumpEnd.Lost)
{
    /// <summary>A frame to send before the close frame.</summary>
    public Func<DateTimeOffset, ServerMessage>? LastMessage { get; init; }

    /// <summary>The frame with which a drain begins: when to connect again, and the time now.</summary>
    public Func<TimeSpan, DateTimeOffset, ServerMessage>? DrainNotice { get; init; }

    public static readonly StopReason PeerClosed = new("closed_by_agent", CloseCodes.Normal, "");

    public static readonly StopReason Lost = new("lost", CloseCodes.Internal, "");

    /// <summary>The framework has closed it already.</summary>
    public static readonly StopReason BrokenFrame = new("broken_frame", (int)WebSocketCloseStatus.ProtocolError, "");

    public static readonly StopReason AuthTimeout = new("auth_timeout", CloseCodes.AuthTimeout, "No auth message came in time.")
    {
        LastMessage = static now => AuthError(ErrorCodes.AuthTimeout, "No auth message came in time. Send one as the first frame.", now),
    };

    public static readonly StopReason HeartbeatMissed = new("heartbeat_missed", CloseCodes.HeartbeatMissed, "Three pings went unanswered.");

    public static readonly StopReason FrameTooLarge = new("frame_too_large", CloseCodes.FrameTooLarge, "The frame was larger than this server takes.");

    public static readonly StopReason ProtocolError = new("protocol_error", CloseCodes.ProtocolError, "Too many frames came before an auth message.");

    public static readonly StopReason StoreUnavailable = new("store_unavailable", CloseCodes.Internal, "The store is not available. Connect again later.");

    public static readonly StopReason Failed = new("failed", CloseCodes.Internal, "The server failed. Connect again.");

    public static readonly StopReason Shutdown = new("server_shutdown", CloseCodes.Shutdown, "The server shuts down. Connect again.", PumpEnd.Shutdown)
    {
        DrainNotice = ToReconnect(DisconnectReasons.ServerShutdown, "The server shuts down. Acknowledge what is in flight and connect again."),
    };

    /// <summary>Other nodes have far fewer connections.</summary>
    public static readonly StopReason Rebalance = new("rebalance", CloseCodes.Shutdown, "Other servers have more room. Connect again.", PumpEnd.Shutdown)
    {
        DrainNotice = ToReconnect(DisconnectReasons.Rebalance, "Other servers have more room. Acknowledge what is in flight and connect again."),
    };

    public static readonly StopReason Replaced = new("replaced", CloseCodes.Replaced, "A newer connection of this agent took over.", PumpEnd.Replaced)
    {
        LastMessage = static now => new DisconnectMessage
        {
            Reason = DisconnectReasons.DuplicateConnection,
            Message = "A newer connection of this agent took over. Do not connect again from here.",
            Timestamp = now.ToUnixTimeMilliseconds(),
        },
    };

    /// <summary>The agent's connections are to be exclusive or shared, and this one is the other.</summary>
    public static readonly StopReason SettingsChanged = new("settings_changed", CloseCodes.Shutdown, "The agent's settings changed. Connect again.", PumpEnd.Shutdown)
    {
        LastMessage = static now => new DisconnectMessage
        {
            Reason = DisconnectReasons.SettingsChanged,
            Message = "The agent's delivery.connections changed. Connect again at once.",
            ReconnectAfterMs = 0,
            Timestamp = now.ToUnixTimeMilliseconds(),
        },
    };

    /// <summary>What was in flight is given back uncounted: the agent did not fail.</summary>
    public static readonly StopReason Deactivated = new("deactivated", CloseCodes.Unauthorized, "The agent was deactivated, or this key was revoked.", PumpEnd.Shutdown)
    {
        LastMessage = static now => new DisconnectMessage
        {
            Reason = DisconnectReasons.Deactivated,
            Message = "The agent was deactivated, or this key was replaced by a newer one: it opens nothing any more.",
            Timestamp = now.ToUnixTimeMilliseconds(),
        },
    };

    public static readonly StopReason TooManyFailures = RateLimited(
        "too_many_failures", "Too many wrong keys came from this address, or this one too often. Check it and connect later.");

    public static readonly StopReason TooManyOfAddress = RateLimited("too_many_of_address", "This address has as many connections as it may. Close some, or connect later.");

    public static readonly StopReason TooManyOfAgent = RateLimited("too_many_of_agent", "This agent has as many connections as it may. Close some, or connect later.");

    public static StopReason Unauthorized(string error, string message) => new("unauthorized", CloseCodes.Unauthorized, "The api key was refused.")
    {
        LastMessage = now => AuthError(error, message, now),
    };

    public static StopReason RateLimited(string name, string text) => new(name, CloseCodes.RateLimited, text, PumpEnd.Shutdown)
    {
        LastMessage = now => new ErrorMessage { Error = ErrorCodes.RateLimitExceeded, Message = text, Timestamp = now.ToUnixTimeMilliseconds() },
    };

    private static Func<TimeSpan, DateTimeOffset, ServerMessage> ToReconnect(string reason, string message) => (after, now) => new DisconnectMessage
    {
        Reason = reason,
        Message = message,
        ReconnectAfterMs = (long)after.TotalMilliseconds,
        Timestamp = now.ToUnixTimeMilliseconds(),
    };

    private static AuthErrorMessage AuthError(string error, string message, DateTimeOffset now) =>
        new() { Error = error, Message = message, Timestamp = now.ToUnixTimeMilliseconds() };
}
