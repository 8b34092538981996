namespace Relay.Protocol;

/// <summary>WebSocket close codes: those of RFC 6455 §7.4.1 that the relay uses, and its own from the private range.</summary>
public static class CloseCodes
{
    /// <summary>The peer is done.</summary>
    public const int Normal = 1000;

    /// <summary>The server shuts down; connect again.</summary>
    public const int Shutdown = 1001;

    /// <summary>The server failed; connect again.</summary>
    public const int Internal = 1011;

    /// <summary>The peer broke the protocol in a way that cannot be answered with an <c>error</c>.</summary>
    public const int ProtocolError = 4000;

    /// <summary>The api key was refused; connecting again with it will not help.</summary>
    public const int Unauthorized = 4001;

    /// <summary>No <c>auth</c> came in time.</summary>
    public const int AuthTimeout = 4002;

    /// <summary>Three pings went unanswered.</summary>
    public const int HeartbeatMissed = 4008;

    /// <summary>A newer connection of the same agent took over.</summary>
    public const int Replaced = 4009;

    /// <summary>A frame was larger than the server takes.</summary>
    public const int FrameTooLarge = 4013;

    /// <summary>Too many frames.</summary>
    public const int RateLimited = 4029;
}
