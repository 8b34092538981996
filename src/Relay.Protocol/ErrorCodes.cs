namespace Relay.Protocol;

/// <summary>The values of <c>error</c>, over HTTP and over the WebSocket. Programs decide by these, people read <c>message</c>.</summary>
public static class ErrorCodes
{
    /// <summary>The request or frame is malformed.</summary>
    public const string InvalidRequest = "invalid_request";

    /// <summary>The frame is not a JSON object with a <c>type</c>, or one of its fields has the wrong form.</summary>
    public const string InvalidMessage = "invalid_message";

    /// <summary>The frame's <c>type</c> is not known to this server.</summary>
    public const string UnknownMessageType = "unknown_message_type";

    /// <summary>The acknowledged event is not, or no longer, this agent's.</summary>
    public const string UnknownEvent = "unknown_event";

    /// <summary>The event is not leased to who gives it back.</summary>
    public const string NotInFlight = "not_in_flight";

    /// <summary>The event is still to be delivered, so that it cannot be replayed.</summary>
    public const string EventNotSettled = "event_not_settled";

    /// <summary>The api key is missing, malformed, wrong or revoked.</summary>
    public const string InvalidApiKey = "invalid_api_key";

    /// <summary>The relay id and the api key are not of one agent.</summary>
    public const string RelayIdMismatch = "relay_id_mismatch";

    /// <summary>No <c>auth</c> came in time.</summary>
    public const string AuthTimeout = "auth_timeout";

    /// <summary>A frame other than <c>auth</c> came first.</summary>
    public const string AuthRequired = "auth_required";

    /// <summary>The admin key is missing, wrong, revoked or expired.</summary>
    public const string InvalidAdminKey = "invalid_admin_key";

    /// <summary>The admin key is right and its role too small.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>The source's signature is missing, wrong or too old.</summary>
    public const string InvalidSignature = "invalid_signature";

    /// <summary>Who asks for the answer to a challenge has not shown to be the source, or the challenge is none.</summary>
    public const string InvalidChallenge = "invalid_challenge";

    /// <summary>The source had to be asked to check this, and could not be reached.</summary>
    public const string ProviderUnavailable = "provider_unavailable";

    /// <summary>Nothing is at this address.</summary>
    public const string NotFound = "not_found";

    /// <summary>The relay id is unknown or deactivated.</summary>
    public const string UnknownRelayId = "unknown_relay_id";

    /// <summary>The address does not take this method.</summary>
    public const string MethodNotAllowed = "method_not_allowed";

    /// <summary>The body is larger than the server takes.</summary>
    public const string BodyTooLarge = "body_too_large";

    /// <summary>The content type cannot be read here.</summary>
    public const string UnsupportedMediaType = "unsupported_media_type";

    /// <summary>Too many requests.</summary>
    public const string RateLimitExceeded = "rate_limit_exceeded";

    /// <summary>The agent's queue is full; nothing was accepted.</summary>
    public const string QueueFull = "queue_full";

    /// <summary>The store cannot take it now; nothing was accepted.</summary>
    public const string StoreUnavailable = "store_unavailable";

    /// <summary>The server is shutting down.</summary>
    public const string ShuttingDown = "shutting_down";

    /// <summary>A WebSocket upgrade was expected.</summary>
    public const string UpgradeRequired = "upgrade_required";

    /// <summary>The server failed.</summary>
    public const string Internal = "internal_error";
}
