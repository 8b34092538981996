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
