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

    public static ConnectionEnd Refused(string errorCode, string message) => new(message)
    {
        Final = new RelayAuthenticationException(errorCode, $"The relay refused the api key ({errorCode}): {message}"),
    };

    /// <summary>
    /// The upgrade was answered with another status. None is final, for none is about the key, which is sent later: 401, 403 and 404 come
    /// from a proxy in between and pass when its rules or the relay behind it change, 429 and 5xx pass by their nature.
    /// </summary>
    public static ConnectionEnd NoUpgrade(int status, Exception cause) => Lost(
        status is 401 or 407
            ? $"HTTP {status} came before the api key was sent, so from a proxy on the way, or from no relay. If that stays so, check Url, and what the proxy asks for."
            : $"The server, or a proxy before it, answered HTTP {status} instead of opening a WebSocket. If that stays so, check Url.",
        cause);

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
