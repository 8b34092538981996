namespace Relay.Client;

/// <summary>The client has ended for good and will not connect again by itself; or a poll, ack or nack over HTTP failed.</summary>
public class RelayException : Exception
{
    /// <summary>Says what happened and what to do.</summary>
    public RelayException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>The server refused the api key, or the agent was deactivated: trying again with the same key will not help.</summary>
public sealed class RelayAuthenticationException : RelayException
{
    internal RelayAuthenticationException(string errorCode, string message)
        : base(message) => ErrorCode = errorCode;

    /// <summary>The server's word for it, for instance <c>invalid_api_key</c> or <c>deactivated</c>.</summary>
    public string ErrorCode { get; }
}

/// <summary>
/// A newer connection with the same api key took over. The client does not take it back: two programs that do would cut each other
/// off for ever. Stop one of them, or register the agent as shared.
/// </summary>
public sealed class RelayReplacedException : RelayException
{
    internal RelayReplacedException()
        : base("A newer connection with the same api key took over. Stop the other program, give it an agent of its own, or register this one as shared.")
    {
    }
}

/// <summary>The server could not be reached in as many attempts as were allowed.</summary>
public sealed class RelayConnectionException : RelayException
{
    internal RelayConnectionException(string attempts, string reason, Exception? innerException)
        : base($"The relay server could not be reached in {attempts}. The last one: {reason}", innerException)
    {
    }
}
