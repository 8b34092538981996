namespace Relay.Client;

/// <summary>The server took the key; deliveries follow.</summary>
/// <param name="WebhookUrl">Where senders post.</param>
/// <param name="RelayId">The agent that the key belongs to.</param>
/// <param name="SessionId">The connection's name in the server's logs.</param>
/// <param name="Pending">Events that wait for the agent.</param>
public sealed record RelayConnected(string WebhookUrl, string RelayId, string SessionId, long Pending);

/// <summary>A connection that was authenticated has ended.</summary>
/// <param name="Reason">Why, for people.</param>
/// <param name="CloseCode">The server's WebSocket close code, if it gave one.</param>
/// <param name="WillReconnect">Whether the client tries again by itself.</param>
public sealed record RelayDisconnected(string Reason, int? CloseCode, bool WillReconnect);

/// <summary>The client waits and then tries to connect again.</summary>
/// <param name="Attempt">1 for the first attempt since a connection last held.</param>
/// <param name="Delay">How long it waits.</param>
public sealed record RelayReconnecting(int Attempt, TimeSpan Delay);

/// <summary>Events were given up while the agent was away; they will not be delivered, but can be replayed while they are kept.</summary>
/// <param name="Reason">Why, for instance <c>expired</c>.</param>
/// <param name="Count">How many events.</param>
/// <param name="From">When the first of them was accepted.</param>
/// <param name="To">When the last of them was accepted.</param>
public sealed record RelayGap(string Reason, long Count, DateTimeOffset From, DateTimeOffset To);

/// <summary>Something went wrong that the client lives on after.</summary>
/// <param name="Kind">What went wrong, for programs.</param>
/// <param name="Message">What went wrong, for people.</param>
/// <param name="EventId">The event that it is about, if it is about one.</param>
/// <param name="Exception">What was thrown, if something was.</param>
public sealed record RelayError(RelayErrorKind Kind, string Message, string? EventId = null, Exception? Exception = null);

/// <summary>What a <see cref="RelayError"/> is about.</summary>
public enum RelayErrorKind
{
    /// <summary>The server could not be reached or did not answer in time; the client tries again.</summary>
    ConnectFailed,

    /// <summary>A delivery was not signed by the key's owner; it was given back unseen.</summary>
    InvalidSignature,

    /// <summary>A delivery was signed too long ago or in the future, so one of the clocks is wrong; it was given back unseen.</summary>
    StaleTimestamp,

    /// <summary>A frame could not be read and was ignored.</summary>
    MalformedFrame,

    /// <summary>A frame was larger than <see cref="RelayClientOptions.MaxFrameBytes"/> and was skipped.</summary>
    FrameTooLarge,

    /// <summary>The server could not use what was sent.</summary>
    ServerError,

    /// <summary>A handler threw; its delivery was given back.</summary>
    HandlerFailed,
}

/// <summary>Where a client stands.</summary>
public enum RelayClientState
{
    /// <summary>Nothing has been asked of it.</summary>
    Idle,

    /// <summary>It connects or authenticates.</summary>
    Connecting,

    /// <summary>It is authenticated and receives.</summary>
    Connected,

    /// <summary>It waits before it connects again.</summary>
    Waiting,

    /// <summary>It finishes what is being worked on.</summary>
    Draining,

    /// <summary>It has ended for good.</summary>
    Closed,
}
