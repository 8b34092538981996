using Relay.Protocol;

namespace Relay.Client;

/// <summary>Why a connection ended, and what follows from it.</summary>
/// <param name="Reason">For people.</param>
internal sealed record ConnectionEnd(string Reason)
{
    /// <summary>This side wanted it.</summary>
    public static readonly ConnectionEnd ByUs = new("The client was stopped.");

    public int? CloseCode { get; init; }

    public Exception? Cause { get; init; }

    /// <summary>Set: there is to be no further connection.</summary>
    public RelayException? Final { get; init; }

    /// <summary>When the server wants the next connection.</summary>
    public TimeSpan? ReconnectAfter { get; init; }

    public static ConnectionEnd Lost(string reason, Exception? cause = null) => new(reason) { Cause = cause };

    public static ConnectionEnd Refused(string errorCode, string message, Exception? cause = null) => new(message)
    {
        Cause = cause,
        Final = new RelayAuthenticationException(errorCode, $"The relay refused the api key ({errorCode}): {message}", cause),
    };

    /// <summary>
    /// The upgrade was answered with another status. Only 401 is final: it is about the key. All others may come from a proxy in between,
    /// and pass: 403 and 404 while its rules or the relay behind it change, 429 and 5xx by their nature.
    /// </summary>
    public static ConnectionEnd NoUpgrade(int status, Exception cause) => status == 401
        ? Refused(ErrorCodes.InvalidApiKey, $"the server answered HTTP {status}.", cause)
        : Lost($"The server, or a proxy before it, answered HTTP {status} instead of opening a WebSocket. If that stays so, check Url.", cause);

    public static ConnectionEnd ClosedByServer(int? code, string? description)
    {
        var said = string.IsNullOrEmpty(description) ? "The server closed the connection." : description;
        return code switch
        {
            CloseCodes.Unauthorized => Refused(ErrorCodes.InvalidApiKey, said) with { CloseCode = code },
            CloseCodes.Replaced => new ConnectionEnd(said) { CloseCode = code, Final = new RelayReplacedException() },
            _ => new ConnectionEnd(said) { CloseCode = code },
        };
    }

    /// <summary>The same end after the server had said <c>disconnect</c>, which says more than a close code or a cut.</summary>
    public ConnectionEnd After(DisconnectMessage? announced)
    {
        if (announced is null || this == ByUs)
        {
            return this;
        }

        var end = this with { Reason = announced.Message };
        return announced switch
        {
            { Reason: DisconnectReasons.DuplicateConnection } => end with { Final = new RelayReplacedException() },
            { Reason: DisconnectReasons.Deactivated } => end with { Final = Refused(announced.Reason, announced.Message).Final },
            { ReconnectAfterMs: { } ms } => end with { ReconnectAfter = TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, int.MaxValue)) },
            { Reason: DisconnectReasons.ServerShutdown } => end,
            _ => end with { Final = new RelayException($"The relay ended the connection for good ({announced.Reason}): {announced.Message}") },
        };
    }
}
